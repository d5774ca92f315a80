"""A setting's value in words, for the page and for what is taken home."""

from qlora_core.fields import PATH_FIELDS, file_name
from qlora_core.language import gettext as _


def setting_value(name: str, value: object) -> str:
    """A setting as others may see it: of a path only the file's name."""
    if value is None:
        return _("all") if name.startswith("max_") else _("none")
    if name in PATH_FIELDS:
        return file_name(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
