"""A run as those who watch it need it: what is new since they last asked, in an amount that does not grow with the run.

The loss is drawn as at most ``MAX_POINTS`` points: means over buckets of 2^k steps. The number of steps is known from
the first step on, so the size of a bucket never changes while a run goes on, and no point that was drawn moves.
"""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from statistics import fmean
from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from qlora_core.errors import RunError
from qlora_core.store.events import STAMPS, Event, can_be_drawn, parse
from qlora_core.store.files import open_file
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

MAX_POINTS = 1000
#: Bytes of events read at most for one answer; a viewer who comes late asks again at once for the rest.
MAX_BYTES = 64 * 2**20
FEEDS_KEPT = 32

#: What every event has, and what every one with scores has.
ENVELOPE, SCORES = (*STAMPS, "kind"), ("accuracy", "f1", "loss")
#: What the sentences of two events are made of, so that they can be said in another language.
CUT_OFF = ("max_length", "train", "train_truncated", "validation", "validation_truncated")
MEASURED_BY = ("run_id", "measured_at")


class Cursor(BaseModel):
    """What a viewer has of a run already: the number of entries of each series."""

    model_config = ConfigDict(extra="forbid", strict=True)

    generation: int = Field(0, ge=0)
    points: int = Field(0, ge=0)
    evaluations: int = Field(0, ge=0)
    baselines: int = Field(0, ge=0)
    watched: int = Field(0, ge=0)


@dataclass
class Series:
    """Everything of a run that is drawn."""

    points: list[tuple[int, float, float]] = field(default_factory=list)  #: last step of a bucket, loss, learning rate
    evaluations: list[Event] = field(default_factory=list)
    baselines: list[Event] = field(default_factory=list)
    watched: list[tuple[int, list[float]]] = field(default_factory=list)  #: step, probability of each watched pair
    watched_pairs: list[Event] = field(default_factory=list)


