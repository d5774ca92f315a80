"""How long a GPU is asked for."""

import pytest

from qlora_core.config import make_config
from qlora_core.loans import MAX_LOAN_SECONDS, MIN_LOAN_SECONDS
from qlora_core.server.zerogpu.seconds import seconds_to_borrow, shorter
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore


@pytest.fixture
def run(store: RunStore) -> Run:
    """A run that has trained on a borrowed GPU and is not done."""
    run = store.create(make_config(), on_loan=True)
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    run.write_environment({"borrowed": "half"})
    return run


def took_a_step(run: Run, seconds_left: float) -> None:
    run.append_event("step", step=1, seconds_left=seconds_left)


def test_of_a_new_run_nothing_is_known(store: RunStore) -> None:
    assert seconds_to_borrow(store.create(make_config(), on_loan=True)) == MAX_LOAN_SECONDS


def test_the_more_is_left_the_longer_within_what_may_be_lent(run: Run) -> None:
    assert seconds_to_borrow(run) == MAX_LOAN_SECONDS
    asked = []
    for left in (0.0, 10.0, 1000.0):
        took_a_step(run, left)
        asked.append(seconds_to_borrow(run))
    assert asked == sorted(set(asked))
    assert asked[0] >= MIN_LOAN_SECONDS
    assert asked[-1] == MAX_LOAN_SECONDS


def test_the_pace_of_a_cpu_says_nothing(run: Run) -> None:
    took_a_step(run, 0.0)
    run.write_environment({})
    assert seconds_to_borrow(run) == MAX_LOAN_SECONDS


def test_a_small_quota_is_asked_for_less_and_less() -> None:
    assert shorter(75) == 37
    assert shorter(37) == MIN_LOAN_SECONDS
    assert shorter(MIN_LOAN_SECONDS) is None
