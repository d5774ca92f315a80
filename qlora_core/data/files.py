"""Read a user's file of sentence pairs, and refuse a bad one by naming the file, the row and the fault.

The kinds of files are those of ``formats``, which columns are read is in ``columns``. A file is held to its bounds
while it is read: nothing is unpacked to be measured.
"""

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset
from datasets.fingerprint import generate_random_fingerprint

from qlora_core.data.columns import Columns, take_columns, take_extras
from qlora_core.data.formats import ANY_FORMAT, FORMATS
from qlora_core.data.labels import DEFAULT_MEANING, LabelMeaning, label_of, meaning_of
from qlora_core.data.readers.delimited import DelimitedTable
from qlora_core.data.readers.disguises import check_disguise
from qlora_core.data.readers.jsonl import JsonlTable
from qlora_core.data.readers.parquet import ParquetTable, too_much_text
from qlora_core.data.readers.table import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    MAX_TEXT_BYTES,
    Dialect,
    Row,
    Skipped,
    Source,
    Table,
    printable,
    shown_name,
)
from qlora_core.data.readers.text import is_unicode
from qlora_core.data.sentences import is_empty
from qlora_core.errors import DataError
from qlora_core.language import N_, Figure

MAX_FILE_BYTES = MAX_TEXT_BYTES
MAX_ROWS = 200_000
MAX_SENTENCE_CHARACTERS = MAX_CELL_CHARACTERS
MAX_PHENOMENON_CHARACTERS = 80
#: Rows that are held as Python objects before they become a part of a table.
CHUNK_ROWS = 1024

#: By the endings of ``FORMATS``.
READERS: dict[str, Callable[[Source], Table]] = {
    ".csv": DelimitedTable,
    ".tsv": DelimitedTable,
    ".jsonl": JsonlTable,
    ".parquet": ParquetTable,
}


@dataclass(frozen=True)
class FileContents:
    """What a file of pairs holds, and how it was understood."""

    pairs: Dataset  #: columns idx, sentence1, sentence2, then label and phenomenon where the file has them
    taken: Columns  #: which of the file's columns were taken for the sentences and the label, as it spells them
    label_meaning: LabelMeaning  #: what the file calls 0 and 1
    skipped: tuple[Skipped, ...]  #: what holds no row: blank lines; a row is never skipped
    dialect: Dialect | None  #: how its lines are written, where it has lines of fields


def read_pairs_file(path: Path, *, labels: bool = True, columns: Columns | None = None) -> Dataset:
    """The pairs of ``read_file``.

    Raises:
        DataError: see there.
    """
    return read_file(path, labels=labels, columns=columns).pairs


def read_file(path: Path, *, labels: bool = True, columns: Columns | None = None) -> FileContents:
    """Read pairs from ``path``.

    ``idx`` is the column of that name in a JSONL or parquet file, as GLUE has one, or the row's number, from 0.

    Args:
        labels: False reads sentences only, and needs no label column.
        columns: which columns are taken; without them, those of ``columns.KNOWN_COLUMNS``.

    Raises:
        DataError: the file is missing, too large, malformed, or a row of it is unusable; the message names the row.
    """
    _check_file(path)
    with _opened(path) as source:
        check_disguise(source)
        table = READERS[path.suffix.lower()](source)
        if not table.names:
            raise _no_rows(path, columns, labels)
        if len(table.names) > MAX_COLUMNS:
            raise DataError(
                N_("{file} has {n} columns; at most {most} are read. Keep those with the sentences and the label."),
                file=source.name,
                n=Figure(len(table.names), ","),
                most=Figure(MAX_COLUMNS, ","),
            )
        taken = take_columns(shown_name(path), table.names, columns, labels=labels)
        extras = take_extras(shown_name(path), table.names)
        meaning = _meaning(path, table.label_names(taken.label)) if labels else DEFAULT_MEANING
        pairs = _Pairs(shown_name(path), taken, extras)
        for row in table.rows(list(dict.fromkeys((*taken.named, *extras.values())))):
            pairs.add(row)
    if not pairs.count:
        raise _no_rows(path, columns, labels)
    return FileContents(pairs.dataset(), taken, pairs.meaning(meaning), table.skipped, table.dialect)


