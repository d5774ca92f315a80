"""Scores and their intervals against naive or hand-computed versions, and as they are read from results on disk."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from sklearn.metrics import matthews_corrcoef

from qlora_core.evaluation.metrics import METRICS, cross_entropy, probabilities
from qlora_core.evaluation.scores import (
    Confusion,
    RecordedScores,
    bootstrap,
    measure,
    of_confusion,
    recorded_scores,
    sentence,
)
from tests.evaluation.answers import MONTE_CARLO_ERROR, RESAMPLES, logits_for, naive_interval, noisy
from tests.recorded import recorded_run


@pytest.fixture
def labels() -> np.ndarray:
    """200 labels, two thirds of them 1."""
    return (np.random.default_rng(7).random(200) < 0.67).astype(np.int64)


def test_every_score_of_a_hand_counted_case() -> None:
    answers, truth = np.array([1, 1, 1, 0, 0, 1]), np.array([1, 1, 0, 1, 0, 1])
    scores = measure(logits_for(answers), truth)
    confusion = {"true_positive": 3, "false_positive": 1, "false_negative": 1, "true_negative": 1}
    assert scores.as_dict()["confusion"] == confusion
    expected = {"accuracy": 4 / 6, "f1": 0.75, "matthews_correlation": (3 * 1 - 1 * 1) / math.sqrt(4 * 4 * 2 * 2)}
    assert scores.of_counts == pytest.approx(expected)
    assert scores.confusion.n == 6
    assert scores.values["loss"] == pytest.approx((4 * math.log(1 + math.exp(-1)) + 2 * math.log(1 + math.e)) / 6)


def test_the_intervals_are_those_of_a_naive_bootstrap(labels: np.ndarray) -> None:
    answers = noisy(labels, 0.2, seed=1)
    scores = measure(logits_for(answers), labels, bootstrap_samples=RESAMPLES, seed=2)
    generator = np.random.default_rng(3)
    drawn = [generator.integers(0, len(labels), len(labels)) for _ in range(RESAMPLES)]
    accuracy = naive_interval([float((answers[d] == labels[d]).mean()) for d in drawn])
    f1 = naive_interval([2 * float((answers[d] & labels[d]).sum() / (answers[d] + labels[d]).sum()) for d in drawn])
    mcc = naive_interval([float(np.corrcoef(answers[d], labels[d])[0, 1]) for d in drawn])
    assert scores.intervals["accuracy"] == pytest.approx(accuracy, abs=MONTE_CARLO_ERROR)
    assert scores.intervals["f1"] == pytest.approx(f1, abs=MONTE_CARLO_ERROR)
    assert scores.intervals["matthews_correlation"] == pytest.approx(mcc, abs=2 * MONTE_CARLO_ERROR)


def test_the_same_seed_gives_the_same_interval(labels: np.ndarray) -> None:
    logits = logits_for(noisy(labels, 0.2, seed=1))
    assert measure(logits, labels, seed=5) == measure(logits, labels, seed=5)
    assert measure(logits, labels, seed=5).intervals["f1"] != measure(logits, labels, seed=6).intervals["f1"]


@pytest.mark.parametrize(("answer", "truth", "f1"), [(1, 1, 1.0), (0, 0, 0.0), (0, 1, 0.0)])
def test_answers_that_are_all_alike_have_an_interval_without_width(answer: int, truth: int, f1: float) -> None:
    scores = measure(logits_for(np.full(30, answer)), np.full(30, truth))
    accuracy = float(answer == truth)
    assert (scores.intervals["accuracy"], scores.intervals["f1"]) == ((accuracy, accuracy), (f1, f1))


def test_the_scores_can_be_written_as_json(labels: np.ndarray) -> None:
    written = measure(logits_for(labels), labels).as_dict()
    assert json.loads(json.dumps(written, allow_nan=False))["accuracy_ci95"] == [1.0, 1.0]


@given(st.tuples(*[st.integers(0, 100_000)] * 4).filter(any))
def test_matthews_correlation_is_that_of_scikit_learn(counts: tuple[int, int, int, int]) -> None:
    value = of_confusion(METRICS["matthews_correlation"], Confusion(*counts))
    expected = matthews_corrcoef([1, 0, 1, 0], [1, 1, 0, 0], sample_weight=counts)
    assert value == pytest.approx(expected, abs=1e-12)


def test_the_extremes_of_matthews_correlation_are_exact() -> None:
    metric = METRICS["matthews_correlation"]
    assert of_confusion(metric, Confusion(279, 0, 0, 129)) == 1.0
    assert of_confusion(metric, Confusion(0, 129, 279, 0)) == -1.0
    assert of_confusion(metric, Confusion(279, 129, 0, 0)) == 0.0  # always the commoner label


def test_a_metric_that_needs_the_logits_does_not_follow_from_the_counts() -> None:
    with pytest.raises(TypeError, match="loss"):
        of_confusion(METRICS["loss"], Confusion(1, 1, 1, 1))


@pytest.mark.parametrize("seed", range(3))
def test_loss_and_probabilities_are_scipys_to_the_last_bit(seed: int) -> None:
    generator = np.random.default_rng(seed)
    logits, labels = (generator.normal(size=(408, 2)) * 9).astype(np.float32), generator.integers(0, 2, size=408)
    exact = logits.astype(np.float64)
    assert np.array_equal(probabilities(logits), softmax(exact, axis=1)[:, 1])
    assert cross_entropy(logits, labels) == float(-log_softmax(exact, axis=1)[np.arange(408), labels].mean())


def recorded_result() -> dict[str, Any]:
    """The result of the run that comes with the program, written before there was Matthews' correlation."""
    return recorded_run("standard").require_result()


