"""Paired comparisons, their outcomes and their words against naive or hand-computed versions."""

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score, matthews_corrcoef

from qlora_core.config import make_config
from qlora_core.evaluation.comparison import (
    Comparison,
    Outcome,
    compare,
    recorded_comparisons,
    recorded_outcome,
    strongest_first,
    verdict,
)
from qlora_core.evaluation.report import measure_all
from qlora_core.evaluation.scores import recorded_scores
from tests.evaluation.answers import MONTE_CARLO_ERROR, RESAMPLES, logits_for, naive_interval, noisy


def compare_counts(fixed: int, broken: int, both_right: int, both_wrong: int = 0) -> Comparison:
    """A comparison of two models by how many pairs each got right."""
    right_before = [0] * fixed + [1] * broken + [1] * both_right + [0] * both_wrong
    right_after = [1] * fixed + [0] * broken + [1] * both_right + [0] * both_wrong
    labels = np.ones(len(right_before), dtype=np.int64)
    before, after = (logits_for(np.array(right)) for right in (right_before, right_after))
    return compare(before, after, labels)


def words_of(comparison: Comparison) -> str:
    return verdict(comparison, "the probe")


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
    record = comparison.as_dict("the probe")
    assert record["outcome"] == comparison.outcome.value
    older = {name: record[name] for name in ("accuracy_gain", "accuracy_gain_ci95", "mcnemar_p")}
    assert recorded_outcome(record) is recorded_outcome(older) is comparison.outcome
    assert recorded_outcome(older | {"verdict": "No difference beyond chance"}) is comparison.outcome


def test_what_is_written_is_what_earlier_versions_wrote_and_more() -> None:
    record = compare_counts(60, 20, both_right=300).as_dict("the probe")
    earlier = {"accuracy_gain", "accuracy_gain_ci95", "f1_gain", "fixed", "broken", "mcnemar_p", "verdict"}
    added = {"outcome", "matthews_correlation_gain", "only_answer_before", "only_answer_after"}
    assert set(record) == earlier | added


def report(answers: dict[str, np.ndarray], labels: np.ndarray) -> dict[str, Any]:
    """What is reported of answers by answerer, as JSON has it."""
    logits = {name: logits_for(given) for name, given in answers.items()}
    config = make_config(bootstrap_samples=300, seed=5)
    reported = measure_all(logits, labels, config, None) | {"config": config.model_dump()}
    read: dict[str, Any] = json.loads(json.dumps(reported, default=list))
    return read


@pytest.fixture
def imbalanced() -> np.ndarray:
    """60 labels, nine of ten of them 0."""
    return (np.arange(60) % 10 == 3).astype(np.int64)


@pytest.mark.parametrize(("answer", "word"), [(0, "different"), (1, "same")])
def test_one_answer_to_all_pairs_is_said_and_coded(answer: int, word: str, imbalanced: np.ndarray) -> None:
    given = np.full(60, answer)
    read = report({"majority": 0 * given, "untrained_head": 1 - given, "finetuned": given}, imbalanced)
    for record in read["comparison"].values():
        assert record["only_answer_after"] == answer
        assert record["verdict"].endswith(f". Fine-tuning gives the same answer, {word}, to all 60 pairs.")
    assert read["comparison"]["untrained_head"]["only_answer_before"] == 1 - answer


def test_two_answers_are_not_called_one(imbalanced: np.ndarray) -> None:
    nearly = np.zeros(60, dtype=np.int64)
    nearly[7] = 1
    record = report({"majority": 0 * nearly, "finetuned": nearly}, imbalanced)["comparison"]["majority"]
    assert (record["only_answer_before"], record["only_answer_after"]) == (0, None)
    assert "same answer" not in record["verdict"]


def test_the_strongest_baseline_comes_first_and_of_equals_the_simplest(imbalanced: np.ndarray) -> None:
    names = ("majority", "untrained_head", "linear_probe")
    wrong = {name: noisy(imbalanced, share, 1) for name, share in zip(names, (0.1, 0.8, 0.0), strict=True)}
    read = report({**wrong, "finetuned": imbalanced}, imbalanced)
    assert list(recorded_comparisons(read)) == ["linear_probe", "majority", "untrained_head"]
    assert read["strongest_baseline"] == "linear_probe"
    metrics = {name: {"accuracy": 0.9} for name in ("linear_probe", "finetuned", "reloaded", "majority")}
    assert strongest_first(metrics) == ["majority", "linear_probe"]


@pytest.mark.parametrize("majority", [0, 1])
@pytest.mark.parametrize("finetuned", [0.0, 0.2, 1.0])
def test_what_an_earlier_version_left_out_follows_from_its_counts(
    majority: int, finetuned: float, imbalanced: np.ndarray
) -> None:
    answers = {
        "majority": np.full(60, majority),
        "linear_probe": noisy(imbalanced, 0.4, seed=2),
        "finetuned": (np.random.default_rng(3).random(60) < finetuned).astype(np.int64),
    }
    today = report(answers, imbalanced)
    older = copy.deepcopy(today)
    del older["comparison"]["majority"], older["strongest_baseline"]
    record = older["comparison"]["linear_probe"]
    del record["only_answer_before"], record["only_answer_after"]
    record["verdict"] = record["verdict"].split(" Fine-tuning gives")[0]
    assert json.loads(json.dumps(recorded_comparisons(older))) == recorded_comparisons(today)


@pytest.mark.parametrize("number", [10**12, -1, 1e5, "many", None, 10**400])
@pytest.mark.parametrize("name", ["bootstrap_samples", "seed"])
def test_a_run_that_says_to_draw_beyond_all_measure_is_damaged(
    name: str, number: object, imbalanced: np.ndarray
) -> None:
    older = report({"majority": 0 * imbalanced, "finetuned": imbalanced}, imbalanced)
    older["config"][name] = number
    del older["comparison"]["majority"], older["metrics"]["finetuned"]["f1_ci95"]
    with pytest.raises(ValueError, match="no number of a run"):
        recorded_comparisons(older)
    with pytest.raises(ValueError, match="no number of a run"):
        recorded_scores(older)["finetuned"].interval("f1")


def test_what_does_not_follow_from_an_earlier_versions_result_stays_missing(imbalanced: np.ndarray) -> None:
    older = report({"majority": 0 * imbalanced, "finetuned": imbalanced}, imbalanced)
    del older["comparison"]["majority"], older["metrics"]["majority"]["confusion"]
    assert recorded_comparisons(older) == {}
