"""Runs on borrowed GPUs, from a program's request to the store: lent, used up, refused, taken away, given back."""

import os
import signal
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from qlora_core.loans import MAX_LOAN_SECONDS
from qlora_core.store.run import Run
from tests.conftest import wait_until
from tests.space.conftest import ENDLESS, SECRET, TOKEN, Space

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("space")]


def test_zerogpu_is_told_at_the_start_and_the_page_offers_the_choice(served: Space) -> None:
    assert ("startup-report", {}) in served.api.asked
    with urlopen(f"http://127.0.0.1:{served.port}/config", timeout=30) as answer:
        assert "Carry out on" in answer.read().decode()


@pytest.mark.parametrize("is_idle", [False, True], ids=["a process each", "one process again and again"])
def test_a_run_in_loans_is_the_same_to_the_last_bit_as_one_without(
    space: Space, run: Run, finished_run: Run, is_idle: bool
) -> None:
    space.lasts(12)
    space.api.is_idle = is_idle
    heard: list[dict[str, Any]] = []
    loans = 0
    while run.status.state != "finished":
        loans += 1
        assert loans < 20
        heard.append(space.borrow(run).result())
        assert heard[-1]["run_id"] == run.id
        assert run.status.state in ("interrupted", "finished"), run.status.message
    assert loans > 1
    assert heard[0]["message"].startswith("The borrowed GPU time is used up")
    result, expected = run.require_result(), finished_run.require_result()
    assert result["metrics"] == expected["metrics"]
    names = [each.adapter_dir / "adapter_model.safetensors" for each in (run, finished_run)]
    assert names[0].read_bytes() == names[1].read_bytes()
    assert run.environment["device_name"].endswith(", half")

    scheduled = space.api.of("schedule")
    assert len(scheduled) == len(space.api.of("release")) == loans
    assert all(asked["token"] == TOKEN for asked in scheduled)
    assert all(int(asked["durationSeconds"]) <= MAX_LOAN_SECONDS for asked in scheduled)
    allowed = [int(asked["pid"]) for asked in space.api.of("allow")]
    # one process is allowed to once, which may have been before
    assert len(allowed) <= 1 if is_idle else len(allowed) == loans
    assert space.had_device()[len(space.had_device()) - len(allowed) :] == allowed
    assert space.process.pid not in space.had_device()


@pytest.mark.parametrize(
    ("answer", "end", "words"),
    [
        ("quota", "quota", "Your GPU quota is used up, and nothing was lent before the first step."),
        ("pending", "pending", "is set aside for other tasks"),
        ("duration", "duration", "longer than it may be lent to you"),
        ("queue", "queue", "No GPU became free in time"),
        ("none_free", "none_free", "No GPU is free"),
        ("expired", "expired", "has expired before the first step. Reload the page, then borrow again."),
        ("fault", "no_answer", "does not answer"),
    ],
)
def test_a_gpu_that_is_not_lent_is_a_sentence_and_loses_nothing(
    space: Space, run: Run, answer: str, end: str, words: str
) -> None:
    space.api.answer = answer
    had = space.had_device()
    said = space.borrow(run).result()
    assert words in said["message"]
    assert (run.status.state, run.status.loan_end) == ("interrupted", end)
    assert space.had_device() == had
    if answer == "quota":
        assert "Try again in 3:12:05" in said["message"]
        seconds = [int(asked["durationSeconds"]) for asked in space.api.of("schedule")]
        assert seconds == [75, 37, 20]  # a short loan may still be had


def test_a_gpu_that_is_taken_away_costs_what_came_after_the_last_checkpoint(space: Space, run: Run) -> None:
    space.lasts("hold")
    job = space.borrow(run)
    wait_until(lambda: run.status.state == "running" and run.status.pid in space.had_device())
    assert run.status.pid is not None
    os.kill(run.status.pid, signal.SIGKILL)
    assert job.result()["message"].startswith("The borrowed GPU was taken away")
    assert (run.status.state, run.status.loan_end) == ("interrupted", "aborted")
    space.lasts(ENDLESS)
    assert space.borrow(run).result()["state"] == "finished"


def test_a_page_that_is_closed_gives_the_gpu_back(space: Space, run: Run) -> None:
    space.lasts("hold")
    job = space.borrow(run)
    wait_until(lambda: run.status.state == "running" and run.status.pid in space.had_device())
    wait_until(lambda: len(job.outputs()) > 1)
    job.cancel()
    wait_until(lambda: run.status.state == "interrupted")
    assert run.status.message.startswith("The page was closed, so the borrowed GPU was given back")
    wait_until(lambda: len(space.api.of("release")) == 1)


def test_a_run_is_lent_for_once_and_by_its_own_visitor_alone(space: Space, run: Run) -> None:
    with pytest.raises(Exception, match="Only the browser that started this run"):
        space.client.predict(run.id, "another secret", api_name="/borrow_gpu")
    assert space.api.asked == []
    space.lasts("hold")
    job = space.borrow(run)
    wait_until(lambda: run.status.state == "running")
    with pytest.raises(Exception, match="is running"):
        space.client.predict(run.id, SECRET, api_name="/borrow_gpu")
    assert len(space.api.of("schedule")) == 1
    space.client.predict(run.id, "stop", SECRET, api_name="/control_run")
    space.lasts(ENDLESS)
    assert job.result()["state"] == "stopped"


def test_no_child_of_the_page_sees_a_gpu_or_is_patched(space: Space) -> None:
    pages = psutil.Process(space.process.pid)
    lent = set(space.had_device())
    others = [child.environ() for child in pages.children(recursive=True) if child.pid not in lent]
    assert all(each.get("CUDA_VISIBLE_DEVICES") == "" and "SPACES_ZERO_GPU" not in each for each in others)
    assert "CUDA_VISIBLE_DEVICES" not in pages.environ()
