"""The phenomena of the bundled pairs: what makes two sentences mean the same, or not.

``assets/pairs/README.md`` defines them with examples.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MAX_PHENOMENA = 30  #: told apart; a file may name any number
OTHERS = "all others"


@dataclass(frozen=True)
class Phenomenon:
    """What the two sentences of a pair differ in."""

    name: str  #: what the files of pairs call it
    words: str
    label: int  #: of every pair that shows it: 1 the same meaning, 0 not


_ROWS = (
    Phenomenon("synonym", "a synonym", 1),
    Phenomenon("active-passive", "active and passive", 1),
    Phenomenon("reordering", "clauses reordered", 1),
    Phenomenon("nominalisation", "a verb made a noun", 1),
    Phenomenon("compression", "said more briefly", 1),
    Phenomenon("idiom", "an idiom", 1),
    Phenomenon("coreference", "who a pronoun means", 1),
    Phenomenon("number-format", "a number in words", 1),
    Phenomenon("entity-swap", "another name", 0),
    Phenomenon("role-swap", "who did it to whom", 0),
    Phenomenon("number-change", "another number", 0),
    Phenomenon("negation", "a negation", 0),
    Phenomenon("antonym", "an opposite", 0),
    Phenomenon("modality", "may or must", 0),
    Phenomenon("time-change", "another time", 0),
    Phenomenon("added-claim", "a claim added", 0),
    Phenomenon("near-topic", "same topic, other event", 0),
)
#: By name, in the order of the data card.
PHENOMENA = {row.name: row for row in _ROWS}


def told_apart(names: Sequence[str]) -> list[str]:
    """The phenomena of some pairs, of which the rarest are called ``OTHERS`` where there are too many."""
    counts = Counter(names)
    named = {name for name, _ in counts.most_common(MAX_PHENOMENA)} if len(counts) > MAX_PHENOMENA else counts
    return [name if name in named else OTHERS for name in names]
