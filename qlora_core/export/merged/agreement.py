"""How far a model that was made of a run's answers its validation pairs as the run does."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from qlora_core.evaluation.metrics import predicted_labels
from qlora_core.evaluation.scores import Scores, score

#: What a merged model is written as.
Form = Literal["safetensors", "onnx"]


@dataclass(frozen=True)
class Agreement:
    """The run's answers, given again on this machine, against those of what was made of it."""

    pairs: int
    max_abs_logit_difference: float
    answers_that_differ: int
    accuracy_of_run: float
    accuracy: float

    @property
    def words(self) -> str:
        """One sentence."""
        differ = f"{self.answers_that_differ} of {self.pairs} answers differ"
        return (
            f"On the {self.pairs} validation pairs of the run the largest difference of a logit is "
            f"{self.max_abs_logit_difference:.2g} and {differ}; accuracy {self.accuracy:.4f}, that of the run "
            f"{self.accuracy_of_run:.4f}."
        )


@dataclass(frozen=True)
class Compared:
    """What was made of a run, asked about its validation pairs."""

    agreement: Agreement
    scores: Scores  #: its own

    @classmethod
    def of(cls, of_run: np.ndarray, logits: np.ndarray, labels: np.ndarray) -> Self:
        """Both arrays of logits have shape (n, 2), labels (n,)."""
        expected, given = predicted_labels(of_run), predicted_labels(logits)
        agreement = Agreement(
            pairs=len(labels),
            max_abs_logit_difference=float(np.abs(of_run.astype(np.float64) - logits).max()),
            answers_that_differ=int((expected != given).sum()),
            accuracy_of_run=float((expected == labels).mean()),
            accuracy=float((given == labels).mean()),
        )
        return cls(agreement, score(logits, labels))
