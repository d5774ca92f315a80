"""Runs that wait for their turn, with a stand-in for the worker: it obeys the store at once and learns nothing."""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import QueueError, RunError, StorageError
from qlora_core.server import queue as job_queue
from qlora_core.server.processes import worker as worker_module
from qlora_core.server.queue import JobQueue
from qlora_core.server.turns import hold, is_ready
from qlora_core.server.zerogpu.loans import take
from qlora_core.store import run as run_module
from qlora_core.store import status as status_module
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import largest_file, wait_until
from tests.server.conftest import config, finish, ids, wait_for, works


def leave_checkpoint(run: Run) -> None:
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()


def test_many_who_look_at_the_queue_read_it_once(idle: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (idle.submit(make_config(seed=seed), str(seed)) for seed in (1, 2))
    reads = []
    real = JobQueue._statuses
    monkeypatch.setattr(JobQueue, "_statuses", lambda queue: reads.append(1) or real(queue))  # type: ignore[func-returns-value]
    monkeypatch.setattr("qlora_core.server.queue.SEEN_SECONDS", 60.0)
    for _ in range(30):
        assert ids(idle.seen().waiting) == [first.id, second.id]
    assert len(reads) == 1
    idle.stop(first.id)
    assert ids(idle.seen().waiting) == [second.id]
    third = idle.submit(make_config(seed=3), "3")
    assert ids(idle.seen().waiting) == [second.id, third.id]
    assert idle.seen().at_work is None


def test_runs_wait_in_the_order_they_came(idle: JobQueue) -> None:
    runs = [idle.submit(config(), f"visitor {number}") for number in range(5)]
    assert ids(idle.waiting()) == ids(runs)
    assert [idle.place(run.id) for run in runs] == [1, 2, 3, 4, 5]
    assert idle.at_work() is None


def test_runs_are_carried_out_one_after_the_other_in_that_order(queue: JobQueue) -> None:
    runs = [queue.submit(config(), f"visitor {number}") for number in range(3)]
    for number, run in enumerate(runs):
        wait_for(run)
        assert [each.status.state for each in runs[number + 1 :]] == ["queued"] * (2 - number)
        assert queue.place(run.id) is None
        assert [queue.place(each.id) for each in runs[number + 1 :]] == list(range(1, 3 - number))
        assert queue.at_work() is not None
        finish(run)
    wait_until(lambda: queue.at_work() is None)
    assert [run.status.state for run in runs] == ["finished"] * 3


def test_a_worker_takes_what_the_page_leaves_over(queue: JobQueue) -> None:
    run = queue.submit(config())
    wait_for(run)
    assert psutil.Process(run.status.pid).nice() == worker_module.NICENESS


def test_a_visitor_has_one_run_in_the_queue(idle: JobQueue) -> None:
    run = idle.submit(config(1), "me")
    with pytest.raises(QueueError, match=r"^You have a run in the queue already\."):
        idle.submit(config(2), "me")
    assert ids(idle.waiting()) == [run.id]
    assert ids(idle.store.runs()) == [run.id]


def test_a_visitor_whose_run_is_at_work_may_queue_the_next(queue: JobQueue) -> None:
    first = queue.submit(config(1), "me")
    wait_for(first)
    second = queue.submit(config(2), "me")
    assert ids(queue.waiting()) == [second.id]
    with pytest.raises(QueueError):
        queue.submit(config(3), "me")


def test_a_double_click_gets_the_same_run(idle: JobQueue) -> None:
    run = idle.submit(config(), "me")
    assert idle.submit(config(), "me").id == run.id
    assert ids(idle.store.runs()) == [run.id]


def test_a_double_click_gets_the_run_that_has_just_started(queue: JobQueue) -> None:
    run = queue.submit(config(), "me")
    wait_for(run)
    assert queue.submit(config(), "me").id == run.id


def test_the_same_settings_later_are_another_run(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    run = queue.submit(config(), "me")
    wait_for(run)
    monkeypatch.setattr(job_queue, "DOUBLE_CLICK_SECONDS", 0.0)
    assert queue.submit(config(), "me").id != run.id


@pytest.mark.parametrize(("first", "second"), [("me", "you"), ("", ""), ("me", "")])
def test_other_visitors_get_runs_of_their_own(first: str, second: str, idle: JobQueue) -> None:
    assert idle.submit(config(), first).id != idle.submit(config(), second).id
    assert len(idle.waiting()) == 2


def test_thirty_visitors_at_once_get_thirty_places(idle: JobQueue) -> None:
    barrier = threading.Barrier(30)

    def ask(number: int) -> None:
        barrier.wait()
        idle.submit(config(), f"visitor {number}")
        idle.submit(config(), f"visitor {number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(idle.store.runs()) == 30
    assert sorted(idle.place(run.id) or 0 for run in idle.store.runs()) == list(range(1, 31))


def test_the_queue_has_room_for_so_many_runs(store: RunStore) -> None:
    queue = JobQueue(store, max_waiting=2)
    first, _ = queue.submit(config(), "a"), queue.submit(config(), "b")
    with pytest.raises(QueueError, match=r"^The queue is full: 2 runs wait\. Try again when some have started\.$"):
        queue.submit(config(), "c")
    assert queue.submit(config(), "a").id == first.id  # a double click
    queue.stop(first.id)
    queue.submit(config(), "c")


def test_runs_that_are_asked_for_together_let_single_runs_of_others_pass(idle: JobQueue) -> None:
    together = idle.submit_together([make_config(seed=seed) for seed in (1, 2, 3)], "a teacher")
    single = idle.submit(make_config(seed=4), "a student")
    assert ids(idle.waiting()) == ids([together[0], single, *together[1:]])
    with pytest.raises(QueueError, match="a run in the queue already"):
        idle.submit(make_config(seed=5), "a teacher")


def test_a_double_click_gets_the_same_runs_together(idle: JobQueue) -> None:
    configs = [make_config(seed=seed) for seed in (1, 2)]
    assert ids(idle.submit_together(configs, "a")) == ids(idle.submit_together(configs, "a"))


def test_of_runs_that_are_asked_for_together_all_are_made_or_none(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, real = JobQueue(store, max_waiting=3), RunStore.create
    queue.submit(make_config(), "first")
    with pytest.raises(QueueError, match="room for 2 more, and these are 3"):
        queue.submit_together([make_config(seed=seed) for seed in (1, 2, 3)], "second")

    def create(store: RunStore, config: RunConfig, *arguments: Any, **more: Any) -> Run:
        if config.seed == 2:
            raise StorageError("The disk is full.")
        return real(store, config, *arguments, **more)

    monkeypatch.setattr(RunStore, "create", create)
    with pytest.raises(StorageError):
        queue.submit_together([make_config(seed=seed) for seed in (1, 2)], "second")
    assert len(store.runs()) == len(queue.waiting()) == 1


def test_an_address_without_a_secret_has_one_run_in_the_queue(idle: JobQueue) -> None:
    first = idle.submit(config(1), "made up 1", address="10.0.0.1")
    with pytest.raises(QueueError, match=r"^A run that was started from your address without a secret waits already\."):
        idle.submit(config(2), "made up 2", address="10.0.0.1")
    idle.submit(config(2), "made up 3", address="10.0.0.2")
    idle.submit(config(2), "of somebody's own at the same address")
    idle.stop(first.id)
    idle.submit(config(3), "made up 4", address="10.0.0.1")


def test_a_run_that_cannot_be_started_lets_others_go_first(
    idle: JobQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job_queue, "RETRY_SECONDS", 0.01)
    damaged, whole = idle.submit(config(), "me"), idle.submit(config(), "you")
    (damaged.path / "worker.log").mkdir()
    idle.start()
    wait_for(whole)
    assert damaged.status.state == "queued"
    assert len(caplog.records) == 1
    (damaged.path / "worker.log").rmdir()
    finish(whole)
    wait_for(damaged)


def test_a_turn_reads_each_waiting_run_once_and_none_that_did_not_change(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 10**10)  # ten seconds later: every file has settled
    looks, reads = [], []
    status, read = Run.status, run_module.read_json
    queue = JobQueue(store)
    runs = [queue.submit(config(), str(number)) for number in range(5)]
    for run in runs:
        run.request("pause")  # so that no turn starts one
    monkeypatch.setattr(Run, "status", property(lambda run: looks.append(run.id) or status.fget(run)))  # type: ignore[attr-defined, func-returns-value]
    for module in (run_module, status_module):
        monkeypatch.setattr(module, "read_json", lambda path: reads.append(path.name) or read(path))  # type: ignore[func-returns-value]
    queue._turn()
    looks.clear()
    reads.clear()
    queue._turn()
    assert looks == ids(runs)
    assert reads == []


def test_a_run_taken_off_the_queue_is_never_started(queue: JobQueue) -> None:
    first, second, third = (queue.submit(config(), name) for name in "abc")
    wait_for(first)
    queue.stop(second.id)
    assert (second.status.state, second.status.phase, second.result) == ("stopped", "done", None)
    assert second.status.message == "Taken off the queue; nothing was learned."
    assert queue.place(third.id) == 1
    finish(first)
    wait_for(third)
    assert second.status.pid is None


def test_a_run_taken_off_the_queue_that_has_learned_something_can_go_on_later(idle: JobQueue) -> None:
    run = idle.submit(config())
    leave_checkpoint(run)
    run.set_status(state="interrupted")
    idle.resume(run.id)
    idle.stop(run.id)
    assert run.status.state == "interrupted"
    assert run.status.message == "Taken off the queue. It can be resumed."
    idle.resume(run.id)
    assert (run.status.state, run.requested()) == ("queued", "run")


@pytest.mark.parametrize("paused", [False, True])
def test_a_stop_reaches_the_run_at_work(paused: bool, queue: JobQueue) -> None:
    run = queue.submit(config())
    wait_for(run)
    if paused:
        queue.pause(run.id)
        wait_until(lambda: run.status.state == "paused")
    queue.stop(run.id)
    wait_until(lambda: run.status.state == "stopped")
    assert queue.at_work() is None


def test_a_run_at_work_rests_and_goes_on(queue: JobQueue) -> None:
    run, other = queue.submit(config(), "me"), queue.submit(config(), "you")
    wait_for(run)
    queue.pause(run.id)
    wait_until(lambda: run.status.state == "paused")
    at_work = queue.at_work()
    assert at_work is not None
    assert (at_work.id, queue.place(other.id)) == (run.id, 1)
    queue.resume(run.id)
    wait_until(lambda: run.status.state == "running")


def test_a_run_held_in_the_queue_keeps_its_place_while_others_go_first(queue: JobQueue) -> None:
    first, held, other = (queue.submit(config(), name) for name in "abc")
    queue.pause(held.id)
    wait_for(first)
    finish(first)
    wait_for(other)
    assert (held.status.state, queue.place(held.id)) == ("queued", 1)
    last = queue.submit(config(), "d")
    assert queue.place(last.id) == 2
    queue.resume(held.id)
    finish(other)
    wait_for(held)
    assert last.status.state == "queued"


@pytest.mark.parametrize("action", ["pause", "stop", "resume"])
@pytest.mark.parametrize("state", ["finished", "stopped"])
def test_a_run_that_is_over_is_left_alone(state: str, action: str, idle: JobQueue) -> None:
    run = idle.submit(config())
    run.set_status(state=state)
    with pytest.raises(RunError, match=f"^Run {run.id} is {state}; there is nothing to {action}"):
        getattr(idle, action)(run.id)


@pytest.mark.parametrize("action", ["pause", "stop", "resume"])
@pytest.mark.parametrize("run_id", ["nobody", "../../etc", ""])
def test_a_run_that_does_not_exist_is_refused(run_id: str, action: str, idle: JobQueue) -> None:
    with pytest.raises(RunError, match=r"^There is no run"):
        getattr(idle, action)(run_id)


def test_a_killed_run_goes_to_the_end_of_the_queue_when_resumed(queue: JobQueue) -> None:
    run, second = queue.submit(config(), "me"), queue.submit(config(), "you")
    wait_for(run)
    third = queue.submit(config(), "they")
    psutil.Process(run.status.pid).kill()
    wait_until(lambda: run.status.state == "interrupted")
    wait_for(second)
    queue.resume(run.id)
    assert ids(queue.waiting()) == [third.id, run.id]
    finish(second)
    wait_for(third)
    finish(third)
    wait_for(run)
    finish(run)


def test_a_failed_run_can_be_tried_again(queue: JobQueue) -> None:
    run = queue.submit(config())
    wait_for(run)
    psutil.Process(run.status.pid).kill()
    wait_until(lambda: run.status.state == "interrupted")
    run.set_status(state="failed", message="The disk is full.", progress=0.5)
    queue.resume(run.id)
    wait_for(run)
    assert run.status.progress is None


def test_a_worker_that_cannot_start_leaves_the_queue_to_others(queue: JobQueue, worker: Callable[[str], None]) -> None:
    worker("crash")
    run = queue.submit(config(), "me")
    wait_until(lambda: run.status.state == "interrupted")
    worker("obey")
    other = queue.submit(config(), "you")
    wait_for(other)


def test_what_a_worker_says_is_kept(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-S", "-E", "-c", "import sys; sys.exit('no torch here')"]
    monkeypatch.setattr(worker_module, "worker_command", lambda _: command)
    run = queue.submit(config())
    wait_until(lambda: run.status.state == "interrupted")
    assert (run.path / "worker.log").read_text(encoding="utf-8") == "no torch here\n"


def test_a_hung_worker_that_is_asked_to_stop_is_ended(
    queue: JobQueue, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_queue, "PATIENCE_SECONDS", 0.3)
    worker("deaf")
    run = queue.submit(config())
    wait_for(run)
    pid = run.status.pid
    queue.stop(run.id)
    wait_until(lambda: run.status.message == "It did not answer and was ended. It can be resumed.")
    assert run.status.state == "interrupted"
    wait_until(lambda: not psutil.pid_exists(pid))


def test_a_hung_worker_that_is_not_asked_to_stop_is_left_alone(
    queue: JobQueue, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_queue, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(job_queue, "SHUTDOWN_SECONDS", 0.0)
    worker("deaf")
    run = queue.submit(config())
    wait_until(lambda: works(run))
    turns, turn = [], queue._turn

    def counted() -> None:
        turn()
        turns.append(run)

    monkeypatch.setattr(queue, "_turn", counted)
    wait_until(lambda: len(turns) > 3)  # it has looked at the worker since
    assert run.status.state == "running"


@pytest.mark.timing
def test_a_run_that_rested_long_gets_the_time_to_stop(
    idle: JobQueue, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker("deaf")
    idle.start()
    run = idle.submit(config())
    wait_for(run)
    run.set_status(state="paused")
    monkeypatch.setattr(job_queue, "PATIENCE_SECONDS", 1.0)
    wait_until(lambda: time.time() - run.status.updated > 1.2)
    idle.stop(run.id)
    asked = time.monotonic()
    wait_until(lambda: run.status.state == "interrupted")
    assert time.monotonic() - asked > 0.9


def test_a_hung_worker_of_an_earlier_server_is_ended_as_well(
    queue: JobQueue, store: RunStore, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker("deaf")
    run = queue.submit(config())
    wait_for(run)
    monkeypatch.setattr(queue, "_turn", lambda: None)  # as if that server were gone
    monkeypatch.setattr(job_queue, "PATIENCE_SECONDS", 0.3)
    later = JobQueue(store, poll_seconds=0.01)
    later.start()
    later.stop(run.id)
    wait_until(lambda: run.status.message == "It did not answer and was ended. It can be resumed.")
    assert run.status.state == "interrupted"
    later.close()


def test_a_worker_that_lingers_after_its_run_is_ended_before_the_next(
    queue: JobQueue, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_queue, "SHUTDOWN_SECONDS", 0.2)
    worker("linger")
    first, second = queue.submit(config(), "me"), queue.submit(config(), "you")
    wait_for(first)
    process = psutil.Process(first.status.pid)
    finish(first)
    wait_for(second)
    assert not process.is_running()


def test_closing_interrupts_the_run_at_work_and_the_next_server_goes_on(idle: JobQueue, store: RunStore) -> None:
    idle.start()
    first, second, third = (idle.submit(config(), name) for name in "abc")
    wait_for(first)
    pid = first.status.pid
    idle.close()
    assert not psutil.pid_exists(pid)
    assert [run.status.state for run in (first, second, third)] == ["interrupted", "queued", "queued"]
    later = JobQueue(store, poll_seconds=0.01)
    later.start()
    wait_for(second)
    later.resume(first.id)
    assert ids(later.waiting()) == [third.id, first.id]
    later.close()


def test_closing_ends_a_worker_that_does_not_listen(
    idle: JobQueue, worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_queue, "SHUTDOWN_SECONDS", 0.2)
    worker("deaf")
    idle.start()
    run = idle.submit(config())
    wait_for(run)
    idle.close()
    assert run.status.state == "interrupted"


def test_a_run_of_a_server_that_was_killed_is_adopted(
    queue: JobQueue, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = queue.submit(config(), "me"), queue.submit(config(), "you")
    wait_for(first)
    monkeypatch.setattr(queue, "_turn", lambda: None)  # as if that server were gone
    later = JobQueue(store, poll_seconds=0.01)
    later.start()
    at_work = later.at_work()
    assert at_work is not None
    assert (at_work.id, ids(later.waiting())) == (first.id, [second.id])
    with pytest.raises(QueueError):
        later.submit(config(2), "you")
    finish(first)
    wait_for(second)
    later.close()


def test_a_run_whose_folder_is_deleted_makes_room_for_the_next(queue: JobQueue) -> None:
    first, second, third = (queue.submit(config(), name) for name in "abc")
    wait_for(first)
    process = psutil.Process(first.status.pid)
    second.delete()
    for path in sorted(first.path.iterdir()):
        path.unlink()
    first.path.rmdir()
    wait_for(third)
    assert not process.is_running()
    assert ids(queue.store.runs()) == [third.id]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "dancing"}', '{"state": "queued"}'])
@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_status_stops_nobody_else(
    content: str, which: int, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_queue, "SHUTDOWN_SECONDS", 0.2)
    monkeypatch.setattr(job_queue, "RETRY_SECONDS", 0.05)
    runs = [queue.submit(config(), name) for name in "abc"]
    wait_until(lambda: works(runs[0]))
    rest = [run for number, run in enumerate(runs) if number != which]
    with queue._lock:  # the stand-in for the worker ends over a damaged status, and the queue would go on
        (runs[which].path / "status.json").write_text(content, encoding="utf-8")
        assert queue.place(runs[2].id) == (1 if which else 2)
    queue.submit(config(), "d")
    for run in rest:
        wait_for(run)
        finish(run)


def test_a_run_that_could_not_be_read_for_a_moment_keeps_its_place(idle: JobQueue) -> None:
    first, second = idle.submit(config(), "me"), idle.submit(config(), "you")
    status = first.path / "status.json"
    content = status.read_bytes()
    status.write_bytes(b"")
    idle.submit(config(), "they")
    assert idle.place(second.id) == 1
    status.write_bytes(content)
    assert (idle.place(first.id), idle.place(second.id)) == (1, 2)


def test_a_damaged_run_does_not_keep_a_server_from_starting(idle: JobQueue) -> None:
    damaged, whole = idle.submit(config(), "me"), idle.submit(config(), "you")
    (damaged.path / "status.json").write_text("{", encoding="utf-8")
    later = JobQueue(idle.store, poll_seconds=0.01)
    later.start()
    wait_for(whole)
    later.close()


@pytest.mark.parametrize("name", ["status.json", "config.json"])
def test_a_run_that_is_damaged_when_a_server_starts_has_its_turn_once_it_is_repaired(
    name: str, idle: JobQueue, store: RunStore
) -> None:
    run = idle.submit(config(), "me")
    content = (run.path / name).read_bytes()
    (run.path / name).write_bytes(b"{")
    later = JobQueue(RunStore(store.folder))
    later.read()
    assert later.waiting() == []
    (run.path / name).write_bytes(content)
    assert ids(later.waiting()) == [run.id]


def test_a_disk_that_is_full_for_a_while_is_logged_and_tried_again(
    idle: JobQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job_queue, "RETRY_SECONDS", 0.05)
    hand_over, workers, refusals = Run.hand_over, [], 2

    def refuse(run: Run, pid: int) -> None:
        workers.append(psutil.Process(pid))
        if len(workers) <= refusals:
            raise StorageError("status.json could not be written: the disk is full or not writable.")
        hand_over(run, pid)

    monkeypatch.setattr(Run, "hand_over", refuse)
    idle.start()
    run = idle.submit(config())
    wait_for(run)
    assert [process.is_running() for process in workers] == [False, False, True]
    assert [record.message for record in caplog.records] == [
        "The queue could not do its turn and tries again in 0.05 s."
    ] * refusals


def test_a_machine_that_has_no_room_for_a_process_is_tried_again(
    idle: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_queue, "RETRY_SECONDS", 0.05)
    popen, calls = subprocess.Popen, []

    def refuse(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return popen(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", refuse)
    idle.start()
    run = idle.submit(config())
    wait_for(run)
    assert len(calls) == 2


@pytest.mark.parametrize("size", [0, 500])
def test_a_run_that_cannot_be_written_whole_is_none(size: int, idle: JobQueue) -> None:
    with largest_file(size), pytest.raises(StorageError, match="the disk is full"):
        idle.submit(config(), "me")
    assert (idle.waiting(), idle.store.runs(), idle.store.damaged()) == ([], [], [])
    assert idle.submit(config(), "me").is_owned_by("me")


def test_a_worker_finds_the_package_wherever_the_server_was_started(
    idle: JobQueue, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import importlib.util, sys; sys.exit('found' if importlib.util.find_spec('qlora_core') else 'missing')"
    monkeypatch.setattr(worker_module, "worker_command", lambda _: [sys.executable, "-c", script])
    store.folder.mkdir()
    monkeypatch.chdir(store.folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    idle.start()
    run = idle.submit(config())
    wait_until(lambda: run.status.state == "interrupted")
    assert (run.path / "worker.log").read_text(encoding="utf-8") == "found\n"


def test_a_run_on_loan_neither_waits_nor_keeps_others_waiting(queue: JobQueue) -> None:
    lent = queue.store.create(config(), "me", on_loan=True)
    take(lent)
    queue.read()
    assert (queue.at_work(), queue.waiting()) == (None, [])
    other = queue.submit(config(1), "me")
    wait_for(other)
    assert lent.status.state == "borrowing"
    finish(other)


def test_a_run_whose_loan_is_over_goes_on_on_the_cpu(queue: JobQueue) -> None:
    run = queue.store.create(config(), on_loan=True)
    queue.resume(run.id)
    wait_for(run)
    assert not run.status.on_loan
    assert [each.id for each in (queue.at_work(),) if each] == [run.id]
    finish(run)


def test_a_run_that_waits_for_guesses_lets_others_pass_until_it_is_begun(queue: JobQueue) -> None:
    held = queue.submit(config(1), "teacher", fill=lambda run: hold(run, 3600.0))
    other = queue.submit(config(2), "somebody")
    wait_for(other)
    finish(other)
    wait_until(lambda: queue.at_work() is None)
    assert held.status.state == "queued"
    queue.resume(held.id)
    wait_for(held)
    assert held.status.held_until == 0


def test_a_run_that_waits_for_guesses_does_not_wait_forever(queue: JobQueue) -> None:
    held = queue.submit(config(1), "teacher", fill=lambda run: hold(run, 0.05))
    wait_for(held)
    assert held.requested() == "run"


def test_a_held_run_that_is_paused_rests_until_it_is_resumed(idle: JobQueue) -> None:
    held = idle.submit(config(1), "teacher", fill=lambda run: hold(run, 0.0))
    assert is_ready(held, held.status.held_until)
    idle.pause(held.id)
    assert not is_ready(held, held.status.held_until)
