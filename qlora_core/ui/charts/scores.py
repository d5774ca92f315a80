"""Records -> plotly figures, for the Results and Compare tabs, and the table of a result's numbers.

``result`` is the content of a run's ``result.json``; ``runs`` are pairs of a run's short label and its result. Here are
the figures of a result's scores; those over time are in ``curve_figures``, those by group of pairs or tensors in
``group_figures``, those of single pairs in ``pair_figures``, and this module offers them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from qlora_core.ui.charts.curves import history_figure, loss_curve_figure
from qlora_core.ui.charts.groups import memory_figure, phenomenon_figure
from qlora_core.ui.charts.pairs import attribution_figure, probability_figure
from qlora_core.ui.charts.style import (
    GREY,
    LONGEST_LABEL,
    SMALL,
    Result,
    Runs,
    clip,
    colour_of,
    known,
    make_figure,
    run_style,
    safe,
    share,
    words_of,
)
from qlora_core.ui.palette import ANSWERERS

__all__ = [
    "attribution_figure",
    "confusion_figure",
    "history_figure",
    "loss_curve_figure",
    "memory_figure",
    "numbers_table",
    "phenomenon_figure",
    "probability_figure",
    "reliability_figure",
    "scores_figure",
]

SHOWN = ("majority", "untrained_head", "linear_probe", "finetuned", "reloaded")
BASELINES = ("majority", "linear_probe")
NO_DIFFERENCE = "No difference beyond chance"


@dataclass(frozen=True)
class Bars:
    """What stands in one row of the scores figure."""

    words: str
    colour: str
    pattern: str
    metrics: Mapping[str, Any]


def scores_figure(runs: Runs) -> go.Figure:
    """Accuracy and F1 with their 95 % intervals: of every answerer of one run, or of several runs fine-tuned."""
    rows = _rows_of_answerers(runs[0][1]) if len(runs) == 1 else _rows_of_runs(runs)
    figure = go.Figure()
    for score, words, offset, opacity in (("accuracy", "Acc", -0.2, 0.75), ("f1", "F1", 0.2, 0.4)):
        values = [known(row.metrics[score]) for row in rows]
        intervals = [row.metrics[f"{score}_ci95"] for row in rows]
        places = [number + offset for number in range(len(rows))]
        figure.add_bar(
            orientation="h",
            name=words,
            y=places,
            x=values,
            width=0.36,
            error_x=_whiskers(values, intervals),
            marker={
                "color": [row.colour for row in rows],
                "opacity": opacity,
                "pattern": {"shape": [row.pattern for row in rows], "size": 6},
            },
            customdata=intervals,
            hovertemplate=f"{words} %{{x:.4f}} (%{{customdata[0]:.4f}} to %{{customdata[1]:.4f}})<extra></extra>",
        )
        figure.add_scatter(
            mode="text",
            y=places,
            x=[known(high) for _, high in intervals],
            text=[f" {words} {share(value)}" for value in values],
            textposition="middle right",
            textfont={"size": SMALL},
            hoverinfo="skip",
        )
    title = _scores_title(runs[0][1]) if len(runs) == 1 else _runs_title(runs)
    make_figure(figure, title, 70 + 50 * len(rows))
    figure.update_xaxes(
        range=[0, 1.4], tickvals=[0, 0.25, 0.5, 0.75, 1], title_text="Share, 0 to 1; whiskers: 95 % interval"
    )
    return figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[row.words for row in rows],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
    )


def _rows_of_answerers(result: Result) -> list[Bars]:
    return [Bars(*ANSWERERS[name], result["metrics"][name]) for name in SHOWN if name in result["metrics"]]


def _rows_of_runs(runs: Runs) -> list[Bars]:
    """The runs as they are fine-tuned; a number keeps those of the same label apart."""
    rows = []
    for number, (label, result) in enumerate(runs):
        colour, _, _, pattern = run_style(number)
        rows.append(
            Bars(f"{number + 1}. {safe(label, LONGEST_LABEL)}", colour, pattern, result["metrics"]["finetuned"])
        )
    return rows


def _whiskers(values: list[float | None], intervals: list[list[float]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - (value or 0) for value, (_, high) in zip(values, intervals, strict=True)],
        "arrayminus": [(value or 0) - low for value, (low, _) in zip(values, intervals, strict=True)],
        "color": GREY,
        "thickness": 2,
        "width": 4,
    }


def _scores_title(result: Result) -> str:
    metrics = result["metrics"]
    rest = ", ".join(
        f"{words_of(name).lower()} {share(metrics[name]['accuracy'])}" for name in BASELINES if name in metrics
    )
    return f"{_change(result)} ({rest})" if rest else _change(result)


def _change(result: Result) -> str:
    """What became of validation accuracy, in words that claim no more than the comparison's verdict does."""
    metrics = result["metrics"]
    after = share(metrics["finetuned"]["accuracy"])
    if "untrained_head" not in metrics:
        return f"Validation accuracy is {after} after fine-tuning"
    before = share(metrics["untrained_head"]["accuracy"])
    comparison = result["comparison"]["untrained_head"]
    if comparison["verdict"].startswith(NO_DIFFERENCE):
        return f"Validation accuracy did not change beyond chance: {before} before, {after} after"
    return f"Validation accuracy {'rose' if comparison['accuracy_gain'] > 0 else 'fell'} from {before} to {after}"


