"""What flipped: the validation pairs that fine-tuning answers right and a baseline wrong, and the other way round.

The answers are in a run's ``predictions.parquet``; the sentences are not, and are read again from where they came from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from qlora_core.config import RunConfig
from qlora_core.data.phenomena import told_apart
from qlora_core.errors import DataError, HubError, RunError
from qlora_core.language import N_
from qlora_core.store.run import Run

Before = Literal["untrained_head", "linear_probe", "majority", "started_from"]
Kind = Literal["fixed", "broken"]
Order = Literal["change", "gain", "loss", "idx"]
BEFORE: tuple[Before, ...] = ("linear_probe", "untrained_head", "majority")
STARTED_FROM: Before = "started_from"
NO_SENTENCES = N_("The sentences of this run are not on this machine, so only their numbers are shown.")
OTHER_SENTENCES = N_("The pairs have changed since this run, so only their numbers are shown.")


@dataclass(frozen=True)
class Sentences:
    """One validation pair, without its label."""

    sentence1: str
    sentence2: str
    phenomenon: str = ""


@dataclass(frozen=True)
class ValidationPairs:
    """What a run is validated on."""

    fingerprint: str  #: of all its pairs
    sentences: list[Sentences]


@dataclass(frozen=True)
class Flip:
    """One pair on whose answer baseline and fine-tuned model differ."""

    idx: int
    label: int
    before: float  #: the baseline's probability of "same"
    after: float  #: the fine-tuned model's
    sentences: Sentences | None  #: None where they are not to be had

    @property
    def kind(self) -> Kind:
        """Whether fine-tuning put the answer right or wrong."""
        return "fixed" if (self.after > 0.5) == (self.label == 1) else "broken"

    @property
    def change(self) -> float:
        """How much the probability of the right answer rose; below 0 where it fell."""
        return (self.after - self.before) * (1 if self.label == 1 else -1)


@dataclass(frozen=True)
class Flips:
    """Every pair that flipped, and why their sentences are missing where they are."""

    pairs: list[Flip]
    missing: str = ""

    @property
    def phenomena(self) -> list[str]:
        """The phenomena that are known, by name."""
        return sorted({pair.sentences.phenomenon for pair in self.pairs if pair.sentences} - {""})


def baselines_of(config: RunConfig) -> tuple[Before, ...]:
    """The baselines that a run of these settings can be held against."""
    return BEFORE if config.init_from is None else (STARTED_FROM, *BEFORE)


def flips(run: Run, before: Before, validation_pairs: Callable[[RunConfig], ValidationPairs]) -> Flips:
    """The pairs whose answer differs between a baseline and the fine-tuned model.

    Args:
        validation_pairs: gives the pairs of a run of these settings, see ``read_validation_pairs``.

    Raises:
        RunError: the run has no predictions, or they are damaged.
    """
    idx, labels, answers_before, answers_after = _predictions(run, before)
    sentences, missing = _sentences_if_known(run, len(idx), validation_pairs)
    pairs = [
        Flip(number, label, p_before, p_after, sentences[row] if sentences else None)
        for row, (number, label, p_before, p_after) in enumerate(
            zip(idx, labels, answers_before, answers_after, strict=True)
        )
        if (p_before > 0.5) != (p_after > 0.5)
    ]
    return Flips(pairs, missing)


def select(pairs: list[Flip], *, kind: str = "", phenomenon: str = "", text: str = "") -> list[Flip]:
    """The pairs of a kind and a phenomenon that contain ``text``, upper and lower case alike; "" leaves all."""
    wanted = text.strip().casefold()
    return [
        pair
        for pair in pairs
        if (not kind or pair.kind == kind)
        and (not phenomenon or (pair.sentences is not None and pair.sentences.phenomenon == phenomenon))
        and (not wanted or wanted in _searched(pair))
    ]


def in_order(pairs: list[Flip], order: Order) -> list[Flip]:
    """Pairs by the size of their change, whichever way, by the largest gain or loss first, or by number."""
    keys = {
        "change": lambda pair: -abs(pair.change),
        "gain": lambda pair: -pair.change,
        "loss": lambda pair: pair.change,
        "idx": lambda pair: pair.idx,
    }
    return sorted(pairs, key=keys[order])


def _searched(pair: Flip) -> str:
    sentences = pair.sentences
    return f"{sentences.sentence1}\n{sentences.sentence2}".casefold() if sentences else str(pair.idx)


def _predictions(run: Run, before: Before) -> tuple[list[int], list[int], list[float], list[float]]:
    """idx, label and the two probabilities of "same", each of shape (n,)."""
    names = ["idx", "label", f"probability_{before}", "probability_finetuned"]
    idx, labels, first, second = run.predictions(names)
    return idx, labels, first, second


def _sentences_if_known(
    run: Run, n: int, validation_pairs: Callable[[RunConfig], ValidationPairs]
) -> tuple[list[Sentences], str]:
    """The run's validation pairs in the order of its predictions; else none, and why in words."""
    result = run.result
    if result is None:
        raise RunError(N_("Run {run} has no result yet."), run=run.id)
    try:
        known = validation_pairs(run.config)
    except (DataError, HubError):
        return [], NO_SENTENCES
    with run.explaining_damage():
        same = known.fingerprint == result.get("dataset", {}).get("fingerprint") and len(known.sentences) == n
    return (known.sentences, "") if same else ([], OTHER_SENTENCES)


def read_validation_pairs(config: RunConfig) -> ValidationPairs:
    """The pairs that a run of these settings is validated on, without their labels; nothing is downloaded.

    Raises:
        DataError, HubError: they are not on this machine any more.
    """
    from qlora_core.data.sources import load_run_pairs  # which imports datasets; the page imports this module

    pairs = load_run_pairs(config, download=False)
    validation = pairs.validation
    has_phenomena = "phenomenon" in validation.column_names
    phenomena = told_apart(validation["phenomenon"]) if has_phenomena else [""] * len(validation)
    rows = zip(validation["sentence1"], validation["sentence2"], phenomena, strict=True)
    return ValidationPairs(pairs.fingerprint, [Sentences(*row) for row in rows])
