"""Whose a run is, which process carries it out, what was expected of it, and its removal."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from qlora_core.config import make_config
from qlora_core.errors import RunError, StorageError
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore


@pytest.fixture
def run(store: RunStore) -> Run:
    """A new run."""
    return store.create(make_config())


@pytest.fixture
def other_process() -> Iterator[psutil.Popen]:
    """A process that lives until the test ends."""
    with psutil.Popen([sys.executable, "-S", "-E", "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        if process.poll() is None:
            process.kill()


def test_a_run_belongs_to_whoever_knows_the_secret(store: RunStore) -> None:
    run = store.create(make_config(), "my secret")
    assert store.open(run.id).is_owned_by("my secret")
    assert not any(run.is_owned_by(other) for other in ("", "My secret", "my secret ", "\0", "é", "x" * 10_000))


def test_a_run_of_nobody_belongs_to_nobody(run: Run) -> None:
    assert not any(run.is_owned_by(secret) for secret in ("", "my secret"))


def test_an_owner_can_be_set_later(run: Run) -> None:
    run.set_owner("mine")
    assert run.is_owned_by("mine")


def test_the_secret_itself_is_not_written_down(store: RunStore) -> None:
    run = store.create(make_config(), "my secret")
    assert not any(b"my secret" in path.read_bytes() for path in run.path.iterdir())


def test_handing_over_makes_another_process_the_worker(run: Run, other_process: psutil.Popen) -> None:
    run.request("stop")
    run.hand_over(other_process.pid)
    status = run.status
    assert (status.state, status.phase, status.pid) == ("running", "loading", other_process.pid)
    assert run.requested() == "run"
    with pytest.raises(RunError, match=r"is already running in another process\.$"):
        run.claim()
    other_process.kill()
    other_process.wait()
    assert run.status.state == "interrupted"


def test_the_process_a_run_was_handed_to_claims_it_and_keeps_what_was_asked_since(run: Run) -> None:
    run.hand_over(os.getpid())
    run.request("stop")
    run.claim()
    assert (run.status.pid, run.requested()) == (os.getpid(), "stop")


def test_a_run_remembers_when_it_began_to_wait(run: Run) -> None:
    assert run.status.queued == run.status.created
    run.set_status(queued=5.0)
    assert (run.status.queued, run.status.progress) == (5.0, None)


@pytest.mark.parametrize("progress", [-0.1, 1.1, "half"])
def test_a_progress_that_is_no_share_is_not_written(progress: object, run: Run) -> None:
    with pytest.raises(ValueError, match="progress"):
        run.set_status(progress=progress)
    assert run.status.progress is None


def test_an_estimate_is_read_back(store: RunStore, run: Run) -> None:
    assert run.estimate is None
    run.write_estimate({"seconds": [60, 90]})
    assert store.open(run.id).estimate == {"seconds": [60, 90]}


@pytest.mark.parametrize("state", ["queued", "stopped", "failed", "finished", "interrupted"])
def test_a_deleted_run_is_gone_with_everything_in_it(state: str, store: RunStore, run: Run) -> None:
    run.adapter_dir.mkdir()
    (run.adapter_dir / "adapter_config.json").touch()
    run.set_status(state=state)
    run.delete()
    assert (store.runs(), store.damaged(), list(store.folder.iterdir())) == ([], [], [])
    with pytest.raises(RunError, match=r"^There is no run"):
        store.open(run.id)


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_run_at_work_is_not_deleted(state: str, store: RunStore, run: Run) -> None:
    run.hand_over(os.getpid())
    run.set_status(state=state)
    with pytest.raises(RunError, match=rf"^Run {run.id} is {state}\. Stop it first\.$"):
        run.delete()
    assert store.open(run.id).status.state == state


def test_a_run_that_was_half_removed_is_none(store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, f"Permission denied: {path}")

    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(StorageError):
        run.delete()
    assert store.runs() == []
