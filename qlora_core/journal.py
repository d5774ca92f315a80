"""What one run tells the world while it happens: status, events and progress, written by the main process alone."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from types import FrameType
from typing import Any

import numpy as np

from qlora_core.errors import StorageError
from qlora_core.metrics import cross_entropy, point_metrics
from qlora_core.run_store import Run
from qlora_core.training import Command, Evaluated, Evaluating, Event, Paused, Resumed, Step

Listener = Callable[[str, dict[str, Any]], None]
SECONDS_BETWEEN_STATUS_UPDATES = 0.5
TRAINING, EVALUATING = "Training the adapter", "Measuring the adapter on the validation pairs"
EVENT_KINDS: dict[type[Event], str] = {
    Step: "step",
    Resumed: "resumed",
    Evaluating: "evaluating",
    Evaluated: "evaluation",
    Paused: "paused",
}


class StopRequested(Exception):
    """A stop was asked for at a point where nothing has been learned yet."""


class Journal:
    """Writes one run's status and events, and repeats them to a listener such as the command line's progress bar.

    Where several processes share a run, only the main one writes, and a stop waits for the training loop, where all of
    them can agree on it.
    """

    def __init__(self, run: Run, listener: Listener, *, is_main_process: bool = True, alone: bool = True) -> None:
        self.run, self._listener, self._is_main, self._alone = run, listener, is_main_process, alone
        self._phase = "loading"
        self._status_written = 0.0
        self._interrupted = False

    def phase(self, name: str, message: str) -> None:
        """A new phase begins; a stop asked for before training ends the run here."""
        self._phase = name
        self._obey()
        if self._is_main:
            self.run.set_status(state="running", phase=name, message=message)
        self._record("phase", {"phase": name, "message": message})

    def environment(self, description: dict[str, Any]) -> None:
        """Where the run happens."""
        if self._is_main:
            self.run.write_environment(description)

    def baseline(self, name: str, logits: np.ndarray, labels: np.ndarray) -> None:
        """A baseline was measured on validation."""
        accuracy, f1 = point_metrics(logits, labels)
        loss = cross_entropy(logits, labels)
        self._record("baseline", {"name": name, "accuracy": accuracy, "f1": f1, "loss": loss})

    def progress(self, done: int, total: int) -> None:
        """Work inside a phase went on; shown, not stored."""
        self._obey()
        if self._is_main:
            self._listener("progress", {"phase": self._phase, "done": done, "total": total})

    def training_event(self, event: Event) -> None:
        """Something happened in the training loop."""
        if not self._is_main:
            return
        self._record(EVENT_KINDS[type(event)], asdict(event))
        if isinstance(event, Paused):
            state = "paused" if event.paused else "running"
            self.run.set_status(state=state, message="Paused" if event.paused else TRAINING)
        elif isinstance(event, Evaluating):
            self.run.set_status(phase="evaluating", message=EVALUATING, step=event.step)
        elif isinstance(event, Evaluated):
            self.run.set_status(phase="training", message=TRAINING)
        elif isinstance(event, Step) and time.monotonic() - self._status_written > SECONDS_BETWEEN_STATUS_UPDATES:
            self._status_written = time.monotonic()
            self.run.set_status(step=event.step, total_steps=event.total_steps)

    def command(self) -> Command:
        """What the store asks of the training loop at this moment."""
        self._obey()
        return self.run.requested()

    def finish(self, result: dict[str, Any], *, stopped: bool) -> None:
        """The result is complete."""
        message = "Stopped early; what was learned is kept" if stopped else "Finished"
        self._record("phase", {"phase": "done", "message": message})
        self.run.finish(result, state="stopped" if stopped else "finished", message=message)

    def end(self, state: str, message: str, **details: object) -> None:
        """The run ended without a result: failed, interrupted or stopped before training.

        A full disk may be what ended it: what cannot be written then is left out, and raises nothing.
        """
        if self._is_main:
            with suppress(StorageError):
                self.run.set_status(state=state, message=message)
            with suppress(StorageError):
                self._record("end", {"state": state, "message": message, **details})

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

    def _obey(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        if self._alone and self._phase in ("loading", "baselines") and self.run.requested() == "stop":
            raise StopRequested