class _Pairs:
    """Rows, checked and gathered into a table; parts of it that are complete no longer take room as Python objects."""

    def __init__(self, file: str, taken: Columns, extras: dict[str, str]) -> None:
        self.count = 0
        self._file, self._taken, self._extras = file, taken, extras
        self._bytes = 0
        self._label_names: dict[int, str] = {}
        fields = {"idx": pa.int64(), "sentence1": pa.string(), "sentence2": pa.string()}
        fields |= {"label": pa.int64()} if taken.label else {}
        self._schema = pa.schema(fields | {"phenomenon": pa.string()})
        self._rows: list[tuple[Any, ...]] = []  # in the order of the schema
        self._chunks: list[pa.RecordBatch] = []

    def add(self, row: Row) -> None:
        """Check a row and keep it."""
        if self.count >= MAX_ROWS:
            raise DataError(
                N_("{file} has more than {most} rows. Split it, or keep a part of it."),
                file=self._file,
                most=Figure(MAX_ROWS, ","),
            )
        sentences = (self._sentence(row, column) for column in self._taken[:2])
        label = (self._label(row),) if self._taken.label else ()
        self._rows.append((self._index(row), *sentences, *label, self._phenomenon(row)))
        self.count += 1
        if len(self._rows) == CHUNK_ROWS:
            self._close_chunk()

    def dataset(self) -> Dataset:
        """All rows; without their phenomena where one has none."""
        self._close_chunk()
        table = pa.Table.from_batches(self._chunks, self._schema)
        if table.column("phenomenon").null_count:
            table = table.drop_columns("phenomenon")
        return Dataset(table, fingerprint=generate_random_fingerprint())  # its own would copy the whole table

    def meaning(self, told: LabelMeaning) -> LabelMeaning:
        """What the labels that were read are called, where they are names rather than numbers."""
        return LabelMeaning(*(self._label_names.get(label, name) for label, name in enumerate(told)))

    def _close_chunk(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(self._schema)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, self._schema.types, strict=True)]
        self._chunks.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows = []

    def _index(self, row: Row) -> int:
        value = self._extra(row, "idx")
        return value if isinstance(value, int) and -(2**63) <= value < 2**63 else self.count

    def _sentence(self, row: Row, column: str) -> str:
        value = row.fields.get(column)
        if isinstance(value, str) and len(value) > MAX_SENTENCE_CHARACTERS:
            raise DataError(
                N_(
                    "{file}, {place}: {column} has {n} characters; at most {most} are read. Perhaps a quote "
                    "is never closed."
                ),
                file=self._file,
                place=row.place,
                column=printable(column),
                n=Figure(len(value), ","),
                most=Figure(MAX_SENTENCE_CHARACTERS, ","),
            )
        if not isinstance(value, str) or not is_unicode(value) or is_empty(value):
            raise DataError(
                N_("{file}, {place}: {column} is empty or not text. Fill it in or remove the row."),
                file=self._file,
                place=row.place,
                column=printable(column),
            )
        self._bytes += len(value.encode("utf-8"))
        if self._bytes > MAX_TEXT_BYTES:
            raise too_much_text(self._file)
        return value.strip()

    def _label(self, row: Row) -> int:
        value = row.fields.get(self._taken.label)
        label = label_of(value)
        if label is None:
            raise DataError(
                N_("{file}, {place}: the label is {value}. Use 1 for the same meaning and 0 for another."),
                file=self._file,
                place=row.place,
                value=repr(printable(value)),
            )
        if isinstance(value, str) and not value.strip()[:1].isdigit():
            self._label_names.setdefault(label, printable(value))
        return label

    def _phenomenon(self, row: Row) -> str | None:
        value = self._extra(row, "phenomenon")
        return printable(value, MAX_PHENOMENON_CHARACTERS) if value else None

    def _extra(self, row: Row, name: str) -> Any:
        return row.fields.get(self._extras[name]) if name in self._extras else None


@contextmanager
def _opened(path: Path) -> Iterator[Source]:
    try:
        with path.open("rb") as file:
            yield Source(path, file)
    except OSError as error:
        raise DataError(
            N_("{file} cannot be read: {reason}. Check its permissions."),
            file=shown_name(path),
            reason=str(error.strerror),
        ) from error


def _check_file(path: Path) -> None:
    try:
        information = path.stat()
    except (OSError, ValueError):  # a name may also be too long, or hold a null character
        information = None
    if information is None or not stat.S_ISREG(information.st_mode):
        raise DataError(
            N_("There is no file '{path}'. Name a {kind} file of sentence pairs."),
            path=printable(path, 200),
            kind=ANY_FORMAT,
        )
    if path.suffix.lower() not in FORMATS:
        raise DataError(
            N_("{file} is not of a known kind. Use a file ending in {endings}."),
            file=shown_name(path),
            endings=", ".join(FORMATS),
        )
    if information.st_size > MAX_FILE_BYTES:
        megabytes, most = information.st_size / 2**20, MAX_FILE_BYTES // 2**20
        raise DataError(
            N_("{file} is {megabytes} MB; at most {most} MB are read. Keep a part of it."),
            file=shown_name(path),
            megabytes=Figure(megabytes, ".0f"),
            most=most,
        )


def _no_rows(path: Path, columns: Columns | None, labels: bool) -> DataError:
    wanted = columns or Columns("sentence1", "sentence2", "label")
    needed = ", ".join(map(printable, wanted if labels else wanted[:2]))
    return DataError(
        N_("{file} has no rows. It needs the columns {needed} and at least one pair."),
        file=shown_name(path),
        needed=needed,
    )


def _meaning(path: Path, names: list[str]) -> LabelMeaning:
    if not names:
        return DEFAULT_MEANING
    if (meaning := meaning_of(names)) is None:
        told = ", ".join(f"{number} {printable(name)!r}" for number, name in enumerate(names[:8]))
        raise DataError(
            N_(
                "{file} says what its labels mean, and it is not 0 another and 1 the same meaning: "
                "{told}. Write a column with 1 for the same meaning and 0 for another, without those "
                "names."
            ),
            file=shown_name(path),
            told=told,
        )
    return meaning
