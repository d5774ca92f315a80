"""The answers to many pairs as rows, and as CSV that no spreadsheet runs."""

import csv
import io

import pytest

from qlora_core.data.typed_pairs import BothOrders
from qlora_core.ui.compare.pair_table import PairRow, cells, make_rows, to_csv
from qlora_core.ui.words.compare import columns

HALF = BothOrders(0.5, 0.5)


def test_a_row_says_how_much_the_answer_changed_and_whether_it_flipped() -> None:
    one, other = BothOrders(0.25, 0.3), BothOrders(0.75, 0.4)
    (row,) = make_rows([("A.", "B.")], [one], [other])
    assert (row.change, row.flipped) == (0.5, True)
    assert not PairRow("A.", "B.", BothOrders(0.2, 0.9), BothOrders(0.4, 0.1)).flipped
    assert cells([row]) == [["A.", "B.", 0.25, 0.3, 0.75, 0.4, 0.5, "yes"]]
    assert len(columns("Base", "Adapter")) == len(cells([row])[0])


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
