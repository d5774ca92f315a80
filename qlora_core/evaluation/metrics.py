"""Every metric once: what it is called, where it comes from, and how it follows from a model's answers.

A metric added to ``METRICS`` appears wherever scores do: in ``result.json``, on the page, on the command line, in the
model card, the CSV file and the notebook. Logits have shape (n, 2), column 1 is "paraphrase"; labels have shape (n,)
and are 0 or 1. Importing this imports nothing heavier than numpy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np

from qlora_core.choices import Choice, table
from qlora_core.language import N_, number, translated

#: Counts of true positives, false positives, false negatives and true negatives -> a score for each; "positive" means
#: "paraphrase". The counts are whole numbers, or arrays of them with one shape.
OfCounts = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@translated("abbreviation", "unit")
@dataclass(frozen=True)
class Metric(Choice):
    """One way to score a set of answers.

    ``name`` is its key in ``result.json``, ``events.jsonl`` and ``--json``, and its id on the hub; ``label`` stands in
    a sentence before its value.
    """

    source: str  #: the paper it is defined in
    of_counts: OfCounts | None = None  #: None for one that needs the logits; it then has no interval
    of_logits: Callable[[np.ndarray, np.ndarray], float] | None = None  #: from logits and labels
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    abbreviation: str = ""  #: where there is no room for the label
    needs_both_labels: bool = False  #: whether it says nothing where all labels are alike
    charted: bool = False  #: whether the charts of scores draw it; all tables have it
    scikit_learn: str = ""  #: the function of ``sklearn.metrics`` that has to find the same, if there is one

    @property
    def interval(self) -> str:
        """The key of its 95 % interval."""
        return f"{self.name}_ci95"

    @property
    def has_interval(self) -> bool:
        """Whether it follows from the counts alone, which are what the bootstrap draws."""
        return self.of_counts is not None


def shown(value: float | None, digits: int = 3) -> str:
    """A score as it is written everywhere; a dash where there is none."""
    return "–" if value is None or not isfinite(value) else number(value, f".{digits}f")


def accuracy(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """Share of right answers."""
    return (tp + tn) / (tp + fp + fn + tn)


def f1(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall of the positive class; 0 where no pair is positive."""
    del tn  # which F1 takes no notice of
    return 2 * tp / np.maximum(2 * tp + fp + fn, 1)


def matthews_correlation(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """Correlation of labels and answers; 0 where either are all alike, as scikit-learn has it."""
    spread = np.sqrt(1.0 * ((tp + fp) * (tp + fn)) * ((tn + fp) * (tn + fn)))
    return (tp * tn - fp * fn) / np.maximum(spread, 1)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    reduced = shifted(logits)
    log_probabilities = reduced - np.log(np.exp(reduced).sum(axis=1, keepdims=True))
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


METRICS = table(
    Metric(
        name="accuracy",
        label=N_("accuracy"),
        help=N_("the share of pairs that are answered right"),
        source="Wang et al. 2018, arXiv:1804.07461",
        of_counts=accuracy,
        abbreviation=N_("Acc"),
        charted=True,
        scikit_learn="accuracy_score",
    ),
    Metric(
        name="f1",
        label="F1",
        help=N_("the harmonic mean of precision and recall of “same”, high for whoever always answers “same”"),
        source="Wang et al. 2018, arXiv:1804.07461",
        of_counts=f1,
        needs_both_labels=True,
        charted=True,
        scikit_learn="f1_score",
    ),
    Metric(
        name="matthews_correlation",
        label="MCC",
        help=N_("Matthews' correlation of labels and answers, from -1 to 1, where 0 is what guessing comes to"),
        source="Matthews 1975, doi:10.1016/0005-2795(75)90109-9",
        of_counts=matthews_correlation,
        needs_both_labels=True,
        low=-1.0,
        scikit_learn="matthews_corrcoef",
    ),
    Metric(
        name="loss",
        label=N_("loss"),
        help=N_("the mean cross-entropy in nats, where lower is better and a coin costs 0.693"),
        source="Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",
        of_logits=cross_entropy,
        high=float("inf"),
        unit=N_("nats"),
    ),
)


def predicted_labels(logits: np.ndarray) -> np.ndarray:
    """The label with the larger logit, shape (n,); 0 where both are equal."""
    return logits.argmax(axis=1)


def confusion_counts(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """True positives, false positives, false negatives and true negatives; "positive" means "paraphrase"."""
    answers = predicted_labels(logits)
    pairs = ((1, 1), (1, 0), (0, 1), (0, 0))
    return np.array([((answers == answer) & (labels == label)).sum() for answer, label in pairs])


def counts_above(probabilities: np.ndarray, labels: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The same where "paraphrase" is answered above a threshold instead of above 0.5: shape (4, thresholds).

    Args:
        probabilities: of "paraphrase", shape (n,).
    """
    of_same, of_different = (np.sort(probabilities[labels == label]) for label in (1, 0))
    tp, fp = (len(each) - np.searchsorted(each, thresholds, side="right") for each in (of_same, of_different))
    return np.array([tp, fp, len(of_same) - tp, len(of_different) - fp])


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Probability of "paraphrase", shape (n,), float64."""
    exponentials = np.exp(shifted(logits))
    return (exponentials / exponentials.sum(axis=1, keepdims=True))[:, 1]


def shifted(logits: np.ndarray) -> np.ndarray:
    """The same logits in float64, less the larger of each pair's, so that no exponential overflows."""
    exact = logits.astype(np.float64)
    return exact - exact.max(axis=1, keepdims=True)


def majority_logits(train_labels: np.ndarray, n: int) -> np.ndarray:
    """Answers of the majority baseline for ``n`` pairs: the log of each label's share in training, shape (n, 2)."""
    share = np.clip(np.bincount(train_labels, minlength=2) / len(train_labels), 1e-6, None)
    return np.tile(np.log(share), (n, 1))
