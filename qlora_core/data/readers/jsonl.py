"""JSONL: an object a line."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from qlora_core.data.readers.table import LINE, Row, Skipped, Source, printable
from qlora_core.data.readers.text import BlankLines, Lines
from qlora_core.errors import DataError
from qlora_core.language import N_, Message

#: More digits than a whole number of 64 bits has are read as a floating-point number.
MAX_DIGITS = 19


class Fields(dict[str, Any]):
    """An object, and the name that it has twice, if it has one."""

    doubled: str | None = None


class JsonlTable:
    """A ``table.Table`` whose columns are the names in the first object."""

    def __init__(self, source: Source) -> None:
        self._file = source.name
        self.dialect = None
        self._blank = BlankLines()
        self._lines = Lines(source)
        self._objects = self._read()
        self._first = next(self._objects, None)
        self.names: Sequence[str] = list(self._first.fields) if self._first else []

    def rows(self, names: Sequence[str]) -> Iterator[Row]:
        """Rows with all of their fields."""
        del names
        if self._first is not None:
            yield self._first
            yield from self._objects

    def label_names(self, column: str) -> list[str]:
        """None: such a file does not say."""
        del column
        return []

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Blank lines."""
        return self._blank.skipped

    def _read(self) -> Iterator[Row]:
        for line in self._lines:
            self._lines.next_row()
            if not line.strip():
                self._blank.add(self._lines.number)
                continue
            place = Message(LINE, {"n": self._lines.number})
            yield Row(place, self._object(place, line))

    def _object(self, place: Message, line: str) -> Fields:
        try:
            fields = json.loads(line, object_pairs_hook=_fields, parse_int=_whole_number)
        except RecursionError as error:
            raise DataError(
                N_("{file}, {place}: this is nested too deeply. Write one object a line."), file=self._file, place=place
            ) from error
        except ValueError as error:
            raise DataError(
                N_("{file}, {place}: this is not JSON. Write one object a line."), file=self._file, place=place
            ) from error
        if not isinstance(fields, Fields):
            raise DataError(
                N_("{file}, {place}: this is not a JSON object. Write one object a line."), file=self._file, place=place
            )
        if fields.doubled is not None:
            raise DataError(
                N_("{file}, {place}: {name} stands there twice, and only one can be meant. Remove the other."),
                file=self._file,
                place=place,
                name=printable(fields.doubled),
            )
        return fields


def _fields(pairs: list[tuple[str, Any]]) -> Fields:
    fields = Fields(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        fields.doubled = next(name for name in fields if names.count(name) > 1)
    return fields


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)
