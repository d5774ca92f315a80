"""What is said of pairs before a run: balance, lengths, repetitions, contradictions, shared sentences."""

from pathlib import Path

import pytest
from datasets import Dataset

from qlora_core.data.look import MAX_COUNTED_TOKENS, MAX_FIRST_PAIRS, MAX_SHOWN_CHARACTERS, PairsLook, facts, look_at
from qlora_core.data.sources import PairData, load_pairs
from qlora_core.language import Message

Row = tuple[str, str, int]
TRAIN: list[Row] = [("a", "b", 1), ("c", "d", 0), ("e", "f", 1), ("g", "h", 1)]
VALIDATION: list[Row] = [("i", "j", 0), ("k", "l", 1)]


def make(
    train: list[Row] = TRAIN, validation: list[Row] = VALIDATION, lengths: tuple[list[int], list[int]] | None = None
) -> PairsLook:
    def table(rows: list[Row]) -> Dataset:
        return Dataset.from_list([dict(zip(("sentence1", "sentence2", "label"), row, strict=True)) for row in rows])

    data = PairData("mine", Message("file {name}", {"name": "mine.csv"}), table(train), table(validation))
    return look_at(data, *(lengths or ([9] * len(train), [9] * len(validation))))


def said(look: PairsLook, max_length: int = 16) -> str:
    return "\n".join(facts(look, max_length))


def test_pairs_and_labels_of_both_splits_are_counted() -> None:
    look = make()
    assert (look.train.pairs, look.train.same, look.validation.pairs, look.validation.same) == (4, 3, 2, 1)
    assert "4 pairs to learn from and 2 to be measured on, from file mine.csv" in said(look)
    assert "75 % of those to learn from, 50 % of those to be measured on" in said(look)


def test_pairs_without_a_fault_are_said_to_have_none() -> None:
    look = make()
    assert (look.repeated, look.contradictory, look.shared) == (0, 0, 0)
    assert "No pair occurs twice" in said(look)
    assert "Every pair is read whole" in said(look)


@pytest.mark.parametrize("again", [("a", "b", 1), ("B", "A", 1)])
def test_a_pair_that_occurs_again_is_counted_in_either_order_and_case(again: Row) -> None:
    look = make([*TRAIN, again])
    assert (look.repeated, look.contradictory) == (1, 0)
    assert "1 pair repeat" in said(look)


def test_a_pair_with_either_label_contradicts_itself_also_across_the_splits() -> None:
    look = make(validation=[*VALIDATION, ("b", "a", 0)])
    assert (look.repeated, look.contradictory) == (0, 2)
    assert "2 pairs contradict" in said(look)


def test_a_sentence_that_is_learned_and_measured_is_told() -> None:
    look = make(validation=[("A", "new", 0), ("k", "l", 1)])
    assert look.shared == 1
    assert "1 pair to be measured on share a sentence" in said(look)


def test_how_many_pairs_are_cut_follows_from_the_settings_length() -> None:
    look = make(lengths=([5, 16, 17, 40], [16, 900]))
    assert "2 of 4 training and 1 of 2 validation pairs are longer than 16 tokens" in said(look, 16)
    assert "0 of 4 training and 1 of 2 validation pairs are longer than 512 tokens" in said(look, 512)
    assert look.train.tokens_of(0.5) == 16
    assert look.validation.tokens_of(1.0) == MAX_COUNTED_TOKENS


def test_a_few_first_pairs_are_shown_short_and_on_one_line() -> None:
    rows = [("x" * 5000 + str(number), f"\x1b[31mred\n{number}", 1) for number in range(50)]
    look = make(rows)
    assert len(look.first) == MAX_FIRST_PAIRS
    for pair in look.first:
        assert len(pair.sentence1) == MAX_SHOWN_CHARACTERS
        assert pair.sentence2.isprintable()


def test_a_look_is_the_same_after_its_way_through_json() -> None:
    look = make()
    assert PairsLook.model_validate_json(look.model_dump_json()) == look


def test_how_a_file_was_understood_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows = [f"first {number},second {number},{'yes' if number % 2 else 'no'}" for number in range(40)]
    path.write_text("\n".join(["#1 string, #2 String,Quality", "", *rows, ""]), encoding="utf-8")
    data = load_pairs(str(path))
    text = said(look_at(data, [9] * len(data.train), [9] * len(data.validation)))
    assert "Columns taken: #1 string, #2 String; label: Quality (yes: the same meaning, no: another)." in text
    assert "1 blank line was passed over, the first of them line 2." in text
