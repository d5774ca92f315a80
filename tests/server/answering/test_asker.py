"""The page asks another process, which may die, hang or be ended, and is then replaced."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from qlora_core.config import RunConfig
from qlora_core.data.typed_pairs import Pair
from qlora_core.errors import DataError, HubError, QLoRAError, RunError, RunFailure
from qlora_core.evaluation.attribution import attribute
from qlora_core.evaluation.flips import read_validation_pairs
from qlora_core.evaluation.predictor import Predictor
from qlora_core.server.answering import asker as asker_module
from qlora_core.server.answering.asker import CLOSED, ENDED, TOO_SLOW, Asker
from qlora_core.server.answering.questions import ERRORS, FAILED, OUT_OF_MEMORY, Failure
from qlora_core.server.processes.forking import NICENESS, ForkServer
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import wait_until

PAIR: Pair = ("the ferry opened early on day 3", "the ferry closed early on day 3")
#: Answers whatever it is asked: with the number of its process, or as it is told.
STAND_IN = """
import json, os, signal, socket, sys
channel = socket.socket(fileno=os.dup(0))
behaviour = sys.argv[1]
for line in channel.makefile("rb"):
    asked = json.loads(line)
    if behaviour == "die":
        sys.exit(3)
    if behaviour == "hang":
        continue
    answer = {"step": os.getpid(), "answers": []}
    channel.sendall(json.dumps({"number": asked["number"], "answer": answer}).encode() + b"\\n")
