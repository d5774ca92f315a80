"""The room as one more answerer: what its judges made of the pairs they were given, and the models on the same."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qlora_core.classroom.agreement import fleiss_kappa
from qlora_core.classroom.judgements import Judge
from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import COMPARED
from qlora_core.evaluation.comparison import DEFAULT_SAMPLING
from qlora_core.evaluation.flips import Sentences
from qlora_core.evaluation.scores import Interval, interval_of
from qlora_core.store.run import Run

#: Fewer are too few to speak of a room.
MIN_JUDGES, MIN_JUDGEMENTS = 3, 30
MAX_DISAGREEMENTS = 50  #: listed, those that divide the room most


@dataclass(frozen=True)
class Votes:
    """What the judges of one pair answered."""

    pair: int
    same: int
    different: int

    @property
    def judges(self) -> int:
        """How many there are."""
        return self.same + self.different

    def right(self, label: int) -> float:
        """1 where most are right, 0 where most are wrong, half where as many are."""
        for_it = self.same if label == 1 else self.different
        return 0.5 if 2 * for_it == self.judges else float(2 * for_it > self.judges)


@dataclass(frozen=True)
class Answered:
    """A run's validation: labels and the models' answers, an entry a pair."""

    labels: np.ndarray  #: 0 or 1, shape (n,)
    answers: dict[str, np.ndarray]  #: of each answerer that is on record, 0 or 1, shape (n,)


def votes_of(judges: Iterable[Judge]) -> list[Votes]:
    """Every judged pair, by its number."""
    counts: dict[int, list[int]] = {}
    for judge in judges:
        for pair, label in zip(judge.given, judge.answers, strict=False):
            counts.setdefault(pair, [0, 0])[label] += 1
    return [Votes(pair, same, different) for pair, (different, same) in sorted(counts.items())]


def answered_by(run: Run) -> Answered | None:
    """What a finished run's models answered; None while it has no predictions, or where they are damaged."""
    try:
        (labels,) = run.predictions(["label"])
    except RunError:
        return None
    answers = {}
    for name in (*COMPARED, "finetuned"):
        try:
            (given,) = run.predictions([f"probability_{name}"])
        except RunError:  # of an answerer that the run does not have
            continue
        answers[name] = (np.asarray(given) > 0.5).astype(int)
    return Answered(np.asarray(labels), answers) if "finetuned" in answers else None


def room_report(
    judges: Sequence[Judge], own: Judge | None, answered: Answered | None, pairs: Sequence[Sentences]
) -> dict[str, Any]:
    """The room's accuracy with its interval, agreement, phenomena and disagreements, as JSON has them.

    Args:
        answered: None while the run has not ended: then only the numbers of judges and judgements are told.
        pairs: the sentences; empty where they are not to be had.

    Nothing is computed from fewer than ``MIN_JUDGES`` and ``MIN_JUDGEMENTS``.
    """
    votes = votes_of(judges)
    count = sum(vote.judges for vote in votes)
    report: dict[str, Any] = {
        "judges": len(judges),
        "judgements": count,
        "pairs": len(votes),
        "least": {"judges": MIN_JUDGES, "judgements": MIN_JUDGEMENTS},
        "enough": len(judges) >= MIN_JUDGES and count >= MIN_JUDGEMENTS,
        "ended": answered is not None,
        "mine": None,
        "scores": None,
    }
    if answered is None:
        return report
    known = [vote for vote in votes if vote.pair < len(answered.labels)]
    if own is not None and own.next is None:
        report["mine"] = _own(own, answered)
    if report["enough"] and known:
        report["scores"] = _scores(known, answered, pairs if len(pairs) == len(answered.labels) else [])
    return report


def _own(judge: Judge, answered: Answered) -> dict[str, int]:
    """How many of the pairs that it was given a browser has right."""
    both = [(pair, label) for pair, label in zip(judge.given, judge.answers, strict=True)]
    right = [int(answered.labels[pair]) == label for pair, label in both if pair < len(answered.labels)]
    return {"right": sum(right), "pairs": len(right)}


def _scores(votes: list[Votes], answered: Answered, pairs: Sequence[Sentences]) -> dict[str, Any]:
    numbers = np.array([vote.pair for vote in votes])
    labels = answered.labels[numbers]
    room = np.array([vote.right(label) for vote, label in zip(votes, labels, strict=True)])
    models = {name: (given[numbers] == labels).astype(float) for name, given in answered.answers.items()}
    sizes = np.array([vote.judges for vote in votes])
    right = np.array([vote.same if label == 1 else vote.different for vote, label in zip(votes, labels, strict=True)])
    drawn = _redrawn(len(votes))
    gain = models["finetuned"] - room
    return {
        "accuracy": float(room.mean()),
        "accuracy_ci95": interval(room, drawn),
        "single_accuracy": float(right.sum() / sizes.sum()),
        "single_accuracy_ci95": interval_of(right[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)),
        "models": {name: float(given.mean()) for name, given in models.items()},
        "finetuned_gain": float(gain.mean()),
        "finetuned_gain_ci95": interval(gain, drawn),
        "kappa": fleiss_kappa((vote.same, vote.different) for vote in votes),
        "kappa_pairs": int((sizes >= 2).sum()),
        "phenomena": _by_phenomenon(votes, room, models["finetuned"], pairs),
        "disagreements": _disagreements(votes, labels, answered, pairs),
    }


def _redrawn(n: int) -> np.ndarray:
    """Pairs drawn with replacement, each with all of its judgements: shape (samples, n).

    A bootstrap of clusters (Davison & Hinkley 1997, section 3.8): the interval is about other pairs, for these judges.
    """
    samples, seed = DEFAULT_SAMPLING
    return np.random.default_rng(seed).integers(n, size=(samples, n))


def interval(values: np.ndarray, drawn: np.ndarray) -> Interval:
    """Between which the mean of ``values``, shape (n,), lies in 95 % of the draws."""
    return interval_of(values[drawn].mean(axis=1))


def _by_phenomenon(
    votes: list[Votes], room: np.ndarray, finetuned: np.ndarray, pairs: Sequence[Sentences]
) -> list[dict[str, Any]]:
    """The room and the fine-tuned model on the judged pairs of each phenomenon, where phenomena are known."""
    rows: dict[str, list[int]] = {}
    for row, vote in enumerate(votes):
        if pairs and (name := pairs[vote.pair].phenomenon):
            rows.setdefault(name, []).append(row)
    return [
        {
            "name": name,
            "pairs": len(of_it),
            "judgements": sum(votes[row].judges for row in of_it),
            "accuracy": float(room[of_it].mean()),
            "finetuned": float(finetuned[of_it].mean()),
        }
        for name, of_it in sorted(rows.items())
    ]


def _disagreements(
    votes: list[Votes], labels: np.ndarray, answered: Answered, pairs: Sequence[Sentences]
) -> list[dict[str, Any]]:
    """The pairs on which people differ: those that divide them most first, of equals those with most judges."""
    divided = [(vote, int(label)) for vote, label in zip(votes, labels, strict=True) if vote.same and vote.different]
    divided.sort(key=lambda entry: (-min(entry[0].same, entry[0].different) / entry[0].judges, -entry[0].judges))
    return [
        {
            **asdict(vote),
            "label": label,
            "finetuned": int(answered.answers["finetuned"][vote.pair]),
            "sentence1": pairs[vote.pair].sentence1 if pairs else "",
            "sentence2": pairs[vote.pair].sentence2 if pairs else "",
        }
        for vote, label in divided[:MAX_DISAGREEMENTS]
    ]
