"""Configurations compared by what their files hold, wherever those lie."""

import hashlib
from pathlib import Path

from qlora_core.config import RunConfig
from qlora_core.fields import PATH_FIELDS


def by_content(config: RunConfig) -> RunConfig:
    """A configuration that is the same for files of the same content, wherever they lie."""
    return config.model_copy(update={name: _digest(getattr(config, name)) for name in PATH_FIELDS})


def _digest(name: str | None) -> str | None:
    """A file's SHA-256 and ending; a name that is no file's, as it is."""
    if name is None or not Path(name).is_file():
        return name
    with Path(name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() + Path(name).suffix
