"""Replace a file as a whole: a reader finds the old content or the new, never half of either.

What is read may be anything: a store is copied, unpacked and repaired by hand.
"""

import errno
import json
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import orjson

from qlora_core.errors import FULL_DISK, ConfigError, RunError, StorageError
from qlora_core.language import N_, Message

#: What keeps a file from being written, whatever is tried again: no room, or no right to.
UNWRITABLE = (*FULL_DISK, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR)
#: A folder stands where a file is to be.
IN_THE_WAY = (errno.EISDIR, errno.ENOTEMPTY)
#: Bytes of a JSON file at most; a result has some 20,000.
MAX_JSON_BYTES = 32 * 2**20
MAX_WORD_BYTES = 1_000
NO_FILE = N_("it is no file")
#: What else a file that cannot be read is refused with, in the system's words, which are English here.
REFUSALS = (N_("No such file or directory"), N_("Permission denied"))


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading; what is none, such as a folder or a pipe that nobody writes to, is refused at once.

    Raises:
        OSError: there is no file, or it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    return os.fdopen(descriptor, "rb")


def read_word(path: Path) -> bytes:
    """The content of a small file without blanks around it; none where it cannot be read."""
    try:
        with open_file(path) as file:
            return file.read(MAX_WORD_BYTES).strip()
    except OSError:
        return b""


def read_json(path: Path) -> dict[str, Any]:
    """A file's JSON object; numbers are finite, and texts can be written again.

    Raises:
        RunError: there is no file, or it holds something else; the message has the last two parts of its path.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        with open_file(path) as file:
            content = file.read(MAX_JSON_BYTES + 1)
        if len(content) > MAX_JSON_BYTES:
            raise ValueError("too large")
        value = orjson.loads(content)
    except OSError as error:
        reason = Message(str(error.strerror))
        raise RunError(N_("{file} cannot be read: {reason}."), file=name, reason=reason) from error
    except ValueError as error:
        raise RunError(N_("{file} cannot be read: it is not JSON."), file=name) from error
    if not isinstance(value, dict):
        raise RunError(N_("{file} does not hold a JSON object."), file=name)
    return value


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


def check_writable(folder: Path, remedy: str) -> None:
    """Make sure that files can be written to ``folder``, making it where it is not there yet.

    Args:
        remedy: what to do where they cannot, as the error's second sentence.

    Raises:
        ConfigError: they cannot; the message has the path and the system's reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"Nothing can be written to the folder {folder}: {_reason(folder, error)}. {remedy}"
        ) from error


def _reason(folder: Path, error: OSError) -> str:
    """What the system says; of a link it says no more than that there is something already."""
    for path in (folder, *folder.parents):
        if path.is_symlink() and not path.exists():
            return f"{path} is a link to {path.readlink()}, which is not there"
        if path.is_file():
            return f"{path} is a file"
    return error.strerror or type(error).__name__


def storage_error(error: OSError, path: Path) -> OSError | StorageError:
    """The error in plain words if it is about room or permission, else the error itself."""
    if error.errno in IN_THE_WAY:
        return StorageError(
            N_("{file} could not be written: a folder stands in its place. Remove it, then try again."), file=path.name
        )
    if error.errno in UNWRITABLE:
        return StorageError(
            N_("{file} could not be written: the disk is full or not writable. Free some space, then resume the run."),
            file=path.name,
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
