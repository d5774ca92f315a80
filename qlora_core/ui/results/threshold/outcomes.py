"""A run's answers under every threshold: which one its training pairs choose, and what another choice flatters."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from qlora_core.evaluation.metrics import METRICS, counts_above
from qlora_core.store.run import Run

#: What the slider can be set to.
GRID = np.round(np.linspace(0, 1, 101), 2)
DEFAULT = 0.5  #: what every reported score is measured at
MAX_CURVE = 200  #: points of the curve
#: Normal deviate of a 95 % interval.
Z95 = 1.96


@dataclass(frozen=True)
class Answers:
    """The fine-tuned model's probabilities of "same" for some pairs, and their labels; both have shape (n,)."""

    probabilities: np.ndarray
    labels: np.ndarray

    @property
    def has_both_labels(self) -> bool:
        """Whether there is anything to be told apart."""
        return len(np.unique(self.labels)) == 2

    def at(self, threshold: float) -> "Outcome":
        """What the answers come to where "same" is said above ``threshold``."""
        counts = counts_above(self.probabilities, self.labels, np.array([threshold]))
        scores = {m.name: float(m.of_counts(*counts)[0]) for m in METRICS.values() if m.of_counts is not None}
        tp, fp, fn, tn = (int(count) for count in counts[:, 0])
        return Outcome(threshold, tp, fp, fn, tn, scores)

    def curve(self) -> list["Outcome"]:
        """Outcomes from the highest threshold to the lowest, at no more than ``MAX_CURVE`` of the probabilities."""
        shares = np.linspace(1, 0, min(len(self.labels), MAX_CURVE))
        drawn = np.quantile(self.probabilities, shares, method="nearest")
        return [self.at(each) for each in (*dict.fromkeys(drawn.tolist()), -1.0)]

    def most_accurate(self) -> float:
        """The threshold of ``GRID`` with the most right answers; of several the one nearest to 0.5."""
        tp, _, _, tn = counts_above(self.probabilities, self.labels, GRID)
        best = np.flatnonzero(tp + tn == (tp + tn).max())
        return float(GRID[best[np.abs(GRID[best] - DEFAULT).argmin()]])


@dataclass(frozen=True)
class Outcome:
    """Right and wrong answers at one threshold, and the scores that follow."""

    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int
    scores: dict[str, float]  #: by the names of ``METRICS``

    @property
    def precision(self) -> float:
        """Share of the pairs called the same that are; 1 where none is."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 1.0

    @property
    def recall(self) -> float:
        """Share of the pairs that mean the same that are called so."""
        return self.tp / max(self.tp + self.fn, 1)


@dataclass(frozen=True)
class Choices:
    """The thresholds that could be chosen, and what choosing on the reported pairs would add."""

    validation: Answers
    from_training: float | None  #: None where a run has recorded no answers to training pairs
    training_pairs: int
    from_validation: float

    @property
    def flattery(self) -> float | None:
        """Accuracy on validation of its own best threshold, less that of the one from training pairs."""
        if self.from_training is None:
            return None
        found = [self.validation.at(each).scores["accuracy"] for each in (self.from_validation, self.from_training)]
        return found[0] - found[1]

    @property
    def noise(self) -> float:
        """Half of the 95 % interval of an accuracy on so many pairs, by the binomial's normal approximation."""
        accuracy = self.validation.at(self.from_validation).scores["accuracy"]
        return Z95 * sqrt(accuracy * (1 - accuracy) / len(self.validation.labels))


def choices_of(run: Run) -> Choices:
    """A finished run's.

    Raises:
        RunError: its predictions or its result cannot be read.
    """
    labels, probabilities = run.predictions(["label", "probability_finetuned"])
    validation = Answers(np.asarray(probabilities), np.asarray(labels))
    training = run.from_result(_training_answers)
    return Choices(
        validation,
        training.most_accurate() if training is not None and training.has_both_labels else None,
        0 if training is None else len(training.labels),
        validation.most_accurate(),
    )


def _training_answers(result: dict[str, object]) -> Answers | None:
    sample = result.get("train_sample")
    if not isinstance(sample, dict):  # of an earlier version
        return None
    answers = Answers(
        np.asarray(sample["probability_finetuned"], dtype=np.float64), np.asarray(sample["label"], dtype=np.int64)
    )
    if answers.labels.ndim != 1 or answers.labels.shape != answers.probabilities.shape:
        raise ValueError("not as many labels as answers")
    return answers
