"""Runs on borrowed GPUs: from a visitor's click until the GPU is given back.

They take no turn in the queue. A run that is to have a GPU is made interrupted and waits for its visitor alone. From
the click on, this process is noted as the one at work on it, until the process that was lent the GPU takes over; so
nobody starts it twice, and should this process end, the run reads as interrupted and can go on.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from contextvars import copy_context
from threading import Event, Lock, Thread

from qlora_core.config import RunConfig
from qlora_core.errors import QLoRAError, QueueError, RunError
from qlora_core.language import N_, Message
from qlora_core.loans import LoanEnd, end_message
from qlora_core.models.catalog import find_base_model
from qlora_core.server.zerogpu.lender import Lend, Refused
from qlora_core.server.zerogpu.seconds import seconds_to_borrow, shorter
from qlora_core.store.lock import alone_in
from qlora_core.store.process_identity import noted
from qlora_core.store.run import Run
from qlora_core.store.runs import Fill, RunStore

log = logging.getLogger(__name__)

NEWS_SECONDS = 1.0
#: For the runs on loan to write their checkpoints when the server closes.
CLOSING_SECONDS = 15.0
#: Runs that no GPU was borrowed for yet: of one visitor, and of all.
MAX_UNBEGUN, MAX_UNBEGUN_IN_ALL = 5, 100


class Loans:
    """One server's."""

    def __init__(self, store: RunStore, lend: Lend) -> None:
        self.store, self._lend = store, lend
        self._unbegun: dict[str, Run] = {}
        self._at_work: dict[str, tuple[Run, Thread]] = {}
        self._lock = Lock()

    def submit(self, config: RunConfig, owner: str, *, fill: Fill | None = None) -> Run:
        """Make a run that begins when its visitor borrows a GPU for it.

        Raises:
            QueueError: there are too many of those.
            StorageError: the store cannot be written to, or holds as much as it may.
        """
        with self._lock:
            self._unbegun = {run_id: run for run_id, run in self._unbegun.items() if _is_unbegun(run)}
            if sum(run.is_owned_by(owner) for run in self._unbegun.values()) >= MAX_UNBEGUN:
                raise QueueError(
                    N_(
                        "You have {n} runs already that no GPU was borrowed for. Borrow one for them, have them go on "
                        "on the CPU, or delete some in Results."
                    ),
                    n=MAX_UNBEGUN,
                )
            if len(self._unbegun) >= MAX_UNBEGUN_IN_ALL:
                raise QueueError(N_("Too many runs wait until a GPU is borrowed for them. Start yours on the CPU."))
            run = self.store.create(config, owner, on_loan=True, fill=fill)
            self._unbegun[run.id] = run
            return run

    def borrow(self, run: Run) -> Iterator[None]:
        """Ask for a GPU, in the name of the visitor whose request the caller handles, and carry the run forward on it.

        How it ended is in the run's status. Closing the iterator gives the GPU back, and waits for nothing: a page that
        is closed is noticed in Gradio's own thread, where everybody would wait.

        Raises:
            RunError: the run has ended for good, or a process is at work on it.
        """
        take(run)
        ended, left = Event(), Event()
        carry = copy_context().run  # the request, by which the visitor's quota is found, is in the caller's context
        thread = Thread(target=carry, args=(self._carry, run, left, ended), name="loan", daemon=True)
        with self._lock:
            self._at_work[run.id] = run, thread
        thread.start()
        try:
            while not ended.wait(NEWS_SECONDS):
                yield
        finally:
            left.set()

    def at_work(self) -> list[Run]:
        """The runs that have a GPU, or ask for one."""
        with self._lock:
            return [run for run, _ in self._at_work.values()]

    def close(self) -> None:
        """Give every GPU back; the runs can go on later."""
        with self._lock:
            at_work = list(self._at_work.values())
        for run, _ in at_work:
            with suppress(RunError):
                run.request("pause")
        for _, thread in at_work:
            thread.join(CLOSING_SECONDS)

    def _carry(self, run: Run, left: Event, ended: Event) -> None:
        end: LoanEnd | None = LoanEnd.FAILED
        told: str | Message = ""
        try:
            self._carry_forward(run, left)
            end = None
        except Refused as refused:
            end, told = refused.end, refused.told
            log.info("Run %s has no borrowed GPU: %s", run.id, end)
        finally:
            with suppress(RunError):  # it was deleted
                settle(run, LoanEnd.LEFT if left.is_set() else end, told)
            with self._lock:
                del self._at_work[run.id]
            ended.set()

    def _carry_forward(self, run: Run, left: Event) -> None:
        """Ask for a GPU, for a shorter time where a quota is too small, until there is one.

        Raises:
            Refused: none is lent, or it was taken away.
        """
        try:
            find_base_model(run.config.base_model)  # what has to come from the hub comes before the GPU is lent
        except QLoRAError as error:
            raise Refused(LoanEnd.FAILED, error.message) from error
        seconds = seconds_to_borrow(run)
        while True:
            try:
                with closing(self._lend(str(run.path.resolve()), seconds)) as news:
                    for _ in news:
                        if left.is_set():
                            return
                return
            except Refused as refused:
                less = shorter(seconds)
                if refused.end is not LoanEnd.QUOTA or less is None or left.is_set():
                    raise
                seconds = less


def take(run: Run) -> None:
    """Note this process as the one that asks for a GPU for a run, so that nobody else asks, and no queue starts it.

    Raises:
        RunError: it has ended for good, or a process is at work on it.
    """
    with alone_in(run.path):
        before = run.status
        if not before.is_resumable:
            raise RunError(
                N_("Run {run} is {state}; only an interrupted or failed run can be resumed."),
                run=run.id,
                state=before.in_words,
            )
        run.request("run")
        asked = {"message": N_("A GPU was asked for"), "progress": None, "on_loan": True, "loan_end": ""}
        run.set_status(state="borrowing", **asked, **noted(os.getpid()))


def settle(run: Run, end: LoanEnd | None, told: str | Message = "") -> None:
    """Write how a loan ended, where the run has not done so itself: none was lent, or its process was killed.

    Raises:
        RunError: the run's status cannot be read.
    """
    status = run.status
    if status.on_loan and not status.loan_end and (status.is_live or status.state == "interrupted"):
        end = end or LoanEnd.ABORTED
        message = end_message(end, status.step, status.total_steps, told)
        run.set_status(state="interrupted", message=message, progress=None, loan_end=end)


def _is_unbegun(run: Run) -> bool:
    with suppress(RunError):
        return run.exists and run.status.on_loan and not run.status.total_steps
    return False
