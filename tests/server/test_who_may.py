"""Who may control a run: the browser that started it and the server's owner, and nobody a recorded one."""

from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.server.rate_limit import OF_ONE, RateLimitExceeded
from qlora_core.server.who_may import MAX_SECRET_CHARACTERS, NotYours, WhoMay
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

KEY = "the owner's"


@pytest.fixture
def run(store: RunStore) -> Run:
    """A run of the visitor whose secret is "mine"."""
    return store.create(make_config(), "mine")


@pytest.fixture
def who_may(tmp_path: Path) -> WhoMay:
    return WhoMay(KEY, RunStore(tmp_path / "recorded"))


def test_whoever_started_a_run_may_control_it(run: Run, who_may: WhoMay) -> None:
    assert who_may.control(run, "mine")
    who_may.check_control(run, "mine")


def test_the_owner_may_control_it_with_the_pass_that_the_key_is_answered_with(run: Run, who_may: WhoMay) -> None:
    owner_pass = who_may.owner_pass(KEY, "10.0.0.1")
    assert KEY not in owner_pass
    assert who_may.is_owner(owner_pass)
    who_may.check_control(run, "yours", owner_pass)


@pytest.mark.parametrize("text", ["", "yours", "Mine", KEY, "é", "\0", "\ud800", "x" * (MAX_SECRET_CHARACTERS + 1)])
def test_nobody_else_may(text: str, run: Run, who_may: WhoMay) -> None:
    assert not who_may.control(run, text)
    assert not who_may.control(run, "", text)
    with pytest.raises(NotYours, match=r"^Only the browser that started this run, or the owner of this server"):
        who_may.check_control(run, text, text)


@pytest.mark.parametrize("key", ["", "the owner", f"{KEY} ", "\ud800", "x" * (MAX_SECRET_CHARACTERS + 1)])
def test_another_key_gives_no_pass(key: str, who_may: WhoMay) -> None:
    assert who_may.owner_pass(key, "10.0.0.1") == ""


def test_a_pass_of_another_key_is_void(who_may: WhoMay, tmp_path: Path) -> None:
    other = WhoMay("another", RunStore(tmp_path / "other"))
    assert not who_may.is_owner(other.owner_pass("another", ""))


def test_keys_cannot_be_tried_one_after_the_other(who_may: WhoMay) -> None:
    for number in range(int(OF_ONE[0])):
        assert who_may.owner_pass(f"guess {number}", "10.0.0.1") == ""
    for key in ("another guess", KEY):
        with pytest.raises(RateLimitExceeded):
            who_may.owner_pass(key, "10.0.0.1")
    assert who_may.owner_pass(KEY, "10.0.0.2")


def test_without_an_owners_key_nobody_is_the_owner(run: Run, tmp_path: Path) -> None:
    who_may = WhoMay("", RunStore(tmp_path))
    assert who_may.owner_pass("", "") == ""
    assert not who_may.control(run, "", "")


def test_a_run_that_came_with_the_program_is_changed_by_nobody(who_may: WhoMay) -> None:
    recorded = who_may.recorded.create(make_config(), "mine")
    assert not who_may.control(recorded, "mine", who_may.owner_pass(KEY, ""))
