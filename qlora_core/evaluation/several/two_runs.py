"""One run against another on the same validation pairs, pair by pair."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qlora_core.config import RunConfig
from qlora_core.errors import DataError, HubError
from qlora_core.evaluation.comparison import DEFAULT_SAMPLING, Comparison, compare
from qlora_core.evaluation.flips import Sentences, ValidationPairs
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import Interval, interval_of
from qlora_core.evaluation.several.answered import FINETUNED, Answered, check_same_pairs, read_answers
from qlora_core.evaluation.several.crossed import holm
from qlora_core.store.run import Run

ReadPairs = Callable[[RunConfig], ValidationPairs]


@dataclass(frozen=True)
class InGroup:
    """What the second run changed for the pairs of one phenomenon."""

    n: int
    first: float  #: accuracy
    second: float
    fixed: int
    broken: int
    p: float  #: McNemar's, corrected for the number of phenomena (Holm 1979)


@dataclass(frozen=True)
class Changed:
    """A pair that one run answers right and the other wrong."""

    idx: int
    label: int
    is_fixed: bool  #: right by the second run
    sentences: Sentences | None


@dataclass(frozen=True)
class TwoRuns:
    """The second run against the first."""

    first: str
    second: str
    accuracies: tuple[float, float]
    compared: Comparison  #: gains are second minus first
    intervals: Mapping[str, Interval]  #: of each gain, 95 %, paired bootstrap
    by_phenomenon: Mapping[str, InGroup]  #: empty where none are known
    changed: Sequence[Changed]

    def as_dict(self) -> dict[str, Any]:
        """For programs; without the pairs."""
        gains = {f"{name}_gain": gain for name, gain in self.compared.gains.items()}
        return {
            "runs": [self.first, self.second],
            "accuracy": list(self.accuracies),
            "n": self.compared.n,
            **gains,
            **{f"{name}_gain_ci95": list(interval) for name, interval in self.intervals.items()},
            "fixed": self.compared.fixed,
            "broken": self.compared.broken,
            "mcnemar_p": self.compared.mcnemar_p,
            "outcome": self.compared.outcome.value,
            "by_phenomenon": {name: asdict(group) for name, group in self.by_phenomenon.items()},
        }


def compare_runs(first: Run, second: Run, validation_pairs: ReadPairs | None = None) -> TwoRuns:
    """Hold two finished runs against each other.

    Args:
        validation_pairs: gives the pairs of a run of these settings, see ``flips.read_validation_pairs``; without it,
            sentences and phenomena are left out.

    Raises:
        DifferentPairs: they were validated on different pairs.
        RunError: one has no result, or it is damaged.
    """
    before, after = read_answers(first), read_answers(second)
    check_same_pairs([before, after])
    sentences: list[Sentences] = []
    if validation_pairs is not None:
        sentences = _sentences(first, before, validation_pairs) or _sentences(second, after, validation_pairs)
    answers = before.answers[FINETUNED], after.answers[FINETUNED]
    compared = _compared(before, after, np.full(len(before.labels), True))
    return TwoRuns(
        first.id,
        second.id,
        (before.accuracy(), after.accuracy()),
        compared,
        {**gain_intervals(*answers, before.labels), "accuracy": compared.accuracy_gain_ci95},
        _by_phenomenon(before, after, sentences),
        _changed(before, after, sentences),
    )


def _compared(before: Answered, after: Answered, part: np.ndarray) -> Comparison:
    """The runs compared on the pairs where ``part``, shape (n,), is true."""
    first, second = (np.eye(2)[one.answers[FINETUNED][part]] for one in (before, after))
    return compare(first, second, before.labels[part])


def gain_intervals(before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> dict[str, Interval]:
    """95 % intervals of each metric's gain (paired percentile bootstrap, Efron & Tibshirani 1993, ch. 13).

    Labels and both answers, each 0 or 1 and of shape (n,), make eight kinds of pairs: drawing pairs is drawing how many
    of each there are.
    """
    n, (samples, seed) = len(labels), DEFAULT_SAMPLING
    counts = np.bincount(4 * labels + 2 * before + after, minlength=8)
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=samples).T.reshape(2, 2, 2, samples)
    first, second = (_confusion(drawn.sum(axis=axis)) for axis in (2, 1))
    return {
        name: interval_of(metric.of_counts(*second) - metric.of_counts(*first))
        for name, metric in METRICS.items()
        if metric.of_counts is not None
    }


def _confusion(by_label_and_answer: np.ndarray) -> tuple[np.ndarray, ...]:
    """True positives, false positives, false negatives and true negatives, of counts of shape (2, 2, samples)."""
    return tuple(by_label_and_answer[label, answer] for label, answer in ((1, 1), (0, 1), (1, 0), (0, 0)))


def _sentences(run: Run, answered: Answered, validation_pairs: ReadPairs) -> list[Sentences]:
    """The pairs' sentences, where they are on this machine still."""
    try:
        known = validation_pairs(run.config)
    except (DataError, HubError):
        return []
    is_same = known.fingerprint == answered.fingerprint and len(known.sentences) == len(answered.idx)
    return known.sentences if is_same else []


def _by_phenomenon(before: Answered, after: Answered, sentences: Sequence[Sentences]) -> dict[str, InGroup]:
    names = np.array([one.phenomenon for one in sentences])
    known = sorted(set(names.tolist()) - {""})
    parts = [names == name for name in known]
    found = [_compared(before, after, part) for part in parts]
    corrected = holm([one.mcnemar_p for one in found])
    return {
        name: InGroup(
            one.n, float(before.right()[part].mean()), float(after.right()[part].mean()), one.fixed, one.broken, p
        )
        for name, part, one, p in zip(known, parts, found, corrected, strict=True)
    }


def _changed(before: Answered, after: Answered, sentences: Sequence[Sentences]) -> list[Changed]:
    right_after = after.right()
    return [
        Changed(
            int(before.idx[row]), int(before.labels[row]), bool(right_after[row]), sentences[row] if sentences else None
        )
        for row in np.flatnonzero(before.right() != right_after).tolist()
    ]
