"""The examples of the tab "Compare": one pair a phenomenon."""

import json
from dataclasses import dataclass
from functools import cache

from qlora_core.data.catalog import PAIRS_FOLDER
from qlora_core.data.phenomena import PHENOMENA
from qlora_core.ui.words import compare as words


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
        return PHENOMENA[self.phenomenon].words

    @property
    def note(self) -> str:
        """What the example is, as Markdown."""
        return words.example_note(self.words, self.label == 1)


@cache
def examples(label: int) -> list[Example]:
    """The bundled examples of a label."""
    rows = json.loads((PAIRS_FOLDER / "examples.json").read_text(encoding="utf-8"))
    return [example for example in (Example(**row) for row in rows) if example.label == label]
