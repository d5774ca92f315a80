"""Keeps each finished run in an archive, and reads back at the start what this server's disk lacks.

It works in a thread of its own, so that a slow archive holds nobody up; what failed is said once in the log and tried
again. Runs at work stay on the local disk.
"""

import logging
import tempfile
from pathlib import Path
from threading import Event, Lock, Thread

from qlora_core.errors import ArchiveError, QLoRAError, RunError, StorageError
from qlora_core.language import N_
from qlora_core.server.archive.folder import ArchiveFolder
from qlora_core.server.visitor_files.brought_runs import unpacking
from qlora_core.store.packed.pack import parts_to_keep, write_packed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

log = logging.getLogger(__name__)

LOOK_SECONDS, RETRY_SECONDS = 10.0, 60.0
#: What a server that ends waits for a run that finished just now to be kept.
CLOSE_SECONDS = 10.0


class ArchiveKeeper:
    """One server's; without a folder it keeps nothing."""

    def __init__(self, store: RunStore, folder: ArchiveFolder | None) -> None:
        self._store, self._folder = store, folder
        self._kept: set[str] | None = None  # runs in the archive; None until that could be looked at
        self._to_read: list[str] = []  # of these, those that the store lacked at the start
        self._deleted: set[str] = set()  # runs to be removed from the archive
        self._complaint = ""
        self._wake, self._closed, self._lock = Event(), Event(), Lock()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        if self._folder is not None:
            self._thread = Thread(target=self._work, name="archive", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Keep what finished just now, unless that takes too long."""
        self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    def forget(self, run: Run) -> None:
        """A run was deleted: it is removed from the archive as well, as soon as that can be written to."""
        with self._lock:
            self._deleted.add(run.id)
        self._wake.set()

    def check_free(self, run_id: str) -> None:
        """Refuse a run that somebody brings under the name of one in the archive, which has yet to be read back.

        Raises:
            ArchiveError: there is such a run, or it is not known yet.
        """
        if self._folder is not None and (self._kept is None or run_id in self._kept):
            raise ArchiveError(
                N_("Run {run} may be one that this server keeps and is reading back. Try again in some minutes."),
                run=run_id,
            )

    def _work(self) -> None:
        seconds = 0.0
        while not self._closed.is_set():
            self._wake.wait(seconds)
            self._wake.clear()
            seconds = LOOK_SECONDS if self.turn() else RETRY_SECONDS

    def turn(self) -> bool:
        """Do what there is to do; False where some of it failed and is to be tried again."""
        if self._folder is None:
            return True
        failed = ""
        for step in (self._look, self._remove, self._read_back, self._keep_new):  # what cannot be written can be read
            try:
                step(self._folder)
            except (OSError, QLoRAError) as error:
                failed = f"The archive of runs in {self._folder.path} cannot be used, and is tried again: {error}"
                if self._kept is None:
                    break
        self._complain(failed)
        return not failed

    def _look(self, folder: ArchiveFolder) -> None:
        if self._kept is None:
            found, here = folder.run_ids(), {run.id for run in self._store.everything()}
            self._kept, self._to_read = found, sorted(found - here)  # the newest is read first

    def _remove(self, folder: ArchiveFolder) -> None:
        for run_id in list(self._deleted):
            folder.remove(run_id)
            if self._kept is not None:
                self._kept.discard(run_id)
            with self._lock:
                self._deleted.discard(run_id)

    def _read_back(self, folder: ArchiveFolder) -> None:
        while self._to_read and not self._closed.is_set():
            run_id = self._to_read[-1]
            try:
                with tempfile.TemporaryDirectory() as place:
                    folder.fetch(run_id, Path(place) / "run.zip")
                    self._take_in(run_id, Path(place) / "run.zip")
            except (ArchiveError, RunError) as error:
                log.warning("Run %s in the archive is left out: %s", run_id, error)
            except (OSError, StorageError):
                self._to_read.insert(0, self._to_read.pop())  # the others first, next time
                raise
            self._to_read.pop()

    def _take_in(self, run_id: str, path: Path) -> None:
        def make(folder: Path) -> Run:
            run = unpacking(self._store.uploads, is_own=True).run_of(path, folder)
            if run.id != run_id:
                raise ArchiveError(N_("It holds the run {run}."), run=run.id)
            return run

        self._store.add(make)

    def _keep_new(self, folder: ArchiveFolder) -> None:
        assert self._kept is not None, "the archive was looked at"
        for run in self._store.runs():
            if run.id not in self._kept and _is_over(run):
                with tempfile.TemporaryDirectory() as place:
                    packed = Path(place) / "run.zip"
                    try:
                        write_packed(packed, run.id, parts_to_keep(run, self._store.uploads.folder))
                    except (FileNotFoundError, RunError):
                        if run.exists:
                            self._kept.add(run.id)  # it is damaged, and stays where it is
                            log.warning("Run %s is damaged and is not put into the archive.", run.id)
                        continue
                    folder.put(run.id, packed)
                self._kept.add(run.id)

    def _complain(self, words: str) -> None:
        """Say what fails, once for as long as it does; "" where nothing does."""
        if words and words != self._complaint:
            log.warning("%s", words)
        self._complaint = words


def _is_over(run: Run) -> bool:
    """Whether a run has finished and nothing of it will change."""
    try:
        return run.has_result and run.has_adapter and not run.status.is_going_on
    except RunError:  # it was deleted this moment
        return False
