"""Figures of single pairs, for the Compare tab: each model's probability, and what its answer hangs on."""

from collections.abc import Sequence
from math import ceil

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from qlora_core.evaluation.metrics import shown
from qlora_core.ui.charts.style import (
    GREY,
    MAX_LABEL,
    SMALL,
    colour_of,
    known,
    make_figure,
    pattern_of,
    safe,
    words_of,
)
from qlora_core.ui.palette import DIFFERENT, SAME
from qlora_core.ui.safe_text import one_line

VISIBLE_SHARE = 0.02  #: of the longest bar, below which another is not to be seen
MAX_TOKENS_IN_A_LINE = 26  #: that a phone can show, one upright label each
Attribution = tuple[str, list[str], list[float]]  #: whose, its tokens, their scores


def probability_figure(answers: Sequence[tuple[str, float]]) -> go.Figure:
    """Each model's probability that a pair means the same, as (name, probability)."""
    ticks = [words_of(name) for name, _ in answers]
    places = list(range(len(answers)))
    values = [known(value) for _, value in answers]
    figure = go.Figure()
    figure.add_bar(
        orientation="h",
        x=values,
        y=places,
        width=0.55,
        marker={
            "color": [colour_of(name) for name, _ in answers],
            "pattern": {"shape": [pattern_of(name) for name, _ in answers], "size": 6},
        },
        hoverinfo="skip",
    )
    figure.add_scatter(
        mode="text",
        x=[1.03] * len(answers),
        y=places,
        text=[f"{shown(value)} {_answer(value)}" for value in values],
        textposition="middle right",
        textfont={"size": SMALL},
        hoverinfo="skip",
    )
    make_figure(figure, _probability_title(answers), 110 + 44 * len(answers))
    figure.add_vline(x=0.5, line={"color": GREY, "dash": "dash", "width": 1.5})
    for x, anchor, words in ((0.48, "right", "← different"), (0.52, "left", "same →")):
        figure.add_annotation(x=x, xanchor=anchor, y=1, yref="paper", yanchor="bottom", text=words, showarrow=False)
    figure.update_xaxes(range=[0, 1.75], tickvals=[0, 0.5, 1], title_text="Probability of the same meaning, 0 to 1")
    return figure.update_yaxes(tickvals=places, ticktext=ticks, range=[len(answers) - 0.5, -0.5], showgrid=False)


def _answer(probability: float | None) -> str:
    return "" if probability is None else "same" if probability > 0.5 else "different"


def _probability_title(answers: Sequence[tuple[str, float]]) -> str:
    same = sum(probability > 0.5 for _, probability in answers)
    if same in (0, len(answers)):
        answer = "same" if same else "different"
        if len(answers) == 1:
            return f"{one_line(answers[0][0], MAX_LABEL)} answers “{answer}”"
        return f"{'Both' if len(answers) == 2 else f'All {len(answers)}'} answer “{answer}”"
    return f"They disagree: {same} of {len(answers)} answer “same”"


def attribution_figure(rows: Sequence[Attribution]) -> go.Figure:
    """How much each token pushed a model's answer: up towards "same", down towards "different".

    Args:
        rows: of each model its name, the tokens, and a score for each token. A long row goes on in another panel.

    Raises:
        ValueError: a row has not as many scores as tokens.
    """
    panels = [panel for row in rows for panel in _panels(row)]
    longest = max(len(tokens) for _, tokens, _ in panels)
    largest = max((abs(score) for _, _, scores in panels for score in scores if score is not None), default=0) or 1
    figure = make_subplots(
        rows=len(panels), vertical_spacing=0.42 / len(panels), subplot_titles=[name for name, _, _ in panels]
    )
    for number, (_, tokens, scores) in enumerate(panels, start=1):
        figure.add_bar(
            x=list(range(len(tokens))),
            y=scores,
            marker={"color": [SAME if (score or 0) > 0 else DIFFERENT for score in scores]},
            customdata=tokens,
            hovertemplate="%{customdata} %{y:+.4f}<extra></extra>",
            row=number,
            col=1,
        )
        figure.update_xaxes(
            tickvals=list(range(len(tokens))), ticktext=tokens, tickangle=-90, range=[-0.6, longest - 0.4], row=number
        )
    make_figure(figure, _attribution_title(rows), 210 * len(panels), above=12, bargap=0.15)
    figure.update_xaxes(showgrid=False, tickfont_size=11)
    return figure.update_yaxes(
        range=[-1.1 * largest, 1.1 * largest],
        tickformat=".2~g",
        nticks=3,
        zeroline=True,
        zerolinecolor=GREY,
        title={"text": "← different  same →", "font": {"size": 11}},
    )


def _panels(row: Attribution) -> list[tuple[str, list[str], list[float | None]]]:
    """A row cut into lines of nearly the same length; the names and tokens are safe to show."""
    name, tokens, scores = row
    drawn = [(safe(token, 18), known(score)) for token, score in zip(tokens, scores, strict=True)]
    lines = max(ceil(len(drawn) / MAX_TOKENS_IN_A_LINE), 1)
    size = max(ceil(len(drawn) / lines), 1)
    parts = [drawn[start : start + size] for start in range(0, max(len(drawn), 1), size)]
    return [
        (
            f"{words_of(name)}{', continued' if number else ''}",
            [token for token, _ in part],
            [score for _, score in part],
        )
        for number, part in enumerate(parts)
    ]


def _attribution_title(rows: Sequence[Attribution]) -> str:
    strongest = []
    for name, tokens, scores in rows:
        pairs = [(score, token) for token, score in zip(tokens, scores, strict=True) if known(score) is not None]
        if pairs:
            strongest.append((name, *max(pairs, key=lambda pair: abs(pair[0]))))
    visible = VISIBLE_SHARE * max((abs(score) for _, score, _ in strongest), default=0)
    pushes = []
    for name, score, token in strongest:
        push = f"“{one_line(token, MAX_LABEL)}” towards {'same' if score > 0 else 'different'}"
        pushes.append(f"{one_line(name, MAX_LABEL)}: {push if abs(score) > visible else 'too weak to see'}")
    return f"Strongest push in {'; in '.join(pushes)}" if pushes else "No token's share in the answer is known"
