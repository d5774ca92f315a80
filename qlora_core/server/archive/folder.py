"""A folder of runs, one zip each, that may be a mounted bucket: slow, late, without renaming, not writable."""

import errno
import shutil
from pathlib import Path

from qlora_core.fields import RUN_ID

ENDING, UNFINISHED = ".zip", ".part"


class ArchiveFolder:
    """Nothing here is repeated or explained: whatever the system refuses is an ``OSError`` to whoever asked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run_ids(self) -> set[str]:
        """The runs in it, whole or damaged."""
        self.path.mkdir(parents=True, exist_ok=True)
        files = [file for file in self.path.iterdir() if file.suffix == ENDING]
        return {file.stem for file in files if RUN_ID.fullmatch(file.stem)}

    def put(self, run_id: str, file: Path) -> None:
        """Copy a run's zip into the folder, under another name until it is whole, as far as the folder can rename."""
        unfinished = self.path / f"{run_id}{UNFINISHED}"
        try:
            shutil.copyfile(file, unfinished)
            if unfinished.stat().st_size != file.stat().st_size:
                raise OSError(errno.EIO, "it holds fewer bytes than were written", str(unfinished))
            try:
                unfinished.replace(self._path(run_id))
            except OSError:  # a bucket may know no renaming; half a file is then found out when it is read
                shutil.copyfile(file, self._path(run_id))
        finally:
            unfinished.unlink(missing_ok=True)

    def fetch(self, run_id: str, target: Path) -> None:
        """Copy a run's zip out of the folder."""
        shutil.copyfile(self._path(run_id), target)

    def remove(self, run_id: str) -> None:
        """Remove a run's zip, where there is one."""
        self._path(run_id).unlink(missing_ok=True)

    def _path(self, run_id: str) -> Path:
        return self.path / f"{run_id}{ENDING}"
