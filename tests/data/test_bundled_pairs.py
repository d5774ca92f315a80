"""The bundled pairs are what their data card promises: balanced, clean, and without leaks between the splits."""

import json
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from qlora_core.data.catalog import PAIRS_FOLDER
from qlora_core.data.phenomena import PHENOMENA
from qlora_core.data.sources import load_pairs

SAME, OTHER = ({name for name, phenomenon in PHENOMENA.items() if phenomenon.label == label} for label in (1, 0))
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def splits() -> dict[str, Rows]:
    """The rows of both files."""
    lines = {name: (PAIRS_FOLDER / f"{name}.jsonl").read_text(encoding="utf-8") for name in ("train", "validation")}
    return {name: [json.loads(line) for line in text.splitlines()] for name, text in lines.items()}


@pytest.fixture(scope="module")
def everything(splits: dict[str, Rows]) -> Rows:
    """The rows of both files, together."""
    return splits["train"] + splits["validation"]


def sentences(rows: Rows) -> list[str]:
    """Both sentences of every row."""
    return [row[name] for row in rows for name in ("sentence1", "sentence2")]


def words(sentence: str) -> set[str]:
    """The sentence's words, in lower case."""
    return set(re.findall(r"\w+", sentence.lower()))


@pytest.mark.parametrize(("split", "pairs", "each"), [("train", 1200, 60), ("validation", 400, 20)])
def test_there_are_enough_pairs_of_every_phenomenon(splits: dict[str, Rows], split: str, pairs: int, each: int) -> None:
    counts = Counter(row["phenomenon"] for row in splits[split])
    assert len(splits[split]) >= pairs
    assert counts.keys() == SAME | OTHER
    assert min(counts.values()) >= each


def test_the_phenomenon_tells_the_label(everything: Rows) -> None:
    assert all(row["label"] == (row["phenomenon"] in SAME) for row in everything)


def test_ids_are_unique_and_the_fields_are_the_documented_ones(everything: Rows) -> None:
    assert len({row["id"] for row in everything}) == len(everything)
    assert {tuple(row) for row in everything} == {("id", "sentence1", "sentence2", "label", "phenomenon")}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_neither_label_dominates(splits: dict[str, Rows], split: str) -> None:
    share = np.mean([row["label"] for row in splits[split]])
    assert 0.4 <= share <= 0.6


def test_sentences_are_of_readable_length_and_end_in_a_full_stop(everything: Rows) -> None:
    for sentence in sentences(everything):
        assert 10 <= len(sentence.split()) <= 35, sentence
        assert sentence.endswith("."), sentence


def test_typography_is_consistent(everything: Rows) -> None:
    fault = re.compile(r"[‐-‧′″]|  |^\s|\s$|\.\.\.| - |[\x00-\x1f]")
    assert [sentence for sentence in sentences(everything) if fault.search(sentence)] == []


def test_no_sentence_occurs_more_than_three_times(everything: Rows) -> None:
    assert max(Counter(sentences(everything)).values()) <= 3


def test_no_pair_occurs_twice(everything: Rows) -> None:
    keys = [frozenset((row["sentence1"], row["sentence2"])) for row in everything]
    assert len(set(keys)) == len(keys)


def test_no_sentence_of_validation_resembles_one_of_train(splits: dict[str, Rows]) -> None:
    known = set().union(*(words(sentence) for rows in splits.values() for sentence in sentences(rows)))
    vocabulary = {word: number for number, word in enumerate(sorted(known))}

    def matrix(rows: Rows) -> csr_array:
        """Which words each sentence has: one row a sentence, 0 or 1 a word."""
        found = [sorted(vocabulary[word] for word in words(sentence)) for sentence in sentences(rows)]
        lengths = np.cumsum([0, *map(len, found)])
        return csr_array((np.ones(lengths[-1]), np.concatenate(found), lengths), (len(found), len(vocabulary)))

    train, validation = matrix(splits["train"]), matrix(splits["validation"])
    common = (validation @ train.T).tocoo()
    together = validation.sum(axis=1)[common.row] + train.sum(axis=1)[common.col]
    assert (common.data / (together - common.data)).max() <= 0.6


def test_label_and_length_are_uncorrelated(everything: Rows) -> None:
    labels = [row["label"] for row in everything]
    total = [len(row["sentence1"].split()) + len(row["sentence2"].split()) for row in everything]
    assert abs(np.corrcoef(labels, total)[0, 1]) < 0.1


def test_no_frame_opens_many_sentences(everything: Rows) -> None:
    distinct = set(sentences(everything))
    openings = Counter(" ".join(sentence.lower().split()[:3]) for sentence in distinct)
    assert openings.most_common(1)[0][1] <= 0.02 * len(distinct)


def test_examples_are_in_neither_split(everything: Rows) -> None:
    examples = json.loads((PAIRS_FOLDER / "examples.json").read_text(encoding="utf-8"))
    assert len(examples) == 16
    assert len({row["phenomenon"] for row in examples}) == 16
    assert not set(sentences(examples)) & set(sentences(everything))


def test_the_engine_reads_them_with_their_phenomena() -> None:
    pairs = load_pairs("pairs")
    assert set(pairs.validation["phenomenon"]) == SAME | OTHER
