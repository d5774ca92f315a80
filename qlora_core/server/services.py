"""What the tabs work with: the store, the queue, the feeds and the process that answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from qlora_core.classroom.folder import Classroom
from qlora_core.errors import RunError
from qlora_core.evaluation.scores import finetuned_values
from qlora_core.server.answering.asker import Asker
from qlora_core.server.archive.folder import ArchiveFolder
from qlora_core.server.archive.keeper import ArchiveKeeper
from qlora_core.server.availability import DOCTOR_SECONDS, Availability
from qlora_core.server.estimates import Estimates
from qlora_core.server.pace import Pace
from qlora_core.server.participating.judged_pairs import JudgedPairs
from qlora_core.server.participating.participation import Participation
from qlora_core.server.processes.forking import ForkServer
from qlora_core.server.queue import MAX_WAITING, JobQueue
from qlora_core.server.visitor_files.brought_runs import BroughtRuns
from qlora_core.server.visitor_files.reader import FileReader
from qlora_core.server.who_may import WhoMay
from qlora_core.server.zerogpu.first import ARE_LENT
from qlora_core.server.zerogpu.lender import make_lender
from qlora_core.server.zerogpu.loans import Loans
from qlora_core.store.feed import Feeds
from qlora_core.store.lock import ServerLock
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

RECORDED = "recorded"
#: Runs listed at most, the newest; older ones stay where they are.
MAX_LISTED = 200


@dataclass(frozen=True)
class Services:
    """One server's."""

    store: RunStore
    queue: JobQueue
    feeds: Feeds
    recorded: RunStore  #: runs that come with the program
    who_may: WhoMay
    availability: Availability
    estimates: Estimates
    asker: Asker
    fork_server: ForkServer
    files: FileReader
    brought: BroughtRuns
    archive: ArchiveKeeper
    lock: ServerLock
    participation: Participation
    pace: Pace  #: of the pages that follow a run
    owners_choice: Mapping[str, str]  #: what the owner chose of what the page opens with, see ``ui.opening``
    loans: Loans | None = None  #: of GPUs, where they are lent

    def open(self) -> None:
        """Take the store, tidy it, and look at what an earlier server left behind; nothing runs yet.

        Raises:
            ConfigError: nothing can be written to the store's folder.
            StoreError: another server works with it.
        """
        self.lock.acquire()
        self.store.sweep()
        self.participation.classroom.sweep([*self.store.runs(), *self.recorded.runs()])
        self.queue.read()

    def start(self) -> None:
        """Go on with the queue, find out what works on this machine, then load the libraries for runs to come."""
        self.queue.start()
        self.archive.start()
        self.availability.start()
        Thread(target=self._load_libraries, name="fork-server", daemon=True).start()

    def close(self) -> None:
        """Interrupt the run at work; it can be resumed. Whoever waits for an answer gets none."""
        if self.loans is not None:
            self.loans.close()
        self.queue.close()
        self.archive.close()
        self.asker.close()
        self.fork_server.close()
        self.lock.release()

    def _load_libraries(self) -> None:
        """Not at once: the doctor loads them too, and the page is to be there first."""
        self.availability.wait(DOCTOR_SECONDS)
        self.fork_server.start()

    def run(self, run_id: str) -> Run:
        """A run of this server, or a recorded one.

        Raises:
            RunError: there is none of that name.
        """
        try:
            return self.store.open(run_id)
        except RunError:
            return self.recorded.open(run_id)

    def all_runs(self) -> list[Run]:
        """Every readable run, newest first, then those that came with the program."""
        return [*self.store.runs(MAX_LISTED), *self.recorded.runs()]

    def damage(self) -> dict[str, list[str]]:
        """What cannot be read of the runs that are listed, by run, a sentence each."""
        return self.store.damage(finetuned_values, MAX_LISTED)

    def recorded_run(self) -> Run | None:
        """The recorded run that is shown before anybody has trained."""
        return next(iter(self.recorded.runs()), None)

    def is_recorded(self, run: Run) -> bool:
        """Whether a run came with the program."""
        return self.recorded.holds(run)


def make_services(
    runs_folder: Path,
    recorded_folder: Path,
    owner_key: str,
    *,
    max_store_bytes: float = math.inf,
    max_waiting: int = MAX_WAITING,
    owners_choice: Mapping[str, str] | None = None,
    archive_folder: Path | None = None,
) -> Services:
    """Services for a store; nothing is started yet."""
    store, recorded, fork_server = RunStore(runs_folder, max_store_bytes), RunStore(recorded_folder), ForkServer()
    asker, feeds = Asker(fork_server), Feeds(store, recorded)
    archive = ArchiveKeeper(store, ArchiveFolder(archive_folder) if archive_folder else None)
    return Services(
        store=store,
        queue=JobQueue(store, fork_server, max_waiting=max_waiting),
        feeds=feeds,
        recorded=recorded,
        who_may=WhoMay(owner_key, recorded),
        availability=Availability(),
        estimates=Estimates(fork_server.is_ready, lambda config: store.baselines.known(config) is not None),
        asker=asker,
        fork_server=fork_server,
        files=FileReader(fork_server),
        brought=BroughtRuns(store, recorded, archive.check_free, fork_server),
        archive=archive,
        lock=ServerLock(runs_folder),
        participation=Participation(Classroom(store), feeds, JudgedPairs(asker.validation_pairs)),
        pace=Pace(),
        owners_choice=owners_choice or {},
        loans=Loans(store, make_lender()) if ARE_LENT else None,
    )
