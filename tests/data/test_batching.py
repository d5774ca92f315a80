"""Tokenised pairs in batches: each once, padded to the batch's own length, in an order that the seed decides."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.data.batching import (
    BATCHES_PER_CHUNK,
    TokenizedPairs,
    epoch_batches,
    evaluation_batches,
    pad_batch,
    padded,
    tokenize,
)

LENGTHS = st.lists(st.integers(3, 40), min_size=1, max_size=300)


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: Path) -> PreTrainedTokenizerBase:
    """The tiny BERT's tokenizer."""
    return AutoTokenizer.from_pretrained(tiny_bert)


def of_lengths(lengths: list[int], bundles: np.ndarray | None = None) -> TokenizedPairs:
    """Pairs of which only the length matters, and which of them belong together; else each stands alone."""
    rows = [([7] * length, [0] * length) for length in lengths]
    labels = np.zeros(len(lengths), dtype=np.int64)
    own = np.arange(len(lengths))
    bundles = own if bundles is None else bundles
    return TokenizedPairs(rows, None, labels, bundles, own > len(own), pad_token_id=0, max_length=128)


@pytest.mark.parametrize(("max_length", "truncated"), [(15, [False, True, True]), (64, [False, False, False])])
def test_pairs_that_lose_tokens_are_marked(
    max_length: int, truncated: list[bool], tokenizer: PreTrainedTokenizerBase
) -> None:
    sentences = {"sentence1": ["a b", "a b", "a b " * 9], "sentence2": ["a " * 10, "a " * 11, "a b"]}
    tokenized = tokenize(Dataset.from_dict(sentences), tokenizer, max_length)
    assert tokenized.truncated.tolist() == truncated
    assert [length == max_length for length in tokenized.lengths()] == [max_length == 15, *truncated[1:]]
    assert tokenized.select([2, 0]).truncated.tolist() == [truncated[2], truncated[0]]


@given(lengths=LENGTHS, batch_size=st.integers(1, 40), seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 99))
def test_an_epoch_visits_every_pair_once(lengths: list[int], batch_size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(of_lengths(lengths), batch_size, seed, epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    full = [len(batch) for batch in batches if len(batch) != batch_size]
    assert len(full) <= 1
    assert all(0 < size < batch_size for size in full)


@given(lengths=LENGTHS, batch_size=st.integers(1, 40))
def test_an_evaluation_visits_every_pair_once_shortest_first(lengths: list[int], batch_size: int) -> None:
    batches = evaluation_batches(of_lengths(lengths), batch_size)
    order = [index for batch in batches for index in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[index] for index in order] == sorted(lengths)
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_the_order_is_the_same_for_the_same_seed_and_epoch_only() -> None:
    pairs = of_lengths([3 + number % 20 for number in range(200)])
    orders = [epoch_batches(pairs, 8, seed, epoch) for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0] != orders[3]
    assert orders[2] != orders[3]


def test_the_order_is_that_of_earlier_versions() -> None:
    """A resumed run, and one that is done again from its seed, depends on it."""
    pairs = of_lengths([3 + number * 7 % 11 for number in range(14)], np.arange(14) // 3)
    assert epoch_batches(pairs, 4, 3, 1) == [[12, 13], [3, 4, 5, 6], [7, 8, 9, 10], [11, 1, 2, 0]]
    assert evaluation_batches(pairs, 4) == [[0, 11, 8, 5], [2, 13, 10, 7], [4, 1, 12, 9], [6, 3]]


def test_an_epochs_batches_waste_little_on_padding() -> None:
    lengths = np.random.default_rng(0).integers(10, 100, size=16 * BATCHES_PER_CHUNK * 2).tolist()

    def longest(batches: list[list[int]]) -> int:
        return sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)

    plain = np.random.default_rng(0).permutation(len(lengths)).reshape(-1, 16).tolist()
    assert longest(epoch_batches(of_lengths(lengths), 16, 0, 0)) < 1.05 * sum(lengths)
    assert longest(plain) > 1.5 * sum(lengths)


def test_an_epoch_does_not_go_from_long_to_short() -> None:
    lengths = list(range(10, 170))
    firsts = [lengths[batch[0]] for batch in epoch_batches(of_lengths(lengths), 8, 0, 0)]
    assert firsts != sorted(firsts)
    assert firsts != sorted(firsts, reverse=True)


@given(data=st.data(), batch_size=st.integers(2, 20))
def test_pairs_of_a_bundle_come_one_after_another(data: st.DataObject, batch_size: int) -> None:
    bundles = np.array(data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=60)))
    _, bundles = np.unique(bundles, return_inverse=True)
    lengths = data.draw(st.lists(st.integers(3, 40), min_size=len(bundles), max_size=len(bundles)))
    batches = epoch_batches(of_lengths(lengths, bundles), batch_size, seed=0, epoch=0)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    of_bundle = [
        [position for position, batch in enumerate(batches) if number in bundles[batch]] for number in range(10)
    ]
    for number, found in enumerate(of_bundle):
        size = int((bundles == number).sum())
        assert len(found) <= 2 + size // batch_size  # a batch may end inside it


