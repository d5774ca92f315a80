"""A queue with a stand-in for the worker: it obeys the store at once and learns nothing."""

import sys
from collections.abc import Callable, Iterator

import pytest

from qlora_core.config import RunConfig, make_config
from qlora_core.server import queue as job_queue
from qlora_core.server.processes import worker as worker_module
from qlora_core.server.queue import JobQueue
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import wait_until
from tests.server.stand_in import WORKER


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Decides how the processes that are started from now on behave."""

    def choose(behaviour: str) -> None:
        def command(run: Run) -> list[str]:
            return [sys.executable, "-S", "-E", "-c", WORKER, str(run.path), behaviour]

        monkeypatch.setattr(worker_module, "worker_command", command)

    choose("obey")
    return choose


@pytest.fixture
def queue(store: RunStore, worker: Callable[[str], None]) -> Iterator[JobQueue]:
    """A queue at work."""
    del worker
    queue = JobQueue(store, poll_seconds=0.01)
    queue.start()
    yield queue
    queue.close()


@pytest.fixture
def idle(store: RunStore, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[JobQueue]:
    """A queue that is not started yet; at the end nobody waits for the workers that it started."""
    del worker
    queue = JobQueue(store, poll_seconds=0.01)
    yield queue
    monkeypatch.setattr(job_queue, "SHUTDOWN_SECONDS", 0.0)
    queue.close()


def config(number: int = 0) -> RunConfig:
    return make_config(seed=number)


def works(run: Run) -> bool:
    """Whether the run's process has begun."""
    return run.status.state == "running" and run.status.phase == "training"


def wait_for(run: Run) -> None:
    """Wait until the run's process has begun."""
    wait_until(lambda: works(run))


def finish(run: Run) -> None:
    (run.path / "finish").touch()
    wait_until(lambda: run.status.state == "finished")


def ids(runs: list[Run]) -> list[str]:
    return [run.id for run in runs]
