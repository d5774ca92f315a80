"""What watching costs: bytes a viewer, the server's processor time, and what viewers take from the training they watch.

    python -m benchmarks.live [--seconds N] [--rounds N] [--viewers N ...] [--steps N ...]

A server of this program (``python app.py``) and viewers that poll it once a second, as the page does. First they watch
a simulated run that already has so many steps and takes ten more a second. Then a real run trains beside the server,
with viewers and without, by turns, and its examples a second are compared.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil
from gradio_client import Client

from benchmarks.harness import Row, median, median_and_range, report, take_turns
from qlora_core.config import make_config
from qlora_core.run_store import Run, RunStore

APP = Path(__file__).resolve().parent.parent / "app.py"
START_SECONDS = 120.0
STEPS_A_SECOND = 10
WARM_UP_STEPS = 20
ALONE, WATCHED = "without viewers", "with viewers"


@dataclass
class Server:
    """One ``python app.py`` on a store of its own."""

    url: str
    store: RunStore
    process: psutil.Process

    def component(self) -> int:
        """The number under which the page knows the live view."""
        with urlopen(f"{self.url}config") as answer:
            components = json.load(answer)["components"]
        return int(next(one["id"] for one in components if one["props"].get("elem_id") == "live"))

    def cpu_seconds(self) -> float:
        """Processor time that the server itself has used; the runs' processes are not counted."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def serve() -> Iterator[Server]:
    """Start a server, and end it."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        settings = {"GRADIO_SERVER_PORT": str(port), "QLORA_RUNS_DIR": folder, "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen([sys.executable, str(APP)], env=os.environ | settings, stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}/"
        try:
            _wait_until_served(url)
            yield Server(url, RunStore(Path(folder)), psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait()


def _wait_until_served(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urlopen(url):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@dataclass
class Viewer:
    """Polls once a second, asking for what it lacks."""

    server: Server
    component: int
    run_id: str
    sizes: list[int] = field(default_factory=list)  #: bytes of each answer

    def watch(self, done: Event) -> None:
        """Until ``done``, over one connection, as a browser does."""
        have = {"generation": 0, "points": 0, "evaluations": 0, "baselines": 0, "watched": 0}
        about = {"session_hash": f"viewer{id(self)}", "component_id": self.component, "fn_name": "poll"}
        connection = HTTPConnection(urlsplit(self.server.url).netloc)
        while True:
            body = json.dumps({**about, "data": {"run": self.run_id, "have": have}})
            connection.request("POST", "/gradio_api/component_server", body, {"Content-Type": "application/json"})
            content = connection.getresponse().read()
            told = json.loads(content)
            self.sizes.append(len(content))
            have["generation"] = told["generation"]
            for series in ("points", "evaluations", "baselines", "watched"):
                have[series] += len(told[series])
            if done.wait(1.0):
                connection.close()
                return


@contextmanager
def watched_by(count: int, server: Server, run_id: str) -> Iterator[list[Viewer]]:
    """So many viewers, each in a thread, while the block runs."""
    done, component = Event(), server.component()
    viewers = [Viewer(server, component, run_id) for _ in range(count)]
    with ThreadPoolExecutor(max(1, count)) as threads:
        watching = [threads.submit(viewer.watch, done) for viewer in viewers]
        try:
            yield viewers
        finally:
            done.set()
        for future in watching:
            future.result()


class SimulatedRun:
    """A run whose process is this one, and which takes steps without training anything."""

    def __init__(self, store: RunStore, steps: int) -> None:
        self.run: Run = store.create(make_config())
        started = psutil.Process().create_time()
        self.run.set_status(state="running", phase="training", message="", pid=os.getpid(), pid_started=started)
        self.total = steps + 10_000
        self.steps = 0
        self.take(steps)

    def take(self, steps: int) -> None:
        """Write the events of some steps."""
        lines = [json.dumps(self._event(number)) for number in range(self.steps, self.steps + steps)]
        with self.run.events_path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        self.steps += steps

    def go_on(self, done: Event) -> None:
        """Take ``STEPS_A_SECOND`` until ``done``."""
        while not done.wait(1 / STEPS_A_SECOND):
            self.take(1)

    def _event(self, number: int) -> dict[str, Any]:
        figures = {"loss": 0.5, "learning_rate": 2e-4, "grad_norm": 1.0, "examples_per_second": 80.0}
        progress = {"step": number + 1, "total_steps": self.total, "epoch": number / 1000, "seconds_left": 60.0}
        return {"seq": number, "time": time.time(), "kind": "step", **progress, **figures}


def measure_viewers(server: Server, steps: int, viewers: int, seconds: float) -> Row:
    """Watch a simulated run for some seconds."""
    simulated, done = SimulatedRun(server.store, steps), Event()
    writer = Thread(target=simulated.go_on, args=(done,))
    writer.start()
    before, began = server.cpu_seconds(), time.monotonic()
    with watched_by(viewers, server, simulated.run.id) as watching:
        time.sleep(seconds)
    used, passed = server.cpu_seconds() - before, time.monotonic() - began
    done.set()
    writer.join()
    simulated.run.set_status(state="stopped", phase="done", message="")
    return {
        "bytes_to_attach": statistics.median(viewer.sizes[0] for viewer in watching),
        "bytes_a_tick": statistics.median(size for viewer in watching for size in viewer.sizes[1:]),
        "cpu_percent_a_viewer": 100 * used / passed / viewers,
    }


def measure_training(server: Server, viewers: int, seconds: float, rounds: int) -> dict[str, list[Row]]:
    """Examples a second of one real run, without viewers and with, by turns."""
    client = Client(server.url, verbose=False)
    settings = {"max_eval_samples": 16}  # so that hardly any time goes into answering them
    started = client.predict("minilm", "pairs", "standard", settings, "", api_name="/start_run")
    run = server.store.open(started["run_id"])
    while run.status.step < WARM_UP_STEPS:
        time.sleep(0.5)

    def measure(form: str) -> Row:
        with watched_by(viewers if form == WATCHED else 0, server, run.id):
            began = time.time()
            time.sleep(seconds)
            ended = time.time()
        steps = sum(event["kind"] == "step" and began <= event["time"] < ended for event in run.events())
        return {"examples_per_second": run.config.train_batch_size * steps / (ended - began)}

    found = take_turns([ALONE, WATCHED], rounds, measure)
    client.predict(run.id, "stop", started["secret"], api_name="/control_run")
    return found


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="each measurement lasts so long")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 10, 30])
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 1000, 10_000])
    options = parser.parse_args()
    sizes = {f"{steps} {viewers}": (steps, viewers) for steps in options.steps for viewers in options.viewers}
    with serve() as server:
        found = take_turns(
            list(sizes), options.rounds, lambda size: measure_viewers(server, *sizes[size], options.seconds)
        )
        training = measure_training(server, max(options.viewers), options.seconds, options.rounds)
    table = [
        {
            "steps so far": f"{sizes[size][0]:,}",
            "viewers": str(sizes[size][1]),
            "bytes to attach": median_and_range(rows, "bytes_to_attach", 0),
            "bytes a tick": median_and_range(rows, "bytes_a_tick", 0),
            "server CPU a viewer (% of a core)": median_and_range(rows, "cpu_percent_a_viewer", 2),
        }
        for size, rows in found.items()
    ]
    alone, watched = (median(training[form], "examples_per_second") for form in (ALONE, WATCHED))
    report("live", table, {"viewers": found, "training": training, "kept_of_training": watched / alone})
    print(
        f"A real run trained {median_and_range(training[ALONE], 'examples_per_second')} examples a second without "
        f"viewers and {median_and_range(training[WATCHED], 'examples_per_second')} with {max(options.viewers)}: "
        f"{1 - watched / alone:.1%} less.",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
