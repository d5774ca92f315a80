"""A run that only pretends to train, and viewers that watch one as the page does: for benchmarks and tests."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Event
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from qlora_core.config import make_config
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.ui.train.live_news import ADDRESS

STEPS_AN_EPOCH = 1000
PATIENCE = 60.0  #: seconds that a viewer waits for an answer
SERIES = ("points", "evaluations", "baselines", "watched")


class SimulatedRun:
    """A run whose process is this one; its events are written here, an evaluation after each epoch."""

    def __init__(self, store: RunStore, total_steps: int) -> None:
        self.run: Run = store.create(make_config(num_train_epochs=max(1, total_steps // STEPS_AN_EPOCH)))
        self.run.hand_over(os.getpid())
        self.run.set_status(phase="training", message="Training")
        self.total_steps, self.steps = total_steps, 0

    def take(self, steps: int) -> None:
        """Write the events of so many steps."""
        events = []
        for _ in range(steps):
            self.steps += 1
            events.append({"kind": "step", **self._step()})
            if self.steps % STEPS_AN_EPOCH == 0:
                scores = {"accuracy": 0.6, "f1": 0.7, "loss": 0.6, "is_best": True}
                events.append(
                    {"kind": "evaluation", "step": self.steps, "epoch": self.steps / STEPS_AN_EPOCH, **scores}
                )
        self.run.event_log.append(events)

    def end(self) -> None:
        """The run is over."""
        self.run.set_status(state="stopped", phase="done", message="Simulated")

    def _step(self) -> dict[str, Any]:
        return {
            "step": self.steps,
            "total_steps": self.total_steps,
            "epoch": self.steps / STEPS_AN_EPOCH,
            "loss": 0.7 - self.steps / 50_000,
            "learning_rate": 2e-4,
            "grad_norm": 1.0,
            "examples_per_second": 50.0,
            "seconds_left": 10.0,
        }


def components(url: str) -> dict[str, int]:
    """The numbers under which the page at ``url`` knows its elements, by their ids."""
    with urlopen(f"{url}config", timeout=PATIENCE) as answer:
        found = json.load(answer)["components"]
    return {one["props"]["elem_id"]: int(one["id"]) for one in found if one["props"].get("elem_id")}


@contextmanager
def in_threads(works: Sequence[Callable[[Event], None]]) -> Iterator[None]:
    """Each in a thread of its own while the block runs, then told to end; raises what any of them raised."""
    done = Event()
    with ThreadPoolExecutor(max(1, len(works))) as threads:
        at_work = [threads.submit(work, done) for work in works]
        try:
            yield
        finally:
            done.set()
        for future in at_work:
            future.result()


class Viewer:
    """Asks for what it lacks, over one connection, as a browser does."""

    def __init__(self, url: str, run_id: str) -> None:
        self.sizes: list[int] = []  #: bytes of each answer
        self.delays: list[float] = []  #: seconds until each answer
        self.points: list[list[float]] = []  #: of the loss, as they came
        self._have = {"generation": 0, **dict.fromkeys(SERIES, 0)}
        self.again_in = 0.0  #: seconds after which the server wants to be asked again
        self._secret = secrets.token_urlsafe(24)
        self._run_id = run_id
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)

    def poll(self) -> dict[str, Any]:
        """One answer.

        Raises:
            ValueError: the server answered with an error.
        """
        began = time.monotonic()
        content = self.post(ADDRESS, have=self._have)
        self.delays.append(time.monotonic() - began)
        told: dict[str, Any] = json.loads(content)
        if "error" in told:
            raise ValueError(told["error"])
        self.again_in = told["again_in"]
        self.sizes.append(len(content))
        self.points += told["points"]
        self._have["generation"] = told["generation"]
        for series in SERIES:
            self._have[series] += len(told[series])
        return told

    def post(self, address: str, **more: object) -> bytes:
        """What is answered to a question about the run."""
        asked = {"run": self._run_id, "secret": self._secret, **more}
        self._connection.request("POST", f"/{address}", json.dumps(asked))
        return self._connection.getresponse().read()

    def watch(self, done: Event) -> None:
        """Poll until ``done``, as often as the server wants it."""
        self.poll()
        while not done.wait(self.again_in):
            self.poll()
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
