"""The pairs that flipped as rows of a table, and how many there are in words."""

from qlora_core.choices import LABELS
from qlora_core.evaluation.flips import Flip
from qlora_core.language import gettext as _
from qlora_core.ui.safe_text import MAX_CELL, MAX_NAME, one_line
from qlora_core.ui.values import ColumnType
from qlora_core.ui.words import finished as words

FLIP_TYPES: list[ColumnType] = ["str", "str", "str", "str", "number", "number", "number", "str", "number"]
FLIP_WIDTHS: list[str | int] = [80, 290, 290, 95, 80, 80, 90, 130, 60]
SENTENCE_COLUMNS = (words.FLIP_HEADERS.index("Sentence 1"), words.FLIP_HEADERS.index("Sentence 2"))


def flip_rows(pairs: list[Flip]) -> list[list[str | float | int]]:
    """One row a pair, its columns those of ``words.FLIP_HEADERS``; probabilities are those of "same"."""
    return [
        [
            _(words.FLIP_KINDS[pair.kind]),
            one_line(pair.sentences.sentence1, MAX_CELL) if pair.sentences else "",
            one_line(pair.sentences.sentence2, MAX_CELL) if pair.sentences else "",
            _(LABELS[pair.label]),
            round(pair.before, 3),
            round(pair.after, 3),
            round(pair.change, 3),
            one_line(pair.sentences.phenomenon, MAX_NAME) if pair.sentences else "",
            pair.idx,
        ]
        for pair in pairs
    ]


def flip_words(shown: int, chosen: list[Flip], everything: list[Flip], missing: str) -> str:
    """How many pairs flipped, and how many of them the table shows."""
    fixed = sum(pair.kind == "fixed" for pair in everything)
    return words.flipped(fixed, len(everything) - fixed, len(chosen), shown, missing)
