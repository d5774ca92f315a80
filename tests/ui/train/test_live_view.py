"""What may be asked for in the live view, and by whom."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qlora_core.config import make_config
from qlora_core.server.rate_limit import OF_ONE
from qlora_core.server.services import Services, make_services
from qlora_core.ui.train.live_news import Poll, view
from qlora_core.ui.train.live_view import Command, _claim, _control

REQUEST: Any = SimpleNamespace(client=SimpleNamespace(host="10.0.0.1"))


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything."""
    return make_services(tmp_path / "runs", tmp_path / "recorded", "owner")


@pytest.mark.parametrize("request_", [None, 5, [], {"run": 5}, {"action": "jump"}, {"other": 1}, {"run": "x" * 99}])
def test_a_malformed_request_is_answered_in_plain_words(request_: Any, services: Services) -> None:
    assert set(_control(services)(request_)) == {"error"}


def test_a_stranger_controls_nothing(services: Services) -> None:
    run = services.queue.submit(make_config(), "mine")
    told = _control(services)(Command(run=run.id, secret="other", action="stop").model_dump())
    assert "Only the browser that started this run" in told["error"]
    assert run.status.state == "queued"


def test_the_owner_controls_a_run_with_the_pass_and_not_with_the_key(services: Services) -> None:
    run = services.queue.submit(make_config(), "mine")
    for secret, owner in (("owner", ""), ("", "owner")):
        assert "error" in _control(services)(
            Command(run=run.id, secret=secret, owner=owner, action="stop").model_dump()
        )
    owner_pass = _claim(services)({"key": "owner"}, REQUEST)["pass"]
    assert view(services, run, Poll(secret="other", owner=owner_pass))["mine"]
    command = Command(run=run.id, secret="other", owner=owner_pass, action="stop")
    assert _control(services)(command.model_dump()) == {}
    assert run.status.state == "stopped"


@pytest.mark.parametrize("claim", [None, 5, {}, {"key": 5}, {"key": "x" * 201}, {"key": ""}, {"key": "\ud800"}])
def test_what_is_not_the_owners_key_is_refused_in_words(claim: Any, services: Services) -> None:
    assert set(_claim(services)(claim, REQUEST)) == {"error"}


def test_a_wrong_key_is_told_from_one_that_is_not_looked_at(services: Services) -> None:
    told = [_claim(services)({"key": f"wrong {number}"}, REQUEST)["error"] for number in range(int(OF_ONE[0]) + 1)]
    assert told[0].startswith("That is not this server's owner's key")
    assert told[-1].startswith("Too many wrong keys")
    assert "error" in _claim(services)({"key": "owner"}, REQUEST)
