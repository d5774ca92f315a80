"""The phenomena of the bundled pairs: what makes two sentences mean the same, or not.

``assets/pairs/README.md`` defines them with examples.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from qlora_core.language import N_, translated

MAX_PHENOMENA = 30  #: told apart; a file may name any number
OTHERS = N_("all others")


@translated("words")
@dataclass(frozen=True)
class Phenomenon:
    """What the two sentences of a pair differ in."""

    name: str  #: what the files of pairs call it
    words: str
    label: int  #: of every pair that shows it: 1 the same meaning, 0 not


_ROWS = (
    Phenomenon("synonym", N_("a synonym"), 1),
    Phenomenon("active-passive", N_("active and passive"), 1),
    Phenomenon("reordering", N_("clauses reordered"), 1),
    Phenomenon("nominalisation", N_("a verb made a noun"), 1),
    Phenomenon("compression", N_("said more briefly"), 1),
    Phenomenon("idiom", N_("an idiom"), 1),
    Phenomenon("coreference", N_("who a pronoun means"), 1),
    Phenomenon("number-format", N_("a number in words"), 1),
    Phenomenon("entity-swap", N_("another name"), 0),
    Phenomenon("role-swap", N_("who did it to whom"), 0),
    Phenomenon("number-change", N_("another number"), 0),
    Phenomenon("negation", N_("a negation"), 0),
    Phenomenon("antonym", N_("an opposite"), 0),
    Phenomenon("modality", N_("may or must"), 0),
    Phenomenon("time-change", N_("another time"), 0),
    Phenomenon("added-claim", N_("a claim added"), 0),
    Phenomenon("near-topic", N_("same topic, other event"), 0),
)
#: By name, in the order of the data card.
PHENOMENA = {row.name: row for row in _ROWS}


def told_apart(names: Sequence[str]) -> list[str]:
    """The phenomena of some pairs, of which the rarest are called ``OTHERS`` where there are too many."""
    counts = Counter(names)
    named = {name for name, _ in counts.most_common(MAX_PHENOMENA)} if len(counts) > MAX_PHENOMENA else counts
    return [name if name in named else OTHERS for name in names]
