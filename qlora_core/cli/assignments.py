"""Settings as they are written on the command line: FIELD=VALUE."""

from qlora_core.config import SETTINGS
from qlora_core.errors import ConfigError


def parse_assignments(assignments: list[str]) -> dict[str, object]:
    """Turn ``["r=16", "target_modules=query,value"]`` into field values; checking them is ``make_config``'s part.

    Raises:
        ConfigError: an assignment has no ``=`` or names no field.
    """
    values: dict[str, object] = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        name = name.strip()
        if not separator:
            raise ConfigError(f"'{assignment}' is not FIELD=VALUE. Write for example --set r=16.")
        if name not in SETTINGS:
            raise ConfigError(f"There is no field '{name}'. Fields are: {', '.join(SETTINGS)}.")
        values[name] = _parse_value(name, text.strip())
    return values


def _parse_value(name: str, text: str) -> object:
    default = SETTINGS[name].default
    if text.lower() == "none" and default is None:
        return None
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text
