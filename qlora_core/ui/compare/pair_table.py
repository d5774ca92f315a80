"""Many pairs' answers as a table on the page and as CSV."""

from collections.abc import Iterator
from dataclasses import dataclass

from qlora_core.data.typed_pairs import BothOrders, Pair
from qlora_core.export.spreadsheet import csv_text
from qlora_core.language import gettext as _
from qlora_core.ui.words import compare as words


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


def make_rows(pairs: list[Pair], one: list[BothOrders], other: list[BothOrders]) -> list[PairRow]:
    """Rows of the table, in the order of ``pairs``; the two answerers may be of one run or of two."""
    return [PairRow(*pair, of_one, of_other) for pair, of_one, of_other in zip(pairs, one, other, strict=True)]


def cells(rows: list[PairRow]) -> list[list[str | float]]:
    """The table's cells, in the columns of ``words.columns``; probabilities with four digits."""
    return [list(_cells(row)) for row in rows]


def _cells(row: PairRow) -> Iterator[str | float]:
    yield from (row.first_sentence, row.second_sentence)
    numbers = (row.one.given, row.one.swapped, row.other.given, row.other.swapped, row.change)
    yield from (round(number, 4) for number in numbers)
    yield _(words.YES) if row.flipped else _(words.NO)


def to_csv(rows: list[PairRow], one: str, other: str) -> bytes:
    """The table as UTF-8 CSV with a byte order mark, which Excel needs; no sentence is taken for a formula."""
    return csv_text(words.columns(one, other), cells(rows)).encode("utf-8-sig")
