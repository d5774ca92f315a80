"""Runs that wait for their turn: first in, first out, each carried out by a process of its own.

Everything that has to outlive this process is in the store. A server that starts again finds the waiting runs where
they were, and lets a run that is still at work finish.
"""

import logging
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event, RLock, Thread

from qlora_core.config import RunConfig
from qlora_core.errors import QLoRAError, QueueError, RunError
from qlora_core.language import N_
from qlora_core.server.processes.forking import ForkServer
from qlora_core.server.processes.worker import Worker, kill, start_worker
from qlora_core.server.turns import Statuses, at_work, in_turn, is_ready, look
from qlora_core.store.run import Control, Run
from qlora_core.store.runs import Fill, RunStore
from qlora_core.store.status import Status

log = logging.getLogger(__name__)

MAX_WAITING = 100  #: runs, unless a server is set up otherwise
#: The same visitor asking for the same run again within this time has clicked twice.
DOUBLE_CLICK_SECONDS = 3.0
#: A worker that was asked to stop and neither does nor gets on for this long is ended from outside.
PATIENCE_SECONDS = 120.0
#: What a worker has to end itself: when the server closes, and once its run is over.
SHUTDOWN_SECONDS = 15.0
RETRY_SECONDS = 10.0
SEEN_SECONDS = 0.25
#: Said of a run that has ended, by what was asked of it.
NOTHING_TO: dict[Control, str] = {
    "run": N_("Run {run} is {state}; there is nothing to resume."),
    "pause": N_("Run {run} is {state}; there is nothing to pause."),
    "stop": N_("Run {run} is {state}; there is nothing to stop."),
}


@dataclass(frozen=True)
class Seen:
    """The queue at one moment."""

    at_work: Run | None
    waiting: list[Run]  #: the next one first
    at: float  #: time.monotonic()


@dataclass(frozen=True)
class Submitted:
    """A run that a visitor asked for."""

    at: float  #: time.monotonic()
    address: str  #: where from, if whoever asked has no secret; else ""


@dataclass(frozen=True)
class Stopping:
    """A run at work that was asked to stop."""

    status: Status  #: the last that was heard of it
    since: float  #: time.monotonic() when that was first seen


