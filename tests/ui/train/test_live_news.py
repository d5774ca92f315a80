"""What the live view is told: run, buttons, place in the queue, when to ask again."""

import json
from pathlib import Path
from typing import Any

import pytest

from qlora_core.config import make_config
from qlora_core.server.pace import LATEST, SOONEST
from qlora_core.server.services import Services, make_services
from qlora_core.ui.train.live_news import Poll, buttons, run_to_show, told, view


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", tmp_path / "recorded", "owner")


@pytest.mark.parametrize(
    ("state", "phase", "held", "expected"),
    [
        ("queued", "queued", False, ["pause", "stop"]),
        ("queued", "queued", True, ["resume", "stop"]),
        ("running", "loading", False, ["pause", "stop"]),
        ("running", "training", False, ["pause", "stop"]),
        ("running", "verifying", False, ["pause"]),
        ("paused", "training", False, ["resume", "stop"]),
        ("interrupted", "training", False, ["resume"]),
        ("failed", "training", False, ["resume"]),
        ("stopped", "done", False, []),
        ("finished", "done", False, []),
    ],
)
def test_only_buttons_that_do_something_are_offered(state: str, phase: str, held: bool, expected: list[str]) -> None:
    assert buttons(state, phase, held=held, mine=True) == expected
    assert buttons(state, phase, held=held, mine=False) == []


def test_a_visitor_sees_their_own_run_first_then_the_one_at_work(services: Services) -> None:
    first = services.queue.submit(make_config(seed=1), "one")
    second = services.queue.submit(make_config(seed=2), "two")
    assert run_to_show(services, "two") is not None
    assert [run_to_show(services, secret) for secret in ("two", "one", "nobody")] != [None] * 3
    shown = [run_to_show(services, secret) for secret in ("two", "one", "nobody")]
    assert [run.id for run in shown if run] == [second.id, first.id, first.id]


def test_without_any_run_there_is_nothing_to_show(services: Services) -> None:
    assert run_to_show(services, "") is None


def test_the_view_tells_the_place_in_the_queue_and_nothing_of_the_machine(services: Services, tmp_path: Path) -> None:
    services.queue.submit(make_config(seed=1), "one")
    run = services.queue.submit(make_config(seed=2, dataset=str(tmp_path / "secret" / "mine.csv")), "two")
    told = view(services, run, Poll(secret="two"))
    assert (told["place"], told["waiting"], told["mine"], told["buttons"]) == (2, 2, True, ["pause", "stop"])
    assert told["about"]["dataset"] == "mine.csv"
    assert str(tmp_path) not in json.dumps(told)


def test_a_group_is_told_once_and_whenever_it_is_another_one(services: Services) -> None:
    first, second = services.queue.submit_together([make_config(r=r) for r in (4, 8)], "mine")
    told = view(services, first, Poll(run=first.id))["group"]
    assert [one["changes"] for one in told["runs"]] == ["Rank 4", "Rank 8"]
    asked = Poll(run=first.id, group=told["tag"])
    assert "group" not in view(services, first, asked)
    services.queue.stop(second.id)
    told = view(services, first, asked)["group"]
    assert [one["state"] for one in told["runs"]] == ["queued", "stopped"]
    second.delete()
    assert view(services, first, Poll(run=first.id, group=told["tag"]))["group"] is None
    assert "group" not in view(services, first, Poll(run=first.id))


def test_a_viewer_who_comes_from_another_run_is_told_the_group_whole(services: Services) -> None:
    first, second = services.queue.submit_together([make_config(r=r) for r in (4, 8)], "mine")
    tag = view(services, first, Poll(run=first.id))["group"]["tag"]
    assert view(services, second, Poll(group=tag))["group"]["tag"] == tag


@pytest.mark.parametrize(
    "request_", [None, 5, [], {"run": 5}, {"have": {"points": -1}}, {"other": 1}, {"run": "x" * 99}]
)
def test_a_malformed_request_is_answered_in_plain_words(request_: Any, services: Services) -> None:
    assert set(told(services, json.dumps(request_).encode())) == {"error"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"secret": "\\ud800"}', b"[" * 100_000])
def test_what_is_no_request_at_all_is_answered_too(body: bytes, services: Services) -> None:
    assert set(told(services, body)) == {"error"}


def test_a_class_is_told_to_ask_less_often_and_whoever_started_the_run_is_not(services: Services) -> None:
    run = services.queue.submit(make_config(), "mine")
    assert view(services, run, Poll(secret="one"))["again_in"] == SOONEST
    for number in range(30):
        last = view(services, run, Poll(secret=f"student {number}"))["again_in"]
    assert SOONEST < last < LATEST
    assert view(services, run, Poll(secret="mine"))["again_in"] == SOONEST
