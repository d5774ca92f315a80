"""Programs as forks of a process that has the libraries loaded: handled as processes of one's own, and as lasting."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from qlora_core.child_process import module_command
from qlora_core.config import make_config
from qlora_core.server import queue as job_queue
from qlora_core.server.processes import worker as worker_module
from qlora_core.server.processes.forking import NICENESS, UNKNOWN_STATUS, ForkedProcess, ForkServer
from qlora_core.server.queue import JobQueue
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import wait_until
from tests.server.conftest import finish, wait_for, works

PROGRAM = "tests.server.processes.forked_program"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")


def light(**changes: Any) -> ForkServer:
    """A fork server that has loaded no libraries."""
    return ForkServer(module_command("tests.server.processes.light_fork_server"), **changes)


@pytest.fixture
def fork_server() -> Iterator[ForkServer]:
    server = light()
    server.start()
    yield server
    server.close()


@pytest.fixture
def fork(fork_server: ForkServer, tmp_path: Path) -> Callable[..., ForkedProcess]:
    """Forks the program of the tests, which prints into ``output.txt``."""

    def ask(*arguments: str) -> ForkedProcess:
        wait_until(fork_server.is_ready)
        with (tmp_path / "output.txt").open("ab") as output:
            process = fork_server.fork(PROGRAM, *arguments, output=output)
        assert process is not None
        return process

    return ask


def server_process(fork_server: ForkServer) -> psutil.Process:
    return psutil.Process(fork_server.pid)


def test_a_program_runs_as_in_a_process_of_its_own(
    fork: Callable[..., ForkedProcess], fork_server: ForkServer, tmp_path: Path
) -> None:
    process = fork("describe", "a b", "ü")
    assert process.wait(60) == 0
    description, errors = (tmp_path / "output.txt").read_text(encoding="utf-8").splitlines()
    about = json.loads(description)
    assert about.pop("nice") >= NICENESS
    assert about == {
        "pid": process.pid,
        "parent": server_process(fork_server).pid,
        "session": process.pid,
        "arguments": ["a b", "ü"],
        "default_signals": [True, True],
        "name": "__main__",
    }
    assert errors == "to the errors"


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_exit_status_is_the_programs(status: int, fork: Callable[..., ForkedProcess]) -> None:
    process = fork("exit", str(status))
    assert process.wait(60) == status
    assert (process.poll(), process.returncode) == (status, status)


def test_a_program_that_fails_says_why(fork: Callable[..., ForkedProcess], tmp_path: Path) -> None:
    assert fork("fail").wait(60) == 1
    assert (tmp_path / "output.txt").read_text(encoding="utf-8").endswith("ValueError: as asked for\n")


def test_each_of_several_tells_its_own_end(fork: Callable[..., ForkedProcess], tmp_path: Path) -> None:
    processes = [fork("wait for", str(tmp_path / str(number))) for number in range(3)]
    assert [process.poll() for process in processes] == [None] * 3
    for number in (1, 2, 0):
        (tmp_path / str(number)).touch()
        assert processes[number].wait(60) == 0
    assert len({process.pid for process in processes}) == 3


def test_a_program_is_asked_to_end(fork: Callable[..., ForkedProcess], tmp_path: Path) -> None:
    process = fork("wait for", str(tmp_path / "nothing"))
    process.terminate()
    assert process.wait(60) == -signal.SIGTERM
    process.terminate()  # a number that may be another's by now is left alone


def test_a_program_that_does_not_listen_is_killed(fork: Callable[..., ForkedProcess], tmp_path: Path) -> None:
    process = fork("ignore SIGTERM")
    wait_until(lambda: "ready" in (tmp_path / "output.txt").read_text(encoding="utf-8"))
    process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL


def test_no_zombie_is_left(fork: Callable[..., ForkedProcess], fork_server: ForkServer) -> None:
    process = fork("exit", "0")
    process.wait(60)
    assert not psutil.pid_exists(process.pid)
    assert server_process(fork_server).children() == []


@pytest.mark.parametrize("end", [ForkServer.close, lambda server: server_process(server).kill()])
def test_a_program_outlives_the_fork_server(
    end: Callable[[ForkServer], None],
    fork: Callable[..., ForkedProcess],
    fork_server: ForkServer,
    tmp_path: Path,
) -> None:
    process, gone = fork("wait for", str(tmp_path / "signal")), server_process(fork_server)
    end(fork_server)
    wait_until(lambda: not gone.is_running() or gone.status() == psutil.STATUS_ZOMBIE)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    (tmp_path / "signal").touch()
    assert process.wait(60) == UNKNOWN_STATUS
    with (tmp_path / "output.txt").open("ab") as output:
        assert fork_server.fork(PROGRAM, "exit", "0", output=output) is None


def test_a_program_outlives_whoever_asked_for_it_and_the_fork_server_does_not(tmp_path: Path) -> None:
    script = f"""
