"""How often pages are to ask: thirty together hardly more often than six."""

from types import SimpleNamespace

import pytest

from qlora_core.server import pace
from qlora_core.server.pace import LATEST, MOST, SEEN_SECONDS, SOONEST, TOGETHER, Pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until its ``now`` is set."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def asked_by(pages: Pace, count: int) -> float:
    """What the last of so many viewers is told."""
    return [pages.seconds(f"viewer {number}") for number in range(count)][-1]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("count", [1, 2, 8, 9, 30, 60, 500])
def test_all_together_ask_so_often_and_none_too_seldom(count: int) -> None:
    seconds = asked_by(Pace(), count)
    assert SOONEST <= seconds <= LATEST
    assert count / seconds <= TOGETHER or seconds == LATEST
    assert seconds == SOONEST or count > TOGETHER


@pytest.mark.usefixtures("clock")
def test_who_asks_again_is_not_another_one() -> None:
    pages = Pace()
    assert {pages.seconds("the same") for _ in range(100)} == {SOONEST}


def test_who_has_gone_is_forgotten(clock: SimpleNamespace) -> None:
    pages = Pace()
    assert asked_by(pages, 40) > SOONEST
    clock.now += SEEN_SECONDS + 1
    assert pages.seconds("somebody else") == SOONEST


@pytest.mark.usefixtures("clock")
def test_no_more_are_remembered_than_count() -> None:
    pages = Pace()
    assert asked_by(pages, 3 * MOST) == LATEST
    assert len(pages._asked) == MOST
