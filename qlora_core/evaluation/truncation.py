"""Sentences about pairs of more tokens than a model reads. Imports nothing heavy."""

from collections.abc import Mapping
from typing import Any


def truncation_words(counts: Mapping[str, Any], max_length: int) -> str:
    """What a run says of pairs whose ends it does not read; "" where there are none, or nobody counted them.

    Args:
        counts: ``dataset`` of ``result.json``: pairs by split, and how many of each are truncated.
    """
    train, validation = (counts.get(f"{split}_truncated", 0) for split in ("train", "validation"))
    if not train and not validation:
        return ""
    return (
        f"{train} of {counts['train']} training and {validation} of {counts['validation']} validation pairs are longer "
        f"than {max_length} tokens; their ends were not read."
    )


def some_truncated_words(truncated: int, n: int, max_length: int) -> str:
    """The same of the ``n`` pairs that a finished run is asked."""
    if not truncated:
        return ""
    return f"{truncated} of {n} pairs are longer than {max_length} tokens; their ends were not read."
