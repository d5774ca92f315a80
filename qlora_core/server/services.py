"""What the tabs work with: the store, the queue, the feeds, the reloaded models, and who may do what."""

import hmac
from dataclasses import dataclass
from pathlib import Path

from qlora_core.errors import QLoRAError, RunError
from qlora_core.server.availability import Availability
from qlora_core.server.estimates import Estimates
from qlora_core.server.model_cache import Predictors
from qlora_core.server.queue import JobQueue
from qlora_core.store.feed import Feeds
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

RECORDED = "recorded"
MOST_SECRET_CHARACTERS = 200
#: Runs listed at most, the newest; older ones stay where they are.
MAX_LISTED = 200


class NotYours(QLoRAError):
    """Somebody asks for what only the visitor who started the run, or the server's owner, may do."""


@dataclass(frozen=True)
class Services:
    """One server's."""

    store: RunStore
    queue: JobQueue
    feeds: Feeds
    recorded: RunStore  #: runs that come with the program
    owner_key: str  #: whoever knows it may do everything
    availability: Availability
    estimates: Estimates
    predictors: Predictors

    def start(self) -> None:
        """Go on with the queue, and find out what works on this machine."""
        self.queue.start()
        self.availability.start()

    def close(self) -> None:
        """Interrupt the run at work; it can be resumed."""
        self.queue.close()

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

    def recorded_run(self) -> Run | None:
        """The recorded run that is shown before anybody has trained."""
        return next(iter(self.recorded.runs()), None)

    def is_recorded(self, run: Run) -> bool:
        """Whether a run came with the program."""
        return self.recorded.holds(run)

    def may_control(self, run: Run, secret: str) -> bool:
        """Whether ``secret`` is the server's owner's, or that of the visitor who started ``run``."""
        if len(secret) > MOST_SECRET_CHARACTERS or self.is_recorded(run):
            return False
        return self.is_owner(secret) or run.is_owned_by(secret)

    def is_owner(self, secret: str) -> bool:
        """Whether ``secret`` is the server's owner's."""
        return bool(secret) and hmac.compare_digest(secret.encode(), self.owner_key.encode())

    def check_control(self, run: Run, secret: str) -> None:
        """Refuse whoever may not control ``run``.

        Raises:
            NotYours: they may not.
        """
        if not self.may_control(run, secret):
            raise NotYours("Only the browser that started this run, or the owner of this server, may do that.")


def make_services(runs_folder: Path, recorded_folder: Path, owner_key: str) -> Services:
    """Services for a store; nothing is started yet."""
    store, recorded = RunStore(runs_folder), RunStore(recorded_folder)
    return Services(
        store=store,
        queue=JobQueue(store),
        feeds=Feeds(store, recorded),
        recorded=recorded,
        owner_key=owner_key,
        availability=Availability(),
        estimates=Estimates(),
        predictors=Predictors(),
    )
