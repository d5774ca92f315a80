"""What happens at which step: learning rate, swaps, dropout and evaluations follow from the step's number."""

import math
from itertools import pairwise

import numpy as np
import pytest

from qlora_core.training.loop.schedule import draw_swaps, dropout_seed, evaluation_steps, learning_rate_at


@pytest.mark.parametrize(
    ("scheduler", "factors"),
    [
        ("linear", [1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25]),
        ("cosine", [1 / 3, 2 / 3, 1, 0.5 + math.sqrt(2) / 4, 0.5, 0.5 - math.sqrt(2) / 4]),
        ("constant", [1 / 3, 2 / 3, 1, 1, 1, 1]),
    ],
)
def test_learning_rate_rises_to_its_peak_and_then_follows_the_scheduler(scheduler: str, factors: list[float]) -> None:
    rates = [learning_rate_at(step, 10, 0.01, 0.2, scheduler) for step in (0, 1, 2, 4, 6, 8)]
    assert rates == pytest.approx([0.01 * factor for factor in factors])


@pytest.mark.parametrize("scheduler", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("total", [1, 2, 7, 100])
def test_no_step_is_taken_without_a_learning_rate(scheduler: str, total: int) -> None:
    for ratio in (0.0, 0.06, 0.5, 0.99):
        rates = [learning_rate_at(step, total, 0.01, ratio, scheduler) for step in range(total)]
        assert all(0 < rate <= 0.01 for rate in rates)
        peak = rates.index(max(rates))
        assert all(one <= other for one, other in pairwise(rates[: peak + 1]))
        assert all(one >= other for one, other in pairwise(rates[peak:]))


def test_draws_are_those_of_earlier_versions() -> None:
    """A resumed run, and one that is done again from its seed, depends on these."""
    assert [dropout_seed(3, step) for step in (0, 1)] == [1576890651, 457190280]
    assert dropout_seed(3, 1, process_index=1) == 3420841517
    assert draw_swaps(3, 1, 8, 0.5) == [True, True, True, True, False, False, True, False]
    assert draw_swaps(3, 2, 8, 0.5) == [True, False, False, True, True, True, True, True]


def test_swaps_are_as_frequent_as_asked_for() -> None:
    shares = [np.mean(draw_swaps(0, step, 1000, share)) for step, share in enumerate((0.0, 0.25, 1.0))]
    assert shares == pytest.approx([0, 0.25, 1], abs=0.05)
    assert (shares[0], shares[2]) == (0, 1)


@pytest.mark.parametrize(("steps", "count", "at"), [(6, 1, {6}), (6, 4, {2, 3, 5, 6}), (3, 20, {1, 2, 3})])
def test_evaluations_are_spread_over_the_steps_of_an_epoch(steps: int, count: int, at: set[int]) -> None:
    assert evaluation_steps(steps, count) == at
