"""Which evaluation's weights a run keeps, and what that choice does to the scores."""

from collections.abc import Mapping
from typing import Any

from qlora_core.language import N_
from qlora_core.language import gettext as _

#: What ``best_epoch`` goes by, in words.
BEST_EPOCH_RULE = "highest mean of validation accuracy and F1; the lower validation loss, then the earlier, wins a tie"
SELECTION_NOTE = N_(
    "The best epoch was chosen on the same validation pairs that the scores are measured on, which flatters them "
    "a little; docs/recipes.md says by how much."
)


def best_epoch(history: list[dict[str, float]]) -> int:
    """Index of the evaluation to keep; each has at least accuracy, f1 and loss."""
    return max(
        range(len(history)),
        key=lambda i: (history[i]["accuracy"] + history[i]["f1"], -history[i]["loss"], -i),
    )


def selection_words(result: Mapping[str, Any]) -> str:
    """``SELECTION_NOTE`` in the reader's language, whatever words an earlier version noted; "" for a result of none."""
    return _(SELECTION_NOTE) if result.get("selection_note") else ""