def test_an_earlier_run_has_the_scores_and_intervals_that_it_recorded() -> None:
    result = recorded_result()
    for name, scores in recorded_scores(result).items():
        assert scores.confusion is not None
        counted = bootstrap(scores.confusion, result["config"]["bootstrap_samples"], result["config"]["seed"])
        for metric in ("accuracy", "f1"):
            assert scores.value(metric) == result["metrics"][name][metric]
            assert scores.value(metric) == of_confusion(METRICS[metric], scores.confusion)
            assert scores.interval(metric) == tuple(result["metrics"][name][f"{metric}_ci95"]) == counted[metric]


def test_a_metric_that_an_earlier_run_lacks_is_computed_from_its_counts_and_its_seed() -> None:
    scores = recorded_scores(recorded_result())["finetuned"]
    assert "matthews_correlation" not in scores.record
    tp, fp, fn, tn = (
        scores.record["confusion"][name]
        for name in ("true_positive", "false_positive", "false_negative", "true_negative")
    )
    expected = (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert scores.value("matthews_correlation") == pytest.approx(expected)
    low, high = scores.interval("matthews_correlation") or (0, 0)
    assert low < expected < high
    assert scores.words("matthews_correlation") == f"{expected:.3f} [{low:.3f}, {high:.3f}]"


@pytest.mark.parametrize(
    ("record", "config", "words"),
    [
        ({"accuracy": 0.5}, {"seed": 0, "bootstrap_samples": 9}, "–"),
        (
            {"confusion": {"true_positive": 1, "false_positive": 0, "false_negative": 0, "true_negative": 1}},
            {},
            "1.000",
        ),
    ],
    ids=["no counts", "no seed"],
)
def test_what_does_not_follow_is_left_out(record: dict[str, Any], config: dict[str, Any], words: str) -> None:
    assert RecordedScores(record, config).words("matthews_correlation") == words


def test_what_is_written_is_read_again(labels: np.ndarray) -> None:
    scores = measure(logits_for(noisy(labels, 0.2, seed=1)), labels, bootstrap_samples=50)
    read = RecordedScores(json.loads(json.dumps(scores.as_dict())), {})
    assert {name: read.value(name) for name in METRICS} == scores.values
    assert {name: read.interval(name) for name in METRICS} == {**scores.intervals, "loss": None}


def test_a_line_of_scores_has_a_dash_for_what_is_missing() -> None:
    assert sentence({"accuracy": 0.8284, "f1": 0.8791, "loss": 0.4}) == "accuracy 0.828, F1 0.879, MCC –, loss 0.400"


def test_every_metric_has_a_range_that_its_values_keep_to(labels: np.ndarray) -> None:
    values = measure(logits_for(noisy(labels, 0.4, seed=2)), labels, bootstrap_samples=2).values
    assert all(metric.low <= values[name] <= metric.high for name, metric in METRICS.items())
