"""Two models on the same pairs, compared pair by pair, and what may be said of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from qlora_core.choices import LABELS
from qlora_core.evaluation.answerers import COMPARED, definite_label
from qlora_core.evaluation.metrics import METRICS, predicted_labels
from qlora_core.evaluation.scores import (
    Confusion,
    Interval,
    Result,
    interval_of,
    of_confusion,
    recorded_sampling,
    recorded_scores,
    score,
)
from qlora_core.language import N_, number
from qlora_core.language import gettext as _

SIGNIFICANCE_LEVEL = 0.05
#: How often is drawn, and the seed, where nothing says so.
DEFAULT_SAMPLING = (2000, 0)


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
    only_answer_before: int | None  #: the label that the model before gives to every pair; None where it gives both
    only_answer_after: int | None
    n: int

    @property
    def outcome(self) -> Outcome:
        """A difference only where interval and test both exclude chance."""
        return outcome_from(self.gains["accuracy"], self.accuracy_gain_ci95, self.mcnemar_p)

    def as_dict(self, before_name: str) -> dict[str, Any]:
        """An entry of ``comparison`` in ``result.json``, with the verdict in words, which needs the model's name."""
        return {
            **{f"{name}_gain": gain for name, gain in self.gains.items()},
            **{name: value for name, value in asdict(self).items() if name not in ("gains", "n")},
            "outcome": self.outcome.value,
            "verdict": verdict(self, before_name),
        }


def compare(
    before: np.ndarray, after: np.ndarray, labels: np.ndarray, *, bootstrap_samples: int = 2000, seed: int = 0
) -> Comparison:
    """Compare two models' logits, each of shape (n, 2), for the pairs with these labels, shape (n,)."""
    right_before, right_after = predicted_labels(before) == labels, predicted_labels(after) == labels
    changed = int((~right_before & right_after).sum()), int((right_before & ~right_after).sum())
    counts = score(before, labels).confusion, score(after, labels).confusion
    return _compared(*counts, *changed, bootstrap_samples, seed)


def _compared(
    before: Confusion, after: Confusion, fixed: int, broken: int, bootstrap_samples: int, seed: int
) -> Comparison:
    from scipy.special import bdtr  # scipy.stats, whose binomtest gives the same, costs a second of CPU to import

    n = after.n
    shares = np.array([fixed, broken, n - fixed - broken]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=bootstrap_samples)
    gains = {
        name: of_confusion(metric, after) - of_confusion(metric, before)
        for name, metric in METRICS.items()
        if metric.has_interval
    }
    return Comparison(
        gains=gains | {"accuracy": (fixed - broken) / n},
        accuracy_gain_ci95=interval_of((drawn[:, 0] - drawn[:, 1]) / n),
        fixed=fixed,
        broken=broken,
        mcnemar_p=min(1.0, 2 * float(bdtr(min(fixed, broken), fixed + broken, 0.5))),
        only_answer_before=before.only_answer,
        only_answer_after=after.only_answer,
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


def strongest_first(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Those of ``metrics`` that the fine-tuned model is compared with, by accuracy; of equals the simplest first."""
    return sorted((name for name in COMPARED if name in metrics), key=lambda name: -metrics[name]["accuracy"])


def recorded_comparisons(result: Result) -> dict[str, Mapping[str, Any]]:
    """``comparison`` of a result of this version or an earlier one, by baseline, the strongest first.

    Earlier versions did not compare with the majority class, nor say where all answers are the same. Both follow from
    the confusion counts; where a result has none of these either, it stays without.

    Raises:
        LookupError, TypeError, ValueError: the result is damaged.
    """
    scores, sampling = recorded_scores(result), recorded_sampling(result.get("config", {})) or DEFAULT_SAMPLING
    after, found = scores["finetuned"].confusion, {}
    for name in strongest_first(result["metrics"]):
        record, before = result["comparison"].get(name), scores[name].confusion
        if record is not None and after is not None and "only_answer_after" not in record:
            codes = {"only_answer_before": before and before.only_answer, "only_answer_after": after.only_answer}
            found[name] = (
                record | codes | {"verdict": record["verdict"] + only_answer_words(after.only_answer, after.n)}
            )
        elif record is not None:
            found[name] = record
        elif before is not None and after is not None and before.only_answer is not None:
            compared = _compared(before, after, *_changed(before.only_answer, after), *sampling)
            found[name] = compared.as_dict(definite_label(name))
    return found


def _changed(only_answer: int, after: Confusion) -> tuple[int, int]:
    """Pairs fixed and broken by a model that follows one which gives every pair the same answer."""
    if only_answer == 0:
        return after.true_positive, after.false_positive
    return after.true_negative, after.false_negative


def only_answer_words(only_answer: int | None, n: int) -> str:
    """A sentence more for a verdict, where fine-tuning gives every pair the same answer."""
    if only_answer is None:
        return ""
    said = _("Fine-tuning gives the same answer, {label}, to all {n} pairs.")
    return f" {said.format(label=_(LABELS[only_answer]), n=n)}"


def verdict(comparison: Comparison, before_name: str) -> str:
    """The outcome in a sentence, with what it rests on; and one more where all answers are the same."""
    found = asdict(comparison) | {"accuracy_gain": comparison.gains["accuracy"]}
    return recorded_verdict(found, comparison.n, before_name)


#: What each outcome is told with.
VERDICTS = {
    Outcome.NO_DIFFERENCE: N_(
        "No difference beyond chance: fine-tuning against {before} {gain} points of accuracy "
        "(95 % interval {low} to {high} points, McNemar p {p}, {n} pairs)."
    ),
    Outcome.BETTER: N_(
        "Fine-tuning is better than {before} by {points} points of accuracy, more than chance explains "
        "(95 % interval {low} to {high} points, McNemar p {p}, {n} pairs)."
    ),
    Outcome.WORSE: N_(
        "Fine-tuning is worse than {before} by {points} points of accuracy, more than chance explains "
        "(95 % interval {low} to {high} points, McNemar p {p}, {n} pairs)."
    ),
}


def recorded_verdict(record: Mapping[str, Any], n: int, before_name: str) -> str:
    """The same of a ``comparison`` of ``result.json``, in the language of this context."""
    points, p = 100 * record["accuracy_gain"], record["mcnemar_p"]
    low, high = (number(100 * end, "+.1f") for end in record["accuracy_gain_ci95"])
    said = _(VERDICTS[recorded_outcome(record)]).format(
        before=before_name,
        gain=number(points, "+.1f"),
        points=number(abs(points), ".1f"),
        low=low,
        high=high,
        p=f"< {number(0.0001, '.4f')}" if p < 0.0001 else f"= {number(p, '.4f')}",
        n=n,
    )
    return said + only_answer_words(record.get("only_answer_after"), n)
