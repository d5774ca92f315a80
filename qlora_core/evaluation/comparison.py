"""Two models on the same pairs, compared pair by pair, and what may be said of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from qlora_core.evaluation.metrics import predicted_labels
from qlora_core.evaluation.scores import Interval, interval_of, score

SIGNIFICANCE_LEVEL = 0.05


class Outcome(StrEnum):
    """What a comparison found."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no_difference"  #: none beyond chance


@dataclass(frozen=True)
class Comparison:
    """The model after, against the one before."""

    gains: Mapping[str, float]  #: by metric with an interval, after minus before
    accuracy_gain_ci95: Interval  #: paired bootstrap
    fixed: int  #: pairs answered wrong before and right after
    broken: int  #: pairs answered right before and wrong after
    mcnemar_p: float  #: exact, two-sided (McNemar 1947)
    n: int

    @property
    def outcome(self) -> Outcome:
        """A difference only where interval and test both exclude chance."""
        return outcome_from(self.gains["accuracy"], self.accuracy_gain_ci95, self.mcnemar_p)

    def as_dict(self, before_name: str, after_name: str) -> dict[str, Any]:
        """An entry of ``comparison`` in ``result.json``, with the verdict in words, which needs the models' names."""
        return {
            **{f"{name}_gain": gain for name, gain in self.gains.items()},
            **{name: value for name, value in asdict(self).items() if name not in ("gains", "n")},
            "outcome": self.outcome.value,
            "verdict": verdict(self, before_name, after_name),
        }


def compare(
    before: np.ndarray, after: np.ndarray, labels: np.ndarray, *, bootstrap_samples: int = 2000, seed: int = 0
) -> Comparison:
    """Compare two models' logits, each of shape (n, 2), for the pairs with these labels, shape (n,)."""
    from scipy.stats import binomtest  # a second of CPU, which the page does not need

    right_before, right_after = predicted_labels(before) == labels, predicted_labels(after) == labels
    fixed, broken = int((~right_before & right_after).sum()), int((right_before & ~right_after).sum())
    n = len(labels)
    shares = np.array([fixed, broken, n - fixed - broken]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=bootstrap_samples)
    scores_before, scores_after = score(before, labels).of_counts, score(after, labels).of_counts
    gains = {name: value - scores_before[name] for name, value in scores_after.items()}
    return Comparison(
        gains=gains | {"accuracy": (fixed - broken) / n},
        accuracy_gain_ci95=interval_of((drawn[:, 0] - drawn[:, 1]) / n),
        fixed=fixed,
        broken=broken,
        mcnemar_p=float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0,
        n=n,
    )


def outcome_from(gain: float, interval: Interval, p: float) -> Outcome:
    """What a gain, its 95 % interval and McNemar's p amount to."""
    if p >= SIGNIFICANCE_LEVEL or interval[0] <= 0 <= interval[1]:
        return Outcome.NO_DIFFERENCE
    return Outcome.BETTER if gain > 0 else Outcome.WORSE


def recorded_outcome(record: Mapping[str, Any]) -> Outcome:
    """The outcome in a ``comparison`` of ``result.json``; from its numbers where an earlier version wrote it.

    Raises:
        LookupError, TypeError, ValueError: the record is damaged.
    """
    if "outcome" in record:
        return Outcome(record["outcome"])
    low, high = record["accuracy_gain_ci95"]
    return outcome_from(record["accuracy_gain"], (low, high), record["mcnemar_p"])


def verdict(comparison: Comparison, before_name: str, after_name: str) -> str:
    """The outcome in a sentence, with what it rests on."""
    points = 100 * comparison.gains["accuracy"]
    low, high = (f"{100 * end:+.1f}" for end in comparison.accuracy_gain_ci95)
    p = "< 0.0001" if comparison.mcnemar_p < 0.0001 else f"= {comparison.mcnemar_p:.4f}"
    evidence = f"(95 % interval {low} to {high} points, McNemar p {p}, {comparison.n} pairs)"
    if comparison.outcome is Outcome.NO_DIFFERENCE:
        difference = f"{after_name} against {before_name} {points:+.1f} points of accuracy"
        return f"No difference beyond chance: {difference} {evidence}."
    finding = f"{after_name[:1].upper()}{after_name[1:]} is {comparison.outcome.value} than {before_name}"
    return f"{finding} by {abs(points):.1f} points of accuracy, more than chance explains {evidence}."
