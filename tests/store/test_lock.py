"""One server works with a store, and one process with a run; the kernel keeps the locks."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.errors import ConfigError, RunError, StoreError
from qlora_core.store.lock import ServerLock, alone_in
from qlora_core.store.runs import RunStore

HOLD = """
import sys
from pathlib import Path
from qlora_core.store.lock import ServerLock
ServerLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
input()
"""


def test_a_second_server_is_told_who_works_with_the_store(tmp_path: Path) -> None:
    first, second = ServerLock(tmp_path / "runs"), ServerLock(tmp_path / "runs")
    first.acquire()
    with pytest.raises(StoreError, match=rf"^Another server \(process \d+\) works with the runs in {tmp_path}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_killed_server_leaves_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        with pytest.raises(StoreError, match=rf"process {server.pid}\)"):
            ServerLock(tmp_path).acquire()
        server.kill()
        server.wait()
    lock = ServerLock(tmp_path)
    lock.acquire()
    lock.release()


def test_a_folder_that_cannot_be_made_is_said_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=rf"{tmp_path}/file is a file\. Name another folder with QLORA_RUNS_DIR\.$"):
        ServerLock(tmp_path / "file" / "runs").acquire()


def test_of_two_who_take_a_run_one_comes_too_late(store: RunStore) -> None:
    run = store.create(make_config())
    with subprocess.Popen([sys.executable, "-S", "-E", "-c", "input()"], stdin=subprocess.PIPE) as worker:
        barrier, refused = threading.Barrier(2), []

        def take() -> None:
            barrier.wait()
            try:
                RunStore(store.folder).open(run.id).claim()
            except RunError as error:
                refused.append(str(error))

        def hand_over() -> None:
            barrier.wait()
            try:
                RunStore(store.folder).open(run.id).hand_over(worker.pid)
            except RunError as error:
                refused.append(str(error))

        threads = [threading.Thread(target=take), threading.Thread(target=hand_over)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        worker.kill()
    assert refused == [f"Run {run.id} is already running in another process."]


def test_a_process_that_ended_takes_no_run(store: RunStore) -> None:
    run = store.create(make_config())
    with subprocess.Popen([sys.executable, "-S", "-E", "-c", ""]) as worker:
        pass
    with pytest.raises(RunError, match="ended as soon as it began"):
        run.hand_over(worker.pid)
    assert run.status.state == "queued"


def test_nobody_else_is_in_a_block_meanwhile(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def enter() -> None:
        for _ in range(200):
            with alone_in(tmp_path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
