"""What watching costs: bytes a viewer, and the server's processor time.

    python -m benchmarks.live [--seconds N] [--rounds N] [--viewers N ...] [--steps N ...]

A server of this program (``python app.py``) and viewers that poll it as often as it wants, as the page does. They watch
a simulated run that already has so many steps and takes ten more a second. What viewers take from a real run is
measured by ``python -m benchmarks.rehearsal cost``.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from urllib.request import urlopen

import psutil

from benchmarks.harness import Row, median_and_range, report, take_turns
from benchmarks.watching import SimulatedRun, Viewer, in_threads
from qlora_core.store.runs import RunStore

APP = Path(__file__).resolve().parent.parent / "app.py"
START_SECONDS = 120.0
STEPS_A_SECOND = 10
MORE_STEPS = 10_000  #: that a simulated run would still take
WARM_UP_STEPS = 20  #: of a real run, before anything is measured beside it


@dataclass
class Server:
    """One ``python app.py`` on a store of its own."""

    url: str
    store: RunStore
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """Processor time that the server itself has used; the runs' processes are not counted."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def serve(app: Path = APP) -> Iterator[Server]:
    """Start a server of a checkout's ``app.py``, and end it."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        settings = {"GRADIO_SERVER_PORT": str(port), "QLORA_RUNS_DIR": folder, "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen([sys.executable, str(app)], env=os.environ | settings, stdout=subprocess.DEVNULL)
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


@contextmanager
def watched_by(count: int, server: Server, run_id: str) -> Iterator[list[Viewer]]:
    """So many viewers, each in a thread, while the block runs."""
    viewers = [Viewer(server.url, run_id) for _ in range(count)]
    with in_threads([viewer.watch for viewer in viewers]):
        yield viewers


def measure_viewers(server: Server, steps: int, viewers: int, seconds: float) -> Row:
    """Watch a simulated run for some seconds."""
    simulated, done = SimulatedRun(server.store, steps + MORE_STEPS), Event()
    simulated.take(steps)

    def go_on() -> None:
        while not done.wait(1 / STEPS_A_SECOND):
            simulated.take(1)

    writer = Thread(target=go_on)
    writer.start()
    before, began = server.cpu_seconds(), time.monotonic()
    with watched_by(viewers, server, simulated.run.id) as watching:
        time.sleep(seconds)
    used, passed = server.cpu_seconds() - before, time.monotonic() - began
    done.set()
    writer.join()
    simulated.end()
    return {
        "bytes_to_attach": statistics.median(viewer.sizes[0] for viewer in watching),
        "bytes_a_tick": statistics.median(size for viewer in watching for size in viewer.sizes[1:]),
        "cpu_percent_a_viewer": 100 * used / passed / viewers,
    }


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
    report("live", table, {"viewers": found})


if __name__ == "__main__":
    main()
