"""How far stated confidence and accuracy agree."""

from dataclasses import dataclass

import numpy as np

from qlora_core.evaluation.metrics import predicted_labels, probabilities

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Confidence and accuracy in bins of equal width from 0.5 to 1 (Guo et al. 2017, arXiv:1706.04599)."""

    ece: float  #: expected calibration error, the bins' gaps weighted by their size
    confidence: list[float | None]  #: mean confidence of a bin's answers; None where the bin is empty
    accuracy: list[float | None]
    count: list[int]


def calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Confidence (the probability of the answer given) against accuracy; logits have shape (n, 2), labels (n,)."""
    positive = probabilities(logits)
    confidence = np.maximum(positive, 1 - positive)
    right = predicted_labels(logits) == labels
    edges = np.linspace(0.5, 1.0, BINS + 1)
    bins = np.clip(np.digitize(confidence, edges) - 1, 0, BINS - 1)
    members = [bins == number for number in range(BINS)]
    count = [int(member.sum()) for member in members]
    mean_confidence = [float(confidence[member].mean()) if member.any() else None for member in members]
    accuracy = [float(right[member].mean()) if member.any() else None for member in members]
    gaps = [abs(float(confidence[member].sum() - right[member].sum())) for member in members]
    return Calibration(sum(gaps) / len(labels), mean_confidence, accuracy, count)
