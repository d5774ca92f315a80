"""Which tokens moved the answers of two models: asked, and put into words, rows and a figure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qlora_core.data.typed_pairs import Pair
from qlora_core.heavy_libraries import load_libraries
from qlora_core.server.services import Services
from qlora_core.ui.charts.pairs import attribution_figure
from qlora_core.ui.compare.answers import reloaded
from qlora_core.ui.compare.sides import Sides

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from qlora_core.evaluation.attribution import TokenScores

TOKEN_HEADERS = ["Model", "Sentence", "Token", "Score"]
TOKEN_TYPES: list[Literal["str", "number"]] = ["str", "str", "str", "number"]
MOST_DRAWN = 52  #: tokens a model; all are in the table
LEGEND = (
    "A bar upwards is a token that spoke for **same**, a bar downwards one that spoke for **different**; the longer, "
    "the more. Integrated gradients: every token's share in the log odds of the answer, against the same pair with "
    "all tokens blanked. It explains the model, not the language, and the adapter as trained, whatever its scale above."
)


@dataclass(frozen=True)
class Explanation:
    """The tokens of a pair and their scores for one model."""

    name: str
    tokens: list[str]
    sentences: list[int | None]
    scores: "TokenScores"


def explain(services: Services, sides: Sides, pair: Pair) -> list[Explanation]:
    """Scores of both sides; adapters are explained as trained, whatever the scale.

    Raises:
        RunError, ModelError, HubError: a run cannot be loaded.
        DataError: a sentence is empty or too long.
    """
    load_libraries()
    from qlora_core.evaluation.attribution import attribute

    found = attribute(reloaded(services, sides.second).twin, *pair)
    if sides.first is None:
        return [
            Explanation("Base model", found.tokens, found.sentences, found.base),
            Explanation("Adapter", found.tokens, found.sentences, found.adapter),
        ]
    other = attribute(reloaded(services, sides.first).twin, *pair)
    names = Sides(sides.first, sides.second).names
    return [
        Explanation(name, one.tokens, one.sentences, one.adapter)
        for name, one in zip(names, (other, found), strict=True)
    ]


def token_figure(explained: list[Explanation]) -> "go.Figure":
    """Bars up and down, one a token, a panel a model; of long pairs only the strongest tokens, in their order."""
    rows = []
    for one in explained:
        scores = one.scores.scores
        places = sorted(sorted(range(len(scores)), key=lambda i: abs(scores[i]), reverse=True)[:MOST_DRAWN])
        left_out = f", {len(places)} strongest of {len(scores)}" if len(places) < len(scores) else ""
        rows.append((f"{one.name}{left_out}", [one.tokens[i] for i in places], [scores[i] for i in places]))
    return attribution_figure(rows)


def token_rows(explained: list[Explanation]) -> list[list[str | float]]:
    """The same as rows of ``TOKEN_HEADERS``."""
    return [
        [one.name, "" if sentence is None else str(sentence), token, round(score, 4)]
        for one in explained
        for token, sentence, score in zip(one.tokens, one.sentences, one.scores.scores, strict=True)
    ]


def sums_words(explained: list[Explanation]) -> str:
    """How well the scores add up to what they explain, which is the method's own check."""
    return " ".join(
        f"{one.name}: the scores add up to {sum(one.scores.scores):+.2f}; log odds of the pair minus those of the "
        f"blanked one are {one.scores.log_odds - one.scores.baseline_log_odds:+.2f}."
        for one in explained
    )
