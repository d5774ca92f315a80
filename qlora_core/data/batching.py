"""Pairs to tensors: tokenise once, batch what belongs together, pad each batch to its own longest pair."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from datasets import Dataset
from transformers import BatchEncoding, PreTrainedTokenizerBase

from qlora_core.data.bundles import shared_sentence_bundles

#: Shuffled pairs are sorted by length inside chunks of this many batches: little padding, still a random order.
BATCHES_PER_CHUNK = 50
#: Batches are padded to a multiple of so many tokens. oneDNN compiles a matrix product for every shape it meets and
#: keeps it: with few shapes, a run takes less memory, and saves more time on compiling than the padding costs.
PAD_TO_MULTIPLE_OF = 16


@dataclass(frozen=True)
class TokenizedPairs:
    """n tokenised pairs; a row is a pair's token ids and, of each token, the number of its sentence (0 or 1)."""

    rows: list[tuple[list[int], list[int]]]
    swapped: list[tuple[list[int], list[int]]] | None  #: the sentences in the other order, where training may show it
    labels: np.ndarray  #: shape (n,), -1 where unknown
    bundles: np.ndarray  #: shape (n,), which pairs belong together, as ``shared_sentence_bundles`` numbers them
    truncated: np.ndarray  #: shape (n,), whether a pair is longer than ``max_length``, so that its end was cut off
    pad_token_id: int
    max_length: int  #: tokens that no pair exceeds, and no batch

    def __len__(self) -> int:
        return len(self.rows)

    def lengths(self) -> list[int]:
        """Tokens of each pair."""
        return [len(ids) for ids, _ in self.rows]

    def select(self, indices: list[int]) -> "TokenizedPairs":
        """The pairs at ``indices``, in that order."""
        rows = [self.rows[index] for index in indices]
        columns = {name: getattr(self, name)[indices] for name in ("labels", "bundles", "truncated")}
        return replace(self, rows=rows, swapped=None, **columns)


def encode(tokenizer: PreTrainedTokenizerBase, first: list[str], second: list[str], max_length: int) -> BatchEncoding:
    """Tokenise [CLS] sentence1 [SEP] sentence2 [SEP]; a pair too long loses tokens from its longer sentence's end."""
    return tokenizer(
        first, second, truncation="longest_first", max_length=max_length, padding=False, return_token_type_ids=True
    )


def token_rows(encoded: BatchEncoding) -> list[tuple[list[int], list[int]]]:
    """The rows of ``TokenizedPairs``."""
    return list(zip(encoded["input_ids"], encoded["token_type_ids"], strict=True))


def are_truncated(encoded: BatchEncoding) -> np.ndarray:
    """Whether each pair lost tokens to ``max_length``, shape (n,)."""
    return np.array([bool(encoding.overflowing) for encoding in encoded.encodings or ()], dtype=bool)


def tokenize(
    pairs: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int, *, swapped: bool = False
) -> TokenizedPairs:
    """Tokenise pairs of up to ``max_length`` tokens; ``swapped`` adds the other order of the sentences."""
    first, second = list(pairs["sentence1"]), list(pairs["sentence2"])
    labels = pairs["label"] if "label" in pairs.column_names else [-1] * len(first)
    encoded = encode(tokenizer, first, second, max_length)
    return TokenizedPairs(
        rows=token_rows(encoded),
        swapped=token_rows(encode(tokenizer, second, first, max_length)) if swapped else None,
        labels=np.asarray(labels, dtype=np.int64),
        bundles=shared_sentence_bundles(first, second),
        truncated=are_truncated(encoded),
        pad_token_id=tokenizer.pad_token_id or 0,
        max_length=max_length,
    )


def without_labels(encoded: BatchEncoding, tokenizer: PreTrainedTokenizerBase, max_length: int) -> TokenizedPairs:
    """Pairs encoded by ``encode`` whose labels nobody knows."""
    rows = token_rows(encoded)
    unknown, alone = np.full(len(rows), -1, dtype=np.int64), np.arange(len(rows))
    return TokenizedPairs(rows, None, unknown, alone, are_truncated(encoded), tokenizer.pad_token_id or 0, max_length)


def pad_batch(pairs: TokenizedPairs, indices: list[int], swap: list[bool] | None = None) -> dict[str, torch.Tensor]:
    """The pairs at ``indices`` as input_ids, token_type_ids and attention_mask, each of shape (batch, tokens)."""
    swap = swap or [False] * len(indices)
    rows = [
        (pairs.swapped if swapped and pairs.swapped else pairs.rows)[index]
        for index, swapped in zip(indices, swap, strict=True)
    ]
    shape = (len(rows), padded(max(len(ids) for ids, _ in rows), pairs.max_length))
    input_ids = torch.full(shape, pairs.pad_token_id, dtype=torch.long)
    token_type_ids, attention_mask = torch.zeros_like(input_ids), torch.zeros_like(input_ids)
    for row, (ids, types) in enumerate(rows):
        input_ids[row, : len(ids)] = torch.tensor(ids)
        token_type_ids[row, : len(ids)] = torch.tensor(types)
        attention_mask[row, : len(ids)] = 1
    return {"input_ids": input_ids, "token_type_ids": token_type_ids, "attention_mask": attention_mask}


def padded(longest: int, max_length: int) -> int:
    """Tokens of every row of a batch whose longest pair has ``longest``."""
    return min(math.ceil(longest / PAD_TO_MULTIPLE_OF) * PAD_TO_MULTIPLE_OF, max_length)


def epoch_batches(pairs: TokenizedPairs, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Every index once, in batches of similar length and random order; the same for the same seed and epoch.

    Pairs of one bundle come one after another, so that they share a batch unless its end falls between them.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(pairs))
    lengths, bundles = np.array(pairs.lengths()), pairs.bundles
    place = generator.permutation(bundles.max(initial=0) + 1)  # of each bundle
    longest = np.zeros_like(place)
    np.maximum.at(longest, bundles, lengths)
    place, longest = place[bundles], longest[bundles]  # of each pair
    order = order[np.argsort(place[order], kind="stable")]
    chunk_size = batch_size * BATCHES_PER_CHUNK  # sorted by length inside chunks, so that the order stays random
    batches = []
    for start in range(0, len(order), chunk_size):
        chunk = order[start : start + chunk_size]
        chunk = chunk[np.lexsort((-lengths[chunk], place[chunk], -longest[chunk]))].tolist()
        batches += [chunk[first : first + batch_size] for first in range(0, len(chunk), batch_size)]
    return [batches[position] for position in generator.permutation(len(batches))]


def evaluation_batches(pairs: TokenizedPairs, batch_size: int) -> list[list[int]]:
    """Every index once, shortest pairs first."""
    lengths = pairs.lengths()
    order = sorted(range(len(pairs)), key=lambda index: lengths[index])
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
