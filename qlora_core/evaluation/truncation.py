"""Sentences about pairs of more tokens than a model reads. Imports nothing heavy."""

from collections.abc import Mapping
from typing import Any

from qlora_core.language import gettext as _


def truncation_words(counts: Mapping[str, Any], max_length: int) -> str:
    """What a run says of pairs whose ends it does not read; "" where there are none, or nobody counted them.

    Args:
        counts: ``dataset`` of ``result.json``: pairs by split, and how many of each are truncated.
    """
    train, validation = (counts.get(f"{split}_truncated", 0) for split in ("train", "validation"))
    if not train and not validation:
        return ""
    said = _(
        "{train} of {all_train} training and {validation} of {all_validation} validation pairs are longer than "
        "{max_length} tokens; their ends were not read."
    )
    return said.format(
        train=train,
        all_train=counts["train"],
        validation=validation,
        all_validation=counts["validation"],
        max_length=max_length,
    )


def some_truncated_words(truncated: int, n: int, max_length: int) -> str:
    """The same of the ``n`` pairs that a finished run is asked."""
    if not truncated:
        return ""
    said = _("{truncated} of {n} pairs are longer than {max_length} tokens; their ends were not read.")
    return said.format(truncated=truncated, n=n, max_length=max_length)
