"""Many pairs: read, answered in parts, and written as CSV that no spreadsheet runs."""

import csv
import io
import json
from pathlib import Path

import pytest

from qlora_core.data.typed_pairs import BothOrders
from qlora_core.errors import DataError
from qlora_core.evaluation.predictor import Predictor
from qlora_core.store.runs import Run
from qlora_core.ui.compare.pair_table import (
    MAX_PAIRS,
    PairRow,
    answer_in_parts,
    cells,
    header,
    make_rows,
    read_pairs,
    read_pasted,
    to_csv,
)

HALF = BothOrders(0.5, 0.5)


def test_pasted_lines_are_split_at_a_tab_or_a_bar() -> None:
    text = "The ferry left. \t It sailed.\r\n\n  A dog|cat barks. | It barks.\n   \nOne | two\tThree"
    assert read_pasted(text) == [
        ("The ferry left.", "It sailed."),
        ("A dog|cat barks.", "It barks."),
        ("One | two", "Three"),  # where there is a tab, it is what separates
    ]


def test_only_line_ends_of_text_files_end_a_line() -> None:
    assert read_pasted("One\u2028and a half.\tTwo\x0b.\nThree.\tFour.") == [
        ("One\u2028and a half.", "Two\x0b."),
        ("Three.", "Four."),
    ]


def test_every_bad_line_is_named_with_its_fault() -> None:
    long = "x" * 5_001
    text = f"Good.\tFine.\nno separator here\n\na\tb\tc\n\tonly the second\nonly the first | \n{long}\tshort"
    with pytest.raises(DataError) as refusal:
        read_pasted(text)
    assert str(refusal.value) == (
        'Correct or remove these lines; a line is two sentences with a tab or " | " between them. '
        "Line 2: There is no separator. Line 4: It has 3 parts. Line 5: Sentence 1 is empty. Write a sentence. "
        "Line 6: Sentence 2 is empty. Write a sentence. Line 7: Sentence 1 has 5,001 characters; at most 5,000 are "
        "read. Shorten it."
    )


@pytest.mark.parametrize("text", ["", " \n\n \t \r\n"])
def test_text_without_a_pair_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"^The text has no pairs\."):
        read_pasted(text)


def test_as_many_pairs_as_the_limit_are_read_and_no_more() -> None:
    assert len(read_pasted("a\tb\n" * MAX_PAIRS)) == 200
    with pytest.raises(DataError, match=r"^The text has 201 pairs; at most 200 are answered at once\."):
        read_pasted("a\tb\n" * (MAX_PAIRS + 1))


def write_jsonl(path: Path, pairs: list[tuple[str, str]]) -> Path:
    lines = [json.dumps({"sentence1": first, "sentence2": second}) for first, second in pairs]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_file_needs_no_labels(tmp_path: Path) -> None:
    pairs = [("A.", "B."), ("=1+1", "مرحبا")]
    assert read_pairs(write_jsonl(tmp_path / "pairs.jsonl", pairs)) == pairs


def test_a_file_with_too_many_pairs_is_refused(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "pairs.jsonl", [("A.", "B.")] * 201)
    with pytest.raises(DataError, match=r"^pairs\.jsonl has 201 pairs; at most 200"):
        read_pairs(path)


def test_a_file_s_sentences_that_are_too_long_are_all_named(tmp_path: Path) -> None:
    long = "x" * 5_001
    path = write_jsonl(tmp_path / "pairs.jsonl", [("A.", long), ("A.", "B."), (long, "B.")])
    with pytest.raises(DataError, match=r"^pairs\.jsonl: a sentence has more than 5,000 characters in pair 1, 3\."):
        read_pairs(path)


def test_answers_in_parts_are_those_of_each_pair_in_order(finished_run: Run) -> None:
    predictor = Predictor(finished_run)
    pairs = [("the ferry opened early", f"the ferry closed on day {number}") for number in range(17)]
    told: list[tuple[int, int]] = []
    answers = answer_in_parts(predictor, pairs, 0.5, lambda *done: told.append(done))
    assert told == [(8, 17), (16, 17), (17, 17)]
    for pair, answer in zip(pairs, answers, strict=True):
        (alone,) = predictor.answer([pair], 0.5)
        assert answer.adapter.given == pytest.approx(alone.adapter.given, abs=2e-2)  # bfloat16, other companions
    assert len({answer.adapter.given for answer in answers}) > 10


def test_a_row_says_how_much_the_answer_changed_and_whether_it_flipped() -> None:
    one, other = BothOrders(0.25, 0.3), BothOrders(0.75, 0.4)
    (row,) = make_rows([("A.", "B.")], [one], [other])
    assert (row.change, row.flipped) == (0.5, True)
    assert not PairRow("A.", "B.", BothOrders(0.2, 0.9), BothOrders(0.4, 0.1)).flipped
    assert cells([row]) == [["A.", "B.", 0.25, 0.3, 0.75, 0.4, 0.5, "yes"]]
    assert len(header("Base", "Adapter")) == len(cells([row])[0])


def test_rows_need_an_answer_of_each_for_every_pair() -> None:
    with pytest.raises(ValueError, match="zip"):
        make_rows([("A.", "B.")], [HALF], [])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_sentence_or_name_is_a_formula_to_a_spreadsheet(start: str) -> None:
    text = f'{start}HYPERLINK("http://example.org")'
    content = to_csv([PairRow(text, "plain = text", HALF, HALF)], f"{start}run", "Adapter")
    names, line = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert line[:2] == [f"'{text}", "plain = text"]
    assert names[2] == f"'{start}run"
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in [*names, *line])


def test_csv_keeps_commas_quotes_line_ends_and_numbers_and_begins_with_the_mark_excel_needs() -> None:
    rows = [PairRow('He said "no", twice.', "a\nb مرحبا 😀", BothOrders(0.75, 0.5), BothOrders(0.25, 0.5))]
    content = to_csv(rows, "Base", "Adapter")
    assert content.startswith(b"\xef\xbb\xbfSentence 1,")
    _, line = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert line == ['He said "no", twice.', "a\nb مرحبا 😀", "0.75", "0.5", "0.25", "0.5", "-0.5", "yes"]