class JobQueue:
    """Starts waiting runs one after the other, and passes on what is asked of them."""

    def __init__(
        self,
        store: RunStore,
        fork_server: ForkServer | None = None,
        *,
        max_waiting: int = MAX_WAITING,
        poll_seconds: float = 0.3,
    ) -> None:
        self.store = store
        self._fork_server = fork_server
        self._max_waiting = max_waiting
        self._poll_seconds = poll_seconds
        self._active: dict[str, Run] = {}  # waiting or at work
        self._submitted: dict[str, Submitted] = {}  # those that this server was asked for
        self._refused: Counter[str] = Counter()  # how often a run could not be started
        self._last_ticket = 0
        self._workers: dict[str, Worker] = {}
        self._stopping: Stopping | None = None
        self._seen: Seen | None = None
        self._lock = RLock()
        self._closed = Event()
        self._thread: Thread | None = None

    def read(self) -> None:
        """Look for what an earlier server left behind."""
        with self._lock:
            self._active = {run.id: run for run in self.store.everything()}  # a damaged one may be repaired
            self._tidy()

    def start(self) -> None:
        """Look for what an earlier server left behind, and begin to work."""
        self.read()
        self._thread = Thread(target=self._work, name="job-queue", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Interrupt the run at work, which can be resumed later, and start no other.

        A run that an earlier server started is let finish.
        """
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            try:
                worker.process.wait(SHUTDOWN_SECONDS)
            except subprocess.TimeoutExpired:
                worker.end()
        self._workers.clear()

    def submit(self, config: RunConfig, owner: str = "", *, address: str = "", fill: Fill | None = None) -> Run:
        """Add a run to the end of the queue; see ``submit_together``."""
        return self.submit_together([config], owner, address=address, fill=fill)[0]

    def submit_together(
        self, configs: Sequence[RunConfig], owner: str = "", *, address: str = "", fill: Fill | None = None
    ) -> list[Run]:
        """Add runs to the end of the queue, all or none; a double click gets the same runs twice.

        Args:
            owner: the secret of the visitor who asks, without which only the server's owner may stop the runs.
            address: where the request came from, if whoever asks brought no secret by which to tell them from others.
            fill: puts what else the runs need into their folders, see ``RunStore.create``.

        Raises:
            QueueError: this visitor has a run in the queue already, or it is full.
            StorageError: the store cannot be written to, or holds as much as it may.
        """
        with self._lock:
            statuses = self._tidy()
            own = [run for run, _ in statuses if run.is_owned_by(owner)]
            new = [run for run in own if self._is_new(run)]
            known = [next((run for run in new if run.config == config), None) for config in configs]
            if clicked_before := [run for run in known if run is not None]:
                return clicked_before
            self._check_room(in_turn(statuses), own, address, len(configs))
            runs: list[Run] = []
            try:
                for number, config in enumerate(configs):
                    ticket = self._next_ticket(statuses)
                    runs.append(self.store.create(config, owner, ticket, round=number, fill=fill))
                for run in runs if len(runs) > 1 else []:
                    run.set_status(group=[one.id for one in runs])
            except QLoRAError:
                for run in runs:
                    run.delete()
                raise
            for run in runs:
                self._active[run.id] = run
                self._submitted[run.id] = Submitted(time.monotonic(), address)
            self._seen = None
            return runs

    def _check_room(self, waiting: list[Run], own: list[Run], address: str, count: int) -> None:
        if any(run in waiting for run in own):
            raise QueueError(N_("You have a run in the queue already. Wait for its turn, or take it off the queue."))
        if address and any(self._submitted[run.id].address == address for run in waiting if run.id in self._submitted):
            raise QueueError(
                N_("A run that was started from your address without a secret waits already. Send a secret.")
            )
        if len(waiting) >= self._max_waiting:
            raise QueueError(N_("The queue is full: {n} runs wait. Try again when some have started."), n=len(waiting))
        if len(waiting) + count > self._max_waiting:
            room = self._max_waiting - len(waiting)
            raise QueueError(
                N_("The queue has room for {room} more, and these are {count} runs. Ask for fewer."),
                room=room,
                count=count,
            )

    def waiting(self) -> list[Run]:
        """The runs in the queue, the next one first."""
        with self._lock:
            return in_turn(self._statuses())

    def at_work(self) -> Run | None:
        """The run that is being carried out."""
        with self._lock:
            return at_work(self._statuses())

    def seen(self) -> "Seen":
        """Who is at work and who waits, at most ``SEEN_SECONDS`` ago: reading thirty runs for each of thirty viewers,
        every second, would cost more than all else that they ask for.
        """
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen.at > SEEN_SECONDS:
                statuses = self._statuses()
                self._seen = Seen(at_work(statuses), in_turn(statuses), time.monotonic())
            return self._seen

    def place(self, run_id: str) -> int | None:
        """1 for the run that is next, 2 for the one after it; None for a run that does not wait."""
        ids = [run.id for run in self.waiting()]
        return ids.index(run_id) + 1 if run_id in ids else None

    def pause(self, run_id: str) -> None:
        """Let a run rest where it is; in the queue it keeps its place, and others go first.

        Raises:
            RunError: it is neither waiting nor at work.
        """
        self._request(run_id, "pause")

    def stop(self, run_id: str) -> None:
        """End a run and keep what it has learned; a waiting one leaves the queue.

        Raises:
            RunError: it is neither waiting nor at work.
        """
        with self._lock:
            run = self._request(run_id, "stop")
            self._seen = None
            if not run.status.is_waiting:
                return
            if run.has_checkpoint:
                run.set_status(state="interrupted", message=N_("Taken off the queue. It can be resumed."))
            else:
                run.set_status(state="stopped", phase="done", message=N_("Taken off the queue; nothing was learned."))

    def resume(self, run_id: str) -> None:
        """Let a paused run go on, or put an interrupted or failed one at the end of the queue.

        Raises:
            RunError: there is nothing to resume.
        """
        with self._lock:
            run = self.store.open(run_id)
            status = run.status
            if status.is_resumable:
                ticket = self._next_ticket(self._statuses())
                run.set_status(
                    state="queued",
                    message=N_("Waiting to go on"),
                    progress=None,
                    queued=time.time(),
                    ticket=ticket,
                    on_loan=False,
                    loan_end="",
                )
                self._active[run.id] = run
                self._seen = None
            elif not status.is_going_on:
                raise RunError(NOTHING_TO["run"], run=run_id, state=status.in_words)
            elif status.held_until:
                run.set_status(held_until=0.0)
            run.request("run")

    def _request(self, run_id: str, control: Control) -> Run:
        with self._lock:
            run = self.store.open(run_id)
            status = run.status
            if not status.is_going_on:
                raise RunError(NOTHING_TO[control], run=run_id, state=status.in_words)
            run.request(control)
            if status.is_waiting and status.held_until:  # it was held for guesses; now it rests, or leaves
                run.set_status(held_until=0.0)
            return run

    def _work(self) -> None:
        seconds = self._poll_seconds
        while not self._closed.wait(seconds):
            seconds = self._poll_seconds
            with self._lock:
                try:
                    self._turn()
                except (QLoRAError, OSError):
                    seconds = RETRY_SECONDS
                    log.exception("The queue could not do its turn and tries again in %g s.", seconds)

    def _turn(self) -> None:
        statuses = self._tidy()
        running = at_work(statuses)
        if running is not None:
            self._end_if_stuck(running)
        elif not self._workers:
            # A run that cannot be started, because something in its folder is damaged, lets others go first.
            waiting = sorted(in_turn(statuses), key=lambda run: self._refused[run.id])
            until = {run.id: status.held_until for run, status in statuses}
            ready = next((run for run in waiting if is_ready(run, until[run.id])), None)
            if ready is not None:
                self._start(ready)

    def _start(self, run: Run) -> None:
        self._refused[run.id] += 1
        self._workers[run.id] = start_worker(run, self._fork_server)
        del self._refused[run.id]

    def _is_new(self, run: Run) -> bool:
        submitted = self._submitted.get(run.id)
        return submitted is not None and time.monotonic() - submitted.at < DOUBLE_CLICK_SECONDS

    def _next_ticket(self, statuses: Statuses) -> int:
        """A larger one than any run in the queue has, also one that cannot be read at this moment."""
        self._last_ticket = max([self._last_ticket, *(status.ticket for _, status in statuses)]) + 1
        return self._last_ticket

    def _statuses(self) -> Statuses:
        """The runs that wait or are at work, and where they stand."""
        return look(self._active)

    def _tidy(self) -> Statuses:
        """Forget workers and runs that have ended; returns the others."""
        statuses = self._statuses()
        live = {run.id for run, status in statuses if status.is_live}
        for run_id, worker in list(self._workers.items()):
            if run_id in live:
                worker.seen_at_work()
            elif worker.seconds_over() > SHUTDOWN_SECONDS:
                worker.end()
            if worker.process.poll() is not None:
                del self._workers[run_id]
        self._submitted = {run_id: known for run_id, known in self._submitted.items() if run_id in self._active}
        return statuses

    def _end_if_stuck(self, run: Run) -> None:
        """A worker that was asked to stop looks at that between two pieces of work; one that hangs never does."""
        status = run.status
        if run.requested() != "stop" or status.pid is None:
            self._stopping = None
        elif self._stopping is None or self._stopping.status != status:
            self._stopping = Stopping(status, time.monotonic())
        elif time.monotonic() - self._stopping.since >= PATIENCE_SECONDS:
            kill(status.pid)
            run.set_status(state="interrupted", message=N_("It did not answer and was ended. It can be resumed."))
