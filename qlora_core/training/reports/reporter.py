"""What one run tells the world while it happens: status, events and progress, written by the main process alone."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from types import FrameType
from typing import Any

import numpy as np

from qlora_core.errors import StorageError
from qlora_core.evaluation.answerers import baselines_words
from qlora_core.evaluation.scores import score
from qlora_core.evaluation.truncation import truncation_words
from qlora_core.language import N_, Message
from qlora_core.loans import Loan, LoanEnd, Suspended, end_message
from qlora_core.store.run import Run
from qlora_core.store.shared.baselines import Provenance
from qlora_core.training.loop.events import Command, Evaluated, Evaluating, Event, Paused, Resumed, Step

Listener = Callable[[str, dict[str, Any]], None]
SECONDS_BETWEEN_STATUS_UPDATES = 0.5
PAUSE_POLL_SECONDS = 0.2
TRAINING, EVALUATING = "Training the adapter", "Measuring the adapter on the validation pairs"
STOPPED_EARLY = N_("Stopped early; what was learned is kept")
EVENT_KINDS: dict[type[Event], str] = {
    Step: "step",
    Resumed: "resumed",
    Evaluating: "evaluating",
    Evaluated: "evaluation",
    Paused: "paused",
}


class StopRequested(Exception):
    """A stop was asked for at a point where nothing has been learned yet."""


class Passes:
    """How far the passes of a phase have come, one after the other."""

    def __init__(self, pairs: int = 0) -> None:
        self._pairs, self._earlier, self._done, self._total = pairs, 0, 0, 0

    def share(self, done: int, total: int) -> float:
        """Of the phase, when so many pairs of the pass at work are done."""
        if done <= self._done:  # another pass has begun
            self._earlier += self._total
        self._done, self._total = done, total
        return min(1.0, (self._earlier + done) / self._pairs) if self._pairs else done / total


class Reporter:
    """Writes one run's status and events, and repeats them to a listener such as the command line's progress bar.

    Where several processes share a run, only the main one writes, and a stop waits for the training loop, where all of
    them can agree on it.
    """

    def __init__(
        self,
        run: Run,
        listener: Listener,
        *,
        is_main_process: bool = True,
        alone: bool = True,
        loan: Loan | None = None,
    ) -> None:
        """``loan`` is that of the GPU, where the run has borrowed one; it then goes on in no other process."""
        self.run, self._listener, self._is_main, self._alone = run, listener, is_main_process, alone
        self.loan = loan
        self._phase = "loading"
        self._passes = Passes()
        self._status_written = 0.0
        self._step = run.status.step if run.has_checkpoint else 0  # of training, done so far
        self._interrupted = False

    def phase(self, name: str, message: str, pairs: int = 0) -> None:
        """A new phase begins; a stop asked for before training ends the run here.

        Args:
            pairs: how many all of its passes go over together; 0 where each of them counts by itself.
        """
        self._phase = name
        self._passes = Passes(pairs)
        self._keep_to_loan()
        self._obey()
        if self._is_main:
            self.run.set_status(state="running", phase=name, message=message, progress=None)
        self._record("phase", {"phase": name, "message": message})

    def environment(self, description: dict[str, Any]) -> None:
        """Where the run happens."""
        if self._is_main:
            self.run.write_environment(description)

    def total_steps(self, steps: int) -> None:
        """How many steps the training will have."""
        if self._is_main:
            self.run.set_status(total_steps=steps)

    def truncation(self, counts: dict[str, Any]) -> None:
        """How many pairs are longer than the run reads, see ``Setup.truncation``; said where there are some."""
        if message := truncation_words(counts, counts["max_length"]):
            self._record("truncation", {**counts, "message": message})

    def in_both(self, count: int, validation: int) -> None:
        """How many of the validation pairs are trained on; told where there are some."""
        if count:
            self._record("in_both", {"count": count, "validation": validation})

    def baseline(self, name: str, logits: np.ndarray, labels: np.ndarray) -> None:
        """A baseline was measured on validation."""
        self._record("baseline", {"name": name, **score(logits, labels).values})

    def baselines_known(self, provenance: Provenance) -> None:
        """The baselines are not measured, because an earlier run has measured the same ones."""
        self._record("baselines_known", {**asdict(provenance), "message": baselines_words(asdict(provenance))})

    def watched_pairs(self, rows: list[dict[str, str | int]]) -> None:
        """The pairs that will be watched while the model learns."""
        self._record("watched_pairs", {"pairs": rows})

    def watched(self, step: int, probabilities: list[float]) -> None:
        """What the model says of the watched pairs after ``step`` steps."""
        self._record("watched", {"step": step, "probabilities": probabilities})

    def progress(self, done: int, total: int) -> None:
        """Work inside a phase went on; shown in the status, not among the events.

        Raises:
            Suspended: the loan is over. The training loop has written a checkpoint before such work.
        """
        self._keep_to_loan()
        self._obey()
        if not self._is_main:
            return
        self._listener("progress", {"phase": self._phase, "done": done, "total": total})
        share = self._passes.share(done, total)
        if self._status_is_old():
            self.run.set_status(progress=share)

    def training_event(self, event: Event) -> None:
        """Something happened in the training loop."""
        if not self._is_main:
            return
        fields = asdict(event)
        if isinstance(event, Step | Resumed):
            self._step = event.step
        scores = fields.pop("scores", {})  # each beside the event's other fields, under its own name
        self._record(EVENT_KINDS[type(event)], fields | scores)
        if isinstance(event, Paused):
            state = "paused" if event.paused else "running"
            self.run.set_status(state=state, message="Paused" if event.paused else TRAINING)
        elif isinstance(event, Evaluating):
            self.run.set_status(phase="evaluating", message=EVALUATING, step=event.step)
        elif isinstance(event, Evaluated):
            self.run.set_status(phase="training", message=TRAINING)
        elif isinstance(event, Step) and self._status_is_old():
            share = event.step / event.total_steps
            self.run.set_status(step=event.step, total_steps=event.total_steps, progress=share)

    def command(self) -> Command:
        """What the store asks of the training loop at this moment."""
        if self._loan_end():
            return "suspend"
        self._obey()
        return self.run.requested()

    def finish(self, result: dict[str, Any], *, stopped: bool, verdict: str = "") -> None:
        """The result is complete; ``verdict`` is what it amounts to, in a sentence."""
        message = STOPPED_EARLY if stopped else N_("Finished")
        self._record("phase", {"phase": "done", "message": message, "verdict": verdict})
        self.run.finish(result, state="stopped" if stopped else "finished", message=message)

    def end(self, state: str, message: str | Message, **details: object) -> None:
        """The run ended without a result: failed, interrupted or stopped before training.

        A full disk may be what ended it: what cannot be written then is left out, and raises nothing.
        """
        if self._is_main:
            with suppress(StorageError):
                self.run.set_status(state=state, message=message)
            with suppress(StorageError):
                english = message if isinstance(message, str) else message.in_english()
                self._record("end", {"state": state, "message": english, **details})

    def end_loan(self) -> None:
        """The run ended because its loan is over, and goes on from its checkpoint with another."""
        end, status = self._loan_end() or LoanEnd.USED_UP, self.run.status
        message = end_message(end, self._step, status.total_steps)
        with suppress(StorageError):
            self.run.set_status(step=self._step, loan_end=end)
        self.end("interrupted", message, loan_end=end)

    def _loan_end(self) -> LoanEnd | None:
        """Why the borrowed GPU has to be given back now, if it has to; a pause would only waste it."""
        if self.loan is None:
            return None
        return self.loan.end or (LoanEnd.GIVEN_BACK if self.run.requested() == "pause" else None)

    def _keep_to_loan(self) -> None:
        if self._loan_end():
            raise Suspended

    def _record(self, kind: str, fields: dict[str, Any]) -> None:
        if self._is_main:
            self.run.append_event(kind, **fields)
            self._listener(kind, fields)

    def interrupt(self, signal_number: int, frame: FrameType | None) -> None:
        """A signal's handler: Ctrl-C and SIGTERM end a run alike, recorded and able to go on from its checkpoint.

        The signal is remembered beyond the exception, which may arise inside a library that swallows it.
        """
        del signal_number, frame
        self._interrupted = True
        raise KeyboardInterrupt

    def _status_is_old(self) -> bool:
        """Whether it is time to write the status again; the caller then does."""
        now = time.monotonic()
        if now - self._status_written < SECONDS_BETWEEN_STATUS_UPDATES:
            return False
        self._status_written = now
        return True

    def _obey(self) -> None:
        """Wait out a pause and end at a stop, outside of training, which does both itself."""
        if self._interrupted:
            raise KeyboardInterrupt
        if not self._alone or self._phase == "training":
            return
        if self.run.requested() == "pause":
            self._wait()
        if self._phase not in ("loading", "baselines") or self.run.requested() != "stop":
            return
        if not self.run.has_checkpoint:  # what it holds is kept, by the training loop's way to stop
            raise StopRequested

    def _wait(self) -> None:
        before = self.run.status
        self._record("paused", {"step": before.step, "paused": True})
        self.run.set_status(state="paused", message="Paused")
        while self.run.requested() == "pause" and not self._interrupted:
            time.sleep(PAUSE_POLL_SECONDS)
        self._record("paused", {"step": before.step, "paused": False})
        self.run.set_status(state="running", message=before.message)
