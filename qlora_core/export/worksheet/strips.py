"""Dots along an axis of accuracy, such as guesses or seeds, in the coordinates of their drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qlora_core.export.worksheet.charts import round_numbers
from qlora_core.language import number

WIDTH = 640
LEFT, RIGHT = 140, 626
ROW = 50
DOT = 4
MARGIN = 0.02  #: of accuracy, on either side of an axis that is cut out


@dataclass(frozen=True)
class Row:
    """One line of dots."""

    label: str
    y: float  #: of its axis
    dots: Sequence[tuple[float, float]]
    marks: Sequence[tuple[str, float]]  #: what each stands for, which is the class of its looks, and its place


@dataclass(frozen=True)
class Strip:
    """What is drawn; texts are numbers and names from this program's own tables."""

    rows: Sequence[Row]
    ticks: Sequence[tuple[float, str]]
    width: int = WIDTH
    left: int = LEFT
    right: int = RIGHT
    dot: int = DOT
    row: int = ROW

    @property
    def height(self) -> int:
        """Of all rows and the numbers below them."""
        return ROW * len(self.rows) + 22


#: A row's label, its values, and what is marked among them where it is known.
Values = tuple[str, Sequence[float], Mapping[str, float | None]]


def strip(rows: Sequence[Values], low: float = 0.0, high: float = 1.0) -> Strip:
    """Rows of shares between ``low`` and ``high``."""

    def x(share: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (min(max(share, low), high) - low) / (high - low), 1)

    drawn = []
    for place, (label, values, marks) in enumerate(rows, start=1):
        y = place * ROW
        dots = [(across, round(y - DOT - 2 - up, 1)) for across, up in stacked([x(value) for value in values])]
        drawn.append(Row(label, y, dots, [(name, x(value)) for name, value in marks.items() if value is not None]))
    return Strip(drawn, [(x(value), number(value, ".2f")) for value in round_numbers(low, high)])


def around(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis that has all of these shares on it, and a little more."""
    return max(0.0, min(values) - MARGIN), min(1.0, max(values) + MARGIN)


def stacked(places: Sequence[float], room: float = ROW - 18) -> list[tuple[float, float]]:
    """Where dots stand that may not cover each other: those that are too near are stacked upwards, in their middle.

    A column that is full grows closer.
    """
    columns: list[list[float]] = []
    for place in sorted(places):
        if columns and place - columns[-1][0] < 2 * DOT:
            columns[-1].append(place)
        else:
            columns.append([place])
    step = min(2 * DOT, room / max(map(len, columns), default=1))
    return [
        (round((column[0] + column[-1]) / 2, 1), height * step) for column in columns for height in range(len(column))
    ]
