"""Many pairs as a visitor gives them: a file, or pasted lines."""

from pathlib import Path

from qlora_core.data.formats import format_of
from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS, Pair, check_pair
from qlora_core.errors import DataError
from qlora_core.language import gettext as _
from qlora_core.server.visitor_files.reader import FileReader
from qlora_core.ui.words import compare as words

MAX_PAIRS = 200
SEPARATORS = ("\t", " | ")


def pairs_from(files: FileReader, file: object, lines: object) -> list[Pair]:
    """The pairs of a file or of pasted lines; the file is only read.

    Raises:
        UserError: there is neither or both, or what there is cannot be read.
    """
    has_lines = isinstance(lines, str) and bool(lines.strip())
    if file and has_lines:
        raise DataError(_(words.FILE_AND_LINES))
    if isinstance(file, str) and file:
        return read_pairs(files, Path(file))
    if isinstance(lines, str) and has_lines:
        return read_pasted(lines)
    raise DataError(_(words.NO_PAIRS))


def read_pasted(text: str) -> list[Pair]:
    """Pairs from pasted text: two sentences a line, with a tab or " | " between them. Empty lines are skipped.

    Raises:
        DataError: there is no pair or too many, or names every line that is not one.
    """
    lines = text.replace("\r\n", "\n").split("\n")  # splitlines() would also split at characters inside a sentence
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    _check_count(len(numbered), _(words.THE_TEXT))
    pairs, faults = [], []
    for number, line in numbered:
        try:
            pairs.append(_split(line))
        except DataError as error:
            faults.append((number, error.said()))
    if faults:
        raise DataError(words.bad_lines(faults))
    return pairs


def _split(line: str) -> Pair:
    separator = next((mark for mark in SEPARATORS if mark in line), None)
    if separator is None:
        raise DataError(_(words.NO_SEPARATOR))
    parts = line.split(separator)
    if len(parts) != 2:
        raise DataError(words.parts(len(parts)))
    return check_pair(*parts)


def read_pairs(files: FileReader, path: Path) -> list[Pair]:
    """Pairs from a file of a kind in ``formats``; labels are not needed.

    Raises:
        UserError: the file cannot be read, has too many pairs, or a sentence that is too long.
    """
    format_of(path)
    count, pairs = files.pairs(path, MAX_PAIRS)
    _check_count(count, path.name)
    if long := [number for number, pair in enumerate(pairs, start=1) if max(map(len, pair)) > MAX_SENTENCE_CHARACTERS]:
        raise DataError(words.long_sentences(path.name, MAX_SENTENCE_CHARACTERS, long))
    return pairs


def _check_count(count: int, name: str) -> None:
    if count == 0:
        raise DataError(words.without_pairs(name))
    if count > MAX_PAIRS:
        raise DataError(words.too_many_pairs(name, count, MAX_PAIRS))
