"""The pairs that flipped as rows of a table, and how many there are in words."""

from qlora_core.evaluation.flips import Flip
from qlora_core.ui.values import ColumnType

LABELS = ("different", "same")
FLIP_HEADERS = [
    "Flip", "Sentence 1", "Sentence 2", "Label", "Before", "After", "Change", "Phenomenon", "idx",
]  # fmt: skip
FLIP_TYPES: list[ColumnType] = ["str", "str", "str", "str", "number", "number", "number", "str", "number"]
FLIP_WIDTHS: list[str | int] = [80, 290, 290, 95, 80, 80, 90, 130, 60]
SENTENCE_COLUMNS = (FLIP_HEADERS.index("Sentence 1"), FLIP_HEADERS.index("Sentence 2"))


def flip_rows(pairs: list[Flip]) -> list[list[str | float | int]]:
    """One row a pair, its columns those of ``FLIP_HEADERS``; probabilities are those of "same"."""
    return [
        [
            pair.kind,
            pair.sentences.sentence1 if pair.sentences else "",
            pair.sentences.sentence2 if pair.sentences else "",
            LABELS[pair.label],
            round(pair.before, 3),
            round(pair.after, 3),
            round(pair.change, 3),
            pair.sentences.phenomenon if pair.sentences else "",
            pair.idx,
        ]
        for pair in pairs
    ]


def flip_words(shown: int, chosen: list[Flip], everything: list[Flip], missing: str) -> str:
    """How many pairs flipped, and how many of them the table shows."""
    fixed = sum(pair.kind == "fixed" for pair in everything)
    words = [f"Fine-tuning fixed **{fixed}** pairs and broke **{len(everything) - fixed}**."]
    if len(chosen) < len(everything):
        words.append(f"{len(chosen)} of them fit your choice.")
    if shown < len(chosen):
        words.append(f"The first {shown} are shown.")
    return " ".join([*words, missing])
