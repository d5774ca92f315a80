"""Which validation pairs a run got right, and whether several runs answered the same ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qlora_core.data.catalog import DATASETS
from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import COMPARED
from qlora_core.language import N_
from qlora_core.store.run import Run

FINETUNED = "finetuned"
DIFFERENT_PAIRS = N_(
    "Runs {first} and {other} were not validated on the same pairs, so that their answers cannot be laid beside each "
    "other pair by pair. Runs with the same pairs, the same number of validation pairs and, for a file without a "
    "validation file of its own, the same seed can be compared."
)


class DifferentPairs(RunError):
    """Two runs were validated on different pairs."""


@dataclass(frozen=True)
class Answered:
    """A finished run's answers to its validation pairs."""

    run_id: str
    idx: np.ndarray  #: of each pair, shape (n,)
    labels: np.ndarray  #: shape (n,)
    answers: Mapping[str, np.ndarray]  #: by answerer, the label that it gives to each pair, shape (n,)
    dataset: str  #: its name, where it is one of the program's own; else ""
    fingerprint: str  #: of all pairs
    validation_fingerprint: str  #: of these alone; "" in runs of earlier versions

    def right(self, answerer: str = FINETUNED) -> np.ndarray:
        """Which pairs an answerer got right, shape (n,)."""
        found: np.ndarray = self.answers[answerer] == self.labels
        return found

    def accuracy(self, answerer: str = FINETUNED) -> float:
        """Its share of right answers."""
        return float(self.right(answerer).mean())


def read_answers(run: Run) -> Answered:
    """The answers of a run that has a result.

    Raises:
        RunError: it has none, or they are damaged.
    """
    result, config = run.require_result(), run.config
    with run.explaining_damage():
        pairs, measured = result["dataset"], result["metrics"]
        names = [FINETUNED, *(name for name in COMPARED if name in measured)]
        idx, labels, *columns = run.predictions(["idx", "label", *(f"probability_{name}" for name in names)])
        if not idx or len(idx) != measured[FINETUNED]["n"]:
            raise ValueError("there are more or fewer answers than the scores are of")
        return Answered(
            run.id,
            np.array(idx),
            np.array(labels),
            {name: (np.array(column) > 0.5).astype(int) for name, column in zip(names, columns, strict=True)},
            config.dataset if config.dataset in DATASETS and config.validation_file is None else "",
            str(pairs["fingerprint"]),
            str(pairs.get("validation_fingerprint", "")),
        )


def check_same_pairs(answered: Sequence[Answered]) -> None:
    """Refuse runs that were not validated on the same pairs.

    Raises:
        DifferentPairs: they were not.
    """
    first = answered[0]
    for other in answered[1:]:
        if not have_same_pairs(first, other):
            raise DifferentPairs(DIFFERENT_PAIRS, first=first.run_id, other=other.run_id)


def have_same_pairs(first: Answered, other: Answered) -> bool:
    """Whether two runs answered the same pairs in the same order.

    Runs of earlier versions have no fingerprint of the validation pairs alone. There, pairs that come with the program
    or from the hub are known by their numbers and labels, others by the fingerprint of all pairs.
    """
    if not (np.array_equal(first.idx, other.idx) and np.array_equal(first.labels, other.labels)):
        return False
    if first.validation_fingerprint and other.validation_fingerprint:
        return first.validation_fingerprint == other.validation_fingerprint
    return first.fingerprint == other.fingerprint or first.dataset == other.dataset != ""
