"""A few validation pairs whose answers are looked at again and again while the model learns."""

from dataclasses import dataclass

import numpy as np
from accelerate import Accelerator
from datasets import Dataset
from torch import nn

from qlora_core.data.batching import TokenizedPairs
from qlora_core.evaluation.metrics import probabilities
from qlora_core.models.inference import predict_logits

WATCHED_OF_EACH_LABEL = 3


@dataclass(frozen=True)
class WatchedPairs:
    """Three pairs of each label, drawn from the seed, so that every run on the same pairs watches the same ones."""

    tokenized: TokenizedPairs
    rows: list[dict[str, str | int]]  #: sentence1, sentence2, label

    def look(self, model: nn.Module, accelerator: Accelerator) -> list[float]:
        """The model's probability of "paraphrase" for each of them."""
        logits = predict_logits(model, self.tokenized, accelerator, len(self.rows))
        return [round(float(value), 4) for value in probabilities(logits)]


def choose_watched(pairs: Dataset, tokenized: TokenizedPairs, seed: int) -> WatchedPairs:
    """Draw the pairs to watch from a validation split and its tokenised form, alternating the labels."""
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(np.flatnonzero(tokenized.labels == label)).tolist() for label in (1, 0)]
    indices = [index for both in zip(*(part[:WATCHED_OF_EACH_LABEL] for part in drawn), strict=False) for index in both]
    rows = [{name: pairs[index][name] for name in ("sentence1", "sentence2", "label")} for index in indices]
    return WatchedPairs(tokenized.select(indices), rows)