import os, signal, sys, time
from qlora_core.child_process import module_command
from qlora_core.server.processes.forking import ForkServer
server = ForkServer(module_command("tests.server.processes.light_fork_server"))
server.start()
with open(os.devnull, "wb") as output:
    while (process := server.fork({PROGRAM!r}, "wait for", sys.argv[1], output=output)) is None: time.sleep(0.01)
print(server.pid, process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "signal")]
    printed = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, check=False).stdout
    server, program = map(psutil.Process, map(int, printed.split()))
    wait_until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
    assert program.is_running()
    (tmp_path / "signal").touch()
    wait_until(lambda: not program.is_running() or program.status() == psutil.STATUS_ZOMBIE)


def test_nothing_is_forked_before_the_libraries_are_loaded_or_after_they_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (tmp_path / "output.txt").open("ab") as output:
        server = ForkServer([sys.executable, "-c", f"import time\nwhile not open({str(output.name)!r}).read(): pass"])
        assert server.fork(PROGRAM, "exit", "0", output=output) is None
        server.start()
        assert server.fork(PROGRAM, "exit", "0", output=output) is None
        assert caplog.records == []
        output.write(b"go on")
        output.flush()
        assert server._process is not None
        server._process.wait(60)
        assert server.fork(PROGRAM, "exit", "0", output=output) is None
    assert "Runs are started afresh" in caplog.text
    server.close()


def test_a_fork_server_that_is_closed_is_not_started(fork_server: ForkServer) -> None:
    fork_server.close()
    fork_server.start()
    assert server_process_is_gone(fork_server)


def server_process_is_gone(fork_server: ForkServer) -> bool:
    assert fork_server._process is not None
    return fork_server._process.poll() is not None


class StandIns(ForkServer):
    """Forks a stand-in for every run."""

    behaviour = "obey"

    def __init__(self) -> None:
        super().__init__(module_command("tests.server.processes.light_fork_server"))
        self.forked: list[int] = []

    def fork(self, module: str, *arguments: str, output: Any, channel: Any = None) -> ForkedProcess | None:
        assert channel is None
        assert module == worker_module.RUN_PROCESS
        process = super().fork(PROGRAM, "as a worker", *arguments, self.behaviour, output=output)
        self.forked += [process.pid] if process is not None else []
        return process


@pytest.fixture
def stand_ins() -> Iterator[StandIns]:
    server = StandIns()
    server.start()
    wait_until(server.is_ready)
    yield server
    server.close()


@pytest.fixture
def queue(store: RunStore, stand_ins: StandIns) -> Iterator[JobQueue]:
    """A queue at work whose runs are forked."""
    queue = JobQueue(store, stand_ins, poll_seconds=0.01)
    queue.start()
    yield queue
    queue.close()


def test_the_queue_forks_its_runs_one_after_the_other(queue: JobQueue, stand_ins: StandIns) -> None:
    runs = [queue.submit(make_config(), name) for name in "ab"]
    for run in runs:
        wait_for(run)
        assert psutil.Process(run.status.pid).nice() >= worker_module.NICENESS
        finish(run)
    assert [run.status.pid for run in runs] == stand_ins.forked


def test_a_forked_run_stops_when_it_is_asked_to(queue: JobQueue) -> None:
    run = queue.submit(make_config())
    wait_for(run)
    queue.stop(run.id)
    wait_until(lambda: run.status.state == "stopped")


def test_a_closing_queue_interrupts_a_forked_run(queue: JobQueue) -> None:
    run = queue.submit(make_config())
    wait_for(run)
    queue.close()
    assert run.status.state == "interrupted"


