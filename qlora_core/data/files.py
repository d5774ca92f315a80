"""Read a user's file of sentence pairs, and refuse a bad one by naming the file, the row and the fault.

The kinds of files are those of ``formats``; columns are sentence1, sentence2 and label, and ``phenomenon`` is kept.
"""

import csv
import json
import stat
from collections.abc import Generator, Iterator
from contextlib import closing
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from qlora_core.data.formats import ANY_FORMAT, FORMATS
from qlora_core.errors import DataError, is_unclosed_quote

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_ROWS = 200_000
MAX_SENTENCE_CHARACTERS = 10_000
SENTENCES = ("sentence1", "sentence2")
LABELS = {"0": 0, "1": 1}


class Row(NamedTuple):
    """A raw row and where it begins, in words such as "line 7"."""

    place: str
    fields: dict[str, Any]


def read_pairs_file(path: Path, *, labels: bool = True) -> Dataset:
    """Read pairs from ``path``: columns idx, sentence1, sentence2, then label and phenomenon.

    ``idx`` is the column of that name in a JSONL or parquet file, as GLUE has one, or the row's number, from 0.

    Args:
        labels: False reads sentences only, and needs no label column.

    Raises:
        DataError: the file is missing, too large, malformed, or a row of it is unusable; the message names the row.
    """
    _check_file(path)
    needed = (*SENTENCES, "label") if labels else SENTENCES
    columns: dict[str, list[Any]] = {name: [] for name in ("idx", *needed)}
    phenomena: list[str] = []
    with closing(_rows(path)) as rows:
        for number, row in enumerate(rows):
            if number == 0:
                _check_columns(path, row.fields, needed)
            if number >= MAX_ROWS:
                raise DataError(f"{path.name} has more than {MAX_ROWS:,} rows. Split it, or keep a part of it.")
            columns["idx"].append(_index(row, number))
            for name in SENTENCES:
                columns[name].append(_sentence(path, row, name))
            if labels:
                columns["label"].append(_label(path, row))
            if row.fields.get("phenomenon"):
                phenomena.append(_printable(row.fields["phenomenon"])[:80])
    if not columns["idx"]:
        raise DataError(f"{path.name} has no rows. It needs the columns {', '.join(needed)} and at least one pair.")
    if len(phenomena) == len(columns["idx"]):
        columns["phenomenon"] = phenomena
    return Dataset.from_dict(columns)


def _check_file(path: Path) -> None:
    try:
        information = path.stat()
    except (OSError, ValueError):  # a name may also be too long, or hold a null character
        information = None
    if information is None or not stat.S_ISREG(information.st_mode):
        name = _printable(path)[:200]
        raise DataError(f"There is no file '{name}'. Name a {ANY_FORMAT} file of sentence pairs.")
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path.name} is not of a known kind. Use a file ending in {', '.join(FORMATS)}.")
    if information.st_size > MAX_FILE_BYTES:
        megabytes = information.st_size / 2**20
        raise DataError(
            f"{path.name} is {megabytes:.0f} MB; at most {MAX_FILE_BYTES // 2**20} MB are read. Keep a part of it."
        )


def _check_columns(path: Path, fields: dict[str, Any], needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in fields]
    if missing:
        found = ", ".join(_printable(name)[:40] for name in list(fields)[:12]) or "none"
        raise DataError(f"{path.name} has no column {', '.join(missing)}. Its columns are: {found}.")


def _printable(value: object) -> str:
    """Text on one line that UTF-8 can encode; JSON's escapes can name half a character."""
    return " ".join(str(value).encode("utf-8", "replace").decode("utf-8").split())


def _index(row: Row, number: int) -> int:
    value = row.fields.get("idx")
    return value if isinstance(value, int) and -(2**63) <= value < 2**63 else number


def _sentence(path: Path, row: Row, name: str) -> str:
    value = row.fields.get(name)
    if not isinstance(value, str) or not value.strip() or not _is_unicode(value):
        raise DataError(f"{path.name}, {row.place}: {name} is empty or not text. Fill it in or remove the row.")
    if len(value) > MAX_SENTENCE_CHARACTERS:
        raise DataError(
            f"{path.name}, {row.place}: {name} has {len(value):,} characters; at most {MAX_SENTENCE_CHARACTERS:,} are "
            "read. Perhaps a quote is never closed."
        )
    return value.strip()


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _label(path: Path, row: Row) -> int:
    value = row.fields.get("label")
    text = str(int(value) if isinstance(value, bool | float) and value in (0, 1) else value).strip()
    if text not in LABELS:
        raise DataError(
            f"{path.name}, {row.place}: the label is {text[:40]!r}. Use 1 for the same meaning and 0 for another."
        )
    return LABELS[text]


def _rows(path: Path) -> Generator[Row, None, None]:
    try:
        with path.open("rb") as file:
            yield from READERS[path.suffix.lower()](path, file)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}. Check its permissions.") from error


def _lines(path: Path, file: BinaryIO, newline: str | None = None) -> Iterator[str]:
    with TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=newline) as text:
        for number, line in enumerate(text, start=1):
            if not _is_unicode(line):
                raise DataError(f"{path.name}, line {number}: this is not UTF-8 text. Save the file again as UTF-8.")
            yield line


def _csv_rows(path: Path, file: BinaryIO) -> Iterator[Row]:
    delimiter = FORMATS[path.suffix.lower()].delimiter
    reader = csv.reader(_lines(path, file, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            fault = (
                "a quote opens here and is never closed"
                if is_unclosed_quote(error)
                else f"this is not valid CSV ({error})"
            )
            raise DataError(f"{path.name}, line {line}: {fault}. Write a quote inside a quoted field twice.") from error
        if values is None:
            return
        if not values:
            continue
        if not header:
            header = values
            continue
        if len(values) != len(header):
            raise DataError(
                f"{path.name}, line {line}: {'more' if len(values) > len(header) else 'fewer'} fields than the first "
                "line. Put sentences that contain the separator in quotes."
            )
        yield Row(f"line {line}", dict(zip(header, values, strict=True)))


def _jsonl_rows(path: Path, file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(_lines(path, file), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path.name}, line {number}: this is not JSON. Write one object a line.") from error
        if not isinstance(fields, dict):
            raise DataError(f"{path.name}, line {number}: this is not a JSON object. Write one object a line.")
        yield Row(f"line {number}", fields)


def _parquet_rows(path: Path, file: BinaryIO) -> Iterator[Row]:
    try:
        table = pq.ParquetFile(file)
        names = dict.fromkeys(table.schema_arrow.names)
        wanted = [name for name in names if name in ("idx", *SENTENCES, "label", "phenomenon")]
        number = 0
        for batch in table.iter_batches(batch_size=1024, columns=wanted):
            for fields in batch.to_pylist():
                number += 1
                yield Row(f"row {number}", names | fields)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} cannot be read as parquet. Write it again, for example with pandas.") from error


#: By the endings of ``FORMATS``.
READERS = {".csv": _csv_rows, ".tsv": _csv_rows, ".jsonl": _jsonl_rows, ".parquet": _parquet_rows}
