"""Files of pairs that visitors uploaded, kept for the runs that need them; and how much a store holds in all."""

import hashlib
import math
import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from qlora_core.errors import StorageError
from qlora_core.language import N_
from qlora_core.store.files import replace_file

#: Of what the store may hold, the share that uploads may take.
UPLOADS_SHARE = 0.1
#: An upload that no run needs may be about to be needed: it is kept for so long.
KEPT_SECONDS = 3600.0
#: How long a measured size is believed: a run grows by some megabytes in this time.
MEASURED_SECONDS = 30.0
NAME_DIGITS = 20  #: of the content's SHA-256, that an upload is called by


class Uploads:
    """The folder of uploads. A file is called by the digest of its content, and by nothing of the visitor's."""

    def __init__(self, folder: Path, max_bytes: float) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self._lock = Lock()

    def keep(self, upload: Path, ending: str) -> Path:
        """A copy of an uploaded file, where it lies until no run needs it.

        Args:
            ending: of the name, with its dot: which kind of file it is.

        Raises:
            StorageError: uploads take as much room as they may, or the disk is full.
        """
        with upload.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:NAME_DIGITS]
        kept = self.folder / f"pairs-{digest}{ending}"
        with self._lock:
            if kept.is_file():
                os.utime(kept)
                return kept
            if folder_bytes(self.folder) + upload.stat().st_size > self.max_bytes:
                raise StorageError(
                    N_(
                        "Uploaded files take {most} already, as much as they may. Delete runs in Results that "
                        "learned from files, then try again."
                    ),
                    most=_gigabytes(self.max_bytes),
                )
            replace_file(kept, lambda temporary: shutil.copyfile(upload, temporary))
        return kept

    def sweep(self, needed: Iterable[str]) -> None:
        """Remove the files that are older than ``KEPT_SECONDS`` and not called by one of the names ``needed``."""
        needed = set(needed)
        with self._lock, suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if path.name not in needed and time.time() - path.lstat().st_mtime > KEPT_SECONDS:
                    with suppress(OSError):  # a folder, or somebody else's
                        path.unlink()


class Room:
    """How much a folder holds, against how much it may."""

    def __init__(self, folder: Path, max_bytes: float) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self._measured = (-math.inf, 0)  # time.monotonic(), bytes

    def check(self) -> None:
        """Refuse what would add to a full folder.

        Raises:
            StorageError: it holds as much as it may.
        """
        if math.isinf(self.max_bytes):
            return
        if time.monotonic() - self._measured[0] > MEASURED_SECONDS or self._measured[1] >= self.max_bytes:
            self._measured = (time.monotonic(), folder_bytes(self.folder))
        if self._measured[1] >= self.max_bytes:
            raise StorageError(
                N_("The runs on this server take {most}, as much as they may. Delete some in Results, then try again."),
                most=_gigabytes(self.max_bytes),
            )


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; links are not followed."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:  # it is gone, or somebody else's
        for entry in entries:
            with suppress(OSError):
                is_folder = entry.is_dir(follow_symlinks=False)
                total += folder_bytes(Path(entry.path)) if is_folder else entry.stat(follow_symlinks=False).st_size
    return total


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.3g} GB"
