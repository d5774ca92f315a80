"""All runs below one folder."""

import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Lock

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.fields import RUN_ID
from qlora_core.language import N_
from qlora_core.store.directory import SIGNS
from qlora_core.store.files import storage_error
from qlora_core.store.run import Find, Run
from qlora_core.store.shared.baselines import KeptBaselines
from qlora_core.store.shared.uploads import UPLOADS_SHARE, Room, Uploads
from qlora_core.store.status import Status

Fill = Callable[[Run], None]
#: What a run's folder is called until everything that a new run has is in it; no run's name begins like this.
NEW = ".new-"
#: A folder of a new run that is older belongs to a process that was ended while it made the run.
LEFT_OVER_SECONDS = 3600.0
NOT_BORROWED = N_("No GPU was borrowed for it yet. Borrow one to begin.")
#: Folders beside those of the runs.
UPLOADS, BASELINES, CLASSROOM = "uploads", "baselines", "classroom"
RESERVED = (UPLOADS, BASELINES, CLASSROOM)  #: no run is called so


class RunStore:
    """Finds and makes runs. A run that was found is kept, so that its configuration is read once; threads share it."""

    def __init__(self, folder: Path, max_bytes: float = math.inf) -> None:
        self.folder = folder
        self.uploads = Uploads(folder / UPLOADS, UPLOADS_SHARE * max_bytes)
        self.baselines = KeptBaselines(folder / BASELINES)
        self._room = Room(folder, max_bytes)
        self._known: dict[str, Run] = {}
        self._lock = Lock()

    def create(
        self,
        config: RunConfig,
        owner: str = "",
        ticket: int = 0,
        *,
        round: int = 0,
        worker: int | None = None,
        on_loan: bool = False,
        fill: Fill | None = None,
    ) -> Run:
        """Make a new run that waits to be started, for the visitor whose secret is ``owner``.

        Args:
            ticket: its place in the queue, see ``Status``, and so is ``round``.
            worker: the process that carries it out; it then waits for no turn, so that no server starts it as well.
            on_loan: it waits for no turn either, but until its visitor borrows a GPU.
            fill: puts what else the run needs into its folder, before anybody can see it.

        Raises:
            StorageError: the store holds as much as it may or cannot be written to; nothing is left of the run then.
        """
        self._room.check()
        now = time.time()
        run_id = _new_id(config, now)
        while os.path.lexists(self.folder / run_id):
            run_id = _new_id(config, now)
        new = Run(self.folder / f"{NEW}{secrets.token_hex(8)}")
        try:
            status = Status(state="queued", created=now, queued=now, ticket=ticket, round=round, updated=now)
            if on_loan:
                status = status.model_copy(update={"state": "interrupted", "on_loan": True, "message": NOT_BORROWED})
            new.begin(config, status, owner)
            if fill is not None:
                fill(new)
            if worker is not None:
                new.hand_over(worker)
            new.path.rename(self.folder / run_id)
        except OSError as error:
            raise storage_error(error, new.path) from error
        finally:
            shutil.rmtree(new.path, ignore_errors=True)
        return Run(self.folder / run_id)

    def add(self, make: Callable[[Path], Run]) -> Run:
        """Take in a run that ``make`` puts, whole and checked, below the folder it is given; it keeps its name.

        Raises:
            RunError: there is a run of that name already.
            StorageError: the store holds as much as it may or cannot be written to; nothing is left of the run then.
        """
        self._room.check()
        folder = self.folder / f"{NEW}{secrets.token_hex(8)}"
        try:
            folder.mkdir(parents=True)
            made = make(folder)
            if os.path.lexists(self.folder / made.id):
                raise RunError(
                    N_("Run {run} is here already. To have another one of that name, delete it first."), run=made.id
                )
            made.path.rename(self.folder / made.id)
        except OSError as error:
            raise storage_error(error, folder) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return Run(self.folder / made.id)

    def sweep(self) -> None:
        """Remove what processes that were ended while they made a run left behind, and what no run needs."""
        self.baselines.sweep()
        with suppress(FileNotFoundError):
            for path in self.folder.glob(f"{NEW}*"):
                if time.time() - path.lstat().st_mtime > LEFT_OVER_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
        if not self.damaged():  # nobody can tell what a damaged run needs once it is repaired
            configs = [run.config for run in self.runs()]
            files = [file for config in configs for file in (config.dataset, config.validation_file) if file]
            self.uploads.sweep(Path(file).name for file in files)

    def open(self, run_id: str) -> Run:
        """The run with this id.

        Raises:
            RunError: there is none.
        """
        if RUN_ID.fullmatch(run_id) and not self._is_second_name(run_id):
            run = self._run(run_id)
            if run.exists:
                return run
            with self._lock:
                self._known.pop(run_id, None)
        raise RunError(N_("There is no run '{run}'. List them with: python -m qlora_core runs."), run=run_id[:80])

    def runs(self, most: int | None = None) -> list[Run]:
        """Every readable run, newest first, or the newest ``most`` of them, however many there are."""
        return list(islice(filter(_is_readable, self._all()), most))

    def everything(self) -> list[Run]:
        """Every run, newest first, whether it can be read or not."""
        return list(self._all())

    def damaged(self) -> list[str]:
        """Names of run folders whose status or configuration cannot be read."""
        return [run.id for run in self._all() if not _is_readable(run)]

    def damage(self, find: Find, most: int | None = None) -> dict[str, list[str]]:
        """What cannot be read of the runs, or of the newest ``most``: sentences by run; whole runs are left out.

        Args:
            find: what results are looked at with, see ``Run.from_result``.
        """
        found = ((run.id, run.damage(find)) for run in islice(self._all(), most))
        return {run_id: sentences for run_id, sentences in found if sentences}

    def holds(self, run: Run) -> bool:
        """Whether a run is one of this store's."""
        return run.path.parent == self.folder

    def _all(self) -> Iterator[Run]:
        """Every folder of a run, damaged or not; what else lies in the store is somebody else's."""
        try:
            with os.scandir(self.folder) as entries:
                names = [entry.name for entry in entries if RUN_ID.fullmatch(entry.name) and _is_folder(entry)]
        except OSError:
            return
        self._forget_all_but(names)
        for name in sorted(names, reverse=True):
            if name not in RESERVED and not self._is_second_name(name):
                run = self._run(name)
                if run.exists or _looks_like_a_run(run.path):
                    yield run

    def _is_second_name(self, name: str) -> bool:
        """Whether this is a link to a run of this store: that run is listed already, and must not be started twice."""
        path = self.folder / name
        try:
            return path.is_symlink() and path.resolve().parent == self.folder.resolve()
        except (OSError, RuntimeError):  # a link that leads to itself
            return True

    def _run(self, run_id: str) -> Run:
        with self._lock:
            run = self._known.get(run_id)
            if run is None:
                run = self._known[run_id] = Run(self.folder / run_id)
            return run

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


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _looks_like_a_run(folder: Path) -> bool:
    return any(os.path.lexists(folder / name) for name in SIGNS)


def _is_readable(run: Run) -> bool:
    try:
        return bool(run.status and run.config)
    except RunError:
        return False
