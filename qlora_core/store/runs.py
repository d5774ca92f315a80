"""All runs below one folder."""

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Lock

from qlora_core.config import RunConfig
from qlora_core.errors import RunError, StorageError
from qlora_core.store.run import Run
from qlora_core.store.status import Status

RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


class RunStore:
    """Finds and makes runs. A run that was found is kept, so that its configuration is read once; threads share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Run] = {}
        self._lock = Lock()

    @property
    def uploads(self) -> Path:
        """Where the files of pairs are kept that visitors upload."""
        return self.folder / "uploads"

    def create(self, config: RunConfig, owner: str = "", ticket: int = 0) -> Run:
        """Make a new run that waits to be started, for the visitor whose secret is ``owner``.

        Args:
            ticket: its place in the queue, see ``Status``.

        Raises:
            StorageError: the folder cannot be written to; nothing is left of the run then.
        """
        now = time.time()
        run = Run(self.folder / _new_id(config, now))
        try:
            run.begin(config, Status(state="queued", created=now, queued=now, ticket=ticket, updated=now), owner)
        except StorageError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
        return run

    def open(self, run_id: str) -> Run:
        """The run with this id.

        Raises:
            RunError: there is none.
        """
        if RUN_ID.fullmatch(run_id):
            run = self._run(run_id)
            if run.exists:
                return run
            with self._lock:
                self._known.pop(run_id, None)
        raise RunError(f"There is no run '{run_id[:80]}'. List them with: python -m qlora_core runs.")

    def runs(self, most: int | None = None) -> list[Run]:
        """Every readable run, newest first, or the newest ``most`` of them, however many there are."""
        return list(islice(filter(_is_readable, self._all()), most))

    def damaged(self) -> list[str]:
        """Names of run folders whose status or configuration cannot be read."""
        return [run.id for run in self._all() if not _is_readable(run)]

    def holds(self, run: Run) -> bool:
        """Whether a run is one of this store's."""
        return run.path.parent == self.folder

    def _all(self) -> Iterator[Run]:
        if not self.folder.is_dir():
            return
        names = sorted((path.name for path in self.folder.iterdir() if RUN_ID.fullmatch(path.name)), reverse=True)
        self._forget_all_but(names)
        for name in names:
            if (self.folder / name).is_dir() and name != self.uploads.name:
                yield self._run(name)

    def _run(self, run_id: str) -> Run:
        with self._lock:
            return self._known.setdefault(run_id, Run(self.folder / run_id))

    def _forget_all_but(self, run_ids: list[str]) -> None:
        with self._lock:
            self._known = {run_id: self._known[run_id] for run_id in run_ids if run_id in self._known}


def _new_id(config: RunConfig, now: float) -> str:
    """Sorts by time, tells base model and dataset apart at a glance, and is safe as a folder's name."""
    moment = datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%d-%H%M%S")
    words = [_slug(name) for name in (config.base_model, config.dataset)]
    return "-".join([moment, *filter(None, words), secrets.token_hex(2)])


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", Path(name).stem.lower())[:20].strip("-")


def _is_readable(run: Run) -> bool:
    try:
        return bool(run.status and run.config)
    except RunError:
        return False
