"""Every setting of a run, and what it ran on, as rows."""

from collections.abc import Mapping
from typing import Any

from qlora_core.config import PATH_FIELDS, SETTINGS, RunConfig, file_name


def shown_value(name: str, value: object) -> str:
    """A setting as the page shows it: of a path only the file's name, which is all that a visitor may know."""
    if value is None:
        return "all" if name.startswith("max_") else "none"
    if name in PATH_FIELDS:
        return file_name(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def setting_rows(config: RunConfig) -> list[list[str]]:
    """Every setting: name, value, meaning."""
    return [[name, shown_value(name, getattr(config, name)), setting.help] for name, setting in SETTINGS.items()]


def environment_rows(result: Mapping[str, Any]) -> list[list[str]]:
    """Machine, versions, base model and data, one a row."""
    machine = dict(result["environment"])
    versions = machine.pop("versions", {})
    groups = {"": machine, "version of ": versions, "base model, ": result["base_model"], "pairs, ": result["dataset"]}
    rows = [[prefix + name, value] for prefix, group in groups.items() for name, value in group.items()]
    return [[name.replace("_", " "), _in_words(value)] for name, value in rows]


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):  # the files of a base model, each with its digest
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return "unknown" if value is None else str(value)
