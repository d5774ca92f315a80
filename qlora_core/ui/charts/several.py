"""Figures of several runs: against each other, over seeds, and over settings, each with its noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from qlora_core.config import SETTINGS
from qlora_core.evaluation.comparison import Outcome
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.scores import Result
from qlora_core.evaluation.several.claims import signed, value_words
from qlora_core.evaluation.several.effects import Effects
from qlora_core.evaluation.several.spread import Spread
from qlora_core.evaluation.several.two_runs import TwoRuns
from qlora_core.language import gettext as _
from qlora_core.language import ngettext
from qlora_core.ui.charts.style import (
    GREY,
    MAX_LABEL,
    SMALL,
    colour_of,
    make_figure,
    name_x_axis,
    run_style,
    safe,
    words_of,
)
from qlora_core.ui.palette import ACCENT

ROW = 46  #: pixels
#: What a difference is drawn as, so that colour alone never tells it.
SYMBOLS = {Outcome.BETTER: "triangle-right", Outcome.WORSE: "triangle-left", Outcome.NO_DIFFERENCE: "circle-open"}


def against_figure(names: Sequence[str], against: Sequence[TwoRuns]) -> go.Figure:
    """What each run gains over the first, in points of accuracy, with its paired interval.

    Args:
        names: of the first run, and of the others in the order of ``against``.
    """
    figure = go.Figure()
    gains = [(two.compared.gains["accuracy"], two.compared.accuracy_gain_ci95, two.compared.outcome) for two in against]
    _points_with_intervals(
        figure, gains, [f"{place}. {safe(name, MAX_LABEL)}" for place, name in enumerate(names, 1)][1:]
    )
    title = _("Accuracy of each run against {first}, pair by pair").format(first=names[0])
    make_figure(figure, title, 70 + ROW * len(against))
    return name_x_axis(figure, _("Points of accuracy gained; whiskers: paired 95 % interval"))


def _points_with_intervals(
    figure: go.Figure, gains: Sequence[tuple[float, tuple[float, float], Outcome]], names: Sequence[str], **place: int
) -> None:
    """A row each, from the top down, around a line at no difference."""
    values = [100 * value for value, *_ in gains]
    figure.add_scatter(
        x=values,
        y=list(range(len(gains))),
        mode="markers+text",
        text=[signed(value) for value, *_ in gains],
        textposition="top center",
        textfont={"size": SMALL},
        marker={"color": ACCENT, "size": 12, "symbol": [SYMBOLS[outcome] for *_, outcome in gains]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [100 * (high - value) for value, (_, high), _outcome in gains],
            "arrayminus": [100 * (value - low) for value, (low, _), _outcome in gains],
            "color": GREY,
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{x:.2f}<extra></extra>",
        showlegend=False,
        **place,
    )
    figure.add_vline(x=0, line={"color": GREY, "dash": "dash", "width": 1}, **place)
    figure.update_yaxes(
        tickvals=list(range(len(gains))),
        ticktext=list(names),
        range=[len(gains) - 0.4, -0.8],
        showgrid=False,
        **place,
    )


def spread_figure(spread: Spread) -> go.Figure:
    """Accuracy: a dot a seed for every answerer, mean and standard deviation of fine-tuning."""
    rows: list[tuple[str, list[float]]] = [("finetuned", [_accuracy(one.values) for one in spread.runs])]
    rows += [(name, [one.baselines[name] for one in spread.runs]) for name in spread.gains]
    figure = go.Figure()
    for place, (name, values) in enumerate(rows):
        figure.add_scatter(
            x=values,
            y=[place] * len(values),
            mode="markers",
            marker={"color": colour_of(name), "size": 11, "opacity": 0.7, "line": {"color": GREY, "width": 1}},
            customdata=[one.seed for one in spread.runs],
            hovertemplate="seed %{customdata}: %{x:.4f}<extra></extra>",
        )
    mean, deviation = spread.means["accuracy"], spread.deviations["accuracy"]
    figure.add_scatter(
        x=[mean],
        y=[-0.42],
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": colour_of("finetuned")},
        error_x={"type": "constant", "value": deviation, "color": GREY, "thickness": 2, "width": 5},
        hovertemplate="mean %{x:.4f}<extra></extra>",
    )
    facts = {"n": len(spread.runs), "mean": shown(mean), "sd": shown(deviation)}
    title = _("{n} seeds: accuracy {mean} on average, standard deviation {sd}").format(**facts)
    make_figure(figure, title, 80 + ROW * len(rows))
    name_x_axis(figure, _("Accuracy; a dot a seed, diamond: mean and standard deviation"))
    return figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[words_of(name) for name, _values in rows],
        range=[len(rows) - 0.5, -0.9],
        showgrid=False,
    )


def _accuracy(values: Mapping[str, float | None]) -> float:
    return values["accuracy"] or 0.0


def curves_figure(runs: Sequence[tuple[str, Result]]) -> go.Figure:
    """Validation accuracy and loss of several runs against the pairs that they were shown.

    Args:
        runs: what each is called, and its result.
    """
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.08)
    for place, (name, result) in enumerate(runs):
        colour, dash, symbol, _pattern = run_style(place)
        pairs = [entry["epoch"] * result["dataset"]["train"] for entry in result["history"]]
        for row, metric in enumerate(("accuracy", "loss"), start=1):
            figure.add_scatter(
                x=pairs,
                y=[entry.get(metric) for entry in result["history"]],
                mode="lines+markers",
                name=safe(name, MAX_LABEL),
                line={"color": colour, "dash": dash, "width": 2},
                marker={"symbol": symbol, "size": 7},
                showlegend=row == 1,
                hovertemplate=f"%{{y:.4f}}, %{{x:.0f}}<extra>{safe(name, MAX_LABEL)}</extra>",
                row=row,
                col=1,
            )
    title = ngettext("The learning curve of {n} run", "The learning curves of {n} runs", len(runs))
    make_figure(figure, title.format(n=len(runs)), 380, below=30 + 10 * len(runs))
    figure.update_yaxes(title_text=_("Accuracy"), row=1)
    figure.update_yaxes(title_text=f"{METRICS['loss'].label.capitalize()} ({METRICS['loss'].unit})", row=2)
    return figure.update_xaxes(title_text=_("Training pairs shown"), row=2)


def effects_figure(effects: Effects) -> go.Figure:
    """What each setting changed, with its interval, above; below, a dot a run, and the noise as a band."""
    cells = list(dict.fromkeys(run.values for run in effects.runs))
    share = len(effects.effects) / (len(effects.effects) + len(cells))
    figure = make_subplots(
        rows=2,
        row_heights=[share, 1 - share],
        vertical_spacing=min(0.25, 90 / (ROW * (len(effects.effects) + len(cells)))),
    )
    gains = [(effect.gain.value, effect.gain.ci95, effect.outcome) for effect in effects.effects]
    names = [
        f"{safe(SETTINGS[effect.setting].label)}<br>{_values(effect.first)} → {_values(effect.second)}"
        for effect in effects.effects
    ]
    _points_with_intervals(figure, gains, names, row=1, col=1)
    mean = sum(run.accuracy for run in effects.runs) / len(effects.runs)
    band = (mean - 1.96 * effects.noise, mean + 1.96 * effects.noise)
    figure.add_vrect(x0=band[0], x1=band[1], fillcolor=GREY, opacity=0.18, line_width=0, row=2, col=1)
    figure.add_scatter(
        x=[run.accuracy for run in effects.runs],
        y=[cells.index(run.values) for run in effects.runs],
        mode="markers",
        marker={"color": ACCENT, "size": 11, "opacity": 0.75},
        customdata=[run.seed for run in effects.runs],
        hovertemplate="%{x:.4f}, seed %{customdata}<extra></extra>",
        showlegend=False,
        row=2,
        col=1,
    )
    make_figure(figure, _effects_title(effects), 190 + ROW * (len(gains) + len(cells)))
    labels = [safe(", ".join(map(value_words, cell))) for cell in cells]
    figure.update_yaxes(tickvals=list(range(len(cells))), ticktext=labels, range=[len(cells) - 0.4, -0.6], row=2, col=1)
    name_x_axis(figure, _("Points of accuracy gained; whiskers: 95 % interval"), row=1, col=1)
    return name_x_axis(figure, _("Accuracy of each run; grey: what luck alone would do"), row=2, col=1)


def _values(value: Any) -> str:
    return safe(value_words(value), MAX_LABEL)


def _effects_title(effects: Effects) -> str:
    mattered = {effect.setting for effect in effects.effects if effect.outcome is not Outcome.NO_DIFFERENCE}
    if not mattered:
        return _("{n} runs: no setting made a difference beyond chance").format(n=len(effects.runs))
    names = ", ".join(SETTINGS[name].label for name in effects.settings if name in mattered)
    return _("{n} runs: what made a difference beyond chance is {names}").format(n=len(effects.runs), names=names)
