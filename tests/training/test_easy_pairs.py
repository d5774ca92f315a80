"""Easy pairs: half of them the same, half of sentences that have nothing to do with each other."""

from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.data.batching import TokenizedPairs, tokenize
from qlora_core.training.loop.easy_pairs import easy_pairs, recombined

MAX_LENGTH = 24


def rows(families: int) -> list[dict[str, object]]:
    """Two pairs a family, one of either label, which share their first sentence."""
    return [
        {"sentence1": f"Sentence {number}", "sentence2": f"{word} {number}", "label": label}
        for number in range(families)
        for label, word in ((1, "The"), (0, "Second"))
    ]


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(tiny_bert)


@pytest.fixture(scope="module")
def pairs(tokenizer: PreTrainedTokenizerBase) -> TokenizedPairs:
    return tokenize(Dataset.from_list(rows(12)), tokenizer, MAX_LENGTH)


@given(count=st.integers(1, 40), seed=st.integers(0, 2**31 - 1), step=st.integers(0, 100_000))
def test_half_mean_the_same_and_half_come_from_different_families(
    count: int, seed: int, step: int, pairs: TokenizedPairs
) -> None:
    easy = easy_pairs(pairs, count, seed, step)
    assert len(easy) == count
    assert easy.labels.tolist() == [1] * (count - count // 2) + [0] * (count // 2)
    known = [ids for ids, _ in pairs.rows]
    firsts, seconds = ([part(row) for row in pairs.rows] for part in (first_of, second_of))
    for row, label in zip(easy.rows, easy.labels, strict=True):
        if label == 1:
            assert pairs.labels[known.index(row[0])] == 1
        else:
            assert pairs.bundles[firsts.index(first_of(row))] != pairs.bundles[seconds.index(second_of(row))]


def first_of(row: tuple[list[int], list[int]]) -> list[int]:
    return [token for token, kind in zip(*row, strict=True) if kind == 0]


def second_of(row: tuple[list[int], list[int]]) -> list[int]:
    return [token for token, kind in zip(*row, strict=True) if kind == 1]


def test_a_step_and_a_seed_decide_them(pairs: TokenizedPairs) -> None:
    drawn = [easy_pairs(pairs, 8, seed, step).rows for seed, step in ((0, 0), (0, 0), (0, 1), (1, 0))]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2] != drawn[3] != drawn[0]


def test_a_recombined_pair_is_tokenised_as_if_it_had_been_written(tokenizer: PreTrainedTokenizerBase) -> None:
    sentences = Dataset.from_dict({"sentence1": ["Sentence 1", "The 2"], "sentence2": ["Second 3", "Sentence 4"]})
    apart = tokenize(sentences, tokenizer, MAX_LENGTH).rows
    whole = Dataset.from_dict({"sentence1": ["Sentence 1"], "sentence2": ["Sentence 4"]})
    assert recombined(apart[0], apart[1], MAX_LENGTH) == tokenize(whole, tokenizer, MAX_LENGTH).rows[0]


@pytest.mark.parametrize("max_length", [8, 9, 15])
def test_a_recombined_pair_that_is_too_long_is_cut_and_ends_with_sep(
    tokenizer: PreTrainedTokenizerBase, max_length: int
) -> None:
    long, short = " ".join(["Sentence"] * 30), "The 2"
    data = Dataset.from_dict({"sentence1": [long, short], "sentence2": [short, long]})
    for first in (rows := tokenize(data, tokenizer, max_length).rows):
        for second in rows:
            ids, kinds = recombined(first, second, max_length)
            assert len(ids) == len(kinds) <= max_length
            assert ids.count(tokenizer.sep_token_id) == 2
            assert ids[-1] == tokenizer.sep_token_id
            assert np.diff(kinds).tolist().count(1) == 1
            assert len(second_of((ids, kinds))) >= 2
