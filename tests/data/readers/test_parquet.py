"""Parquet that unpacks to much more than it is, or holds what is no text: refused before it is unpacked."""

import json
import pickle
import struct
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qlora_core.data.files import read_file
from qlora_core.errors import DataError

WORDS = pa.array(["a"] * 3)


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of every batch of rows that is read from now on."""
    sizes: list[int] = []
    iter_batches = pq.ParquetFile.iter_batches

    def watched(file: pq.ParquetFile, **options: Any) -> Iterator[pa.RecordBatch]:
        for batch in iter_batches(file, **options):
            sizes.append(batch.nbytes)
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    return sizes


def write(path: Path, sentence1: pa.Array, sentence2: pa.Array = WORDS, label: Any = None, **schema: Any) -> Path:
    label = pa.array([1, 0, 1]) if label is None else label
    table = pa.table({"sentence1": sentence1, "sentence2": sentence2, "label": label})
    pq.write_table(table.replace_schema_metadata(schema.get("metadata")), path, compression="zstd")
    return path


def repeated(text: str, rows: int) -> pa.Array:
    """A column of one text, stored once."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_file(path)
    return str(caught.value)


def test_a_text_that_is_repeated_thousands_of_times_is_refused(tmp_path: Path, unpacked: list[int]) -> None:
    path = tmp_path / "pairs.parquet"
    column = repeated("a b " * 2500, 200_000)
    write(path, column, column, repeated("1", 200_000))
    assert path.stat().st_size < 20_000
    assert refusal(path) == "pairs.parquet unpacks to more than 64 MB of text. Keep a part of it."
    assert max(unpacked) < 100_000


def test_a_cell_of_a_hundred_megabytes_is_not_unpacked(tmp_path: Path, unpacked: list[int]) -> None:
    path = write(tmp_path / "pairs.parquet", pa.array(["a" * 10**8, "b", "c"]))
    assert path.stat().st_size < 20_000
    assert "unpacks to more than 64 MB" in refusal(path)
    assert unpacked == []


@pytest.mark.parametrize("column", ["sentence1", "label", "phenomenon"])
def test_a_long_cell_is_named_wherever_it_stands(column: str, tmp_path: Path) -> None:
    columns = {"sentence1": WORDS, "sentence2": WORDS, "label": pa.array(["1", "0", "1"]), "phenomenon": WORDS}
    pq.write_table(pa.table(columns | {column: pa.array(["1", "0", "x" * 10**6])}), tmp_path / "pairs.parquet")
    assert refusal(tmp_path / "pairs.parquet").startswith(
        f"pairs.parquet, row 3: {column} takes 1,000,000 bytes; at most 10,000 characters are read."
    )


def test_a_long_text_that_every_row_repeats_is_not_multiplied(tmp_path: Path) -> None:
    path = write(
        tmp_path / "pairs.parquet", repeated("x" * 10**7, 100_000), repeated("y", 100_000), repeated("1", 100_000)
    )
    assert refusal(path).startswith("pairs.parquet, row 1: sentence1 takes 10,000,000 bytes")


