"""Students in front of their browsers: they open the page, follow a run, guess, judge and look at the room."""

import json
import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from benchmarks.watching import PATIENCE, Viewer, in_threads

Delays = dict[str, list[float]]
#: Nobody opens the page at the same moment as others.
SECONDS_TO_OPEN = (0.0, 1.0)
#: How long somebody thinks before a guess, and over a pair.
SECONDS_TO_GUESS, SECONDS_TO_JUDGE = (2.0, 20.0), (3.0, 10.0)


class Student:
    """One browser that does all that a class is asked to do, each thing once it can be done; ``seed`` decides when."""

    def __init__(self, url: str, run_id: str, seed: int) -> None:
        self.delays: Delays = {}  #: seconds until each answer, by what was asked
        self.refused: list[str] = []  #: what the server said instead of an answer
        self.judged = 0
        self._url, self._random = url, random.Random(seed)
        self._viewer = Viewer(url, run_id)
        self._seen: tuple[bool, bool] | None = None  #: whether the run took guesses, and whether it had ended
        self._pair: dict[str, Any] = {}  #: the one that is to be judged
        self._look_at = time.monotonic()
        self._guess_at, self._judge_at = self._after(SECONDS_TO_GUESS), self._after(SECONDS_TO_JUDGE)

    def follow(self, done: threading.Event) -> None:
        """Open the page and take part until ``done``."""
        done.wait(self._random.uniform(*SECONDS_TO_OPEN))
        with self._timed("page"), urlopen(self._url, timeout=PATIENCE) as page:
            page.read()
        while not done.wait(max(0.0, self._next() - time.monotonic())):
            now = time.monotonic()
            if now >= self._look_at:
                self._look()
            if self._may_guess and now >= self._guess_at:
                self._guess()
            if now >= self._judge_at:
                self._judge()
        self._viewer.close()

    @property
    def _may_guess(self) -> bool:
        return self._seen is not None and self._seen[0]

    def _next(self) -> float:
        """When there is something to do again."""
        return min(self._look_at, self._judge_at, self._guess_at if self._may_guess else math.inf)

    def _look(self) -> None:
        with self._timed("poll"):
            told = self._viewer.poll()
        self._look_at = time.monotonic() + self._viewer.again_in
        is_open, has_ended = told["class"]["open"], bool(told["verdict"]) or told["phase"] == "done"
        if self._seen != (is_open, has_ended):
            self._seen = (is_open, has_ended)
            self._ask("guesses")
            if has_ended:
                self._ask("room")

    def _guess(self) -> None:
        after = round(self._random.uniform(0.5, 0.95), 2)
        self._ask("guess", guess={"before": 0.5, "after": after})
        self._guess_at = math.inf

    def _judge(self) -> None:
        answer = {"pair": self._pair["pair"], "label": self._random.randrange(2)} if "pair" in self._pair else {}
        self._pair = self._ask("judge", **answer)
        self.judged = self._pair.get("done", self.judged)
        goes_on = "pair" in self._pair or "reading" in self._pair
        self._judge_at = self._after(SECONDS_TO_JUDGE) if goes_on else math.inf

    def _ask(self, name: str, **more: Any) -> dict[str, Any]:
        """What the page's scripts ask of a class; {} where it was refused."""
        with self._timed(name):
            told: dict[str, Any] = json.loads(self._viewer.post(f"class/{name}", **more))
        if "error" in told:
            self.refused.append(f"{name}: {told['error']}")
            return {}
        return told

    def _after(self, seconds: tuple[float, float]) -> float:
        return time.monotonic() + self._random.uniform(*seconds)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.delays.setdefault(name, []).append(time.monotonic() - began)


@contextmanager
def a_class(count: int, url: str, run_id: str) -> Iterator[list[Student]]:
    """So many students follow a run, each in a thread, while the block runs."""
    students = [Student(url, run_id, seed) for seed in range(count)]
    with in_threads([student.follow for student in students]):
        yield students


def all_delays(students: list[Student]) -> Delays:
    """Everybody's delays, by what was asked."""
    found: Delays = {}
    for student in students:
        for name, seconds in student.delays.items():
            found.setdefault(name, []).extend(seconds)
    return found
