"""Scores with their intervals as bars: of every answerer of one run, or of several runs fine-tuned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from qlora_core.evaluation.answerers import ANSWERERS, label_of
from qlora_core.evaluation.comparison import Outcome, recorded_comparisons, recorded_outcome
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.scores import Interval, RecordedScores, Result, recorded_scores
from qlora_core.language import N_
from qlora_core.language import gettext as _
from qlora_core.ui.charts.style import (
    GREY,
    MAX_LABEL,
    SMALL,
    Runs,
    colour_of,
    known,
    make_figure,
    name_x_axis,
    pattern_of,
    run_style,
    safe,
    words_of,
)

#: Of the bars of one answerer, from the first to the last; more metrics than these begin again.
OPACITIES = (0.75, 0.4)
NO_INTERVAL = (None, None)
COMPARED_WITH = {
    Outcome.BETTER: N_("Validation accuracy {after}: better than the strongest baseline, {baselines}"),
    Outcome.WORSE: N_("Validation accuracy {after}: worse than the strongest baseline, {baselines}"),
    Outcome.NO_DIFFERENCE: N_(
        "Validation accuracy {after}: no difference beyond chance from the strongest baseline, {baselines}"
    ),
}


@dataclass(frozen=True)
class Bars:
    """What stands in one row of the figure."""

    words: str
    colour: str
    pattern: str
    scores: RecordedScores


def scores_figure(runs: Runs) -> go.Figure:
    """The charted metrics with their 95 % intervals."""
    rows = _rows_of_answerers(runs[0][1]) if len(runs) == 1 else _rows_of_runs(runs)
    metrics = [metric for metric in METRICS.values() if metric.charted]
    height = 0.8 / len(metrics)
    figure = go.Figure()
    for number, metric in enumerate(metrics):
        words = metric.abbreviation or metric.label
        values = [known(row.scores.value(metric.name)) for row in rows]
        intervals = [row.scores.interval(metric.name) or NO_INTERVAL for row in rows]
        places = [row + (number - (len(metrics) - 1) / 2) * height for row in range(len(rows))]
        figure.add_bar(
            orientation="h",
            name=words,
            y=places,
            x=values,
            width=height - 0.04,
            error_x=_whiskers(values, intervals),
            marker={
                "color": [row.colour for row in rows],
                "opacity": OPACITIES[number % len(OPACITIES)],
                "pattern": {"shape": [row.pattern for row in rows], "size": 6},
            },
            customdata=intervals,
            hovertemplate=_("{metric} {x} ({low} to {high})").format(
                metric=words, x="%{x:.4f}", low="%{customdata[0]:.4f}", high="%{customdata[1]:.4f}"
            )
            + "<extra></extra>",
        )
        figure.add_scatter(
            mode="text",
            y=places,
            x=[known(high) for _, high in intervals],
            text=[f" {words} {shown(value)}" for value in values],
            textposition="middle right",
            textfont={"size": SMALL},
            hoverinfo="skip",
        )
    title = _scores_title(runs[0][1]) if len(runs) == 1 else _runs_title(runs)
    make_figure(figure, title, 70 + 50 * len(rows))
    name_x_axis(figure, _("Share, 0 to 1; whiskers: 95 % interval"), range=[0, 1.4], tickvals=[0, 0.25, 0.5, 0.75, 1])
    return figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[row.words for row in rows],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
    )


def _rows_of_answerers(result: Result) -> list[Bars]:
    measured = recorded_scores(result)
    return [
        Bars(words_of(name), colour_of(name), pattern_of(name), measured[name])
        for name, answerer in ANSWERERS.items()
        if name in measured and not answerer.is_detail
    ]


def _rows_of_runs(runs: Runs) -> list[Bars]:
    """The runs as they are fine-tuned; a number keeps those of the same label apart."""
    rows = []
    for number, (label, result) in enumerate(runs):
        colour, _dashes, _symbol, pattern = run_style(number)
        words = f"{number + 1}. {safe(label, MAX_LABEL)}"
        rows.append(Bars(words, colour, pattern, recorded_scores(result)["finetuned"]))
    return rows


def _whiskers(values: Sequence[float | None], intervals: Sequence[Interval | tuple[None, None]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [(high or 0) - (value or 0) for value, (_, high) in zip(values, intervals, strict=True)],
        "arrayminus": [(value or 0) - (low or 0) for value, (low, _) in zip(values, intervals, strict=True)],
        "color": GREY,
        "thickness": 2,
        "width": 4,
    }


def _scores_title(result: Result) -> str:
    """Validation accuracy against the strongest baseline, in words that claim no more than was found; then the rest."""
    metrics, comparisons = result["metrics"], recorded_comparisons(result)
    after = shown(metrics["finetuned"]["accuracy"])
    if not comparisons:
        return _("Validation accuracy is {after} after fine-tuning").format(after=after)
    strongest, *others = (f"{label_of(name)} {shown(metrics[name]['accuracy'])}" for name in comparisons)
    outcome = recorded_outcome(next(iter(comparisons.values())))
    rest = f" ({', '.join(others)})" if others else ""
    return _(COMPARED_WITH[outcome]).format(after=after, baselines=f"{strongest}{rest}")


def _runs_title(runs: Runs) -> str:
    """Where the runs lie. Which is better is not said: they are drawn like this where their pairs differ."""
    values = [result["metrics"]["finetuned"]["accuracy"] for _name, result in runs]
    ends = {"worst": shown(min(values)), "best": shown(max(values))}
    return _("Fine-tuned accuracy lies between {worst} and {best}, on data that differ").format(**ends)
