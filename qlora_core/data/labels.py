"""What a file writes for "the same meaning" and "another one"."""

import re
from typing import NamedTuple

from qlora_core.data.columns import plain


class LabelMeaning(NamedTuple):
    """What a file calls the two labels."""

    different: str  #: taken as 0
    same: str  #: taken as 1


DEFAULT_MEANING = LabelMeaning("0", "1")
#: Without regard to case; "_" and "-" count as blanks.
_DIFFERENT = (
    "false", "no", "different", "different meaning", "not equivalent", "nonequivalent", "non equivalent",
    "not paraphrase", "not a paraphrase", "no paraphrase", "non paraphrase", "nonparaphrase", "not duplicate",
    "not a duplicate", "no duplicate", "non duplicate", "not same", "not the same",
)  # fmt: skip
_SAME = (
    "true", "yes", "same", "the same", "same meaning", "equivalent", "paraphrase", "a paraphrase", "duplicate",
    "a duplicate",
)  # fmt: skip
_BY_NAME = dict.fromkeys(_DIFFERENT, 0) | dict.fromkeys(_SAME, 1)
_NUMBER = re.compile(r"([01])(\.0*)?")


def label_of(value: object) -> int | None:
    """0 or 1 for what a file has in its label column; None where it is neither."""
    if isinstance(value, bool | int | float):
        return int(value) if value in (0, 1) else None
    if not isinstance(value, str):
        return None
    if number := _NUMBER.fullmatch(value.strip()):
        return int(number[1])
    return _BY_NAME.get(plain(re.sub("[_-]", " ", value)))


def meaning_of(names: list[str]) -> LabelMeaning | None:
    """What the numbers 0 and 1 mean by the names that a file gives them; None unless different and same."""
    if [label_of(name) for name in names] != [0, 1]:
        return None
    return LabelMeaning(*names)
