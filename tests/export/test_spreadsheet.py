import csv
import io

import pytest

from qlora_core.export.spreadsheet import csv_text


def test_csv_reads_back_as_it_was() -> None:
    text = csv_text(["name", "n"], [['a "quoted", cell', 0.25], ["two\nlines", None], ["übung", -3]])
    rows = list(csv.reader(io.StringIO(text)))
    assert rows == [["name", "n"], ['a "quoted", cell', "0.25"], ["two\nlines", ""], ["übung", "-3"]]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1"])
def test_no_text_is_taken_for_a_formula(cell: str) -> None:
    row = next(csv.reader(io.StringIO(csv_text([cell], []), newline="")))
    assert row == [f"'{cell}"]
