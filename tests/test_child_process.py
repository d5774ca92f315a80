"""Processes of this package: how much memory they may take, and that they end with what started them."""

import subprocess
import sys

import psutil
import pytest

from qlora_core.child_process import LENT_ELSEWHERE, child_environment, gpus_are_lent
from qlora_core.config import make_config
from qlora_core.errors import RunFailure
from qlora_core.server import estimates
from qlora_core.store.runs import RunStore
from qlora_core.training import verify
from tests.conftest import ANSWER_IN_FRESH_PROCESS, wait_until


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_a_process_takes_the_memory_it_may_and_no_more() -> None:
    code = (
        "import sys; from qlora_core.child_process import limit_memory\n"
        "limit_memory(2**28); taken = bytearray(2**27)\n"
        "try: bytearray(2**28)\n"
        "except MemoryError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=child_environment(), check=False).returncode == 7


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""
CHILD = """
import signal
from qlora_core.child_process import end_with_parent
end_with_parent()
print("ready", flush=True)
while True: signal.pause()
"""


def test_a_killed_process_leaves_none_behind_that_is_to_end_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], env=child_environment(), stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def tell_what_input_is(*_: str) -> list[str]:
    code = "import os, stat, sys; sys.exit('a pipe' if stat.S_ISFIFO(os.fstat(0).st_mode) else 'no pipe')"
    return [sys.executable, "-S", "-E", "-c", code]


def test_verifying_and_measuring_end_with_what_started_them(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (verify, estimates):
        monkeypatch.setattr(module, "module_command", tell_what_input_is)
    run = store.create(make_config())
    with pytest.raises(RunFailure, match=r": a pipe$"):
        ANSWER_IN_FRESH_PROCESS(run, lambda *_: None)
    with pytest.raises(RunFailure, match=r"^a pipe$"):
        estimates.measure_cost(run.config)


def test_where_gpus_are_lent_a_child_has_none_and_is_not_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert "CUDA_VISIBLE_DEVICES" not in child_environment()
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    environment = child_environment(OTHER="1")
    assert "SPACES_ZERO_GPU" not in environment
    assert (environment["CUDA_VISIBLE_DEVICES"], environment["OTHER"]) == ("", "1")
    assert gpus_are_lent()
    monkeypatch.delenv("SPACES_ZERO_GPU")
    assert not gpus_are_lent()
    monkeypatch.setenv(LENT_ELSEWHERE, environment[LENT_ELSEWHERE])
    assert gpus_are_lent()  # as the doctor is told, which is a child
