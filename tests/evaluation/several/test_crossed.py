"""Means over seeds and pairs against simulations whose truth is known, and against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from qlora_core.evaluation.comparison import Outcome
from qlora_core.evaluation.several.crossed import gain_of, holm, repeated_splits


def answers(seeds: int, pairs: int, of_seeds: float, generator: np.random.Generator, gain: float = 0.0) -> np.ndarray:
    """Differences with a true mean of ``gain``: a part of each seed's, a part of each pair's, and the rest."""
    of_pairs = generator.normal(0, 0.3, pairs)
    return (
        gain + generator.normal(0, of_seeds, (seeds, 1)) + of_pairs[None, :] + generator.normal(0, 0.4, (seeds, pairs))
    )


@pytest.mark.parametrize(("seeds", "of_seeds"), [(2, 0.0), (3, 0.02), (5, 0.03)])
def test_the_interval_holds_the_truth_as_often_as_it_says(seeds: int, of_seeds: float) -> None:
    generator = np.random.default_rng(1)
    found = [gain_of(answers(seeds, 60, of_seeds, generator)) for _ in range(200)]
    share = np.mean([gain.ci95[0] <= 0 <= gain.ci95[1] for gain in found])
    assert 0.91 <= share <= 1.0
    assert np.mean([gain.outcome is not Outcome.NO_DIFFERENCE for gain in found]) <= 0.08


def test_seeds_that_lie_apart_make_it_wider_than_pairs_alone_would() -> None:
    differences = np.zeros((3, 400))
    differences[0, :20], differences[1, :60], differences[2, :120] = 1, 1, 1
    both, pairs_alone = gain_of(differences), gain_of(differences.mean(axis=0, keepdims=True))
    assert both.value == pytest.approx(pairs_alone.value) == pytest.approx(200 / 1200)
    assert both.ci95[1] - both.ci95[0] > 3 * (pairs_alone.ci95[1] - pairs_alone.ci95[0])
    assert pairs_alone.outcome is Outcome.BETTER
    assert both.outcome is Outcome.NO_DIFFERENCE


def test_of_one_seed_the_test_is_students_over_the_pairs() -> None:
    before, after = (np.random.default_rng(seed).random(300) < share for seed, share in ((1, 0.6), (2, 0.7)))
    found = gain_of((after.astype(int) - before)[None, :])
    assert found.p == pytest.approx(ttest_rel(after.astype(int), before.astype(int)).pvalue)
    assert (found.seeds, found.pairs) == (1, 300)


def test_where_every_answer_is_the_same_there_is_no_difference() -> None:
    found = gain_of(np.zeros((3, 50)))
    assert (found.value, found.ci95, found.p, found.outcome) == (0.0, (0.0, 0.0), 1.0, Outcome.NO_DIFFERENCE)
    assert gain_of(np.ones((2, 50))).outcome is Outcome.BETTER


def test_seeds_that_answer_alike_leave_the_pairs_noise() -> None:
    one = np.random.default_rng(5).choice([-1, 0, 1], size=200, p=[0.1, 0.6, 0.3])
    alike, single = gain_of(np.tile(one, (4, 1))), gain_of(one[None, :])
    assert 0 < alike.p < 1e-3 > single.p
    assert alike.ci95 == pytest.approx(single.ci95, abs=0.01)


def test_splits_of_each_seed_are_a_corrected_resampled_t_test() -> None:
    splits = [np.repeat([1, 0], [round(500 * gain), 500 - round(500 * gain)]) for gain in (0.10, 0.14, 0.06)]
    found = repeated_splits(splits, train=2000)
    half = (
        4.302653 * 0.04 * np.sqrt(1 / 3 + 500 / 2000)
    )  # t of 2 degrees of freedom; the gains' standard deviation is 0.04
    assert found.ci95 == pytest.approx((0.1 - half, 0.1 + half), abs=1e-6)
    assert (found.outcome, found.seeds, found.pairs) == (Outcome.NO_DIFFERENCE, 3, 500)


def test_splits_that_agree_by_luck_leave_the_pairs_noise() -> None:
    one = np.repeat([1, -1, 0], [12, 8, 44])  # a gain of 4 in 64, which luck explains
    found = repeated_splits([one, one[::-1]], train=64)
    assert found.value == 4 / 64
    assert found.ci95[0] < 0 < found.ci95[1]
    assert found.p > 0.05
    assert found.outcome is Outcome.NO_DIFFERENCE


def test_holm_on_his_own_example_form() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_corrected_ps_are_no_smaller_and_keep_their_order(p: list[float]) -> None:
    corrected = holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, corrected, strict=True))
    assert [corrected[i] for i in sorted(range(len(p)), key=lambda i: p[i])] == sorted(corrected)
