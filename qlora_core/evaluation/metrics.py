"""The figures of one set of answers: accuracy and F1 as GLUE defines them for MRPC, and cross-entropy.

Logits have shape (n, 2), column 1 is "paraphrase"; labels have shape (n,) and are 0 or 1.
"""

from typing import Any

import datasets
import evaluate
import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score, f1_score


class ParaphraseMetric(evaluate.Metric):
    """Accuracy and F1 of the positive class, equal to the hub's ``glue``/``mrpc`` metric but part of this package."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracy and F1 (positive class: paraphrase), as GLUE (Wang et al. 2018) scores MRPC.",
            citation="https://arxiv.org/abs/1804.07461",
            inputs_description="predictions and references: lists of 0 (not equivalent) and 1 (equivalent).",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {
            "accuracy": float(accuracy_score(references, predictions)),
            "f1": float(f1_score(references, predictions, zero_division=0.0)),
        }


def point_metrics(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy and F1, both between 0 and 1."""
    metric = ParaphraseMetric(keep_in_memory=True)
    scores = metric.compute(predictions=predicted_labels(logits), references=labels)
    return scores["accuracy"], scores["f1"]


def predicted_labels(logits: np.ndarray) -> np.ndarray:
    """The label with the larger logit, shape (n,); 0 where both are equal."""
    return logits.argmax(axis=1)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Probability of "paraphrase", shape (n,), float64."""
    return softmax(logits.astype(np.float64), axis=1)[:, 1]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    return float(-log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels].mean())


def majority_logits(train_labels: np.ndarray, n: int) -> np.ndarray:
    """Answers of the majority baseline for ``n`` pairs: the log of each label's share in training, shape (n, 2)."""
    share = np.clip(np.bincount(train_labels, minlength=2) / len(train_labels), 1e-6, None)
    return np.tile(np.log(share), (n, 1))
