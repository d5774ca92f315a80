"""Paired comparisons, their outcomes and their words against naive or hand-computed versions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score, matthews_corrcoef

from qlora_core.evaluation.comparison import Comparison, Outcome, compare, recorded_outcome, verdict
from tests.evaluation.answers import MONTE_CARLO_ERROR, RESAMPLES, logits_for, naive_interval, noisy


def compare_counts(fixed: int, broken: int, both_right: int, both_wrong: int = 0) -> Comparison:
    """A comparison of two models by how many pairs each got right."""
    right_before = [0] * fixed + [1] * broken + [1] * both_right + [0] * both_wrong
    right_after = [1] * fixed + [0] * broken + [1] * both_right + [0] * both_wrong
    labels = np.ones(len(right_before), dtype=np.int64)
    before, after = (logits_for(np.array(right)) for right in (right_before, right_after))
    return compare(before, after, labels)


def words_of(comparison: Comparison) -> str:
    return verdict(comparison, "the probe", "fine-tuning")


@pytest.fixture
def labels() -> np.ndarray:
    """200 labels, two thirds of them 1."""
    return (np.random.default_rng(7).random(200) < 0.67).astype(np.int64)


def test_the_interval_of_a_gain_is_that_of_a_naive_paired_bootstrap(labels: np.ndarray) -> None:
    before, after = noisy(labels, 0.3, seed=1), noisy(labels, 0.15, seed=2)
    comparison = compare(logits_for(before), logits_for(after), labels, bootstrap_samples=RESAMPLES)
    generator = np.random.default_rng(3)
    drawn = [generator.integers(0, len(labels), len(labels)) for _ in range(RESAMPLES)]
    gains = [float((after[d] == labels[d]).mean() - (before[d] == labels[d]).mean()) for d in drawn]
    assert comparison.accuracy_gain_ci95 == pytest.approx(naive_interval(gains), abs=MONTE_CARLO_ERROR)
    assert comparison.gains["f1"] == pytest.approx(f1_score(labels, after) - f1_score(labels, before))
    correlations = matthews_corrcoef(labels, after) - matthews_corrcoef(labels, before)
    assert comparison.gains["matthews_correlation"] == pytest.approx(correlations)


@given(fixed=st.integers(0, 40), broken=st.integers(0, 40))
def test_mcnemar_is_the_exact_binomial_test_of_the_pairs_that_changed(fixed: int, broken: int) -> None:
    comparison = compare_counts(fixed, broken, both_right=20)
    expected = binomtest(fixed, fixed + broken, 0.5).pvalue if fixed + broken else 1.0
    assert (comparison.fixed, comparison.broken) == (fixed, broken)
    assert comparison.mcnemar_p == pytest.approx(expected)
    assert comparison.gains["accuracy"] == pytest.approx((fixed - broken) / (fixed + broken + 20))


@pytest.mark.parametrize(
    ("fixed", "broken", "p"), [(6, 0, 2 / 64), (0, 6, 2 / 64), (5, 1, 2 * 7 / 64), (3, 3, 1.0), (0, 0, 1.0)]
)
def test_mcnemar_of_a_hand_computed_case(fixed: int, broken: int, p: float) -> None:
    assert compare_counts(fixed, broken, both_right=10).mcnemar_p == pytest.approx(p)


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (5, 0), (20, 12), (12, 20), (35, 20)])
def test_no_difference_is_claimed_within_the_noise(fixed: int, broken: int) -> None:
    comparison = compare_counts(fixed, broken, both_right=400)
    assert comparison.outcome is Outcome.NO_DIFFERENCE
    assert words_of(comparison).startswith("No difference beyond chance: fine-tuning against the probe ")


def test_a_gain_that_one_of_interval_and_test_calls_chance_is_not_claimed() -> None:
    comparison = compare_counts(5, 0, both_right=400)
    assert comparison.accuracy_gain_ci95[0] > 0
    assert comparison.mcnemar_p > 0.05
    assert comparison.outcome is Outcome.NO_DIFFERENCE


@pytest.mark.parametrize(
    ("fixed", "broken", "outcome", "words"),
    [
        (
            60,
            20,
            Outcome.BETTER,
            "Fine-tuning is better than the probe by 10.0 points of accuracy, more than chance explains (",
        ),
        (
            20,
            60,
            Outcome.WORSE,
            "Fine-tuning is worse than the probe by 10.0 points of accuracy, more than chance explains (",
        ),
    ],
)
def test_a_difference_beyond_chance_is_claimed_with_its_direction(
    fixed: int, broken: int, outcome: Outcome, words: str
) -> None:
    comparison = compare_counts(fixed, broken, both_right=300, both_wrong=20)
    assert comparison.outcome is outcome
    assert words_of(comparison).startswith(words)
    assert words_of(comparison).endswith("McNemar p < 0.0001, 400 pairs).")


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 100))
def test_a_claim_needs_an_interval_and_a_test_that_exclude_chance(fixed: int, broken: int, both_right: int) -> None:
    comparison = compare_counts(fixed, broken, both_right, both_wrong=1)
    low, high = comparison.accuracy_gain_ci95
    certain = comparison.mcnemar_p < 0.05 and (low > 0 or high < 0)
    assert (comparison.outcome is not Outcome.NO_DIFFERENCE) == certain
    assert ("more than chance" in words_of(comparison)) == certain


@given(st.integers(0, 60), st.integers(0, 60))
def test_an_earlier_versions_outcome_is_told_from_its_numbers(fixed: int, broken: int) -> None:
    comparison = compare_counts(fixed, broken, both_right=40)
    record = comparison.as_dict("the probe", "fine-tuning")
    assert record["outcome"] == comparison.outcome.value
    older = {name: record[name] for name in ("accuracy_gain", "accuracy_gain_ci95", "mcnemar_p")}
    assert recorded_outcome(record) is recorded_outcome(older) is comparison.outcome
    assert recorded_outcome(older | {"verdict": "No difference beyond chance"}) is comparison.outcome


def test_what_is_written_is_what_earlier_versions_wrote_and_more() -> None:
    record = compare_counts(60, 20, both_right=300).as_dict("the probe", "fine-tuning")
    earlier = {"accuracy_gain", "accuracy_gain_ci95", "f1_gain", "fixed", "broken", "mcnemar_p", "verdict"}
    assert set(record) == earlier | {"outcome", "matthews_correlation_gain"}
