"""The process that carries out a run: started, and ended where it does not end itself."""

import math
import os
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

import psutil

from qlora_core.child_process import child_environment, module_command
from qlora_core.errors import QLoRAError
from qlora_core.server.processes.forking import ForkedProcess, ForkServer
from qlora_core.store.run import Run

#: The program that carries out a run.
RUN_PROCESS = "qlora_core.training.run_process"
NICENESS = 10


@dataclass
class Worker:
    """A run's process that this server started."""

    run: Run
    process: subprocess.Popen[bytes] | ForkedProcess
    over_since: float | None = None  #: time.monotonic() when its run was first seen not to be at work any more

    def seen_at_work(self) -> None:
        """Its run was seen at work."""
        self.over_since = None

    def seconds_over(self) -> float:
        """Its run was seen not to be at work; returns for how long that has been so, infinite if it was deleted."""
        if not self.run.exists:
            return math.inf
        now = time.monotonic()
        if self.over_since is None:
            self.over_since = now
        return now - self.over_since

    def end(self) -> None:
        """End it from outside, and wait until it has ended."""
        kill(self.process.pid)
        self.process.wait()


def start_worker(run: Run, fork_server: ForkServer | None) -> Worker:
    """Start a run's process, as a fork where there is a server for that, and hand the run over to it.

    Raises:
        QLoRAError, OSError: that failed; no process is left.
    """
    with run.open_worker_log() as output:
        process = _fork(fork_server, run, output) or _start_afresh(run, output)
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)  # training takes what the page leaves over
        run.hand_over(process.pid)
    except (QLoRAError, OSError):
        process.kill()
        process.wait()
        raise
    return Worker(run, process)


def worker_command(run: Run) -> list[str]:
    """The command line of the process that carries out ``run``."""
    return module_command(RUN_PROCESS, str(run.path.resolve()))


def _fork(fork_server: ForkServer | None, run: Run, output: IO[bytes]) -> ForkedProcess | None:
    if fork_server is None:
        return None
    return fork_server.fork(RUN_PROCESS, str(run.path.resolve()), output=output)


def _start_afresh(run: Run, output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        worker_command(run),
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # a Ctrl-C in the server's terminal is the server's to pass on
    )


def kill(pid: int) -> None:
    """End a worker and what it has started, such as the process that reloads its adapter."""
    with suppress(psutil.NoSuchProcess):
        worker = psutil.Process(pid)
        for process in (worker, *worker.children(recursive=True)):
            process.kill()