def _runs_title(runs: Runs) -> str:
    """Which run is best, unless data or intervals forbid to say so."""
    ranked = sorted(runs, key=lambda run: run[1]["metrics"]["finetuned"]["accuracy"], reverse=True)
    best, second, worst = (ranked[place][1]["metrics"]["finetuned"] for place in (0, 1, -1))
    span = f"Fine-tuned accuracy lies between {share(worst['accuracy'])} and {share(best['accuracy'])}"
    if len({result["dataset"]["fingerprint"] for _, result in runs}) > 1:
        return f"{span}, on data that differ"
    if best["accuracy_ci95"][0] <= second["accuracy_ci95"][1]:
        return f"{span}; the intervals of the best two overlap"
    return f"{span}; {clip(ranked[0][0], LONGEST_LABEL)} is best, its interval clear of the others"


def confusion_figure(result: Result) -> go.Figure:
    """Pairs by label and answer, untrained head beside fine-tuned: counts, and shares of a label's pairs."""
    names = [name for name in ("untrained_head", "finetuned") if name in result["metrics"]]
    figure = make_subplots(
        cols=len(names), shared_yaxes=True, horizontal_spacing=0.06, subplot_titles=[words_of(name) for name in names]
    )
    for column, name in enumerate(names, start=1):
        _add_confusion(figure, result["metrics"][name]["confusion"], colour_of(name), column)
    right = [result["metrics"][name]["confusion"] for name in names]
    counts = [cells["true_positive"] + cells["true_negative"] for cells in right]
    change = f"{counts[0]} before and {counts[-1]} after fine-tuning" if len(counts) > 1 else f"{counts[0]}"
    make_figure(figure, f"Of {sum(right[0].values())} answers, {change} are right (outlined)", 270, above=18)
    figure.update_xaxes(tickvals=[0, 1], ticktext=["answer:<br>same", "answer:<br>different"], showgrid=False)
    return figure.update_yaxes(tickvals=[1, 0], ticktext=["label:<br>same", "label:<br>different"], showgrid=False)


