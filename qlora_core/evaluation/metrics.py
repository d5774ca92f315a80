"""The figures of one set of answers: accuracy and F1 as GLUE defines them for MRPC, and cross-entropy.

Logits have shape (n, 2), column 1 is "paraphrase"; labels have shape (n,) and are 0 or 1.
"""

import numpy as np
from scipy.special import log_softmax, softmax


def point_metrics(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy and F1, both between 0 and 1."""
    answers = predicted_labels(logits)
    hits = int(((answers == 1) & (labels == 1)).sum())
    positives = int((answers == 1).sum()) + int((labels == 1).sum())
    return int((answers == labels).sum()) / len(labels), 2 * hits / max(positives, 1)


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
