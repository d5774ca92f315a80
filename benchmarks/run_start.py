"""CPU seconds until a run's process is ready, and until its first training step: started afresh, and as a fork.

    python -m benchmarks.run_start [--rounds N] [--base-model NAME] [--dataset NAME]

The two ways take turns. A run is small (64 pairs), begins as a server's runs do, and is ended after its first step.
"Ready" is when it says that it loads the base model. What the fork server takes, it takes once, before the first run.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from benchmarks.harness import Row, median, median_and_range, report, take_turns
from qlora_core.child_process import child_environment
from qlora_core.config import RunConfig, make_config
from qlora_core.server.processes.forking import ForkedProcess, ForkServer
from qlora_core.server.processes.worker import RUN_PROCESS, worker_command
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

AFRESH, FORKED = "started afresh", "as a fork"
POLL_SECONDS = 0.002
MAX_SECONDS = 600.0

Process = subprocess.Popen[bytes] | ForkedProcess


@contextmanager
def loaded_fork_server() -> Iterator[ForkServer]:
    """One that has the libraries loaded."""
    server = ForkServer()
    server.start()
    try:
        deadline = time.monotonic() + MAX_SECONDS
        while not server.is_ready():
            if time.monotonic() > deadline:
                raise SystemExit("The fork server did not get ready.")
            time.sleep(POLL_SECONDS)
        yield server
    finally:
        server.close()


def measure(form: str, server: ForkServer, config: RunConfig) -> Row:
    """CPU seconds of one run's process at its first words and at its first step."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        run = RunStore(Path(folder) / "runs").create(config)
        process = _start(form, server, run, log)
        run.hand_over(process.pid)
        try:
            ready = _cpu_seconds_at("phase", run, process)
            return {"ready": ready, "first step": _cpu_seconds_at("step", run, process)}
        finally:
            process.kill()
            process.wait()


def _start(form: str, server: ForkServer, run: Run, log: IO[bytes]) -> Process:
    if form == AFRESH:
        return subprocess.Popen(worker_command(run), env=child_environment(), stdout=log, stderr=log)
    process = server.fork(RUN_PROCESS, str(run.path), output=log)
    if process is None:
        raise SystemExit("The fork server does not answer.")
    return process


def _cpu_seconds_at(kind: str, run: Run, process: Process) -> float:
    """User's and system's, of all threads, when the run tells an event of this kind."""
    measured = psutil.Process(process.pid)
    while not any(event["kind"] == kind for event in run.events()):
        if process.poll() is not None:
            raise SystemExit(f"The run ended before its first {kind}: {run.status.message}")
        time.sleep(POLL_SECONDS)
    return cpu_seconds(measured)


def cpu_seconds(process: psutil.Process) -> float:
    """User's and system's, of all threads."""
    times = process.cpu_times()
    return float(times.user + times.system)


def compare(rounds: int, config: RunConfig) -> tuple[list[Row], Row]:
    """Both ways: as rows of a table, and as numbers."""
    with loaded_fork_server() as server:
        loader = psutil.Process(server.pid)
        once = {"cpu_seconds": cpu_seconds(loader), "memory_mb": loader.memory_info().rss / 1e6}
        found = take_turns([AFRESH, FORKED], rounds, lambda form: measure(form, server, config))
    table = [
        {
            "a run": form,
            **{
                f"CPU seconds until {moment}": median_and_range(rows, moment, 2)
                + f", {median(rows, moment) / median(found[AFRESH], moment):.0%}"
                for moment in ("ready", "first step")
            },
        }
        for form, rows in found.items()
    ]
    once_in_words = f"{once['cpu_seconds']:.2f}, once; it holds {once['memory_mb']:.0f} MB"
    table.append(
        {
            "a run": "(the fork server)",
            **dict.fromkeys(list(table[0])[1:], ""),
            "CPU seconds until ready": once_in_words,
        }
    )
    return table, {"forms": found, "fork_server": once}


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--base-model", default="minilm", help="a name from the catalog, or a folder")
    parser.add_argument("--dataset", default="pairs")
    options = parser.parse_args()
    config = make_config(
        base_model=options.base_model, dataset=options.dataset, max_train_samples=64, max_eval_samples=16
    )
    table, numbers = compare(options.rounds, config)
    report("run_start", table, numbers)


if __name__ == "__main__":
    main()
