"""Replace a file as a whole: a reader finds the old content or the new, never half of either."""

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from qlora_core.errors import FULL_DISK, StorageError

#: What keeps a file from being written, whatever is tried again: no room, or no right to.
UNWRITABLE = (*FULL_DISK, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR)


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then put that in its place.

    Raises:
        StorageError: the disk is full or refuses to be written to; what was there before is still there.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # a disk that cannot be written to refuses this too
            temporary.unlink()
        raise storage_error(error, path) from error


def storage_error(error: OSError, path: Path) -> OSError | StorageError:
    """The error in plain words if it is about room or permission, else the error itself."""
    if error.errno in UNWRITABLE:
        return StorageError(
            f"{path.name} could not be written: the disk is full or not writable. Free some space, then resume the run."
        )
    return error


def replace_text(path: Path, text: str) -> None:
    """Replace ``path`` by UTF-8 text.

    Raises:
        StorageError: as ``replace_file``.
    """
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def replace_json(path: Path, value: object) -> None:
    """Replace ``path`` by indented JSON; NaN and infinity are refused, since JSON has none.

    Raises:
        StorageError: as ``replace_file``.
    """
    replace_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
