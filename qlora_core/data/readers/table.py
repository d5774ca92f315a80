"""What every kind of file is read as: named columns, and rows that come one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from qlora_core.language import N_, Message

MAX_COLUMNS = 1_000
#: A cell of a column that is read; a sentence, as a rule.
MAX_CELL_CHARACTERS = 10_000
#: All that is read of a file, decoded, as UTF-8; a file itself may be as large.
MAX_TEXT_BYTES = 64 * 2**20


class SkippedCode(StrEnum):
    """Why something in a file is no row."""

    BLANK_LINE = "blank_line"


@dataclass(frozen=True)
class Skipped:
    """What was passed over in a file because it holds no row."""

    code: SkippedCode
    count: int
    first: Message  #: where, said as ``LINE``


class Dialect(NamedTuple):
    """How lines of fields are written."""

    delimiter: str
    quoted: bool  #: whether quotes enclose a field; otherwise they belong to its text


LINE, ROW = N_("line {n}"), N_("row {n}")  #: of a file


class Row(NamedTuple):
    """A row and where it begins, said as ``LINE`` or ``ROW``."""

    place: Message
    fields: dict[str, Any]  #: by the names of the file's columns


class Table(Protocol):
    """A file, opened; the rows can be read once.

    Raises:
        DataError: from every method, where the file is malformed or decodes to more than is read.
    """

    @property
    def names(self) -> Sequence[str]:
        """The columns as the file calls them; one may stand there twice. Empty where the file has no rows either."""

    @property
    def dialect(self) -> Dialect | None:
        """How its lines are written, where it has lines of fields."""

    def rows(self, names: Sequence[str]) -> Iterator[Row]:
        """Rows with at least those of the columns ``names`` that the row has."""

    def label_names(self, column: str) -> list[str]:
        """What the file calls the numbers of a column, from 0 on; empty where it does not say."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was passed over, once the rows have been read."""


class Source(NamedTuple):
    """A file that is open for reading, and what messages call it."""

    path: Path
    file: BinaryIO

    @property
    def name(self) -> str:
        """Its name without folders."""
        return shown_name(self.path)


def shown_name(path: Path) -> str:
    """A file's name as messages have it."""
    return printable(path.name, 100)


def printable(value: object, length: int = 40) -> str:
    """Text on one line without what does not print: control characters, and half of one, which JSON can name."""
    line = " ".join(str(value)[: 4 * length].split())[:length]
    return "".join(character if character.isprintable() else "?" for character in line)
