"""Every setting of a run, and what it ran on, as rows."""

from collections.abc import Mapping
from typing import Any

from qlora_core.config import SETTINGS, RunConfig
from qlora_core.export.setting_values import setting_value
from qlora_core.language import gettext as _
from qlora_core.ui.safe_text import one_line

MAX_VALUE = 600  #: characters: five names of layers and more
MAX_ROWS = 100  #: about the machine and what was used; there are some thirty


def shown_value(name: str, value: object) -> str:
    """A setting as the page shows it: of a path only the file's name, which is all that a visitor may know."""
    return one_line(setting_value(name, value), MAX_VALUE)


def setting_rows(config: RunConfig) -> list[list[str]]:
    """Every setting: name, value, meaning."""
    return [[name, shown_value(name, getattr(config, name)), setting.help] for name, setting in SETTINGS.items()]


def environment_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """Machine, versions, base model and data, one a row."""
    machine = dict(result["environment"])
    versions = machine.pop("versions", {})
    groups = {
        "{name}": machine,
        _("version of {name}"): versions,
        _("base model, {name}"): result["base_model"],
        _("pairs, {name}"): result["dataset"],
        _("started from, {name}"): result.get("started_from") or {},
    }
    rows = [[words.format(name=name), value] for words, group in groups.items() for name, value in group.items()]
    return [
        [one_line(name.replace("_", " ")), one_line(_in_words(value), MAX_VALUE)] for name, value in rows[:MAX_ROWS]
    ]


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):  # the files of a base model, each with its digest
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return _("unknown") if value is None else _(str(value))  # a number type's reason is a text of the program
