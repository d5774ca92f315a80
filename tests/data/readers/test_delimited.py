"""CSV and TSV as spreadsheets, GLUE and people write them: every pair once, or a sentence that says what is wrong."""

import csv
import re
from pathlib import Path
from typing import Literal

import pytest

from qlora_core.data.files import read_file, read_pairs_file
from qlora_core.errors import DataError

TSV_HEADER = "label\tid\tsentence1\tsentence2\n"
PLAIN_ROWS = "0\t3\tfirst {0}\tsecond {0}\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_file(path)
    return str(caught.value)


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.csv"])
@pytest.mark.parametrize(
    "row",
    ['0\t3\t"A quote that opens\t"and another"\n', '0\t3\t"Late" , he said\tHe said " late "\n', '0\t3\t"\tb"\n'],
    ids=["opens", "opens and closes", "alone"],
)
def test_quotes_in_tabbed_text_belong_to_it(name: str, row: str, tmp_path: Path) -> None:
    lines = [PLAIN_ROWS.format(number) for number in range(10)]
    lines[3] = lines[6] = row
    pairs = read_pairs_file(write(tmp_path / name, TSV_HEADER + "".join(lines)))
    assert len(pairs) == 10
    assert [pairs[3]["sentence1"], pairs[3]["sentence2"]] == row.rstrip("\n").split("\t")[2:]


def test_a_quote_that_another_row_closes_swallows_no_rows(tmp_path: Path) -> None:
    lines = [PLAIN_ROWS.format(number) for number in range(10)]
    lines[3], lines[7] = '0\t3\tfirst 3\t"second 3\n', '0\t3\tfirst 7\tsecond 7 "\n'
    pairs = read_pairs_file(write(tmp_path / "pairs.tsv", TSV_HEADER + "".join(lines)))
    assert [pair.strip(' "') for pair in pairs["sentence2"]] == [f"second {number}" for number in range(10)]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL], ids=str)
def test_a_tsv_file_whose_writer_quotes_is_read_without_the_quotes(quoting: Literal[0, 1, 2], tmp_path: Path) -> None:
    rows = [["a", "b", 1], ['The "late" ferry', 'Late, "very" late', 0], ["c", '"d"', 1]]
    with (tmp_path / "pairs.tsv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", quoting=quoting).writerows([["sentence1", "sentence2", "label"], *rows])
    pairs = read_pairs_file(tmp_path / "pairs.tsv")
    assert [list(row)[1:] for row in zip(*(pairs[name] for name in pairs.column_names), strict=True)] == rows


def test_sentences_that_are_all_in_quotes_lose_them(tmp_path: Path) -> None:
    text = 'sentence1\tsentence2\tlabel\n"A."\t"B, he said."\t1\n"C."\t"D."\t0\n'
    assert read_pairs_file(write(tmp_path / "pairs.tsv", text))["sentence2"][:] == ["B, he said.", "D."]


@pytest.mark.parametrize("cell", ['"a\tb"', '"a\nb"', '"a\r\nb"'])
@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.csv"])
def test_a_field_with_a_tab_or_a_line_end_is_refused_where_tabs_separate(name: str, cell: str, tmp_path: Path) -> None:
    text = f"sentence1\tsentence2\tlabel\nx\ty\t1\n{cell}\tz\t1\nx\ty\t1\n"
    assert refusal(write(tmp_path / name, text)).startswith(
        f"{name}, line 3: a field contains a tab or a line end; perhaps a quote is never closed."
    )


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("first_line", ["", "sep={}\n", '\n"SEP={}"\r\n'], ids=["", "sep", "quoted sep"])
def test_the_separator_is_found(name: str, delimiter: str, first_line: str, tmp_path: Path) -> None:
    rows = ["sentence1,sentence2,label", '"a, b; c",d,1', "e,f,0"]
    if delimiter != ",":
        rows[1] = rows[1].replace('",d', '"\0d').replace("d,", "d\0").replace("\0", delimiter)
        rows[::2] = [row.replace(",", delimiter) for row in rows[::2]]
    path = write(tmp_path / name, first_line.format(delimiter) + "\n".join(rows) + "\n")
    expected = '"a, b; c"' if delimiter == "\t" else "a, b; c"
    assert read_pairs_file(path)["sentence1"][:] == [expected, "e"]


def test_a_line_that_names_any_separator_is_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", "sep=|\nsentence1|sentence2|label\na|b|1\n")
    assert read_pairs_file(path)["sentence2"][:] == ["b"]
    assert refusal(write(path, "sep=|\nsentence1|sentence2|label\na|b|x\n")).startswith("pairs.csv, line 3: the label")


def test_blanks_after_the_separator_are_none_of_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", 'sentence1, sentence2, label\na, "b, c", 1\nd , e, 0\n')
    pairs = read_pairs_file(path)
    assert (pairs["sentence1"][:], pairs["sentence2"][:], pairs["label"][:]) == (["a", "d"], ["b, c", "e"], [1, 0])


@pytest.mark.parametrize(
    "header", ["sentence1,sentence2,label", "label,sentence1,sentence2", "sentence1,label,sentence2"]
)
@pytest.mark.parametrize("column", ["sentence1", "sentence2"])
@pytest.mark.parametrize("last", [4, 5, 8])
def test_a_quote_that_a_later_row_closes_is_refused_in_csv(header: str, column: str, last: int, tmp_path: Path) -> None:
    names = header.split(",")
    rows = [{"sentence1": f"first {n}", "sentence2": f"second {n}", "label": str(n % 2)} for n in range(12)]
    rows[3][column], rows[last][column] = f'"{rows[3][column]}', f'{rows[last][column]}"'
    text = "\n".join([header, *(",".join(row[name] for name in names) for row in rows)])
    message = refusal(write(tmp_path / "pairs.csv", text))
    assert message.startswith("pairs.csv, line 5: a field contains the end of this row and the beginning of another")


@pytest.mark.parametrize(
    "cell", ["Apples, pears, plums\nare good", "a\nb, 1", "One, two\nthree, four", "1\n0", "a,b,c\nd"]
)
def test_a_field_of_several_lines_with_commas_is_read(cell: str, tmp_path: Path) -> None:
    for text in (
        f'sentence1,sentence2,label\n"{cell}","{cell}",1\n',
        f'label,sentence1,sentence2\n1,"{cell}","{cell}"\n',
    ):
        assert read_pairs_file(write(tmp_path / "pairs.csv", text))["sentence1"][:] == [cell]


def test_a_line_end_in_a_quoted_field_of_csv_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.csv", 'sentence1,sentence2,label\n"a\nb","c\td",1\n')
    assert read_pairs_file(path).to_list() == [{"idx": 0, "sentence1": "a\nb", "sentence2": "c\td", "label": 1}]


@pytest.mark.parametrize("columns", [2_000, 600_000])
def test_too_many_columns_are_refused(columns: int, tmp_path: Path) -> None:
    path = write(
        tmp_path / "pairs.csv", "sentence1,sentence2,label" + ",c" * columns + "\na,b,1" + "," * columns + "\n"
    )
    assert re.search(r"has 2,003 columns; at most 1,000|this row has more than .* Keep the columns", refusal(path))


@pytest.mark.parametrize("content", ["x" * 2_000_000, 'sentence1,sentence2,label\n"a","' + '\n","' * 400_000])
def test_a_row_without_end_is_refused(content: str, tmp_path: Path) -> None:
    assert "this row has more than 1,048,576 characters" in refusal(write(tmp_path / "pairs.csv", content))
