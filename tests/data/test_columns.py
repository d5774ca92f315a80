"""Which columns of a file are read: the known ones, the ones that are named, and never one of two."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qlora_core.data.columns import KNOWN_COLUMNS, Columns, take_columns
from qlora_core.data.files import read_file
from qlora_core.errors import DataError

KINDS = ("csv", "tsv", "jsonl", "parquet")


def write(path: Path, names: list[str], rows: list[list[Any]]) -> Path:
    """A table whose columns may have one name."""
    if path.suffix == ".parquet":
        columns = [pa.array(column) for column in zip(*rows, strict=True)]
        pq.write_table(pa.Table.from_arrays(columns, names), path)
    elif path.suffix == ".jsonl":
        cells = [
            ", ".join(f"{json.dumps(key)}: {json.dumps(cell)}" for key, cell in zip(names, row, strict=True))
            for row in rows
        ]
        path.write_text("".join(f"{{{row}}}\n" for row in cells), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="," if path.suffix == ".csv" else "\t").writerows([names, *rows])
    return path


@pytest.mark.parametrize("known", KNOWN_COLUMNS, ids=lambda columns: columns.label)
@pytest.mark.parametrize("spell", [str, str.upper, lambda name: f" {name}  "], ids=["as it is", "capitals", "blanks"])
@pytest.mark.parametrize("kind", KINDS)
def test_known_names_are_found_however_they_are_written(kind: str, spell: Any, known: Columns, tmp_path: Path) -> None:
    names = [spell(name) for name in (known.label, "other", *known[:2])]
    contents = read_file(write(tmp_path / f"pairs.{kind}", names, [[1, "x", "a", "b"]]))
    assert contents.pairs.to_list() == [{"idx": 0, "sentence1": "a", "sentence2": "b", "label": 1}]


@pytest.mark.parametrize("kind", KINDS)
def test_other_columns_can_be_named(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"pairs.{kind}", ["Gold", "B.1", "A", "label"], [[1, "b", "a", 7]])
    contents = read_file(path, columns=Columns("a", "b.1", "gold"))
    assert contents.taken == ("A", "B.1", "Gold")
    assert contents.pairs.to_list() == [{"idx": 0, "sentence1": "a", "sentence2": "b", "label": 1}]
    with pytest.raises(DataError, match=r"has no column C\. Its columns are: Gold, B\.1, A, label; name those to take"):
        read_file(path, columns=Columns("A", "C", "Gold"))


@pytest.mark.parametrize("kind", KINDS)
def test_sentences_alone_need_no_label_column(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"pairs.{kind}", ["question1", "question2"], [["a", "b"]])
    contents = read_file(path, labels=False)
    assert contents.taken == ("question1", "question2", "")
    assert contents.pairs.column_names == ["idx", "sentence1", "sentence2"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["label", "sentence1", "phenomenon"])
def test_two_columns_of_one_name_are_refused_with_it(kind: str, name: str, tmp_path: Path) -> None:
    names = ["sentence1", "sentence2", "label", "phenomenon", name]
    with pytest.raises(DataError, match=rf"^pairs\.{kind}.* {name}.* only one can be meant\. "):
        read_file(write(tmp_path / f"pairs.{kind}", names, [["a", "b", 1, "x", "0"]]))


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_two_columns_that_nobody_reads_may_have_one_name(kind: str, tmp_path: Path) -> None:
    names = ["sentence1", "", "sentence2", "label", ""]
    contents = read_file(write(tmp_path / f"pairs.{kind}", names, [["a", "x", "b", 1, "y"]]))
    assert contents.pairs.to_list() == [{"idx": 0, "sentence1": "a", "sentence2": "b", "label": 1}]


def test_of_two_spellings_the_one_that_was_named_is_taken() -> None:
    names = ["A", "b", "label", "Label"]
    assert take_columns("x.csv", names, Columns("a", "B", "Label"), labels=True) == ("A", "b", "Label")
    with pytest.raises(DataError, match=r"^x\.csv has 2 columns called LABEL"):
        take_columns("x.csv", names, Columns("a", "b", "LABEL"), labels=True)


def test_columns_of_entailment_are_not_taken_for_paraphrases() -> None:
    with pytest.raises(DataError, match="has no column sentence1, sentence2"):
        take_columns("x.csv", ["premise", "hypothesis", "label"], None, labels=True)
