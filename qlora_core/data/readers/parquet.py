"""Parquet: a table whose columns may be packed a thousandfold: their sizes are looked at before they are read."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qlora_core.data.readers.table import (
    MAX_CELL_CHARACTERS,
    MAX_TEXT_BYTES,
    ROW,
    Row,
    Skipped,
    Source,
    printable,
)
from qlora_core.errors import DataError
from qlora_core.language import N_, Figure, Message

#: Rows that are made Python objects at once.
BATCH_ROWS = 256
#: The description of the columns at a file's end.
MAX_FOOTER_BYTES = 4 * 2**20
#: No character of UTF-8 takes more bytes.
MAX_CELL_BYTES = 4 * MAX_CELL_CHARACTERS
#: A file ends in the length of its footer (4 bytes) and this.
MAGIC = b"PAR1"


class ParquetTable:
    """A ``table.Table`` of a parquet file; texts stay packed until they are known to be short."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.dialect = None
        _check_footer(source)
        with _telling_damage(source):
            file = pq.ParquetFile(source.file)
            self._metadata: pq.FileMetaData = file.metadata
            self._schema: pa.Schema = file.schema_arrow
            self.names: Sequence[str] = self._schema.names
        self.skipped: tuple[Skipped, ...] = ()

    def rows(self, names: Sequence[str]) -> Iterator[Row]:
        """Rows with these columns alone."""
        for name in names:
            self._check_type(name)
        number = 0
        with _telling_damage(self._source):
            self._check_size(names)
            for batch in self._batches(names):
                columns = {name: self._values(batch.column(name), name, number) for name in names}
                for offset in range(batch.num_rows):
                    fields = {name: values[offset] for name, values in columns.items()}
                    yield Row(Message(ROW, {"n": number + offset + 1}), fields)
                number += batch.num_rows

    def label_names(self, column: str) -> list[str]:
        """What datasets' ClassLabel calls the numbers, as it writes it into the schema."""
        if _is_text(self._schema.field(column).type):
            return []
        try:
            described = json.loads((self._schema.metadata or {}).get(b"huggingface", b"{}"))
            names = described["info"]["features"][column]["names"]
        except (ValueError, RecursionError, LookupError, TypeError):
            return []
        return [str(name) for name in names] if isinstance(names, list) else []

    def _batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        texts = [name for name in names if _is_text(self._schema.field(name).type)]
        self._source.file.seek(0)
        file = pq.ParquetFile(self._source.file, read_dictionary=texts)
        batches: Iterator[pa.RecordBatch] = file.iter_batches(batch_size=BATCH_ROWS, columns=list(names))
        return batches

    def _check_type(self, name: str) -> None:
        kind = self._schema.field(name).type
        if _is_text(kind) or _is_number(kind):
            return
        raise DataError(
            N_(
                "{file}: the column {name} holds {kind}, which is neither text nor a number. Write "
                "sentences as text, and labels as 0 and 1."
            ),
            file=self._source.name,
            name=printable(name),
            kind=printable(kind),
        )

    def _check_size(self, names: Sequence[str]) -> None:
        """Look at what the file says of itself, so that nothing large is unpacked."""
        groups = [self._metadata.row_group(number) for number in range(self._metadata.num_row_groups)]
        if sum(max(group.total_byte_size, 0) for group in groups) <= MAX_TEXT_BYTES:
            return  # and leave the columns alone: arrow aborts where the description of one is damaged
        chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
        if sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in names) > MAX_TEXT_BYTES:
            raise too_much_text(self._source.name)

    def _values(self, column: pa.Array, name: str, number: int) -> list[Any]:
        """A batch's column as Python objects; ``number`` rows go before it."""
        if not _is_text(column.type):
            return list(column.to_pylist())
        packed = isinstance(column, pa.DictionaryArray)
        lengths = pc.binary_length(column.dictionary if packed else column)
        lengths = pc.take(lengths, column.indices) if packed else lengths
        longest = pc.max(lengths).as_py() or 0
        if longest > MAX_CELL_BYTES:
            row = number + pc.index(lengths, longest).as_py() + 1
            raise DataError(
                N_("{file}, row {row}: {name} takes {n} bytes; at most {most} characters are read. Shorten it."),
                file=self._source.name,
                row=row,
                name=printable(name),
                n=Figure(longest, ","),
                most=Figure(MAX_CELL_CHARACTERS, ","),
            )
        return list((pc.take(column.dictionary, column.indices) if packed else column).to_pylist())


def too_much_text(file: str) -> DataError:
    """What is said of a file that is larger than it seems."""
    return DataError(
        N_("{file} unpacks to more than {most} MB of text. Keep a part of it."), file=file, most=MAX_TEXT_BYTES // 2**20
    )


@contextmanager
def _telling_damage(source: Source) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            N_("{file} has text that is not UTF-8. Write it again, for example with pandas."), file=source.name
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            N_("{file} cannot be read as parquet. Write it again, for example with pandas."), file=source.name
        ) from error


def _check_footer(source: Source) -> None:
    size = source.file.seek(0, 2)
    source.file.seek(max(size - 8, 0))
    end = source.file.read(8)
    source.file.seek(0)
    if end[4:] == MAGIC and int.from_bytes(end[:4], "little") > MAX_FOOTER_BYTES:
        raise DataError(
            N_("{file} describes too many columns. Keep those with the sentences and the label."), file=source.name
        )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_number(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_plain = pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return is_plain or pa.types.is_null(kind)
