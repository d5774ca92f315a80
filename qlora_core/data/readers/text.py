"""A text file's lines: decoded, counted, and bounded in length."""

from collections.abc import Iterator
from io import TextIOWrapper

from qlora_core.data.readers.table import LINE, Skipped, SkippedCode, Source
from qlora_core.errors import DataError
from qlora_core.language import N_, Figure, Message

#: Of a line, and of a row that goes over several.
MAX_ROW_CHARACTERS = 2**20
#: How files begin that are not UTF-8; the second of each kind has no byte order mark, and begins with a Latin letter.
_ENCODINGS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class Lines(Iterator[str]):
    """The lines of a file from its beginning, each with its line end."""

    def __init__(self, source: Source) -> None:
        self.number = 0  #: of the last line that was read
        self._file = source.name
        self._characters = 0  # of the current row
        source.file.seek(0)
        encoding = _encoding(source.file.read(4))
        source.file.seek(0)
        errors = "surrogateescape" if encoding == "utf-8-sig" else "surrogatepass"
        self._text = TextIOWrapper(source.file, encoding=encoding, errors=errors, newline="")

    def __next__(self) -> str:
        """The next line.

        Raises:
            DataError: it is not text, or its row is too long.
        """
        try:
            line = self._text.readline(MAX_ROW_CHARACTERS + 1)
        except UnicodeError as error:
            raise self._not_text() from error
        if not line:
            raise StopIteration
        self.number += 1
        self._characters += len(line)
        if self._characters > MAX_ROW_CHARACTERS:
            raise DataError(
                N_(
                    "{file}, line {line}: this row has more than {most} characters. Keep the columns with "
                    "the sentences and the label; perhaps a quote is never closed."
                ),
                file=self._file,
                line=self.number,
                most=Figure(MAX_ROW_CHARACTERS, ","),
            )
        if not is_unicode(line):
            raise self._not_text()
        return line

    def next_row(self) -> None:
        """What comes next belongs to another row."""
        self._characters = 0

    def release(self) -> None:
        """Leave the file open for others."""
        self._text.detach()

    def _not_text(self) -> DataError:
        return DataError(
            N_("{file}, line {line}: this is not UTF-8 text. Save the file again as UTF-8."),
            file=self._file,
            line=max(self.number, 1),
        )


class BlankLines:
    """Counts lines in which nothing stands."""

    def __init__(self) -> None:
        self._count, self._first = 0, 0

    def add(self, line: int) -> None:
        """One more."""
        self._first = self._first or line
        self._count += 1

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What is to be said of them."""
        first = Message(LINE, {"n": self._first})
        return (Skipped(SkippedCode.BLANK_LINE, self._count, first),) if self._count else ()


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can encode it: it has no half characters."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _encoding(beginning: bytes) -> str:
    for mark, encoding in _ENCODINGS:
        if beginning.startswith(mark):
            return encoding
    if len(beginning) == 4 and beginning[1::2] == b"\0\0" != beginning[::2]:
        return "utf-16-le"
    return "utf-16-be" if len(beginning) == 4 and beginning[::2] == b"\0\0" != beginning[1::2] else "utf-8-sig"
