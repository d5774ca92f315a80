"""Every setting of a run, and what it ran on, as rows."""

from collections.abc import Mapping
from typing import Any

from qlora_core.config import SETTINGS, RunConfig
from qlora_core.export.setting_values import setting_value
from qlora_core.language import N_
from qlora_core.language import gettext as _
from qlora_core.ui.safe_text import one_line
from qlora_core.ui.words import environment as words

MAX_VALUE = 600  #: characters: five names of layers and more
MAX_ROWS = 100  #: about the machine and what was used; there are some thirty
VERSION = N_("version of {name}")


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
    rows = [
        *_named(machine, words.MACHINE),
        *((_(VERSION).format(name=name), value) for name, value in versions.items()),
    ]
    rows += _named(result["base_model"], words.BASE_MODEL)
    rows += _named(result["dataset"], words.DATASET)
    rows += _named(result.get("started_from") or {}, words.STARTED_FROM)
    return [[one_line(name), one_line(_in_words(value), MAX_VALUE)] for name, value in rows[:MAX_ROWS]]


def _named(group: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, object]]:
    """What is in a part of a result, each under what it is called; of another version's it is its name there."""
    return [(_(names[name]) if name in names else name.replace("_", " "), value) for name, value in group.items()]


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):  # the files of a base model, each with its digest
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return _("unknown") if value is None else _(str(value))  # a number type's reason is a text of the program
