"""Accuracy, F1 and cross-entropy against independent definitions, without a network."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from qlora_core.evaluation.metrics import (
    cross_entropy,
    majority_logits,
    predicted_labels,
    probabilities,
    shown,
)
from qlora_core.evaluation.scores import score


def accuracy_and_f1(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    values = score(logits, labels).values
    return values["accuracy"], values["f1"]


def random_answers(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, 2)).astype(np.float32), generator.integers(0, 2, size=n)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60))
def test_accuracy_and_f1_are_those_that_glue_defines_for_mrpc(answers: list[tuple[int, int]]) -> None:
    predictions, references = (list(column) for column in zip(*answers, strict=True))
    hits = sum(p and r for p, r in answers)
    f1 = 2 * hits / (sum(predictions) + sum(references)) if any(predictions + references) else 0.0
    logits = np.array([[1.0 - p, p] for p in predictions])
    assert accuracy_and_f1(logits, np.array(references)) == (sum(p == r for p, r in answers) / len(answers), f1)


@pytest.mark.parametrize("seed", range(5))
def test_logits_are_scored_as_scikit_learn_scores_their_answers(seed: int) -> None:
    logits, labels = random_answers(seed, 408)
    answers = logits[:, 1] > logits[:, 0]
    assert accuracy_and_f1(logits, labels) == (accuracy_score(labels, answers), f1_score(labels, answers))


def test_importing_the_metrics_imports_neither_evaluate_nor_datasets() -> None:
    code = "import sys, qlora_core.evaluation.metrics; print(*({'evaluate', 'datasets', 'sklearn'} & {*sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_a_number_that_is_none_is_a_dash() -> None:
    assert (shown(None), shown(math.nan), shown(math.inf), shown(0.12345)) == ("–", "–", "–", "0.123")


def test_equal_logits_mean_not_a_paraphrase() -> None:
    assert predicted_labels(np.array([[2.0, 2.0], [0.0, 1e-6]])).tolist() == [0, 1]


def test_no_positive_answer_scores_an_f1_of_zero() -> None:
    assert accuracy_and_f1(np.array([[1.0, 0.0]] * 3), np.array([0, 0, 1])) == (pytest.approx(2 / 3), 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_loss_and_probability_are_those_of_torch(seed: int) -> None:
    logits, labels = random_answers(seed, 50)
    tensor = torch.from_numpy(logits).double()
    loss = torch.nn.functional.cross_entropy(tensor, torch.from_numpy(labels)).item()
    assert cross_entropy(logits, labels) == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(probabilities(logits), tensor.softmax(dim=1)[:, 1].numpy(), rtol=1e-12)


def test_large_logits_overflow_neither_loss_nor_probability() -> None:
    logits = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]], dtype=np.float32)
    assert cross_entropy(logits, np.array([1, 1])) == pytest.approx(1000.0)
    assert probabilities(logits).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("labels", "answer"), [([1, 1, 0], 1), ([0, 0, 1], 0), ([1, 1], 1), ([0, 0], 0)])
def test_the_majority_baseline_answers_the_commoner_label(labels: list[int], answer: int) -> None:
    logits = majority_logits(np.array(labels), 7)
    assert logits.shape == (7, 2)
    assert set(predicted_labels(logits).tolist()) == {answer}


def test_the_majority_baselines_loss_is_the_entropy_of_the_labels() -> None:
    labels = np.array([1, 1, 1, 0])
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert cross_entropy(majority_logits(labels, 4), labels) == pytest.approx(entropy)


def test_a_label_unseen_in_training_costs_the_majority_baseline_much_but_not_infinitely() -> None:
    assert cross_entropy(majority_logits(np.array([1, 1]), 1), np.array([0])) == pytest.approx(
        -math.log(1e-6), rel=1e-3
    )


def test_always_paraphrase_scores_what_is_known_for_mrpc() -> None:
    labels = np.array([1] * 279 + [0] * 129)
    accuracy, f1 = accuracy_and_f1(majority_logits(labels, 408), labels)
    assert (round(accuracy, 3), round(f1, 3)) == (0.684, 0.812)
