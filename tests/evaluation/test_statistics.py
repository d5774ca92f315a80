"""Intervals, paired tests, verdicts and calibration against naive or hand-computed versions."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from qlora_core.evaluation.statistics import Comparison, best_epoch, by_phenomenon, calibration, compare, measure

#: What two bootstraps of this many resamples may differ by, on figures whose standard deviation is near 0.03.
RESAMPLES, MONTE_CARLO_ERROR = 4000, 0.006


def logits_for(answers: np.ndarray) -> np.ndarray:
    """Logits, shape (n, 2), of a model that is rather sure of ``answers``, shape (n,)."""
    return np.stack([1.0 - answers, answers], axis=1).astype(np.float32)


def noisy(labels: np.ndarray, wrong: float, seed: int) -> np.ndarray:
    """Labels of which a share is flipped."""
    return np.where(np.random.default_rng(seed).random(len(labels)) < wrong, 1 - labels, labels)


def naive_interval(values: list[float]) -> tuple[float, float]:
    values = sorted(values)
    return values[int(0.025 * len(values))], values[int(0.975 * len(values))]


def compare_counts(fixed: int, broken: int, both_right: int, both_wrong: int = 0) -> Comparison:
    """A comparison of two models by how many pairs each got right."""
    right_before = [0] * fixed + [1] * broken + [1] * both_right + [0] * both_wrong
    right_after = [1] * fixed + [0] * broken + [1] * both_right + [0] * both_wrong
    labels = np.ones(len(right_before), dtype=np.int64)
    before, after = (logits_for(np.array(right)) for right in (right_before, right_after))
    return compare(before, after, labels, before_name="the probe", after_name="fine-tuning")


@pytest.fixture
def labels() -> np.ndarray:
    """200 labels, two thirds of them 1."""
    return (np.random.default_rng(7).random(200) < 0.67).astype(np.int64)


def test_every_figure_of_a_hand_counted_case() -> None:
    answers, truth = np.array([1, 1, 1, 0, 0, 1]), np.array([1, 1, 0, 1, 0, 1])
    metrics = measure(logits_for(answers), truth)
    confusion = {"true_positive": 3, "false_positive": 1, "false_negative": 1, "true_negative": 1}
    assert metrics.as_dict()["confusion"] == confusion
    assert (metrics.n, metrics.accuracy, metrics.f1) == (6, pytest.approx(4 / 6), pytest.approx(0.75))
    assert metrics.loss == pytest.approx((4 * math.log(1 + math.exp(-1)) + 2 * math.log(1 + math.e)) / 6)


def test_the_intervals_are_those_of_a_naive_bootstrap(labels: np.ndarray) -> None:
    answers = noisy(labels, 0.2, seed=1)
    metrics = measure(logits_for(answers), labels, bootstrap_samples=RESAMPLES, seed=2)
    generator = np.random.default_rng(3)
    drawn = [generator.integers(0, len(labels), len(labels)) for _ in range(RESAMPLES)]
    accuracy = naive_interval([float((answers[d] == labels[d]).mean()) for d in drawn])
    f1 = naive_interval([2 * float((answers[d] & labels[d]).sum() / (answers[d] + labels[d]).sum()) for d in drawn])
    assert metrics.accuracy_ci95 == pytest.approx(accuracy, abs=MONTE_CARLO_ERROR)
    assert metrics.f1_ci95 == pytest.approx(f1, abs=MONTE_CARLO_ERROR)


def test_the_interval_of_a_gain_is_that_of_a_naive_paired_bootstrap(labels: np.ndarray) -> None:
    before, after = noisy(labels, 0.3, seed=1), noisy(labels, 0.15, seed=2)
    comparison = compare(
        logits_for(before),
        logits_for(after),
        labels,
        before_name="a",
        after_name="b",
        bootstrap_samples=RESAMPLES,
    )
    generator = np.random.default_rng(3)
    drawn = [generator.integers(0, len(labels), len(labels)) for _ in range(RESAMPLES)]
    gains = [float((after[d] == labels[d]).mean() - (before[d] == labels[d]).mean()) for d in drawn]
    assert comparison.accuracy_gain_ci95 == pytest.approx(naive_interval(gains), abs=MONTE_CARLO_ERROR)
    assert comparison.f1_gain == pytest.approx(f1_score(labels, after) - f1_score(labels, before))


def test_the_same_seed_gives_the_same_interval(labels: np.ndarray) -> None:
    logits = logits_for(noisy(labels, 0.2, seed=1))
    assert measure(logits, labels, seed=5) == measure(logits, labels, seed=5)
    assert measure(logits, labels, seed=5).f1_ci95 != measure(logits, labels, seed=6).f1_ci95


@pytest.mark.parametrize(("answer", "truth", "f1"), [(1, 1, 1.0), (0, 0, 0.0), (0, 1, 0.0)])
def test_answers_that_are_all_alike_have_an_interval_without_width(answer: int, truth: int, f1: float) -> None:
    metrics = measure(logits_for(np.full(30, answer)), np.full(30, truth))
    accuracy = float(answer == truth)
    assert (metrics.accuracy_ci95, metrics.f1_ci95) == ((accuracy, accuracy), (f1, f1))


def test_the_figures_can_be_written_as_json(labels: np.ndarray) -> None:
    written = measure(logits_for(labels), labels).as_dict()
    assert json.loads(json.dumps(written, allow_nan=False))["accuracy_ci95"] == [1.0, 1.0]


@given(fixed=st.integers(0, 40), broken=st.integers(0, 40))
def test_mcnemar_is_the_exact_binomial_test_of_the_pairs_that_changed(fixed: int, broken: int) -> None:
    comparison = compare_counts(fixed, broken, both_right=20)
    expected = binomtest(fixed, fixed + broken, 0.5).pvalue if fixed + broken else 1.0
    assert (comparison.fixed, comparison.broken) == (fixed, broken)
    assert comparison.mcnemar_p == pytest.approx(expected)
    assert comparison.accuracy_gain == pytest.approx((fixed - broken) / (fixed + broken + 20))


@pytest.mark.parametrize(
    ("fixed", "broken", "p"), [(6, 0, 2 / 64), (0, 6, 2 / 64), (5, 1, 2 * 7 / 64), (3, 3, 1.0), (0, 0, 1.0)]
)
def test_mcnemar_of_a_hand_computed_case(fixed: int, broken: int, p: float) -> None:
    assert compare_counts(fixed, broken, both_right=10).mcnemar_p == pytest.approx(p)


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (5, 0), (20, 12), (12, 20), (35, 20)])
def test_no_difference_is_claimed_within_the_noise(fixed: int, broken: int) -> None:
    assert compare_counts(fixed, broken, both_right=400).verdict.startswith("No difference beyond chance: fine-tuning")


def test_a_gain_that_one_of_interval_and_test_calls_chance_is_not_claimed() -> None:
    comparison = compare_counts(5, 0, both_right=400)
    assert comparison.accuracy_gain_ci95[0] > 0
    assert comparison.mcnemar_p > 0.05
    assert comparison.verdict.startswith("No difference beyond chance")


@pytest.mark.parametrize(
    ("fixed", "broken", "words"),
    [
        (60, 20, "Fine-tuning is better than the probe by 10.0 points of accuracy, more than chance explains ("),
        (20, 60, "Fine-tuning is worse than the probe by 10.0 points of accuracy, more than chance explains ("),
    ],
)
def test_a_difference_beyond_chance_is_claimed_with_its_direction(fixed: int, broken: int, words: str) -> None:
    verdict = compare_counts(fixed, broken, both_right=300, both_wrong=20).verdict
    assert verdict.startswith(words)
    assert verdict.endswith("McNemar p < 0.0001, 400 pairs).")


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 100))
def test_a_claim_needs_an_interval_and_a_test_that_exclude_chance(fixed: int, broken: int, both_right: int) -> None:
    comparison = compare_counts(fixed, broken, both_right, both_wrong=1)
    low, high = comparison.accuracy_gain_ci95
    certain = comparison.mcnemar_p < 0.05 and (low > 0 or high < 0)
    assert ("more than chance" in comparison.verdict) == certain


@pytest.mark.parametrize(
    ("history", "best"),
    [
        ([(0.7, 0.8, 0.5), (0.8, 0.9, 0.9), (0.75, 0.8, 0.4)], 1),
        ([(0.80, 0.84, 0.5), (0.81, 0.86, 0.5), (0.85, 0.81, 0.5)], 1),
        ([(0.75, 0.875, 0.6), (0.75, 0.875, 0.5), (0.75, 0.875, 0.7)], 1),
        ([(0.7, 0.8, 0.5), (0.75, 0.875, 0.5), (0.75, 0.875, 0.5)], 1),
        ([(0.5, 0.5, 0.1)], 0),
    ],
    ids=["highest score", "mean of accuracy and F1", "tie: lower loss", "tie: earlier", "only one"],
)
def test_the_best_epoch_follows_the_stated_rule(history: list[tuple[float, float, float]], best: int) -> None:
    assert best_epoch([dict(zip(("accuracy", "f1", "loss"), entry, strict=True)) for entry in history]) == best


def with_confidence(confidences: list[float]) -> np.ndarray:
    """Logits of answers "paraphrase" with these probabilities."""
    return np.array([[0.0, math.log(p / (1 - p))] for p in confidences])


def test_calibration_of_a_hand_computed_case() -> None:
    logits, truth = with_confidence([0.93, 0.97, 0.98, 0.62, 0.64]), np.array([1, 1, 0, 1, 0])
    report = calibration(logits, truth)
    assert report.count == [0, 0, 2, 0, 0, 0, 0, 0, 1, 2]
    assert report.confidence == [
        None,
        None,
        pytest.approx(0.63),
        *[None] * 5,
        pytest.approx(0.93),
        pytest.approx(0.975),
    ]
    assert report.accuracy == [None, None, 0.5, *[None] * 5, 1.0, 0.5]
    assert report.ece == pytest.approx((2 * 0.13 + 1 * 0.07 + 2 * 0.475) / 5)


def test_calibration_counts_the_confidence_of_either_answer() -> None:
    logits = np.array([[0.0, 3.0], [3.0, 0.0]])
    report = calibration(logits, np.array([1, 0]))
    assert report.count[-1] == 2
    assert report.ece == pytest.approx(1 - 1 / (1 + math.exp(-3)))


@pytest.mark.parametrize(("logit", "number"), [(0.0, 0), (1000.0, 9)])
def test_the_ends_of_the_scale_have_a_bin(logit: float, number: int) -> None:
    report = calibration(np.array([[0.0, logit]]), np.array([1]))
    assert [index for index, count in enumerate(report.count) if count] == [number]


@given(st.lists(st.tuples(st.floats(-20, 20), st.integers(0, 1)), min_size=1, max_size=50))
def test_the_calibration_error_is_a_share_and_every_pair_is_counted(cases: list[tuple[float, int]]) -> None:
    report = calibration(np.array([[0.0, logit] for logit, _ in cases]), np.array([label for _, label in cases]))
    assert 0 <= report.ece <= 1
    assert sum(report.count) == len(cases)


def test_accuracy_is_told_for_each_phenomenon() -> None:
    report = by_phenomenon(logits_for(np.array([1, 0, 1, 1])), np.array([1, 0, 0, 1]), ["b", "b", "b", "a"])
    assert report == {"a": {"accuracy": 1.0, "n": 1}, "b": {"accuracy": pytest.approx(2 / 3), "n": 3}}
    assert list(report) == ["a", "b"]
