"""Figures over time: the loss by step, the validation scores by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from qlora_core.evaluation.answerers import label_of
from qlora_core.evaluation.metrics import METRICS, Metric, shown
from qlora_core.evaluation.scores import Result
from qlora_core.language import N_
from qlora_core.language import gettext as _
from qlora_core.language import number as local
from qlora_core.ui.charts.style import (
    GREY,
    MAX_LABEL,
    Runs,
    end_labels,
    known,
    make_figure,
    name_x_axis,
    run_style,
    safe,
)
from qlora_core.ui.palette import ACCENT
from qlora_core.ui.safe_text import one_line

SMOOTHING = 0.9  #: of the loss before, in the exponential moving average
#: How the charted metrics are told apart: plotly's dash, and what it is called.
DASHES = (("solid", N_("solid")), ("dot", N_("dotted")), ("dash", N_("dashed")))
LABEL_GAP = 0.095  #: of a panel's height


def history_figure(runs: Runs) -> go.Figure:
    """Validation accuracy and F1 over the epochs, and the loss below; epoch 0 is before training."""
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.64, 0.36], vertical_spacing=0.08)
    single = len(runs) == 1
    for number, (label, result) in enumerate(runs):
        points = _points(result)
        colour, _dashes, symbol, _pattern = run_style(number)
        sizes = [13 if point.get("epoch") == result["best_epoch"] else 7 for point in points]
        marker = {"color": colour, "symbol": symbol, "size": sizes}
        for line, metric in enumerate([*_charted(), METRICS["loss"]]):
            is_loss = metric.name == "loss"
            figure.add_scatter(
                x=[point["epoch"] for point in points],
                y=[known(point.get(metric.name)) for point in points],
                mode="lines+markers",
                name=f"{number + 1}. {safe(label, MAX_LABEL)}",
                line={"color": colour, "dash": "solid" if is_loss else _dash(line)[0], "width": 2},
                marker=marker,
                showlegend=line == 0,
                hovertemplate=_("{metric} {y} at epoch {x}").format(metric=metric.label, y="%{y:.4f}", x="%{x:.4g}")
                + "<extra></extra>",
                row=2 if is_loss else 1,
                col=1,
            )
    below = 0 if single else 30 + 20 * len(runs)
    make_figure(figure, _history_title(runs), 380, below=below)
    if single:
        _label_single(figure, runs[0][1])
    names = [
        metric.label if single else f"{metric.label} ({_(_dash(line)[1])})" for line, metric in enumerate(_charted())
    ]
    scores = ", ".join(names)
    figure.update_yaxes(title_text=scores[:1].upper() + scores[1:], row=1)
    figure.update_yaxes(title_text=_("Loss (nats)"), row=2)
    epochs = max((point["epoch"] for _, result in runs for point in _points(result)), default=1)
    figure.update_xaxes(dtick=max(1, round(epochs / 6)))
    return name_x_axis(figure, _("Epoch (0: before training; large marker: kept)"), row=2)


def _charted() -> list[Metric]:
    return [metric for metric in METRICS.values() if metric.charted]


def _dash(line: int) -> tuple[str, str]:
    return DASHES[line % len(DASHES)]


def _points(result: Result) -> list[Mapping[str, Any]]:
    """The evaluations, after what the model was measured at before its first step, where it was."""
    before = result["metrics"].get(_model_before_training(result))
    return [*([{"epoch": 0.0, **before}] if before else []), *result["history"]]


def _model_before_training(result: Result) -> str:
    """Which answerer that is; "" for none: a run's adapter with a fresh classifier is not measured."""
    if result.get("started_from") is None:
        return "untrained_head"
    return "started_from" if result["config"]["init_classifier"] == "keep" else ""


def _label_single(figure: go.Figure, result: Result) -> None:
    """The baselines that know something as dashed lines, and every line's name at its end."""
    points, metrics = _points(result), result["metrics"]
    labels = []
    for name in ("majority", "linear_probe", "started_from"):
        if name in metrics:
            accuracy = metrics[name]["accuracy"]
            figure.add_hline(y=accuracy, line={"color": GREY, "dash": "dash", "width": 1}, row=1, col=1)
            labels.append((accuracy, f"{label_of(name)} {shown(accuracy)}"))
    if points:
        last = [(metric.label, points[-1].get(metric.name)) for metric in _charted()]
        labels += [(value, f"{words} {shown(value)}") for words, value in last if value is not None]
        end_labels(figure, [(points[-1]["loss"], f"{METRICS['loss'].label} {shown(points[-1]['loss'])}")], 0, row=2)
    heights = [height for height, _ in labels] + [height for point in points for height in _heights(point)]
    if heights:
        end_labels(figure, labels, LABEL_GAP * (max(heights) - min(heights)))


