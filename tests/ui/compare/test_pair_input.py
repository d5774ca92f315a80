"""Many pairs are read from a file or from lines, and what is no pair is named."""

import json
from pathlib import Path

import pytest

from qlora_core.errors import DataError
from qlora_core.server.visitor_files.reader import FileReader
from qlora_core.ui.compare.pair_input import MAX_PAIRS, pairs_from, read_pairs, read_pasted


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
    assert read_pairs(FileReader(), write_jsonl(tmp_path / "pairs.jsonl", pairs)) == pairs


def test_a_file_with_too_many_pairs_is_refused(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "pairs.jsonl", [("A.", "B.")] * 201)
    with pytest.raises(DataError, match=r"^pairs\.jsonl has 201 pairs; at most 200"):
        read_pairs(FileReader(), path)


def test_a_file_s_sentences_that_are_too_long_are_all_named(tmp_path: Path) -> None:
    long = "x" * 5_001
    path = write_jsonl(tmp_path / "pairs.jsonl", [("A.", long), ("A.", "B."), (long, "B.")])
    with pytest.raises(DataError, match=r"^pairs\.jsonl: a sentence has more than 5,000 characters in pair 1, 3\."):
        read_pairs(FileReader(), path)


@pytest.mark.parametrize(("file", "lines"), [(None, ""), (None, None), ("x.csv", "a | b"), (7, []), ({}, "one line")])
def test_one_of_file_and_lines_is_needed(file: object, lines: object) -> None:
    with pytest.raises(DataError):
        pairs_from(FileReader(), file, lines)
