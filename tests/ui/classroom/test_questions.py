"""What the page's scripts of the class are told: every request is checked, and whose a book is stays with it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qlora_core.assets import RECORDED_RUNS
from qlora_core.config import RunConfig
from qlora_core.server.services import Services, make_services
from qlora_core.ui.classroom.questions import answers_of, class_questions
from tests.hostile import HOSTILE, short

SECRET = "a-browser's-own"
KEY = "the-owner-of-this-server"
ADDRESS = "192.0.2.1"
Ask = Callable[[str, Any], dict[str, Any]]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", RECORDED_RUNS, KEY)


@pytest.fixture
def ask(services: Services) -> Ask:
    """Calls one of the functions as the page does."""
    answers = answers_of(services)
    return lambda name, request: answers[name](json.dumps(request).encode(), ADDRESS)


@pytest.mark.parametrize("hostile", HOSTILE, ids=short)
@pytest.mark.parametrize("name", ["guess", "guesses", "judge", "room", "delete"])
def test_what_cannot_be_read_is_refused(name: str, hostile: Any, ask: Ask) -> None:
    assert set(ask(name, hostile)) == {"error"}
    assert set(ask(name, {"run": hostile, "secret": SECRET})) == {"error"}


@pytest.mark.parametrize("hostile", HOSTILE, ids=short)
def test_what_is_no_guess_is_refused(hostile: Any, ask: Ask, services: Services) -> None:
    run = services.store.create(RunConfig())
    assert set(ask("guess", {"run": run.id, "secret": SECRET, "guess": hostile})) == {"error"}
    guess = {"before": hostile, "after": hostile, "between": hostile}
    assert set(ask("guess", {"run": run.id, "secret": SECRET, "guess": guess})) == {"error"}
    assert ask("guesses", {"run": run.id})["count"] == 0


def test_a_guess_is_written_down_and_told_to_its_browser_alone(ask: Ask, services: Services) -> None:
    run = services.store.create(RunConfig())
    asked = {"run": run.id, "secret": SECRET}
    assert ask("guess", {**asked, "guess": {"before": 0.5, "after": 0.9}})["count"] == 1
    assert ask("guesses", asked)["mine"]["after"] == 0.9
    assert ask("guesses", {"run": run.id, "secret": "another"})["mine"] is None


def test_a_recorded_run_takes_no_guess_and_its_pairs_can_be_judged(ask: Ask, services: Services) -> None:
    run = services.recorded.runs()[0]
    asked = {"run": run.id, "secret": SECRET}
    assert "Training has begun" in ask("guess", {**asked, "guess": {"before": 0.5, "after": 0.9}})["error"]
    services.participation.pairs.get(run.config, 60)
    pair = ask("judge", asked)
    for done in range(1, 11):
        pair = ask("judge", {**asked, "pair": pair["pair"], "label": 1})
        assert pair["done"] == done
    assert "pair" not in pair
    room = ask("room", asked)
    assert (room["judgements"], room["enough"], room["scores"]) == (10, False, None)
    assert room["mine"]["pairs"] == 10
    for name in ("two", "three"):
        pair = ask("judge", {"run": run.id, "secret": name})
        while "pair" in pair:
            pair = ask("judge", {"run": run.id, "secret": name, "pair": pair["pair"], "label": 1})
    scores = ask("room", asked)["scores"]
    assert scores["models"]["majority"] <= 1
    assert len(scores["phenomena"]) > 10


def test_only_the_owner_deletes_what_a_class_left(ask: Ask, services: Services) -> None:
    run = services.store.create(RunConfig())
    ask("guess", {"run": run.id, "secret": SECRET, "guess": {"before": 0.5, "after": 0.9}})
    for nobody in ("", SECRET, KEY):
        assert "Only the owner" in ask("delete", {"owner": nobody})["error"]
    assert ask("guesses", {"run": run.id})["count"] == 1
    assert "deleted" in ask("delete", {"owner": services.who_may.owner_pass(KEY, "")})["words"]
    assert ask("guesses", {"run": run.id})["count"] == 0
    assert services.store.open(run.id).exists


def test_each_question_has_an_address(services: Services) -> None:
    client = TestClient(Starlette(routes=class_questions(services)))
    run = services.store.create(RunConfig())
    guess = {"run": run.id, "secret": SECRET, "guess": {"before": 0.5, "after": 0.9}}
    assert client.post("/class/guess", json=guess).json()["count"] == 1
    assert client.post("/class/guesses", json={"run": run.id, "secret": SECRET}).json()["mine"]["after"] == 0.9
    assert client.post("/class/nothing", json=guess).status_code == 404
    assert client.get("/class/guesses").status_code == 405


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"run": "a", "secret": "\\ud800"}'])
def test_what_is_no_json_is_refused(body: bytes, services: Services) -> None:
    for name, answer in answers_of(services).items():
        assert set(answer(body, ADDRESS)) == {"error"}, name