@pytest.mark.parametrize("behaviour", ["deaf", "linger"])
def test_a_forked_run_that_does_not_end_is_killed(
    behaviour: str, queue: JobQueue, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PATIENCE_SECONDS", "SHUTDOWN_SECONDS"):
        monkeypatch.setattr(job_queue, name, 0.2)
    stand_ins.behaviour = behaviour
    run = queue.submit(make_config())
    wait_for(run)
    (pid,) = stand_ins.forked
    queue.stop(run.id)
    wait_until(lambda: not psutil.pid_exists(pid))
    wait_until(lambda: not works(run))


def test_a_forked_run_that_crashes_counts_as_interrupted(queue: JobQueue, stand_ins: StandIns) -> None:
    stand_ins.behaviour = "crash"
    run = queue.submit(make_config())
    wait_until(lambda: run.status.state == "interrupted")


def test_the_next_server_finds_a_forked_run_and_lets_it_finish(store: RunStore, stand_ins: StandIns) -> None:
    first = JobQueue(store, stand_ins, poll_seconds=0.01)
    first.start()
    run = first.submit(make_config())
    wait_for(run)
    first._closed.set()  # as if it was killed: it tells nobody
    server_process(stand_ins).kill()
    later = JobQueue(store, poll_seconds=0.01)
    later.start()
    found = later.at_work()
    assert found is not None
    assert found.id == run.id
    finish(run)
    wait_until(lambda: later.at_work() is None)
    later.close()


def test_a_queue_whose_fork_server_is_not_ready_starts_its_run_afresh(
    store: RunStore, worker: Callable[[str], None]
) -> None:
    del worker
    slow = ForkServer([sys.executable, "-c", "import signal; signal.pause()"])
    slow.start()
    queue = JobQueue(store, slow, poll_seconds=0.01)
    queue.start()
    run = queue.submit(make_config())
    wait_for(run)
    assert psutil.Process(run.status.pid).ppid() == os.getpid()
    queue.close()
    slow.close()


@pytest.fixture(scope="module")
def loaded(environment: dict[str, str]) -> Iterator[ForkServer]:
    """A fork server with the real libraries."""
    del environment
    server = ForkServer()
    server.start()
    yield server
    server.close()


@pytest.mark.process
def test_a_forked_run_ends_with_the_weights_of_any_other(
    loaded: ForkServer, finished_run: Run, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run = store.create(finished_run.config)
    log = run.path / "worker.log"
    wait_until(loaded.is_ready, 240)
    with log.open("ab") as output:
        process = loaded.fork(worker_module.RUN_PROCESS, str(run.path), output=output)
    assert process is not None
    before = psutil.Process(process.pid).cpu_times()
    assert before.user + before.system < 1.0
    run.hand_over(process.pid)
    assert process.wait(240) == 0, log.read_text(encoding="utf-8")
    name = "adapter_model.safetensors"
    assert (run.adapter_dir / name).read_bytes() == (finished_run.adapter_dir / name).read_bytes()
    assert (run.result or {})["metrics"] == (finished_run.result or {})["metrics"]
    assert (run.result or {})["reload"]["verified"]


CUDA_RECORDER = """
import sys, torch
asked = []
def record(name):
    def ask(*_, **__):
        asked.append(name)
        return False if name == "is_available" else 0
    return ask
for name in ("is_available", "device_count", "current_device", "get_device_properties", "get_device_capability",
             "_lazy_init", "init", "is_bf16_supported", "mem_get_info"):
    setattr(torch.cuda, name, record(name))
torch.accelerator.current_accelerator = lambda *_, **__: torch.device("cuda")
from qlora_core.server.processes.fork_server import load_libraries
load_libraries()
loaded = [name for name in ("torch", "datasets", "transformers", "bitsandbytes", "peft") if name in sys.modules]
print(asked, loaded)
"""


@pytest.mark.process
def test_a_gpu_is_left_to_the_runs() -> None:
    """CUDA cannot be used in a fork of a process that asked for it."""
    command = [sys.executable, "-c", CUDA_RECORDER]
    shown = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, check=True, text=True).stdout
    assert shown.splitlines()[-1] == "[] ['torch', 'datasets', 'transformers']"


def test_threads_may_ask_at_once(fork: Callable[..., ForkedProcess]) -> None:
    fork("exit", "0").wait(60)
    ended: list[int] = []
    threads = [threading.Thread(target=lambda n=n: ended.append(fork("exit", str(n)).wait(60))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == list(range(8))