def _add_confusion(figure: go.Figure, cells: Mapping[str, int], colour: str, column: int) -> None:
    """One matrix; "same" is left and on top, and the two right answers have an outline."""
    counts = [[cells["false_positive"], cells["true_negative"]], [cells["true_positive"], cells["false_negative"]]]
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    faint, strong = (f"rgba({', '.join(str(part) for part in _rgb(colour))}, {alpha})" for alpha in (0.06, 0.4))
    figure.add_heatmap(
        z=shares,
        zmin=0,
        zmax=1,
        colorscale=[[0, faint], [1, strong]],
        showscale=False,
        xgap=3,
        ygap=3,
        text=[
            [f"{count}<br>{100 * part:.0f} %" for count, part in zip(*row, strict=True)]
            for row in zip(counts, shares, strict=True)
        ],
        texttemplate="%{text}",
        textfont={"size": 14, "color": GREY},
        hoverinfo="skip",
        row=1,
        col=column,
    )
    for x, y in ((0, 1), (1, 0)):
        figure.add_shape(
            x0=x - 0.47, x1=x + 0.47, y0=y - 0.47, y1=y + 0.47, line={"color": colour, "width": 2}, row=1, col=column
        )


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def reliability_figure(result: Result) -> go.Figure:
    """Accuracy against stated confidence, bin by bin (Guo et al. 2017, arXiv:1706.04599)."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0.5, 1], y=[0.5, 1], mode="lines", line={"color": GREY, "dash": "dash", "width": 1}, showlegend=False,
        hoverinfo="skip",
    )  # fmt: skip
    calibration = {
        name: result["calibration"][name]
        for name in ("untrained_head", "linear_probe", "finetuned")
        if name in result["calibration"]
    }
    symbols = {"untrained_head": "circle-open", "linear_probe": "square-open", "finetuned": "diamond"}
    for name, bins in calibration.items():
        total = max(sum(bins["count"]), 1)
        figure.add_scatter(
            x=[known(value) for value in bins["confidence"]],
            y=[known(value) for value in bins["accuracy"]],
            mode="lines+markers",
            name=f"{words_of(name)}, ECE {share(bins['ece'])}",
            line={"color": colour_of(name), "width": 1.5},
            marker={
                "color": colour_of(name),
                "symbol": symbols[name],
                "size": [6 + 20 * (count / total) ** 0.5 for count in bins["count"]],
                "line": {"width": 2, "color": colour_of(name)},
            },
            customdata=bins["count"],
            hovertemplate="confidence %{x:.3f}, accuracy %{y:.3f}, %{customdata} pairs<extra></extra>",
        )
    after = calibration["finetuned"]["ece"]
    make_figure(
        figure,
        f"Fine-tuned, confidence misses accuracy by {100 * after:.1f} points on average (ECE {share(after)})",
        340,
        below=70,
    )
    figure.add_annotation(x=0.75, y=0.1, text="dashed: accuracy equals confidence", showarrow=False, font_size=SMALL)
    figure.update_xaxes(
        range=[0.48, 1.02], tickformat=".1f", title_text="Confidence, 0.5 to 1 (larger marker: more pairs)"
    )
    return figure.update_yaxes(range=[0, 1.05], tickformat=".1f", title_text="Accuracy, 0 to 1")


def numbers_table(result: Result) -> tuple[list[str], list[list[str | float | int | None]]]:
    """Headers and rows, one an answerer, for the table and for its CSV; None where a number is missing."""
    headers = [
        "Answerer", "Accuracy", "Accuracy 95 % from", "Accuracy 95 % to", "F1", "F1 95 % from", "F1 95 % to",
        "Loss (nats)", "ECE", "Same, answered same", "Same, answered different", "Different, answered same",
        "Different, answered different",
    ]  # fmt: skip
    rows: list[list[str | float | int | None]] = []
    for name, metrics in result["metrics"].items():
        cells = metrics["confusion"]
        numbers = [
            metrics["accuracy"],
            *metrics["accuracy_ci95"],
            metrics["f1"],
            *metrics["f1_ci95"],
            metrics["loss"],
            result.get("calibration", {}).get(name, {}).get("ece"),
        ]
        rows.append(
            [
                words_of(name),
                *(None if known(number) is None else round(number, 4) for number in numbers),
                cells["true_positive"],
                cells["false_negative"],
                cells["false_positive"],
                cells["true_negative"],
            ]
        )
    return headers, rows
