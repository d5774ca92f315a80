"""Guessing and judging by a program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlora_core.assets import RECORDED_RUNS
from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError
from qlora_core.server.services import Services, make_services
from qlora_core.ui.classroom.endpoints import class_endpoints

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", RECORDED_RUNS, "")


@pytest.fixture
def call(services: Services) -> Call:
    """Calls an endpoint by its name."""
    endpoints = {endpoint.__name__: endpoint for endpoint in class_endpoints(services)}
    return lambda name, **values: endpoints[name](**values)


def test_a_program_guesses_with_a_secret_that_is_made_for_it(call: Call, services: Services) -> None:
    run = services.store.create(RunConfig()).id
    first = call("guess", run_id=run, before=0.5, after=0.9)
    assert first["secret"]
    again = call("guess", run_id=run, before=0.5, after=0.8, between=[0.5, 0.6, 0.7], secret=first["secret"])
    assert (again["count"], again["mine"]["between"]) == (1, [0.5, 0.6, 0.7])
    assert call("guesses", run_id=run, secret=first["secret"])["mine"]["after"] == 0.8


@pytest.mark.parametrize("wrong", [{"before": 2.0}, {"after": float("nan")}, {"between": [0.5]}], ids=str)
def test_what_is_no_accuracy_is_refused_in_words(wrong: dict[str, Any], call: Call, services: Services) -> None:
    run = services.store.create(RunConfig()).id
    with pytest.raises(ConfigError, match="An accuracy is a number from 0 to 1"):
        call("guess", **{"run_id": run, "before": 0.5, "after": 0.9, **wrong})


def test_a_program_judges_ten_pairs_one_after_the_other(call: Call, services: Services) -> None:
    run = services.recorded.runs()[0].id
    pair = call("judge_next", run_id=run)
    secret = pair["secret"]
    with pytest.raises(ConfigError, match="'same' or 'different'"):
        call("judge", run_id=run, pair=pair["pair"], answer="maybe", secret=secret)
    while "pair" in pair:
        pair = call("judge", run_id=run, pair=pair["pair"], answer="same", secret=secret)
    assert pair["done"] == pair["of"] == 10
    room = call("room", run_id=run, secret=secret)
    assert (room["judges"], room["judgements"], room["mine"]["pairs"]) == (1, 10, 10)


def test_what_no_run_needs_goes_when_the_server_opens(call: Call, services: Services) -> None:
    run = services.store.create(RunConfig())
    call("guess", run_id=run.id, before=0.5, after=0.9)
    kept = services.recorded.runs()[0].id
    pair = call("judge_next", run_id=kept, secret="one")["pair"]
    call("judge", run_id=kept, pair=pair, answer="same", secret="one")
    run.delete()
    services.open()
    services.lock.release()
    assert services.participation.classroom.left() == (0, 1)
