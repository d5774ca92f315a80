"""What the presenter's view asks the server, asked as it does, and as nobody should."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qlora_core.assets import RECORDED_RUNS
from qlora_core.server.services import Services, make_services
from qlora_core.store.status import STATES
from qlora_core.ui.present.view import _join, _worksheet
from qlora_core.ui.web.hosts import Hosts
from qlora_core.ui.words.present import PHASES_EXPLAINED
from qlora_core.ui.words.train import PHASES
from tests.hostile import HOSTILE, leaks, short
from tests.recorded import recorded_run

PAGE = "http://192.168.0.7:7860/"
SENT: Any = SimpleNamespace(headers={"host": "192.168.0.7:7860"})


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path / "runs", RECORDED_RUNS, "")


@pytest.fixture
def join_by(services: Services) -> Callable[[Any, Any], dict[str, Any]]:
    return _join(services, Hosts(frozenset({"localhost"})))


def test_the_run_that_is_shown_anyway_is_joined_by_a_short_address(
    join_by: Callable[[Any, Any], dict[str, Any]],
) -> None:
    newest, older = recorded_run("quick"), recorded_run("standard")
    assert join_by({"run": newest.id, "page": PAGE}, SENT)["typed"] == "192.168.0.7:7860/?class=1"
    assert older.id in join_by({"run": older.id, "page": PAGE}, SENT)["typed"]


def test_a_run_that_is_not_there_cannot_be_joined(join_by: Callable[[Any, Any], dict[str, Any]]) -> None:
    assert set(join_by({"run": "../../etc/passwd", "page": PAGE}, SENT)) == {"error"}


def test_a_worksheet_is_handed_over_with_the_name_of_its_file(services: Services) -> None:
    run = recorded_run("quick")
    made = _worksheet(services)({"run": run.id})
    assert made["name"] == f"{run.id}.html"
    assert made["page"].startswith("<!doctype html>")


@pytest.mark.parametrize("value", HOSTILE, ids=short)
def test_hostile_requests_get_one_plain_sentence(
    value: Any, services: Services, join_by: Callable[[Any, Any], dict[str, Any]]
) -> None:
    worksheet = _worksheet(services)
    for request in (
        value,
        {"run": value},
        {"run": value, "page": PAGE},
        {"run": recorded_run("quick").id, "page": value},
    ):
        for answer in (join_by(request, SENT), worksheet(request)):
            assert set(answer) == {"error"}
            assert not leaks(answer["error"])


def test_every_phase_that_is_shown_is_explained() -> None:
    assert set(PHASES_EXPLAINED) == set(PHASES)
    assert "queued" in STATES