def test_twins_of_either_label_share_a_batch() -> None:
    bundles = np.arange(4 * 400) // 4
    batches = epoch_batches(of_lengths([3 + number % 30 for number in range(1600)], bundles), 16, seed=3, epoch=1)
    assert all(len(set(bundles[batch].tolist())) == 4 for batch in batches)


def test_one_sentence_in_every_pair_still_gives_a_random_order() -> None:
    pairs = of_lengths([9] * 200, np.zeros(200, dtype=np.int64))
    batches = epoch_batches(pairs, 16, seed=0, epoch=0)
    assert max(max(batch) - min(batch) for batch in batches) > 100
    assert batches != epoch_batches(pairs, 16, seed=0, epoch=1)


def test_bundles_are_found_in_the_sentences(tokenizer: PreTrainedTokenizerBase) -> None:
    sentences = {"sentence1": ["a b", "c", "e", "D"], "sentence2": ["b", "a B", "f", "C"]}
    tokenized = tokenize(Dataset.from_dict(sentences), tokenizer, 128)
    assert tokenized.bundles.tolist() == [0, 0, 1, 0]
    assert tokenized.select([2]).bundles.tolist() == [1]
    assert epoch_batches(tokenized.select([2]), 4, 0, 0) == [[0]]


def test_a_pair_is_tokenised_as_bert_was_trained(pairs: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
    tokenized = tokenize(pairs, tokenizer, 128)
    ids, types = tokenized.rows[0]
    tokens = tokenizer.convert_ids_to_tokens(ids)
    middle = tokens.index("[SEP]")
    assert tokens[0] == "[CLS]"
    assert " ".join(tokens[1:middle]).replace(" ##", "") == pairs[0]["sentence1"]
    assert " ".join(tokens[middle + 1 : -1]).replace(" ##", "") == pairs[0]["sentence2"]
    assert tokens[-1] == "[SEP]"
    assert types == [0] * (middle + 1) + [1] * (len(tokens) - middle - 1)
    assert tokenized.labels.tolist() == list(pairs["label"])
    assert len(tokenized) == len(pairs)


def test_swapped_pairs_are_the_sentences_in_the_other_order(pairs: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
    names = {"sentence1": "sentence2", "sentence2": "sentence1"}
    other = tokenize(pairs.rename_columns(names), tokenizer, 128)
    assert tokenize(pairs, tokenizer, 128, swapped=True).swapped == other.rows
    assert tokenize(pairs, tokenizer, 128).swapped is None


def test_pairs_without_labels_are_marked_so(pairs: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenize(pairs.remove_columns("label"), tokenizer, 128).labels.tolist() == [-1] * len(pairs)


def test_a_long_pair_loses_the_end_of_its_longer_sentence(tokenizer: PreTrainedTokenizerBase) -> None:
    pairs = Dataset.from_dict({"sentence1": ["a b c"], "sentence2": ["d e f g h i j k l m n o p q r s t u v"]})
    ids, _ = tokenize(pairs, tokenizer, 12).rows[0]
    assert tokenizer.decode(ids) == "[CLS] a b c [SEP] d e f g h i [SEP]"


@pytest.mark.parametrize(
    ("longest", "max_length", "tokens"), [(1, 128, 16), (16, 128, 16), (17, 128, 32), (99, 100, 100)]
)
def test_padding_goes_to_the_next_multiple_but_not_beyond_what_the_model_may_read(
    longest: int, max_length: int, tokens: int
) -> None:
    assert padded(longest, max_length) == tokens


def test_a_batch_is_padded_to_its_own_longest_pair(tokenizer: PreTrainedTokenizerBase) -> None:
    sentences = {"sentence1": ["a", "a b c", "a b c d e f g h"], "sentence2": ["b", "d e", "i"]}
    tokenized = tokenize(Dataset.from_dict(sentences), tokenizer, 8)  # as short as that, to see where padding ends
    batch = pad_batch(tokenized, [1, 0])
    expected = tokenizer(["a b c", "a"], ["d e", "b"], padding=True, return_token_type_ids=True, return_tensors="pt")
    assert batch.keys() == {"input_ids", "token_type_ids", "attention_mask"}
    for name, tensor in batch.items():
        assert tensor.shape == (2, 8)
        assert torch.equal(tensor, expected[name])


def test_a_batch_may_hold_some_pairs_swapped(pairs: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
    tokenized = tokenize(pairs, tokenizer, 128, swapped=True)
    assert tokenized.swapped is not None
    batch = pad_batch(tokenized, [3, 3], [False, True])
    for row, rows in enumerate((tokenized.rows, tokenized.swapped)):
        length = int(batch["attention_mask"][row].sum())
        padded_pair = (batch["input_ids"][row, :length].tolist(), batch["token_type_ids"][row, :length].tolist())
        assert padded_pair == rows[3]


def test_selected_pairs_come_in_the_order_they_were_named(tokenizer: PreTrainedTokenizerBase, pairs: Dataset) -> None:
    tokenized = tokenize(pairs, tokenizer, 64, swapped=True)
    chosen = tokenized.select([7, 0, 2])
    assert len(chosen) == 3
    assert chosen.labels.tolist() == [1, 0, 0]
    assert chosen.rows == [tokenized.rows[index] for index in (7, 0, 2)]
    assert (chosen.swapped, chosen.pad_token_id) == (None, tokenized.pad_token_id)