@pytest.mark.parametrize("place", ["sentence1", "sentence2", "label"])
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.date32(), [2**30] * 3),
        (pa.timestamp("ns"), [2**62] * 3),
        (pa.duration("us"), [2**62] * 3),
        (pa.time64("us"), [1] * 3),
        (pa.struct([("a", pa.int64())]), [{"a": 1}] * 3),
        (pa.list_(pa.string()), [["1"]] * 3),
        (pa.map_(pa.string(), pa.string()), [[("a", "b")]] * 3),
        (pa.binary(), [b"\xff"] * 3),
        (pa.decimal128(3, 1), [Decimal(1)] * 3),
    ],
    ids=str,
)
def test_a_column_of_another_type_is_named(place: str, kind: pa.DataType, values: list[Any], tmp_path: Path) -> None:
    columns = {"sentence1": WORDS, "sentence2": WORDS, "label": pa.array([1, 0, 1])} | {place: pa.array(values, kind)}
    message = refusal(write(tmp_path / "pairs.parquet", *columns.values()))
    assert message.startswith(f"pairs.parquet: the column {place} holds ")
    assert len(message) < 250


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_may_be_of_any_type_of_text(kind: pa.DataType, tmp_path: Path) -> None:
    path = write(
        tmp_path / "pairs.parquet", pa.array(["a", "é", "c"]).cast(kind), WORDS, pa.array(["1", "0", "1"]).cast(kind)
    )
    pairs = read_file(path).pairs
    assert (pairs["sentence1"][:], pairs["label"][:]) == (["a", "é", "c"], [1, 0, 1])


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.bool_()], ids=str)
def test_labels_may_be_of_any_type_of_number(kind: pa.DataType, tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.parquet", WORDS, WORDS, pa.array([1, 0, 1]).cast(pa.float64()).cast(kind))
    assert read_file(path).pairs["label"][:] == [1, 0, 1]


def test_rows_of_several_groups_keep_their_order_and_number(tmp_path: Path) -> None:
    table = pa.table(
        {"sentence1": [f"a {n}" for n in range(3000)], "sentence2": ["b"] * 3000, "label": [1] * 2999 + [2]}
    )
    pq.write_table(table, tmp_path / "pairs.parquet", row_group_size=700)
    assert refusal(tmp_path / "pairs.parquet").startswith("pairs.parquet, row 3000: the label is '2'")
    pq.write_table(table.slice(0, 2999), tmp_path / "pairs.parquet", row_group_size=700)
    assert read_file(tmp_path / "pairs.parquet").pairs["sentence1"][:] == [f"a {n}" for n in range(2999)]


def names_of_labels(*names: object) -> dict[str, str]:
    """A schema's metadata as datasets writes it."""
    feature = {"names": list(names), "_type": "ClassLabel"}
    return {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}


def test_names_of_the_labels_that_mean_different_and_same_are_taken(tmp_path: Path) -> None:
    names = ("not_equivalent", "equivalent")
    assert read_file(write(tmp_path / "pairs.parquet", WORDS, metadata=names_of_labels(*names))).label_meaning == names


@pytest.mark.parametrize("names", [("entailment", "not_entailment"), ("duplicate", "not_duplicate"), ("a", "b", "c")])
def test_names_of_the_labels_that_mean_something_else_are_refused_with_them(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    message = refusal(write(tmp_path / "pairs.parquet", WORDS, metadata=names_of_labels(*names)))
    assert message.startswith(
        "pairs.parquet says what its labels mean, and it is not 0 another and 1 the same meaning: "
    )
    assert ", ".join(f"{number} '{name}'" for number, name in enumerate(names)) in message


@pytest.mark.parametrize(
    "metadata",
    [
        {"huggingface": "no json"},
        {"huggingface": "[1]"},
        {"huggingface": "[" * 100_000},
        {"huggingface": '{"info": {"features": null}}'},
        {"huggingface": '{"info": {"features": {"label": {"names": 3}}}}'},
        {b"huggingface": b"\xff"},
    ],
    ids=["no json", "a list", "deep", "none", "a number", "no text"],
)
def test_metadata_that_says_nothing_of_labels_does_no_harm(metadata: dict[Any, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.parquet", WORDS, metadata=metadata)
    assert read_file(path).label_meaning == ("0", "1")


def test_names_of_labels_do_not_matter_where_none_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.parquet", WORDS, metadata=names_of_labels("entailment", "not_entailment"))
    assert read_file(path, labels=False).pairs.num_rows == 3


class Loud:
    """Unpickling it leaves a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.trace,))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").write_bytes(pickle.dumps(Loud(tmp_path / "trace")))
    assert "cannot be read as parquet" in refusal(tmp_path / "pairs.parquet")
    assert not (tmp_path / "trace").exists()


def test_a_description_larger_than_a_table_needs_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").write_bytes(b"PAR1" + b"\0" * 5_000_000 + struct.pack("<I", 5_000_000) + b"PAR1")
    assert "describes too many columns" in refusal(tmp_path / "pairs.parquet")


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    damaged = pa.StringArray.from_buffers(3, pa.py_buffer(struct.pack("<4i", 0, 1, 2, 3)), pa.py_buffer(b"a\xffb"))
    assert "has text that is not UTF-8" in refusal(write(tmp_path / "pairs.parquet", damaged))
