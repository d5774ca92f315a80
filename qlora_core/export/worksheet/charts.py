"""A worksheet's curves in the coordinates of their drawings, which the template writes as SVG.

All lengths are units of a drawing that is ``WIDTH`` wide and ``HEIGHT`` high, from its upper left corner.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qlora_core.language import number

WIDTH, HEIGHT = 360, 210
LEFT, RIGHT, TOP, BOTTOM = 38, 8, 12, 30
SMOOTHING = 0.9  #: of the loss before, in the exponential moving average (Kingma & Ba 2015), as the page begins with
LABEL_GAP = 12
TICKS = 5


@dataclass
class Chart:
    """What is drawn; texts are numbers and names from this program's own tables."""

    width: int = WIDTH
    height: int = HEIGHT
    lines: list[tuple[str, str]] = field(default_factory=list)  #: class of its looks, points as SVG has them
    marks: list[tuple[float, float]] = field(default_factory=list)  #: one for each evaluation
    levels: list[tuple[float, float, str]] = field(default_factory=list)  #: of a baseline: height, its label's, name
    across: list[tuple[float, str]] = field(default_factory=list)  #: ticks below: place, number
    upward: list[tuple[float, str]] = field(default_factory=list)  #: ticks at the left: height, number

    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


class _Scale:
    """From steps and values to a drawing's coordinates."""

    def __init__(self, last: float, low: float, high: float) -> None:
        self.last, self.low, self.high = max(last, 1), low, high

    def x(self, step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / self.last, 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(max(share, 0), 1), 1)

    def line(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(step)},{self.y(value)}" for step, value in points)

    def chart(self, across: str = ",.0f") -> Chart:
        """An empty one with its ticks; those below are written in the form ``across``."""
        chart = Chart()
        chart.across = [(self.x(step), number(step, across)) for step in round_numbers(0, self.last)]
        chart.upward = [(self.y(value), number(value, "g")) for value in round_numbers(self.low, self.high)]
        return chart


def loss_chart(points: Sequence[Sequence[float]], evaluations: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Training and validation loss by step; None where neither was measured.

    Args:
        points: step and mean loss of each bucket, as a run's feed has them.
        evaluations: each with its step and loss.
    """
    raw = [(point[0], point[1]) for point in points if math.isfinite(point[1])]
    measured = _measured(evaluations, "loss")
    if not raw and not measured:
        return None
    values = [value for _, value in (*raw, *measured)]
    scale = _Scale(_last(raw, measured), 0, max(0.8, 1.05 * max(values)))
    chart = scale.chart()
    chart.lines = [("raw", scale.line(raw)), ("smooth", scale.line(_smoothed(raw))), ("measured", scale.line(measured))]
    chart.marks = [(scale.x(step), scale.y(value)) for step, value in measured]
    return chart


def accuracy_chart(evaluations: Sequence[Mapping[str, Any]], baselines: Mapping[str, float]) -> Chart | None:
    """Validation accuracy by step, over the accuracy of the ``baselines`` by name; None where it was never measured."""
    measured = _measured(evaluations, "accuracy")
    if not measured:
        return None
    values = [value for _, value in measured] + list(baselines.values())
    scale = _Scale(_last(measured), max(0, min(0.4, *values) - 0.05), 1)
    chart = scale.chart()
    chart.lines = [("smooth", scale.line(measured))]
    chart.marks = [(scale.x(step), scale.y(value)) for step, value in measured]
    above = float("inf")
    for name, value in sorted(baselines.items(), key=lambda item: item[1]):
        above = min(scale.y(value) - 4, above - LABEL_GAP)
        chart.levels.append((scale.y(value), above, f"{name} {number(value, '.3f')}"))
    return chart


def guesses_chart(curves: Sequence[Sequence[float]], course: Sequence[Sequence[float]]) -> Chart | None:
    """The curves that were guessed, each an accuracy at as many even steps of training, and how it went; None without.

    Args:
        course: shares of training and accuracies.
    """
    if not curves:
        return None
    scale = _Scale(1, 0, 1)
    chart = scale.chart("g")
    for curve in curves:
        chart.lines.append(
            ("guess", scale.line([(place / (len(curve) - 1), value) for place, value in enumerate(curve)]))
        )
    measured = [(share, accuracy) for share, accuracy in course if math.isfinite(accuracy)]
    chart.lines.append(("smooth", scale.line(measured)))
    chart.marks = [(scale.x(share), scale.y(accuracy)) for share, accuracy in measured]
    return chart


def _measured(evaluations: Sequence[Mapping[str, Any]], metric: str) -> list[tuple[float, float]]:
    return [(entry["step"], entry[metric]) for entry in evaluations if math.isfinite(entry[metric])]


def _last(*series: Sequence[tuple[float, float]]) -> float:
    return max(step for points in series for step, _ in points)


def _smoothed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    mean, smoothed = 0.0, []
    for count, (step, value) in enumerate(points, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        smoothed.append((step, mean / (1 - SMOOTHING**count)))
    return smoothed


def round_numbers(low: float, high: float) -> list[float]:
    """Those between two ends, at most ``TICKS`` + 1: 1, 2 or 5 times a power of ten apart."""
    least = (high - low) / TICKS
    power = 10 ** math.floor(math.log10(least))
    gap = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)
    first = math.ceil(low / gap - 1e-9)
    return [round(times * gap, 10) for times in range(first, math.floor(high / gap + 1e-9) + 1)]
