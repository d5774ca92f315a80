"""Which tokens moved the answers of two models: asked, and laid out as a table."""

from dataclasses import dataclass

from qlora_core.data.typed_pairs import Pair, TokenScores
from qlora_core.language import gettext as _
from qlora_core.server.services import Services
from qlora_core.ui.compare.sides import Sides
from qlora_core.ui.safe_text import MAX_NAME, one_line
from qlora_core.ui.values import ColumnType
from qlora_core.ui.words import compare as words

TOKEN_TYPES: list[ColumnType] = ["str", "str", "str", "number"]


@dataclass(frozen=True)
class Explanation:
    """The tokens of a pair and their scores for one model."""

    name: str
    tokens: list[str]
    sentences: list[int | None]
    spans: list[tuple[int, int]]
    scores: TokenScores


def explain(services: Services, sides: Sides, pair: Pair) -> list[Explanation]:
    """Scores of both sides; adapters are explained as trained, whatever the scale.

    Raises:
        RunError, ModelError, HubError: a run cannot be loaded.
        DataError: a sentence is empty or too long.
        RunFailure: the process that answers has ended, or takes too long.
    """
    found = services.asker.attribute(sides.second, pair)
    if sides.first is None:
        return [
            Explanation(_(words.BASE), found.tokens, found.sentences, found.spans, found.base),
            Explanation(_(words.ADAPTER), found.tokens, found.sentences, found.spans, found.adapter),
        ]
    other = services.asker.attribute(sides.first, pair)
    names = Sides(sides.first, sides.second).names
    return [
        Explanation(name, one.tokens, one.sentences, one.spans, one.adapter)
        for name, one in zip(names, (other, found), strict=True)
    ]


def token_rows(explained: list[Explanation]) -> list[list[str | float]]:
    """Every token as a row of ``words.TOKEN_HEADERS``."""
    return [
        [one.name, "" if sentence is None else str(sentence), one_line(token, MAX_NAME), round(score, 4)]
        for one in explained
        for token, sentence, score in zip(one.tokens, one.sentences, one.scores.scores, strict=True)
    ]


def sums_words(explained: list[Explanation]) -> str:
    """How well each model's scores add up to what they explain."""
    return " ".join(
        words.sum_of_scores(one.name, sum(one.scores.scores), one.scores.log_odds - one.scores.baseline_log_odds)
        for one in explained
    )
