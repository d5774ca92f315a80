"""The examples of the tab "Compare": one pair a phenomenon."""

import json
from dataclasses import dataclass
from functools import cache

from qlora_core.assets import ASSETS
from qlora_core.ui.compare.answers import label

PHENOMENA = {
    "active-passive": "active and passive",
    "number-format": "a number in words",
    "reordering": "clauses reordered",
    "coreference": "who a pronoun means",
    "idiom": "an idiom",
    "nominalisation": "a verb made a noun",
    "synonym": "a synonym",
    "compression": "said more briefly",
    "entity-swap": "another name",
    "modality": "may or must",
    "near-topic": "same topic, other event",
    "antonym": "an opposite",
    "role-swap": "who did it to whom",
    "negation": "a negation",
    "added-claim": "a claim added",
    "time-change": "another time",
}


@dataclass(frozen=True)
class Example:
    """A pair, its label, and what makes it so."""

    sentence1: str
    sentence2: str
    label: int
    phenomenon: str

    @property
    def words(self) -> str:
        """The phenomenon in words."""
        return PHENOMENA[self.phenomenon]

    @property
    def note(self) -> str:
        """What the example is, as Markdown."""
        return f"Example: {self.words}. Its label is **{label(self.label)}**."


@cache
def examples(label: int) -> list[Example]:
    """The bundled examples of a label."""
    rows = json.loads((ASSETS / "pairs" / "examples.json").read_text(encoding="utf-8"))
    return [example for example in (Example(**row) for row in rows) if example.label == label]
