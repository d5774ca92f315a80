"""Whatever bytes a file of pairs has, reading it gives pairs or a DataError of one line, and nothing else."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qlora_core.data.columns import Columns
from qlora_core.data.files import FileContents, read_file
from qlora_core.data.formats import FORMATS
from qlora_core.data.sentences import is_empty
from qlora_core.errors import DataError

fuzzed = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ROWS = [{"sentence1": f"A {n}", "sentence2": f'B "{n}"', "label": n % 2, "phenomenon": "x"} for n in range(5)]
#: Names of columns, among them some that stand for one another.
NAMES = st.sampled_from(
    ["sentence1", "sentence2", "label", " Label ", "question1", "question2", "is_duplicate", "idx", "", "é", "\x1b[1m"]
)
#: What means something to a reader of text.
WORDS = ["sep=", "sep=;\n", "sentence1", "sentence2", "label", "#1 String", "true", "1.0", "duplicate", "9" * 30]
MARKS = [*'",;\t\n\r|=01{}[]: aé😀', "\r\n", '""', "\ufeff", "\0", "\u200b", "\ud800", "\u2028", "\x85", "\x1a", "\x1b"]
BITS = st.sampled_from(WORDS + MARKS)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from("01a")
JSON = st.recursive(
    LEAVES, lambda some: st.lists(some, max_size=3) | st.dictionaries(NAMES, some, max_size=3), max_leaves=5
)
KINDS = [pa.int8(), pa.int64(), pa.uint64(), pa.float16(), pa.float64(), pa.bool_(), pa.string(), pa.large_string()]
KINDS += [pa.string_view(), pa.binary(), pa.date32(), pa.timestamp("ns"), pa.duration("us"), pa.time64("ns"), pa.null()]
KINDS += [pa.list_(pa.string()), pa.struct([("a", pa.string())]), pa.map_(pa.string(), pa.int8()), pa.decimal128(3, 1)]
KINDS += [pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.int64())]


def check(path: Path, content: bytes, **options: Any) -> FileContents | None:
    """Read a file with this content; what is found has to be pairs, what is said one line of text."""
    path.write_bytes(content)
    try:
        contents = read_file(path, **options)
    except DataError as error:
        message = str(error)
        assert message.encode("utf-8")
        assert message.isprintable()
        assert len(message) < 1500
        return None
    assert len(contents.pairs) > 0
    assert set(contents.pairs.column_names) >= {"idx", "sentence1", "sentence2"}
    for name in ("sentence1", "sentence2"):
        assert not any(map(is_empty, contents.pairs[name]))
    if contents.taken.label:
        assert set(contents.pairs["label"]) <= {0, 1}
    return contents


def delimited(delimiter: str) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(ROWS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return file.getvalue().encode("utf-8")


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


GOOD: dict[str, Callable[[], bytes]] = {
    ".csv": lambda: delimited(","),
    ".tsv": lambda: delimited("\t"),
    ".jsonl": lambda: "".join(json.dumps(row) + "\n" for row in ROWS).encode("utf-8"),
    ".parquet": lambda: parquet(pa.Table.from_pylist(ROWS)),
}


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes with some of them changed, doubled or gone."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 1, 2, 4, 30])))
        put = draw(st.binary(max_size=4) | st.just(content[start:end] * 2) | st.sampled_from([b"\xff" * 4, b"\0" * 4]))
        content = content[:start] + put + content[end:]
    return content


def test_there_is_a_good_file_of_every_kind(tmp_path: Path) -> None:
    assert GOOD.keys() == FORMATS.keys()
    for ending, content in GOOD.items():
        contents = check(tmp_path / f"x{ending}", content())
        assert contents is not None
        assert contents.pairs.remove_columns("idx").to_list() == ROWS


@pytest.mark.parametrize("ending", FORMATS)
@fuzzed
@given(content=st.binary(max_size=200))
@example(content=b"")
def test_any_bytes(ending: str, content: bytes, tmp_path: Path) -> None:
    check(tmp_path / f"x{ending}", content)


@pytest.mark.parametrize("ending", [ending for ending in FORMATS if ending != ".parquet"])
@fuzzed
@given(data=st.data())
def test_a_good_file_that_is_damaged(ending: str, data: st.DataObject, tmp_path: Path) -> None:
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    content = GOOD[ending]().decode("utf-8").encode(encoding)
    check(tmp_path / f"x{ending}", data.draw(damaged(content)))


# Always the same examples: should one of them end arrow's own code by a signal, it is to do so where it is looked for.
@settings(fuzzed, derandomize=True)
@given(data=st.data())
def test_a_good_table_that_is_damaged(data: st.DataObject, tmp_path: Path) -> None:
    check(tmp_path / "x.parquet", data.draw(damaged(GOOD[".parquet"]())))


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
@fuzzed
@given(head=st.booleans(), bits=st.lists(BITS, max_size=40), labels=st.booleans())
def test_text_of_whatever_means_something(
    ending: str, head: bool, bits: list[str], labels: bool, tmp_path: Path
) -> None:
    header = FORMATS[ending].delimiter.join(ROWS[0]) + "\n" if head else ""
    check(tmp_path / f"x{ending}", (header + "".join(bits)).encode("utf-8", "surrogatepass"), labels=labels)


@fuzzed
@given(names=st.lists(NAMES, min_size=1, max_size=5), rows=st.lists(st.lists(JSON, min_size=5, max_size=5), max_size=4))
def test_objects_of_whatever_json_has(names: list[str], rows: list[list[Any]], tmp_path: Path) -> None:
    objects = [zip(names, row, strict=False) for row in rows]  # a name may stand twice
    lines = [", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in row) for row in objects]
    check(tmp_path / "x.jsonl", "".join(f"{{{line}}}\n" for line in lines).encode("utf-8"))


@fuzzed
@given(data=st.data())
def test_tables_of_whatever_arrow_has(data: st.DataObject, tmp_path: Path) -> None:
    names = data.draw(st.permutations(["sentence1", "sentence2", "label"])) + data.draw(st.lists(NAMES, max_size=2))
    kinds = [data.draw(st.sampled_from([pa.string(), pa.int64(), *KINDS])) for _ in names]
    rows = data.draw(st.integers(0, 3))
    columns = [pa.array([some(kind, data) for _ in range(rows)], kind) for kind in kinds]
    metadata = {"huggingface": json.dumps(data.draw(JSON), allow_nan=True)}
    table = pa.Table.from_arrays(columns, names).replace_schema_metadata(metadata)
    packed = data.draw(st.booleans())
    check(tmp_path / "x.parquet", parquet(table, use_dictionary=packed), labels=data.draw(st.booleans()))


def some(kind: pa.DataType, data: st.DataObject) -> Any:
    """A value of a type, or none."""
    if data.draw(st.integers(0, 5)) == 0 or pa.types.is_null(kind):
        return None
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_nested(kind):
        return {"a": "x"} if pa.types.is_struct(kind) else []
    if pa.types.is_binary(kind):
        return b"\xff"
    if pa.types.is_decimal(kind):
        return Decimal(1)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return data.draw(st.sampled_from(["a", "", "0", "1", "\u200b", "same", "\0"]))
    return data.draw(st.booleans() if pa.types.is_boolean(kind) else st.integers(0, 1))


@fuzzed
@given(names=st.lists(NAMES, max_size=6), wanted=st.tuples(NAMES, NAMES, NAMES))
def test_whatever_columns_are_named(names: list[str], wanted: tuple[str, str, str], tmp_path: Path) -> None:
    rows = [names, ["1"] * len(names), ["0"] * len(names)]
    check(tmp_path / "x.csv", "\n".join(",".join(row) for row in rows).encode("utf-8"), columns=Columns(*wanted))