"""


class StandIns:
    """Starts processes that answer at once, or behave in another way."""

    def __init__(self) -> None:
        self.behaviour, self.started = "answer", list["subprocess.Popen[bytes]"]()

    def __call__(self, channel: socket.socket) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-S", "-E", "-c", STAND_IN, self.behaviour]
        self.started.append(subprocess.Popen(command, stdin=channel.fileno()))
        return self.started[-1]


@pytest.fixture
def stand_ins() -> StandIns:
    return StandIns()


@pytest.fixture
def asker(stand_ins: StandIns) -> Iterator[Asker]:
    asker = Asker(start=stand_ins)
    yield asker
    asker.close()


@pytest.fixture
def here() -> Iterator[Asker]:
    """Asks what answers really, in this process."""
    asker = Asker()
    yield asker
    asker.close()


@pytest.fixture
def run(tiny_config: Callable[..., RunConfig], store: RunStore) -> Run:
    return store.create(tiny_config())


def test_nothing_is_started_before_somebody_asks_and_one_process_answers_all(
    asker: Asker, stand_ins: StandIns, run: Run
) -> None:
    assert asker.pid is None
    asker.let_go(run)
    assert stand_ins.started == []
    with ThreadPoolExecutor(8) as pool:
        steps = {answered.step for answered in pool.map(lambda _: asker.answer(run, [PAIR]), range(24))}
    assert steps == {asker.pid}
    assert len(stand_ins.started) == 1


def test_a_process_that_dies_is_said_to_and_the_next_question_starts_another(
    asker: Asker, stand_ins: StandIns, run: Run
) -> None:
    stand_ins.behaviour = "die"
    with pytest.raises(RunFailure) as told:
        asker.answer(run, [PAIR])
    assert str(told.value) == ENDED
    stand_ins.behaviour = "answer"
    assert asker.answer(run, [PAIR]).step == stand_ins.started[1].pid


def test_one_that_died_between_two_questions_costs_nobody_an_answer(
    asker: Asker, stand_ins: StandIns, run: Run
) -> None:
    first = asker.answer(run, [PAIR]).step
    for _ in range(5):
        stand_ins.started[-1].kill()
        stand_ins.started[-1].wait()
        connection = asker._connection
        assert connection is not None
        wait_until(lambda connection=connection: connection.has_ended)  # type: ignore[misc]
        assert asker.answer(run, [PAIR]).step == stand_ins.started[-1].pid != first


def test_one_that_hangs_is_ended_and_everybody_is_told(
    asker: Asker, stand_ins: StandIns, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asker_module, "MAX_SECONDS", 0.2)
    stand_ins.behaviour = "hang"
    with pytest.raises(RunFailure) as told:
        asker.answer(run, [PAIR])
    assert str(told.value) == TOO_SLOW.in_english()
    assert stand_ins.started[0].wait(30) == -signal.SIGKILL
    stand_ins.behaviour = "answer"
    monkeypatch.undo()
    assert asker.answer(run, [PAIR]).step == stand_ins.started[1].pid


def test_who_waits_while_the_server_is_ended_is_told_and_none_is_started_after(
    asker: Asker, stand_ins: StandIns, run: Run
) -> None:
    stand_ins.behaviour = "hang"
    told: list[str] = []

    def ask() -> None:
        with pytest.raises(RunFailure) as refused:
            asker.answer(run, [PAIR])
        told.append(str(refused.value))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: asker._connection is not None and len(asker._connection._waiting) == 3)
    asker.close()
    for thread in threads:
        thread.join()
    ask()
    assert told == [CLOSED] * 4
    assert len(stand_ins.started) == 1
    assert stand_ins.started[0].poll() is not None


def test_answers_are_the_predictors_to_the_last_digit(here: Asker, finished_run: Run) -> None:
    predictor, pairs = Predictor(finished_run), [PAIR, PAIR[::-1]]
    answered = here.answer(finished_run, pairs, 0.7)
    assert (answered.step, answered.answers) == (None, predictor.answer(pairs, 0.7))
    assert here.attribute(finished_run, PAIR) == attribute(predictor.twin, *PAIR)
    assert here.validation_pairs(finished_run.config) == read_validation_pairs(finished_run.config)


def test_errors_cross_with_their_class_and_their_words(
    here: Asker, run: Run, tiny_config: Callable[..., RunConfig]
) -> None:
    with pytest.raises(RunError, match=f"^Run {run.id} has nothing to ask yet"):
        here.answer(run, [PAIR])
    with pytest.raises(DataError, match=r"^There is no file"):
        here.validation_pairs(tiny_config(dataset="/no/such/file.jsonl"))
    with pytest.raises(DataError, match="empty"):
        here.answer(run, [("", "b")])
    assert ERRORS["HubError"] is HubError
    for kind in ERRORS.values():
        crossed = Failure.of(kind("Half a \ud800 pair.")).as_error()
        assert (type(crossed), str(crossed)) == (kind, "Half a ? pair.")


def test_what_nobody_expected_is_logged_and_said_plainly(caplog: pytest.LogCaptureFixture) -> None:
    assert str(Failure.of(ZeroDivisionError("by nobody")).as_error()) == FAILED
    assert "by nobody" in caplog.text
    memory = Failure.of(RuntimeError("DefaultCPUAllocator: can't allocate memory")).as_error()
    assert (type(memory).__name__, str(memory)) == ("MemoryExhausted", OUT_OF_MEMORY)
    assert isinstance(memory, QLoRAError)


def test_a_deleted_run_is_let_go(here: Asker, finished_run: Run) -> None:
    here.answer(finished_run, [PAIR])
    here.let_go(finished_run)
    here.answer(finished_run, [PAIR])  # loaded anew: nothing of it is lost, and nobody waits for a reply


PARENT = """
import sys, time
from pathlib import Path
from qlora_core.server.answering.asker import Asker
from qlora_core.store.run import Run
asker = Asker()
answer = asker.answer(Run(Path(sys.argv[1])), [("the ferry opened early", "the ferry closed early")])
loaded = {"torch", "transformers", "peft", "datasets", "captum", "bitsandbytes"} & set(sys.modules)
print(asker.pid, len(answer.answers), sorted(loaded), flush=True)
time.sleep(600)
"""


@pytest.mark.process
def test_a_process_of_its_own_answers_and_ends_with_a_page_that_is_killed(
    finished_run: Run, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-c", PARENT, str(finished_run.path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as page:
        assert page.stdout is not None
        pid, answers, loaded = page.stdout.readline().split(maxsplit=2)
        child = psutil.Process(int(pid))
        assert (answers, loaded.strip()) == ("1", "[]")
        assert child.nice() >= NICENESS
        assert child.pid != page.pid
        page.kill()
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.process
def test_a_fork_answers_and_is_replaced_when_it_is_killed(
    finished_run: Run, environment: dict[str, str], answering_in_processes: None
) -> None:
    del environment, answering_in_processes
    fork_server = ForkServer()
    fork_server.start()
    wait_until(fork_server.is_ready, 120)
    asker = Asker(fork_server)
    try:
        first = asker.answer(finished_run, [PAIR])
        assert asker.pid is not None
        child = psutil.Process(asker.pid)
        assert child.ppid() == fork_server.pid
        assert child.nice() >= NICENESS
        os.kill(child.pid, signal.SIGKILL)
        connection = asker._connection
        assert connection is not None
        wait_until(lambda: connection.has_ended)
        assert asker.answer(finished_run, [PAIR]) == first
        assert asker.pid != child.pid
        last = psutil.Process(asker.pid)
        asker.close()
        wait_until(lambda: not last.is_running() or last.status() == psutil.STATUS_ZOMBIE)
    finally:
        asker.close()
        fork_server.close()
