"""CSV and TSV: lines of fields, in quotes or as they stand."""

import csv
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from qlora_core.data.formats import FORMATS
from qlora_core.data.labels import label_of
from qlora_core.data.readers.table import LINE, Dialect, Row, Skipped, Source, printable
from qlora_core.data.readers.text import BlankLines, Lines
from qlora_core.errors import DataError, is_unclosed_quote
from qlora_core.language import N_, Message

#: What stands between fields, whatever a file's ending says; its own comes first.
DELIMITERS = (",", ";", "\t")
#: The line that tells a spreadsheet which separator follows.
SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?', re.IGNORECASE)
#: Two sentences.
FEWEST_FIELDS = 2
MORE_FIELDS = N_(
    "{file}, {place}: more fields than the first line. Put sentences that contain the separator in quotes."
)
FEWER_FIELDS = N_(
    "{file}, {place}: fewer fields than the first line. Put sentences that contain the separator in quotes."
)
UNCLOSED_QUOTE = N_(
    "{file}, line {line}: a quote opens here and is never closed. Write a quote inside a quoted field twice."
)
NOT_CSV = N_("{file}, line {line}: this is not valid CSV ({fault}). Write a quote inside a quoted field twice.")


class DelimitedTable:
    """A ``table.Table`` of a file whose first line names the columns."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._blank = BlankLines()
        delimiter, self._lines_before, header = _layout(source)
        self._is_tabbed = delimiter == "\t"
        is_plain = self._is_tabbed and _has_plain_fields(source, self._lines_before)
        self.dialect = Dialect(delimiter, not is_plain)
        self._lines = Lines(source)
        self._reader = csv.reader(
            self._lines,
            delimiter=delimiter,
            quoting=csv.QUOTE_NONE if is_plain else csv.QUOTE_MINIMAL,
            strict=True,
            skipinitialspace=f"{delimiter} " in header,
        )
        self.names: Sequence[str] = next(self._records(), ("", []))[1]

    def rows(self, names: Sequence[str]) -> Iterator[Row]:
        """Rows, each with all of its fields."""
        labels = [self.names.index(name) for name in names[FEWEST_FIELDS:]]
        for place, values in self._records():
            if len(values) != len(self.names):
                fault = MORE_FIELDS if len(values) > len(self.names) else FEWER_FIELDS
                raise DataError(fault, file=self._source.name, place=place)
            if any("\n" in value and self._holds_rows(values, label) for value in values for label in labels):
                raise DataError(
                    N_(
                        "{file}, {place}: a field contains the end of this row and the beginning of another; a "
                        "quote is not closed, or belongs to the text. Write a quote inside a quoted field twice."
                    ),
                    file=self._source.name,
                    place=place,
                )
            yield Row(place, dict(zip(self.names, values, strict=True)))

    def _holds_rows(self, values: list[str], label: int) -> bool:
        """Whether a field is what stands between two quotes in different rows, with those rows' ends and labels.

        Such a field, the one at ``place``, begins with the rest of its row, goes on with whole rows, and ends with the
        beginning of a row up to the same place; whichever of the two ends has the label column has a label there.
        """
        for place, value in enumerate(values):
            lines = [line.split(self.dialect.delimiter) for line in value.splitlines()]
            sizes = [len(self.names) - place, *[len(self.names)] * (len(lines) - 2), place + 1]
            if len(lines) < 2 or [len(line) for line in lines] != sizes:
                continue
            found = lines[0][label - place] if label > place else lines[-1][label]
            if label_of(found) is not None:
                return True
        return False

    def label_names(self, column: str) -> list[str]:
        """None: such a file does not say."""
        del column
        return []

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Blank lines."""
        return self._blank.skipped

    def _records(self) -> Iterator[tuple[Message, list[str]]]:
        """The fields of every row that has any, with the place where it begins."""
        while True:
            self._lines.next_row()
            line = self._lines.number + 1
            try:
                values = next(self._reader, None)
            except csv.Error as error:
                raise self._fault(line, error) from error
            if values is None:
                return
            if line <= self._lines_before:
                continue
            if len(values) < FEWEST_FIELDS and not "".join(values).strip():
                self._blank.add(line)
                continue
            if self._is_tabbed and any("\n" in value or "\r" in value or "\t" in value for value in values):
                raise DataError(
                    N_(
                        "{file}, line {line}: a field contains a tab or a line end; perhaps a quote is never "
                        "closed. Write each pair on one line, or save the file as CSV."
                    ),
                    file=self._source.name,
                    line=line,
                )
            yield Message(LINE, {"n": line}), values

    def _fault(self, line: int, error: csv.Error) -> DataError:
        if is_unclosed_quote(error):
            return DataError(UNCLOSED_QUOTE, file=self._source.name, line=line)
        return DataError(NOT_CSV, file=self._source.name, line=line, fault=printable(error, 80))


def _layout(source: Source) -> tuple[str, int, str]:
    """What separates the fields, how many lines go before all else (sep=), and the line that names the columns."""
    own = FORMATS[source.path.suffix.lower()].delimiter
    lines = Lines(source)
    try:
        header = _next_filled(lines)
        if told := SEPARATOR_LINE.fullmatch(header.strip("\r\n ")):
            return told[1], lines.number, _next_filled(lines)
        return _separator(header, own), 0, header
    finally:
        lines.release()


def _next_filled(lines: Lines) -> str:
    for line in lines:
        lines.next_row()
        if line.strip():
            return line
    return ""


def _separator(header: str, own: str) -> str:
    """What separates the names in the first line: that of the file's kind, or another that finds more of them."""
    counts = {mark: _count(header, mark) for mark in (own, *DELIMITERS)}
    return own if counts[own] > FEWEST_FIELDS else max(counts, key=lambda mark: counts[mark])


def _count(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 0


def _has_plain_fields(source: Source, lines_before: int) -> bool:
    """Whether quotes in a file with tabs belong to the text, as GLUE and Microsoft write such files.

    They do where every line has as many fields as the first, unless they are put as a writer of CSV puts them: each
    that opens a field closes it, and they stand in every row or are doubled inside of a field.
    """
    fields, in_every_row, in_no_other_way, is_doubled = 0, True, True, False
    with closing(_texts(source, lines_before)) as texts:
        for text in texts:
            values = text.split("\t")
            if len(values) != (fields or len(values)):
                return False
            quoted = [value for value in values if value.startswith('"')]
            in_no_other_way = in_no_other_way and all(map(_is_quoted, quoted))
            is_doubled = is_doubled or any('""' in value[1:-1] for value in quoted)
            in_every_row = in_every_row and (not fields or bool(quoted))
            fields = len(values)
    return not (in_no_other_way and (in_every_row or is_doubled))


def _texts(source: Source, lines_before: int) -> Generator[str, None, None]:
    """Every line in which something stands, without its end."""
    lines = Lines(source)
    try:
        for line in lines:
            lines.next_row()
            if lines.number > lines_before and line.strip():
                yield line.rstrip("\r\n")
    finally:
        lines.release()


def _is_quoted(value: str) -> bool:
    """Whether a field is wholly in quotes, and those inside of it are doubled."""
    return len(value) > 1 and value.endswith('"') and '"' not in value[1:-1].replace('""', "")
