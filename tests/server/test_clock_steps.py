"""The wall clock is set while runs wait and work: nothing is killed, nothing done twice, nothing out of turn."""

import time
from collections.abc import Callable

import psutil
import pytest

from qlora_core.errors import QueueError
from qlora_core.server import queue as job_queue
from qlora_core.server.queue import JobQueue
from qlora_core.store.runs import RunStore
from tests.conftest import SetClock, wait_until
from tests.server.conftest import config, finish, ids, wait_for

STEPS = [-3600.0, -2.0, 2.0, 3600.0]


@pytest.mark.parametrize("seconds", STEPS)
def test_a_worker_is_known_again_and_no_other_is_started_beside_it(
    seconds: float, idle: JobQueue, monkeypatch: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    monkeypatch.setattr(job_queue, "SHUTDOWN_SECONDS", 0.0)
    first, second = idle.submit(config(), "me"), idle.submit(config(), "you")
    idle._turn()
    wait_for(first)
    process = psutil.Process(first.status.pid)
    set_clock(seconds)
    for _ in range(3):
        idle._turn()
    assert process.is_running()
    assert (first.status.state, second.status.state) == ("running", "queued")


@pytest.mark.parametrize("seconds", STEPS)
def test_a_later_server_knows_the_worker_of_an_earlier_one(
    seconds: float, idle: JobQueue, store: RunStore, set_clock: SetClock
) -> None:
    first, second = idle.submit(config(), "me"), idle.submit(config(), "you")
    idle._turn()
    wait_for(first)
    set_clock(seconds)
    later = JobQueue(store)
    later._active = {run.id: run for run in store.runs()}
    later._turn()
    at_work = later.at_work()
    assert at_work is not None
    assert (at_work.id, ids(later.waiting())) == (first.id, [second.id])


def test_a_worker_that_was_asked_to_stop_keeps_its_time_when_the_clock_is_put_forward(
    idle: JobQueue, worker: Callable[[str], None], set_clock: SetClock
) -> None:
    worker("deaf")
    run = idle.submit(config())
    idle._turn()
    wait_for(run)
    idle.stop(run.id)
    set_clock(3600)
    for _ in range(3):
        idle._turn()
    assert run.status.state == "running"


def test_a_worker_that_was_asked_to_stop_is_ended_when_the_clock_is_put_back(
    idle: JobQueue, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    monkeypatch.setattr(job_queue, "PATIENCE_SECONDS", 0.1)
    worker("deaf")
    run = idle.submit(config())
    idle._turn()
    wait_for(run)
    idle.stop(run.id)
    set_clock(-3600)

    def is_ended() -> bool:
        idle._turn()
        return run.status.message == "It did not answer and was ended. It can be resumed."

    wait_until(is_ended, seconds=20)


def test_a_worker_gets_the_time_to_end_itself_when_the_clock_is_put_forward(
    idle: JobQueue, worker: Callable[[str], None], set_clock: SetClock
) -> None:
    worker("linger")
    run = idle.submit(config())
    idle._turn()
    wait_for(run)
    process = psutil.Process(run.status.pid)
    finish(run)
    set_clock(3600)
    for _ in range(3):
        idle._turn()
    assert process.is_running()


def test_a_double_click_is_one_when_the_clock_is_put_forward(idle: JobQueue, set_clock: SetClock) -> None:
    run = idle.submit(config(), "me")
    set_clock(3600)
    assert idle.submit(config(), "me").id == run.id


def test_the_same_settings_later_are_no_double_click_when_the_clock_is_put_back(
    idle: JobQueue, monkeypatch: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    idle.submit(config(), "me")
    monkeypatch.setattr(job_queue, "DOUBLE_CLICK_SECONDS", 0.0)
    set_clock(-3600)
    with pytest.raises(QueueError):
        idle.submit(config(), "me")


@pytest.mark.parametrize("seconds", STEPS)
def test_whoever_came_first_is_first_whatever_the_clock_says(
    seconds: float, idle: JobQueue, store: RunStore, set_clock: SetClock
) -> None:
    first = idle.submit(config(), "me")
    first.set_status(state="interrupted")
    second = idle.submit(config(), "you")
    set_clock(seconds)
    third = idle.submit(config(), "they")
    set_clock(2 * seconds)
    idle.resume(first.id)
    assert ids(idle.waiting()) == [second.id, third.id, first.id]
    later = JobQueue(store)
    later._active = {run.id: run for run in store.runs()}
    last = later.submit(config(), "she")
    assert ids(later.waiting()) == [second.id, third.id, first.id, last.id]


def test_runs_that_an_earlier_version_queued_come_first_in_the_order_of_its_clock(
    idle: JobQueue, store: RunStore
) -> None:
    old = [store.create(config(number)) for number in range(3)]  # no ticket, as in versions that gave none
    for run, queued in zip(old, (30.0, 10.0, 20.0), strict=True):
        run.set_status(queued=time.time() + queued)
    idle._active = {run.id: run for run in store.runs()}
    new = idle.submit(config(), "me")
    assert ids(idle.waiting()) == ids([old[1], old[2], old[0], new])
