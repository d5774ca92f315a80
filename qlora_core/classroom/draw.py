"""Which pairs a judge is given: every phenomenon comes up across the room, and pairs are judged by several."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random

PAIRS_OF_A_JUDGE = 10
#: How many judges a pair is given before another of its phenomenon is begun: odd, so that the room has a majority.
JUDGES_OF_A_PAIR = 3


def draw(phenomena: Sequence[str], given: Mapping[int, int], seed: str) -> list[int]:
    """Numbers of the pairs that one more judge is given, in the order in which they are asked.

    Phenomena that were given least come first. Within one, a pair that some have judged is given until it has
    ``JUDGES_OF_A_PAIR``, then one that nobody has, then the one that was given least. Among equals, chance decides.

    Args:
        phenomena: of each validation pair; all "" where none are known.
        given: to how many others a pair was given.
        seed: the judge's own, so that two who begin at once are asked in different orders.
    """
    random = Random(seed)
    left = _by_phenomenon(phenomena, random)
    totals = Counter({name: sum(given.get(pair, 0) for pair in pairs) for name, pairs in left.items()})
    chosen = []
    for _ in range(min(PAIRS_OF_A_JUDGE, len(phenomena))):
        name = min((name for name, pairs in left.items() if pairs), key=totals.__getitem__)
        pair = min(left[name], key=lambda pair: _rank(given.get(pair, 0)))
        left[name].remove(pair)
        totals[name] += 1
        chosen.append(pair)
    random.shuffle(chosen)
    return chosen


def _by_phenomenon(phenomena: Sequence[str], random: Random) -> dict[str, list[int]]:
    """The pairs of each phenomenon, both in a random order, by which equals are chosen."""
    pairs = list(range(len(phenomena)))
    random.shuffle(pairs)
    left: dict[str, list[int]] = {}
    for pair in pairs:
        left.setdefault(phenomena[pair], []).append(pair)
    names = sorted(left)
    random.shuffle(names)
    return {name: left[name] for name in names}


def _rank(given: int) -> tuple[int, int]:
    """Begun pairs first, the fullest of them before all; then new ones; then those that have enough."""
    if given == 0:
        return 1, 0
    return (0, -given) if given < JUDGES_OF_A_PAIR else (2, given)


def count_given(drawn: Iterable[Iterable[int]]) -> Counter[int]:
    """To how many judges each pair was given."""
    return Counter(pair for pairs in drawn for pair in pairs)