def _heights(point: Mapping[str, Any]) -> list[float]:
    """The charted scores of an evaluation, as far as it has them."""
    return [point[metric.name] for metric in _charted() if metric.name in point]


def _history_title(runs: Runs) -> str:
    kept = {label: epoch for label, result in runs if (epoch := _kept(result)) is not None}
    if len(runs) == 1 and kept:
        epoch = next(iter(kept.values()))
        scores = ", ".join(f"{metric.label} {shown(epoch.get(metric.name))}" for metric in _charted())
        return _("Epoch {epoch} was kept: validation {scores}").format(
            epoch=local(epoch["epoch"], ".4g"), scores=scores
        )
    if 1 < len(runs) <= 3 and len(kept) == len(runs):
        each = _("epoch {epoch} of {run}")
        listed = [
            each.format(epoch=local(epoch["epoch"], ".4g"), run=one_line(label, MAX_LABEL))
            for label, epoch in kept.items()
        ]
        return _("Kept: {listed}").format(listed=", ".join(listed))
    return _("Validation scores and loss over the epochs")


def _kept(result: Result) -> Mapping[str, Any] | None:
    """The evaluation of the epoch whose weights were kept."""
    return next((entry for entry in result["history"] if entry["epoch"] == result["best_epoch"]), None)


def loss_curve_figure(
    points: Sequence[tuple[float, float, float]], evaluations: Sequence[Mapping[str, Any]]
) -> go.Figure:
    """A finished run's loss: in training, as it was and smoothed, and on the validation pairs.

    Args:
        points: step, training loss and learning rate, as ``run_feed.Series`` has them.
        evaluations: of each evaluation, at least its ``step`` and ``loss``.
    """
    training = [(step, loss) for step, loss, _ in points if known(loss) is not None]
    losses = [loss for _, loss in training]
    smooth = smoothed(losses)
    validation = [(entry["step"], entry["loss"]) for entry in evaluations if known(entry["loss"]) is not None]
    figure = go.Figure()
    hover = _("{y} at step {x}").format(y="%{y:.4f}", x="%{x}")
    shared = {"hovertemplate": f"{hover}<extra></extra>"}
    figure.add_scatter(
        x=[step for step, *_ in points],
        y=[known(loss) for _, loss, _ in points],
        name=_("training, as it was"),
        opacity=0.35,
        line={"color": ACCENT, "width": 1},
        **shared,
    )
    figure.add_scatter(
        x=[step for step, _ in training],
        y=smooth,
        name=_("training, smoothed"),
        line={"color": ACCENT, "width": 2.5},
        **shared,
    )
    figure.add_scatter(
        x=[step for step, _ in validation],
        y=[loss for _, loss in validation],
        name=_("validation"),
        mode="lines+markers",
        line={"color": ACCENT, "width": 2, "dash": "dash"},
        marker={"symbol": "diamond", "size": 9},
        **shared,
    )
    figure.update_traces(mode="lines", selector=lambda trace: trace.mode is None)
    make_figure(figure, _loss_title(losses, validation), 300)
    ends = [(smooth[-1], _("training {loss}").format(loss=shown(smooth[-1])))] if smooth else []
    ends += [(validation[-1][1], _("validation {loss}").format(loss=shown(validation[-1][1])))] if validation else []
    heights = losses + [loss for _, loss in validation]
    if heights:
        end_labels(figure, ends, LABEL_GAP * (max(heights) - min(heights)))
    figure.update_xaxes(title_text=_("Step"))
    return figure.update_yaxes(title_text=_("Loss (cross-entropy, nats)"))


def smoothed(values: Sequence[float]) -> list[float]:
    """Exponential moving average, corrected for its start as in Adam (Kingma & Ba 2015, arXiv:1412.6980)."""
    averages, average = [], 0.0
    for number, value in enumerate(values, start=1):
        average = SMOOTHING * average + (1 - SMOOTHING) * value
        averages.append(average / (1 - SMOOTHING**number))
    return averages


def _loss_title(losses: Sequence[float], validation: Sequence[tuple[float, float]]) -> str:
    """From the mean of the first tenth of the training losses to that of the last."""
    if not losses:
        return _("No training loss on record")
    tenth = max(len(losses) // 10, 1)
    first, last = sum(losses[:tenth]) / tenth, sum(losses[-tenth:]) / tenth
    if not validation:
        return _("Training loss went from {first} to {last}").format(first=shown(first), last=shown(last))
    step, loss = min(validation, key=lambda entry: entry[1])
    said = _("Training loss went from {first} to {last}; validation loss was lowest at step {step} ({loss})")
    return said.format(first=shown(first), last=shown(last), step=step, loss=shown(loss))
