"""Many pairs at once: read from a file or from pasted lines, answered, and laid out as a table and as CSV."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS, Answer, BothOrders, Pair, check_pair
from qlora_core.errors import DataError
from qlora_core.export.spreadsheet import csv_text
from qlora_core.heavy_libraries import load_libraries

if TYPE_CHECKING:
    from qlora_core.evaluation.predictor import Predictor

MAX_PAIRS = 200
#: Pairs answered before somebody else's question is let in between.
PAIRS_AT_ONCE = 8
SEPARATORS = ("\t", " | ")


@dataclass(frozen=True)
class PairRow:
    """A pair and what two answerers say of it."""

    first_sentence: str
    second_sentence: str
    one: BothOrders
    other: BothOrders

    @property
    def change(self) -> float:
        """How much more probable "same meaning" is to the other answerer than to the one, in the order given."""
        return self.other.given - self.one.given

    @property
    def flipped(self) -> bool:
        """Whether the two give different answers."""
        return (self.one.given > 0.5) != (self.other.given > 0.5)


def read_pasted(text: str) -> list[Pair]:
    """Pairs from pasted text: two sentences a line, with a tab or " | " between them. Empty lines are skipped.

    Raises:
        DataError: there is no pair or too many, or names every line that is not one.
    """
    lines = text.replace("\r\n", "\n").split("\n")  # splitlines() would also split at characters inside a sentence
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    _check_count(len(numbered), "The text")
    pairs, faults = [], []
    for number, line in numbered:
        try:
            pairs.append(_split(line))
        except DataError as error:
            faults.append(f"Line {number}: {error}")
    if faults:
        raise DataError(
            'Correct or remove these lines; a line is two sentences with a tab or " | " between them. '
            + " ".join(faults)
        )
    return pairs


def _split(line: str) -> Pair:
    separator = next((mark for mark in SEPARATORS if mark in line), None)
    if separator is None:
        raise DataError("There is no separator.")
    parts = line.split(separator)
    if len(parts) != 2:
        raise DataError(f"It has {len(parts)} parts.")
    return check_pair(*parts)


def read_pairs(path: Path) -> list[Pair]:
    """Pairs from a CSV, TSV, JSONL or parquet file; labels are not needed.

    Raises:
        DataError: the file cannot be read, has too many pairs, or a sentence that is too long.
    """
    load_libraries()
    from qlora_core.data.files import read_pairs_file

    table = read_pairs_file(path, labels=False)
    _check_count(len(table), path.name)
    pairs = list(zip(table["sentence1"], table["sentence2"], strict=True))
    if long := [number for number, pair in enumerate(pairs, start=1) if max(map(len, pair)) > MAX_SENTENCE_CHARACTERS]:
        raise DataError(
            f"{path.name}: a sentence has more than {MAX_SENTENCE_CHARACTERS:,} characters in pair "
            f"{', '.join(map(str, long))}. Shorten it."
        )
    return pairs


def _check_count(count: int, name: str) -> None:
    if count == 0:
        raise DataError(f'{name} has no pairs. Write two sentences a line, with a tab or " | " between them.')
    if count > MAX_PAIRS:
        raise DataError(f"{name} has {count:,} pairs; at most {MAX_PAIRS} are answered at once. Keep a part of it.")


def answer_in_parts(
    predictor: "Predictor", pairs: list[Pair], scale: float = 1.0, progress: Callable[[int, int], None] | None = None
) -> list[Answer]:
    """``predictor.answer`` a few pairs at a time, so that others who ask the same run need not wait for all of them.

    Raises:
        DataError: see ``Predictor.answer``.
    """
    answers: list[Answer] = []
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        answers += predictor.answer(pairs[start : start + PAIRS_AT_ONCE], scale)
        if progress is not None:
            progress(len(answers), len(pairs))
    return answers


def make_rows(pairs: list[Pair], one: list[BothOrders], other: list[BothOrders]) -> list[PairRow]:
    """Rows of the table, in the order of ``pairs``; the two answerers may be of one run or of two."""
    return [PairRow(*pair, of_one, of_other) for pair, of_one, of_other in zip(pairs, one, other, strict=True)]


def header(one: str, other: str) -> list[str]:
    """The names of the columns, given those of the two answerers."""
    return ["Sentence 1", "Sentence 2", one, f"{one}, swapped", other, f"{other}, swapped", "Change", "Flipped"]


def cells(rows: list[PairRow]) -> list[list[str | float]]:
    """The table's cells, in the columns of ``header``; probabilities with four digits."""
    return [list(_cells(row)) for row in rows]


def _cells(row: PairRow) -> Iterator[str | float]:
    yield from (row.first_sentence, row.second_sentence)
    numbers = (row.one.given, row.one.swapped, row.other.given, row.other.swapped, row.change)
    yield from (round(number, 4) for number in numbers)
    yield "yes" if row.flipped else "no"


def to_csv(rows: list[PairRow], one: str, other: str) -> bytes:
    """The table as UTF-8 CSV with a byte order mark, which Excel needs; no sentence is taken for a formula."""
    return csv_text(header(one, other), cells(rows)).encode("utf-8-sig")
