"""A process is told from every other, and is the same one however the clock is set."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from qlora_core.config import make_config
from qlora_core.store import process_identity
from qlora_core.store.process_identity import identify, is_running
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import SetClock
from tests.store.test_run import change_json

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until the test ends."""
    with subprocess.Popen([sys.executable, "-S", "-E", "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize("seconds", [-3600.0, -1.0, 1.0, 3600.0])
def test_a_process_stays_the_same_when_the_clock_is_set(seconds: float, set_clock: SetClock) -> None:
    before = identify(os.getpid())
    set_clock(seconds)
    assert identify(os.getpid()) == before
    assert is_running(os.getpid(), before)


def test_processes_started_one_after_the_other_differ(child: subprocess.Popen[bytes]) -> None:
    assert identify(child.pid) == identify(child.pid) != identify(os.getpid())


def test_another_process_of_the_same_number_is_another(child: subprocess.Popen[bytes]) -> None:
    assert not is_running(os.getpid(), identify(child.pid))


def test_a_process_that_was_killed_and_not_waited_for_runs_no_more(child: subprocess.Popen[bytes]) -> None:
    identity = identify(child.pid)
    os.kill(child.pid, 9)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert not is_running(child.pid, identity)
    child.wait()
    assert not is_running(child.pid, identity)


@pytest.mark.parametrize("pid", [2**31 - 1, 2**22 + 1])
def test_a_number_of_no_process_is_refused(pid: int) -> None:
    with pytest.raises(psutil.NoSuchProcess):
        identify(pid)
    assert not is_running(pid, "x")


@linux
def test_a_program_with_spaces_and_brackets_in_its_name_is_identified(tmp_path: Path) -> None:
    program = tmp_path / "a) b (1 2"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "60"]) as process:
        try:
            started = psutil.Process(process.pid)._proc.create_time(monotonic=True)
            assert int(identify(process.pid).split()[-1]) == round(started * os.sysconf("SC_CLK_TCK"))
        finally:
            process.kill()


@linux
def test_the_same_number_and_moment_after_another_start_of_the_machine_is_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identify(os.getpid())
    (tmp_path / "boot_id").write_text("another\n", encoding="ascii")
    monkeypatch.setattr(process_identity, "BOOT_ID", tmp_path / "boot_id")
    assert not is_running(os.getpid(), before)


@linux
def test_a_system_that_tells_no_boot_id_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_identity, "BOOT_ID", tmp_path / "nothing")
    assert is_running(os.getpid(), identify(os.getpid()))


def test_other_systems_note_a_start_that_does_not_move(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    identity = identify(child.pid)
    set_clock(3600)
    assert is_running(child.pid, identity)
    assert not is_running(os.getpid(), identity)


@pytest.mark.parametrize("seconds", [-2.0, 2.0])
def test_a_run_at_work_is_at_work_when_the_clock_is_set(seconds: float, store: RunStore, set_clock: SetClock) -> None:
    run = store.create(make_config())
    run.hand_over(os.getpid())
    set_clock(seconds)
    assert Run(run.path).status.state == "running"


def test_a_run_whose_process_number_was_given_to_another_is_interrupted(
    store: RunStore, child: subprocess.Popen[bytes]
) -> None:
    run = store.create(make_config())
    run.hand_over(os.getpid())
    change_json(run.path / "status.json", pid_identity=identify(child.pid))
    assert run.status.state == "interrupted"