class RunFeed:
    """Reads a run's events once, however many are watching."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.generation = 1  #: grows when entries that were handed out have become void
        self.series = Series()
        self.latest: Event = {}  #: the last step
        self.verdict = ""  #: what the run came to, in a sentence
        self.truncation = ""  #: how many pairs are longer than the run reads, in a sentence
        self.cut_off: Event = {}  #: the same in numbers
        self.baselines_known = ""  #: in which earlier run its baselines were measured, in a sentence
        self.measured_by: Event = {}  #: that run, and when
        self.in_both: dict[str, int] | None = None  #: ``count`` of the ``validation`` pairs that are trained on
        self.ended_by = ""  #: class of the error that ended it
        self.seconds = 0.0  #: time at work, pauses and interruptions left out
        self.left_out = 0  #: lines that are damaged
        self._last: Event = {}
        self._offset = 0
        self._steps, self._losses = array("q"), array("d")  # of every step that was read
        self._lock = Lock()

    def since(self, cursor: Cursor) -> dict[str, Any]:
        """Status, latest step, and the entries that a viewer with ``cursor`` lacks.

        Raises:
            RunError: the run's status cannot be read.
        """
        with self._lock:
            self._read()
            fresh = cursor.generation == self.generation
            have = cursor if fresh else Cursor()
            series = self.series
            status = self.run.status
            return {
                "run": self.run.id,
                "generation": self.generation,
                "state": status.state,
                "phase": status.phase,
                "message": status.said,
                "progress": status.progress,
                "step": self.latest.get("step", 0),
                "total_steps": self.latest.get("total_steps", status.total_steps),
                "epoch": self.latest.get("epoch", 0.0),
                "examples_per_second": self.latest.get("examples_per_second"),
                "seconds_left": self.latest.get("seconds_left"),
                "seconds": round(self.seconds, 1),
                "points": series.points[have.points :],
                "evaluations": series.evaluations[have.evaluations :],
                "baselines": series.baselines[have.baselines :],
                "watched": series.watched[have.watched :],
                "watched_pairs": series.watched_pairs if have.watched == 0 else [],
                "verdict": self.verdict,
                "truncation": self.truncation,
                "baselines_known": self.baselines_known,
                "in_both": self.in_both,
                "ended_by": self.ended_by,
            }

    def has_steps(self) -> bool:
        """Whether a step of training has been taken, however the run went on from there."""
        with self._lock:
            self._read()
            return bool(self.latest)

    def seconds_at_work(self) -> float:
        """How long the run has been at work by now."""
        with self._lock:
            self._read()
            return self.seconds

    def _read(self) -> None:
        """Take in the whole lines that have been written since the last time; damaged ones are left out."""
        try:
            with open_file(self.run.event_log.path) as file:
                file.seek(self._offset)
                content = file.read(MAX_BYTES)
        except OSError:
            return
        whole = content.rfind(b"\n") + 1
        if not whole and len(content) == MAX_BYTES:  # no line of ours is as long
            whole = MAX_BYTES
        self._offset += whole
        for line in content[:whole].split(b"\n")[:-1]:
            event = parse(line)
            if event is not None and can_be_drawn(event):
                self._take(event)
            else:
                self.left_out += 1

    def _take(self, event: Event) -> None:
        kind = event["kind"]
        self._count_time(event)
        if kind == "step":
            self._take_step(event)
        elif kind == "resumed":
            self._rewind(event["step"])
        elif kind == "evaluation":
            self.series.evaluations.append(_without_envelope(event, "step", "epoch", *SCORES, "is_best"))
        elif kind == "baseline":
            self._take_baseline(_without_envelope(event, "name", *SCORES))
        elif kind == "truncation":
            self.truncation, self.cut_off = event["message"], _all_of(event, CUT_OFF)
        elif kind == "baselines_known":
            self.baselines_known, self.measured_by = event["message"], _all_of(event, MEASURED_BY)
        elif kind == "watched_pairs":
            self.series.watched_pairs = event["pairs"]
        elif kind == "watched":
            self._take_watched(event["step"], event["probabilities"])
        elif kind == "in_both":
            self.in_both = {name: event[name] for name in ("count", "validation")}
        elif kind == "end":
            self.ended_by = event.get("error", "")
        elif kind == "phase":
            self._begin_phase(event)

    def _begin_phase(self, event: Event) -> None:
        self.ended_by = ""  # a run that ended has been resumed
        if event["phase"] in ("saving", "done"):
            self._close_bucket()
            self.verdict = event.get("verdict", "")

    def _count_time(self, event: Event) -> None:
        last, self._last = self._last, event
        if last and not last.get("paused") and not _begins_a_process(event):
            self.seconds += _seconds_between(last, event)

    def _take_step(self, event: Event) -> None:
        step = event["step"]
        if self._steps and step <= self._steps[-1]:  # the line that said so is damaged
            self._rewind(step - 1)
        self._steps.append(step)
        self._losses.append(event["loss"])
        self.latest = event
        if event["step"] % bucket_size(event["total_steps"]) == 0:
            self._close_bucket()

    def _close_bucket(self) -> None:
        """Draw the steps since the last point, if there are any."""
        points = self.series.points
        losses = self._losses[self._place_after(points[-1][0]) if points else 0 :]
        if losses:
            points.append((self.latest["step"], round(fmean(losses), 5), self.latest["learning_rate"]))

    def _take_baseline(self, baseline: Event) -> None:
        """A resumed run measures its baselines again, with the same outcome."""
        if all(known["name"] != baseline["name"] for known in self.series.baselines):
            self.series.baselines.append(baseline)

    def _take_watched(self, step: int, probabilities: list[float]) -> None:
        """A run that begins again looks again, with the same outcome."""
        watched = self.series.watched
        if not watched or step > watched[-1][0]:
            watched.append((step, probabilities))

    def _place_after(self, step: int) -> int:
        """Where in ``_losses`` those of the steps after ``step`` begin."""
        return bisect_right(self._steps, step)

    def _rewind(self, step: int) -> None:
        """The run goes on from a checkpoint at ``step``: what came after it is void.

        So is a point for part of a bucket, drawn when training seemed to be over.
        """
        self.generation += 1
        series, latest = self.series, self.latest
        if latest:
            size = bucket_size(latest["total_steps"])
            series.points = [point for point in series.points if point[0] <= step and point[0] % size == 0]
            self.latest = {**latest, "step": step, "epoch": latest["epoch"] * step / max(latest["step"], 1)}
        place = self._place_after(step)
        del self._steps[place:], self._losses[place:]
        series.evaluations = [entry for entry in series.evaluations if entry["step"] <= step]
        series.watched = [entry for entry in series.watched if entry[0] <= step]


def _without_envelope(event: Event, *needed: str) -> Event:
    """What an event says; numbers that it has beside the keys it needs are passed on, such as a metric added later."""
    rest = {key: value for key, value in event.items() if key not in ENVELOPE and isinstance(value, int | float)}
    return {key: event[key] for key in needed} | rest


def _all_of(event: Event, names: Sequence[str]) -> Event:
    """Some fields of an event; none where one of them lacks, or where it holds a sentence alone."""
    return {name: event[name] for name in names} if set(names) <= event.keys() else {}


class Feeds:
    """The feeds of the runs that were watched last, and nothing about older ones."""

    def __init__(self, *stores: RunStore) -> None:
        self._stores = stores
        self._feeds: OrderedDict[str, RunFeed] = OrderedDict()
        self._lock = Lock()

    def of(self, run_id: str) -> RunFeed:
        """The feed of a run.

        Raises:
            RunError: there is no such run.
        """
        run = self._open(run_id)
        with self._lock:
            feed = self._feeds.pop(run_id, None) or RunFeed(run)
            self._feeds[run_id] = feed
            while len(self._feeds) > FEEDS_KEPT:
                self._feeds.popitem(last=False)
            return feed

    def _open(self, run_id: str) -> Run:
        *others, last = self._stores
        for store in others:
            with suppress(RunError):
                return store.open(run_id)
        return last.open(run_id)


def _begins_a_process(event: Event) -> bool:
    """Whether a run begins here, or goes on after it was interrupted: the time before was none at work."""
    return bool(event.get("elapsed") == 0 or event.get("phase") == "loading")


def _seconds_between(earlier: Event, later: Event) -> float:
    """Seconds between two events of one process; by the wall clock in runs of versions that noted nothing else."""
    name = "elapsed" if "elapsed" in earlier and "elapsed" in later else "time"
    return float(later[name] - earlier[name])


@cache
def bucket_size(total_steps: int) -> int:
    """Steps that one point stands for: the smallest power of two that keeps a run within ``MAX_POINTS`` points."""
    size = 1
    while total_steps > size * MAX_POINTS:
        size *= 2
    return size
