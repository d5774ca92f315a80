"""The pairs that flipped as rows."""

from qlora_core.evaluation.flips import Flip, Sentences
from qlora_core.ui.results.flips_table import FLIP_TYPES, FLIP_WIDTHS, flip_rows, flip_words
from qlora_core.ui.words.finished import FLIP_HEADERS


def test_flip_rows_fit_their_headers() -> None:
    pairs = [Flip(7, 0, 0.91234, 0.1, Sentences("One.", "Two.", "negation")), Flip(8, 1, 0.6, 0.4, None)]
    first, second = (dict(zip(FLIP_HEADERS, row, strict=True)) for row in flip_rows(pairs))
    assert first == {
        "Flip": "fixed",
        "Sentence 1": "One.",
        "Sentence 2": "Two.",
        "Label": "different",
        "Before": 0.912,
        "After": 0.1,
        "Change": 0.812,
        "Phenomenon": "negation",
        "idx": 7,
    }
    assert second["Flip"] == "broken"
    assert second["Sentence 1"] == ""
    assert len(FLIP_HEADERS) == len(FLIP_TYPES) == len(FLIP_WIDTHS)
    assert flip_words(1, pairs, pairs, "Gone.") == (
        "Fine-tuning fixed **1** pairs and broke **1**. The first 1 are shown. Gone."
    )
