"""One run on disk: written whole, read back after any end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from qlora_core.config import make_config
from qlora_core.errors import RunError, StorageError
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.store.status import Status

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")


@pytest.fixture
def run(store: RunStore) -> Run:
    """A new run."""
    return store.create(make_config())


@pytest.fixture
def other_process() -> Iterator[psutil.Popen]:
    """A process that lives until the test ends."""
    with psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        if process.poll() is None:
            process.kill()


def change_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def test_a_new_run_waits_and_remembers_what_was_asked(store: RunStore) -> None:
    config = make_config("notebook", seed=3, max_train_samples=100)
    run = store.open(store.create(config).id)
    assert run.config == config
    assert (run.status.state, run.status.phase, run.result, run.environment) == ("queued", "queued", None, {})
    assert list(run.events()) == []


def test_a_run_of_another_process_is_read_back(store: RunStore, run: Run) -> None:
    run.write_environment({"python": "3"})
    run.append_event("phase", message="é")
    run.set_status(state="paused", step=5, total_steps=9, pid=os.getpid(), pid_started=psutil.Process().create_time())
    again = RunStore(store.folder).open(run.id)
    assert (again.status.state, again.status.step, again.status.total_steps) == ("paused", 5, 9)
    assert again.environment == {"python": "3"}
    assert [event["message"] for event in again.events()] == ["é"]


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_run_is_alive_while_its_process_is(state: str, run: Run, other_process: psutil.Popen) -> None:
    run.set_status(state=state, pid=other_process.pid, pid_started=other_process.create_time(), step=7)
    assert run.status.state == state
    other_process.kill()
    other_process.wait()
    assert (run.status.state, run.status.message) == (
        "interrupted",
        "Its process ended at step 7 without a word. It can be resumed.",
    )


def test_a_killed_process_that_nobody_waited_for_is_no_longer_alive(run: Run, other_process: psutil.Popen) -> None:
    run.set_status(state="running", pid=other_process.pid, pid_started=other_process.create_time())
    os.kill(other_process.pid, 9)
    os.waitid(os.P_PID, other_process.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(other_process.pid).status() == psutil.STATUS_ZOMBIE
    assert run.status.state == "interrupted"


def test_another_process_with_the_same_number_is_not_mistaken_for_the_run(run: Run) -> None:
    run.set_status(state="running", pid=os.getpid(), pid_started=psutil.Process().create_time() - 60)
    assert run.status.state == "interrupted"


@pytest.mark.parametrize("pid", [None, 2**31 - 1])
def test_a_process_that_does_not_exist_is_not_alive(pid: int | None, run: Run) -> None:
    change_json(run.path / "status.json", state="running", pid=pid, pid_started=1.0)
    assert run.status.state == "interrupted"


@pytest.mark.parametrize("state", ["queued", "stopped", "failed", "finished", "interrupted"])
def test_a_state_that_needs_no_process_is_kept_without_one(state: str, run: Run) -> None:
    run.set_status(state=state, pid=2**31 - 1, pid_started=1.0)
    assert run.status.state == state


def test_interruption_is_read_off_and_never_written(run: Run) -> None:
    run.set_status(state="running", pid=2**31 - 1, pid_started=1.0)
    before = (run.path / "status.json").read_bytes()
    assert run.status.state == "interrupted"
    assert (run.path / "status.json").read_bytes() == before


def test_claiming_makes_this_process_the_worker_and_forgets_old_requests(run: Run) -> None:
    run.request("stop")
    run.claim()
    assert (run.status.state, run.status.pid, run.requested()) == ("running", os.getpid(), "run")


def test_a_run_at_work_elsewhere_cannot_be_claimed(run: Run, other_process: psutil.Popen) -> None:
    run.set_status(state="running", pid=other_process.pid, pid_started=other_process.create_time())
    with pytest.raises(RunError, match=r"is already running in another process\.$"):
        run.claim()
    other_process.kill()
    other_process.wait()
    run.claim()
    assert run.status.pid == os.getpid()


def test_a_status_keeps_what_was_not_changed(run: Run) -> None:
    created = run.status.created
    run.set_status(phase="training", step=3)
    run.set_status(message="Going on")
    status = run.status
    assert (status.phase, status.step, status.message, status.created) == ("training", 3, "Going on", created)
    assert status.updated >= created


def test_a_status_that_makes_no_sense_is_not_written(run: Run) -> None:
    before = (run.path / "status.json").read_bytes()
    with pytest.raises(ValueError, match="state"):
        run.set_status(state="dancing")
    assert (run.path / "status.json").read_bytes() == before


@needs_dev_full
@pytest.mark.parametrize("name", ["status.json", "result.json", "environment.json", "predictions.parquet", "control"])
def test_a_full_disk_leaves_every_file_of_a_run_as_it_was(name: str, run: Run) -> None:
    (run.path / name).touch()
    before = (run.path / name).read_bytes()
    (run.path / f".{name}.tmp").symlink_to("/dev/full")
    writers: dict[str, Any] = {
        "status.json": lambda: run.set_status(step=1),
        "result.json": lambda: run.finish({"x": 1}, state="finished", message="Finished"),
        "environment.json": lambda: run.write_environment({"x": 1}),
        "predictions.parquet": lambda: run.write_predictions({"idx": [1]}),
        "control": lambda: run.request("stop"),
    }
    with pytest.raises(StorageError, match="the disk is full"):
        writers[name]()
    assert (run.path / name).read_bytes() == before
    assert run.status.state == "queued"


def test_a_finished_run_has_its_result_and_no_checkpoint(run: Run) -> None:
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    run.finish({"accuracy": 0.5}, state="stopped", message="Stopped early")
    assert (run.result, run.status.state, run.status.phase) == ({"accuracy": 0.5}, "stopped", "done")
    assert not run.checkpoint_path.exists()


def test_predictions_are_read_back_as_a_table(run: Run) -> None:
    columns = {"idx": [4, 9], "label": [0, 1], "probability_finetuned": [0.25, 0.75]}
    run.write_predictions(columns)
    assert pq.read_table(run.path / "predictions.parquet").to_pydict() == columns


def test_a_request_is_what_was_asked_last(run: Run) -> None:
    assert run.requested() == "run"
    for control in ("pause", "stop", "run", "run"):
        run.request(control)
        assert run.requested() == control


def test_a_status_read_while_it_is_replaced_is_always_whole(run: Run) -> None:
    script = (
        "import sys; from pathlib import Path; from qlora_core.store.run import Run\n"
        "for step in range(300): Run(Path(sys.argv[1])).set_status(step=step, message='m' * 5000)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(run.path)]) as writer:
        steps = [0]
        while writer.poll() is None:
            steps.append(run.status.step)
    assert writer.returncode == 0
    assert steps == sorted(steps)
    assert run.status.step == 299


def test_a_status_cannot_be_changed_in_memory() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Status(state="queued", created=0, updated=0).step = 1  # type: ignore[misc]


def test_a_run_that_goes_on_without_a_gpu_is_on_loan_no_more(store: RunStore) -> None:
    run = store.create(make_config(), on_loan=True)
    run.claim()
    assert (run.status.state, run.status.on_loan) == ("running", False)
