"""Who may control a run: the browser that started it and the server's owner, and nobody a recorded one."""

from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.server.who_may import MAX_SECRET_CHARACTERS, NotYours, WhoMay
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore


@pytest.fixture
def run(store: RunStore) -> Run:
    """A run of the visitor whose secret is "mine"."""
    return store.create(make_config(), "mine")


@pytest.fixture
def who_may(tmp_path: Path) -> WhoMay:
    return WhoMay("the owner's", RunStore(tmp_path / "recorded"))


@pytest.mark.parametrize("secret", ["mine", "the owner's"])
def test_whoever_started_a_run_and_the_owner_may_control_it(secret: str, run: Run, who_may: WhoMay) -> None:
    assert who_may.control(run, secret)
    who_may.check_control(run, secret)


@pytest.mark.parametrize("secret", ["", "yours", "Mine", "é", "\0", "x" * (MAX_SECRET_CHARACTERS + 1)])
def test_nobody_else_may(secret: str, run: Run, who_may: WhoMay) -> None:
    assert not who_may.control(run, secret)
    with pytest.raises(NotYours, match=r"^Only the browser that started this run, or the owner of this server"):
        who_may.check_control(run, secret)


def test_a_secret_that_is_too_long_is_not_even_the_owners(run: Run, tmp_path: Path) -> None:
    long = "x" * (MAX_SECRET_CHARACTERS + 1)
    assert not WhoMay(long, RunStore(tmp_path)).control(run, long)


def test_without_an_owners_key_nobody_is_the_owner(run: Run, tmp_path: Path) -> None:
    assert not WhoMay("", RunStore(tmp_path)).control(run, "")


def test_a_run_that_came_with_the_program_is_changed_by_nobody(who_may: WhoMay) -> None:
    recorded = who_may.recorded.create(make_config(), "mine")
    assert not any(who_may.control(recorded, secret) for secret in ("mine", "the owner's"))
