"""What the adapter answers with the k strongest directions of every matrix alone."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qlora_core.config import RunConfig
from qlora_core.data.batching import TokenizedPairs
from qlora_core.data.sources import PairData, load_run_pairs
from qlora_core.data.typed_pairs import Pair
from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.spectrum import strongest

#: Validation pairs answered for one question: few, so that an answer is soon there while a run trains.
PART = 32


@dataclass(frozen=True)
class AtRank:
    """A pair's answer."""

    k: int
    p_same: float  #: the probability of "same meaning", in the order given
    base_p_same: float  #: the base model's, with its untrained head


@dataclass(frozen=True)
class PartRight:
    """Some of the validation pairs."""

    k: int
    start: int  #: the first of them
    n: int  #: how many; 0 beyond the last
    right: int
    total: int  #: validation pairs in all


def answer_at_rank(predictor: Predictor, k: int, pair: Pair) -> AtRank:
    """What the adapter says of a pair with ``k`` directions.

    Raises:
        DataError: a sentence is empty or too long.
    """
    with predictor.answering_as("finetuned") as model, strongest(model, k):
        answer = predictor.answer([pair])[0]
    return AtRank(k, answer.adapter.given, answer.base.given)


def part_right(predictor: Predictor, k: int, start: int) -> PartRight:
    """How many of ``PART`` validation pairs, from ``start`` on, the adapter answers rightly with ``k`` directions.

    Raises:
        DataError, HubError: the run's pairs are not on this machine any more.
    """
    pairs = _pairs(predictor.config).validation
    if start >= len(pairs):
        return PartRight(k, start, 0, 0, len(pairs))
    part = pairs.select(range(start, min(start + PART, len(pairs))))
    tokenized: TokenizedPairs = predictor.tokenized(part)
    with predictor.answering_as("finetuned") as model, strongest(model, k):
        logits = predictor.logits(tokenized, "finetuned")
    right = int((logits.argmax(axis=1) == np.asarray(part["label"])).sum())
    return PartRight(k, start, len(part), right, len(pairs))


@lru_cache(maxsize=2)
def _pairs(config: RunConfig) -> PairData:
    """Kept, because reading them takes a while."""
    return load_run_pairs(config, download=False)
