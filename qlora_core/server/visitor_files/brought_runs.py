"""Runs that visitors bring as zips: each is unpacked and checked by a process of its own, with bounds on both."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore

from qlora_core.data.catalog import DATASETS
from qlora_core.errors import ArchiveError, RunError, StorageError
from qlora_core.evaluation.scores import finetuned_values
from qlora_core.language import N_, Message
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.server.processes import apart
from qlora_core.server.processes.apart import Ends
from qlora_core.server.processes.forking import ForkServer
from qlora_core.store.packed.layout import BOUNDS, BOUNDS_OF_OWN
from qlora_core.store.packed.mark import is_brought, mark_brought
from qlora_core.store.packed.unpack import Unpacking
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.store.shared.uploads import Uploads

PROGRAM = "qlora_core.server.visitor_files.unpacking_program"
MAX_SECONDS = 90.0
MAX_AT_ONCE = 2
#: Runs that visitors brought, in one store: fewer than Results lists, so that they cannot push all others off the list.
MAX_BROUGHT = 100
BUSY = N_("Other visitors' runs are being unpacked. Try again in a minute.")
TOO_SLOW = Message(N_("Unpacking that run takes longer than {n} seconds. Try again later."), {"n": int(MAX_SECONDS)})
OUT_OF_MEMORY = N_("Unpacking that run takes more memory than it may have here.")
FAILED = N_("That run cannot be taken in; the server's log says why.")
ENDS = Ends(TOO_SLOW, OUT_OF_MEMORY, FAILED, ArchiveError)


def unpacking(uploads: Uploads, *, is_own: bool = False) -> Unpacking:
    """How zips become runs of a store with these uploads, see ``Unpacking``."""
    bounds = BOUNDS_OF_OWN if is_own else BOUNDS
    return Unpacking(finetuned_values, {*BASE_MODELS, *DATASETS}, uploads, is_own, bounds)


def bring_run(store: RunStore, path: Path) -> Run:
    """Take a zip into a store, in this process.

    Raises:
        ArchiveError: it is no whole run, or holds what no run does.
        RunError: a run of that name is here already.
        StorageError: the store holds as much as it may, or cannot be written to.
    """

    def make(folder: Path) -> Run:
        run = unpacking(store.uploads).run_of(path, folder)
        mark_brought(run, run.require_result())
        return run

    return store.add(make)


@dataclass(frozen=True)
class BroughtRuns:
    """One server's."""

    store: RunStore
    recorded: RunStore  #: runs that come with the program, whose names nobody takes
    check_free: Callable[[str], None]  #: refuses a name that is taken elsewhere, see ``ArchiveKeeper``
    fork_server: ForkServer | None = None
    max_brought: int = MAX_BROUGHT
    _places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MAX_AT_ONCE))

    def bring(self, path: Path, owner: str) -> Run:
        """Take a zip in; the run belongs to the visitor whose secret is ``owner``.

        Raises:
            ArchiveError: it is no whole run, or holds what no run does.
            RunError: a run of that name is here already, or came with the program.
            StorageError: the store holds as many or as much as it may, or cannot be written to.
        """
        if sum(map(is_brought, self.store.everything())) >= self.max_brought:
            raise StorageError(
                N_(
                    "This server keeps {most} runs that were brought here, as many as it may. Delete some in "
                    "Results, then try again."
                ),
                most=self.max_brought,
            )

        def make(folder: Path) -> Run:
            run = Run(folder / self._unpack(path, folder))
            self.check_free(run.id)
            with suppress(RunError):
                self.recorded.open(run.id)
                raise ArchiveError(N_("Run {run} came with the program and is here already."), run=run.id)
            mark_brought(run, run.require_result())
            if owner:
                run.set_owner(owner)
            return run

        if not self._places.acquire(timeout=MAX_SECONDS):
            raise ArchiveError(BUSY)
        try:
            return self.store.add(make)
        finally:
            self._places.release()

    def _unpack(self, path: Path, folder: Path) -> str:
        """Let a process unpack a zip below ``folder``; returns the run's name."""
        request = {"zip": str(path), "folder": str(folder), "uploads": str(self.store.uploads.folder)}
        return str(apart.ask(PROGRAM, request, seconds=MAX_SECONDS, ends=ENDS, fork_server=self.fork_server))
