"""How sure one may be of a figure: intervals, paired comparison, calibration, accuracy by phenomenon.

Logits have shape (n, 2), column 1 is "paraphrase"; labels have shape (n,) and are 0 or 1.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from qlora_core.evaluation.metrics import cross_entropy, point_metrics, predicted_labels, probabilities

SIGNIFICANCE_LEVEL = 0.05
BEST_EPOCH_RULE = "highest mean of validation accuracy and F1; the lower validation loss, then the earlier, wins a tie"
CALIBRATION_BINS = 10

Interval = tuple[float, float]


@dataclass(frozen=True)
class Confusion:
    """Pairs by label and answer; positive means "paraphrase"."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


@dataclass(frozen=True)
class Metrics:
    """One model on one set of pairs, with 95 % percentile-bootstrap intervals (Efron & Tibshirani 1993, ch. 13)."""

    accuracy: float
    f1: float
    loss: float  #: mean cross-entropy, nats
    n: int
    accuracy_ci95: Interval
    f1_ci95: Interval
    confusion: Confusion

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON-able values."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """Two models on the same pairs."""

    accuracy_gain: float
    accuracy_gain_ci95: Interval  #: paired bootstrap
    f1_gain: float
    fixed: int  #: pairs answered wrong before and right after
    broken: int  #: pairs answered right before and wrong after
    mcnemar_p: float  #: exact, two-sided (McNemar 1947)
    verdict: str


@dataclass(frozen=True)
class Calibration:
    """How far stated confidence and accuracy agree, in bins of equal width (Guo et al. 2017, arXiv:1706.04599)."""

    ece: float  #: expected calibration error, the bins' gaps weighted by their size
    confidence: list[float | None]  #: mean confidence of a bin's answers; None where the bin is empty
    accuracy: list[float | None]
    count: list[int]


def best_epoch(history: list[dict[str, float]]) -> int:
    """Index of the evaluation to keep, by ``BEST_EPOCH_RULE``."""
    return max(
        range(len(history)),
        key=lambda i: (history[i]["accuracy"] + history[i]["f1"], -history[i]["loss"], -i),
    )


def measure(logits: np.ndarray, labels: np.ndarray, *, bootstrap_samples: int = 2000, seed: int = 0) -> Metrics:
    """Every figure of one model's answers, with intervals."""
    answers = predicted_labels(logits)
    confusion = Confusion(
        true_positive=int(((answers == 1) & (labels == 1)).sum()),
        false_positive=int(((answers == 1) & (labels == 0)).sum()),
        false_negative=int(((answers == 0) & (labels == 1)).sum()),
        true_negative=int(((answers == 0) & (labels == 0)).sum()),
    )
    accuracy, f1 = point_metrics(logits, labels)
    accuracy_ci95, f1_ci95 = _bootstrap_intervals(confusion, bootstrap_samples, seed)
    return Metrics(accuracy, f1, cross_entropy(logits, labels), len(labels), accuracy_ci95, f1_ci95, confusion)


def _bootstrap_intervals(confusion: Confusion, samples: int, seed: int) -> tuple[Interval, Interval]:
    """Intervals of accuracy and F1.

    Both depend on the four cells of the confusion matrix alone, and drawing n pairs with replacement is drawing the
    cells' counts from a multinomial distribution.
    """
    cells = np.array(list(asdict(confusion).values()))
    n = int(cells.sum())
    tp, fp, fn, tn = np.random.default_rng(seed).multinomial(n, cells / n, size=samples).T
    f1 = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    return _interval((tp + tn) / n), _interval(f1)


def _interval(values: np.ndarray) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def compare(
    before: np.ndarray,
    after: np.ndarray,
    labels: np.ndarray,
    *,
    before_name: str,
    after_name: str,
    bootstrap_samples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two models' logits for the same pairs, pair by pair."""
    right_before, right_after = predicted_labels(before) == labels, predicted_labels(after) == labels
    fixed, broken = int((~right_before & right_after).sum()), int((right_before & ~right_after).sum())
    n = len(labels)
    gain = (fixed - broken) / n
    shares = np.array([fixed, broken, n - fixed - broken]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=bootstrap_samples)
    interval = _interval((drawn[:, 0] - drawn[:, 1]) / n)
    p = float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0
    return Comparison(
        accuracy_gain=gain,
        accuracy_gain_ci95=interval,
        f1_gain=point_metrics(after, labels)[1] - point_metrics(before, labels)[1],
        fixed=fixed,
        broken=broken,
        mcnemar_p=p,
        verdict=_verdict(gain, interval, p, n, before_name, after_name),
    )


def _verdict(gain: float, interval: Interval, p: float, n: int, before_name: str, after_name: str) -> str:
    """A sentence that claims a difference only where interval and test both exclude chance."""
    low, high = (f"{100 * end:+.1f}" for end in interval)
    evidence = f"95 % interval {low} to {high} points, McNemar p {_p_words(p)}, {n} pairs"
    if p >= SIGNIFICANCE_LEVEL or interval[0] <= 0 <= interval[1]:
        return (
            f"No difference beyond chance: {after_name} against {before_name} {100 * gain:+.1f} points of accuracy "
            f"({evidence})."
        )
    direction = "better" if gain > 0 else "worse"
    return (
        f"{after_name[0].upper()}{after_name[1:]} is {direction} than {before_name} by {100 * abs(gain):.1f} points of "
        f"accuracy, more than chance explains ({evidence})."
    )


def _p_words(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"= {p:.4f}"


def calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Confidence (the probability of the answer given, 0.5 to 1) against accuracy."""
    positive = probabilities(logits)
    confidence = np.maximum(positive, 1 - positive)
    right = predicted_labels(logits) == labels
    edges = np.linspace(0.5, 1.0, CALIBRATION_BINS + 1)
    bins = np.clip(np.digitize(confidence, edges) - 1, 0, CALIBRATION_BINS - 1)
    members = [bins == number for number in range(CALIBRATION_BINS)]
    count = [int(member.sum()) for member in members]
    mean_confidence = [float(confidence[member].mean()) if member.any() else None for member in members]
    accuracy = [float(right[member].mean()) if member.any() else None for member in members]
    gaps = [abs(float(confidence[member].sum() - right[member].sum())) for member in members]
    return Calibration(sum(gaps) / len(labels), mean_confidence, accuracy, count)


def by_phenomenon(logits: np.ndarray, labels: np.ndarray, phenomena: list[str]) -> dict[str, dict[str, float | int]]:
    """Accuracy and n of each phenomenon, by its name."""
    right = predicted_labels(logits) == labels
    names = np.asarray(phenomena)
    return {
        name: {"accuracy": float(right[names == name].mean()), "n": int((names == name).sum())}
        for name in sorted(set(phenomena))
    }
