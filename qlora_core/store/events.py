"""What happened to a run: one JSON object a line, only ever appended to, and what those that are drawn have to hold."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qlora_core.store.files import open_file, storage_error
from qlora_core.store.status import MAX_STEPS, Moment

Event = dict[str, Any]
#: What is written beside what an event says.
STAMPS = ("seq", "time", "elapsed")

MAX_NUMBER = 1e12  #: no loss, score or speed is larger; their sums stay finite
MAX_PAIRS = 100
Number = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
Share = Annotated[float, Field(ge=0, le=1)]
Step = Annotated[int, Field(ge=0, le=MAX_STEPS)]
Count = Annotated[int, Field(ge=1, le=MAX_STEPS)]  #: of steps, and what is divided by
Word = Annotated[str, Field(max_length=100)]
Sentence = Annotated[str, Field(max_length=10_000)]


class Stamped(BaseModel):
    """Every event; runs of earlier versions have no ``elapsed``."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    time: Moment
    elapsed: Moment = 0.0


class StepTaken(Stamped):
    """One step of training."""

    step: Count
    total_steps: Count
    epoch: Number
    loss: Number
    learning_rate: Number
    examples_per_second: Number | None = None
    seconds_left: Number | None = None


class WentOn(Stamped):
    """The run goes on from a checkpoint."""

    step: Step


class Scored(Stamped):
    """A baseline was measured."""

    name: Word
    accuracy: Share
    f1: Share | None
    loss: Number


class Evaluated(Stamped):
    """The model was measured while it learns."""

    step: Step
    epoch: Number
    accuracy: Share
    f1: Share | None
    loss: Number
    is_best: bool
    only_answer: Literal[0, 1] | None = None


class PairsWatched(Stamped):
    """The pairs that are looked at again and again."""

    pairs: Annotated[list[dict[Word, Sentence | int]], Field(max_length=MAX_PAIRS)]


class Watched(Stamped):
    """What the model says of them."""

    step: Step
    probabilities: Annotated[list[Share], Field(max_length=MAX_PAIRS)]


class BaselinesKnown(Stamped):
    """The baselines are those that an earlier run has measured."""

    message: Sentence
    run_id: Word = ""
    measured_at: Moment = 0.0


class PhaseBegan(Stamped):
    """Another phase begins; the last one says what the run came to."""

    phase: Word
    verdict: Sentence = ""


class PairsCutOff(Stamped):
    """Pairs are longer than the run reads."""

    message: Sentence
    max_length: Step = 0
    train: Step = 0
    train_truncated: Step = 0
    validation: Step = 0
    validation_truncated: Step = 0


class InBoth(Stamped):
    """So many of the validation pairs are trained on."""

    count: Count
    validation: Count


class Ended(Stamped):
    """The run ended without a result, by an error of this class; none where it was stopped or interrupted."""

    error: Word = ""


SHAPES: dict[str, type[Stamped]] = {
    "step": StepTaken,
    "resumed": WentOn,
    "baseline": Scored,
    "baselines_known": BaselinesKnown,
    "evaluation": Evaluated,
    "watched_pairs": PairsWatched,
    "watched": Watched,
    "phase": PhaseBegan,
    "truncation": PairsCutOff,
    "in_both": InBoth,
    "end": Ended,
}


def can_be_drawn(event: Event) -> bool:
    """Whether an event holds what those of its kind do."""
    try:
        SHAPES.get(event["kind"], Stamped).model_validate(event)
    except ValidationError:
        return False
    return True


class EventLog:
    """Reads and writes ``events.jsonl``.

    Each event has a ``seq`` that grows by one, the ``time`` by the wall clock, and ``elapsed``, the seconds since the
    first event that its process wrote: 0 means that a process begins here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._next_seq: int | None = None
        self._first_written: float | None = None  # time.monotonic()

    def read(self, since: int = 0) -> Iterator[Event]:
        """Events with ``seq`` >= ``since``, in order; a torn last line is left out, and so are damaged ones."""
        try:
            file = open_file(self.path)
        except OSError:
            return
        with file:
            for seq, line in enumerate(file):
                if seq >= since and line.endswith(b"\n") and (event := parse(line)) is not None:
                    yield event

    def append(self, events: Iterable[Event]) -> None:
        """Add events, each a ``kind`` and whatever fields it has.

        Raises:
            StorageError: the disk is full or refuses to be written to.
        """
        try:
            if self._next_seq is None:
                self._next_seq = _count_whole_lines(self.path)
            now = time.monotonic()
            elapsed = 0.0 if self._first_written is None else round(now - self._first_written, 6)
            stamps = {"time": time.time(), "elapsed": elapsed}
            lines = [_line({"seq": seq, **stamps, **event}) for seq, event in enumerate(events, self._next_seq)]
            with self.path.open("a", encoding="utf-8", errors="replace") as file:
                file.write("".join(lines))
        except OSError as error:
            self._next_seq = None  # half a line may be there
            raise storage_error(error, self.path) from error
        self._next_seq += len(lines)
        if self._first_written is None:
            self._first_written = now


def parse(line: bytes) -> Event | None:
    """The event on a line; None where there is none."""
    try:
        event = orjson.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("kind"), str) else None


def _line(event: Event) -> str:
    return json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"


def _count_whole_lines(path: Path) -> int:
    """Number of complete lines; a torn last one, left by a process that was killed while writing, is cut off."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return content[:whole].count(b"\n")
