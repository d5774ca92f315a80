"""The scores of one set of answers, measured once, written to ``result.json`` and read from it again."""

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any

import numpy as np

from qlora_core.evaluation.metrics import METRICS, Metric, confusion_counts, shown
from qlora_core.fields import MAX_BOOTSTRAP_SAMPLES, MAX_SEED

Interval = tuple[float, float]
Result = Mapping[str, Any]  #: the content of a run's result.json
#: Percentiles between which 95 % of the bootstrap's draws lie.
PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True)
class Confusion:
    """Pairs by label and answer; positive means "paraphrase"."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def n(self) -> int:
        """All pairs."""
        return sum(astuple(self))

    @property
    def only_answer(self) -> int | None:
        """The label that every pair was answered with; None where both were given."""
        if self.true_positive + self.false_positive == 0:
            return 0
        return 1 if self.true_negative + self.false_negative == 0 else None


@dataclass(frozen=True)
class Scores:
    """One model on one set of pairs."""

    values: Mapping[str, float]  #: by the names of ``METRICS``
    confusion: Confusion
    intervals: Mapping[str, Interval]  #: 95 %, of the metrics that have one; empty until drawn

    @property
    def of_counts(self) -> dict[str, float]:
        """The values that follow from the confusion counts alone."""
        return {name: value for name, value in self.values.items() if METRICS[name].has_interval}

    def as_dict(self) -> dict[str, Any]:
        """An entry of ``metrics`` in ``result.json``."""
        intervals = {METRICS[name].interval: interval for name, interval in self.intervals.items()}
        return {**self.values, "n": self.confusion.n, **intervals, "confusion": asdict(self.confusion)}


def score(logits: np.ndarray, labels: np.ndarray) -> Scores:
    """Every metric of one model's answers, without intervals; logits have shape (n, 2), labels (n,)."""
    confusion = Confusion(*confusion_counts(logits, labels).tolist())
    values = {}
    for metric in METRICS.values():
        if metric.of_logits is not None:
            values[metric.name] = metric.of_logits(logits, labels)
        else:
            values[metric.name] = of_confusion(metric, confusion)
    return Scores(values, confusion, {})


def measure(logits: np.ndarray, labels: np.ndarray, *, bootstrap_samples: int = 2000, seed: int = 0) -> Scores:
    """Every metric of one model's answers, with intervals."""
    scores = score(logits, labels)
    return replace(scores, intervals=bootstrap(scores.confusion, bootstrap_samples, seed))


def of_confusion(metric: Metric, confusion: Confusion) -> float:
    """A metric that follows from the counts alone.

    Raises:
        TypeError: it does not.
    """
    if metric.of_counts is None:
        raise TypeError(f"{metric.name} does not follow from the confusion counts.")
    return float(metric.of_counts(*(np.asarray(count) for count in astuple(confusion))))


def bootstrap(confusion: Confusion, samples: int, seed: int) -> dict[str, Interval]:
    """95 % percentile-bootstrap intervals by metric (Efron & Tibshirani 1993, ch. 13).

    The metrics depend on the four counts alone, and drawing n pairs with replacement is drawing the counts from a
    multinomial distribution; all intervals are of the same draws.
    """
    counts = np.array(astuple(confusion))
    drawn = np.random.default_rng(seed).multinomial(confusion.n, counts / confusion.n, size=samples).T
    return {
        name: interval_of(metric.of_counts(*drawn)) for name, metric in METRICS.items() if metric.of_counts is not None
    }


def interval_of(values: np.ndarray) -> Interval:
    """The interval that 95 % of the draws lie in."""
    low, high = np.percentile(values, PERCENTILES)
    return float(low), float(high)


def recorded_sampling(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """How often a run's settings say to draw, and the seed; None where they do not.

    Raises:
        ValueError: they say what no run can have been asked for, and what memory may not suffice for.
    """
    if not {"bootstrap_samples", "seed"} <= config.keys():
        return None
    for name, most in (("bootstrap_samples", MAX_BOOTSTRAP_SAMPLES), ("seed", MAX_SEED)):
        if type(config[name]) is not int or not 0 <= config[name] <= most:
            raise ValueError(f"{name} is no number of a run")
    return config["bootstrap_samples"], config["seed"]


@dataclass(frozen=True)
class RecordedScores:
    """An answerer's entry in a result on disk, of this version or an earlier one.

    A metric that the run did not know yet is computed from the confusion counts, its interval from the run's own seed.
    """

    record: Mapping[str, Any]
    config: Mapping[str, Any]  #: the run's settings; may be empty

    def value(self, name: str) -> float | None:
        """A metric; None where the run neither measured nor counted what it follows from.

        Raises:
            ValueError: what is on record is no such score.
        """
        metric, confusion = METRICS[name], self.confusion
        if name in self.record:
            return _checked(metric, self.record[name])
        return None if confusion is None or not metric.has_interval else of_confusion(metric, confusion)

    def interval(self, name: str) -> Interval | None:
        """A metric's 95 % interval; None where there is none."""
        metric, confusion = METRICS[name], self.confusion
        if metric.interval in self.record:
            recorded = self.record[metric.interval]
            return None if recorded is None else (recorded[0], recorded[1])
        sampling = recorded_sampling(self.config)
        if confusion is None or not metric.has_interval or sampling is None:
            return None
        return bootstrap(confusion, *sampling)[name]

    @property
    def confusion(self) -> Confusion | None:
        """Pairs by label and answer."""
        counts = self.record.get("confusion")
        return None if counts is None else Confusion(**counts)

    def words(self, name: str) -> str:
        """A value with its interval in brackets, as tables of text have it."""
        value, interval = shown(self.value(name)), self.interval(name)
        return value if interval is None else f"{value} [{shown(interval[0])}, {shown(interval[1])}]"


def _checked(metric: Metric, value: Any) -> float | None:
    if value is not None and not (isinstance(value, int | float) and metric.low <= value <= metric.high):
        raise ValueError(f"{metric.name} is no score")
    found: float | None = value
    return found


def finetuned_values(result: Result) -> dict[str, float | None]:
    """Every metric of the fine-tuned model in a run's result.

    Raises:
        LookupError, TypeError, ValueError: the result is damaged.
    """
    scores = recorded_scores(result)["finetuned"]
    return {name: scores.value(name) for name in METRICS} | {"accuracy": finetuned_accuracy(result)}


def finetuned_accuracy(result: Result) -> float:
    """That of the fine-tuned model, which every result has.

    Raises:
        LookupError, TypeError, ValueError: the result is damaged.
    """
    accuracy = recorded_scores(result)["finetuned"].value("accuracy")
    if accuracy is None:
        raise ValueError("there is no accuracy")
    return accuracy


def recorded_scores(result: Result) -> dict[str, RecordedScores]:
    """The scores in a run's ``result.json`` (or in a report of ``evaluate``), by answerer.

    Raises:
        LookupError: the result has none.
    """
    return {name: RecordedScores(record, result.get("config", {})) for name, record in result["metrics"].items()}


def sentence(values: Mapping[str, float | None]) -> str:
    """Every metric as a line of progress has it: "accuracy 0.828, F1 0.879"; a dash where one is missing."""
    return ", ".join(f"{metric.label} {shown(values.get(name))}" for name, metric in METRICS.items())
