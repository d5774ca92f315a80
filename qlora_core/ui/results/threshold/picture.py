"""What a threshold comes to, as HTML: right and wrong answers, scores beside those of other thresholds, and the curve.

It holds numbers and the page's own words, nothing that a visitor or a file has named.
"""

from collections.abc import Iterable

from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.language import gettext as _
from qlora_core.language import number
from qlora_core.ui.results.threshold.outcomes import DEFAULT, Choices, Outcome
from qlora_core.ui.words import threshold as words

SCORED = [metric for metric in METRICS.values() if metric.has_interval]
#: The drawing's own units: the square that the curve lies in, and what is kept free for axes and names.
SIDE, LEFT, TOP, RIGHT, BOTTOM = 260, 46, 14, 22, 44
ROWS_OF_CURVE = 21  #: in the table


def threshold_html(choices: Choices, threshold: float) -> str:
    """Everything that follows from a threshold."""
    validation = choices.validation
    yours = validation.at(threshold)
    others = [(_(words.REPORTED), validation.at(DEFAULT))]
    if choices.from_training is not None:
        others.append((_(words.FROM_TRAINING), validation.at(choices.from_training)))
    others.append((_(words.FROM_VALIDATION), validation.at(choices.from_validation)))
    points = [(_(words.YOURS), yours), *others]
    said = words.at(threshold, yours.tp + yours.tn, len(validation.labels))
    return (
        f'<p class="threshold-said" role="status">{said}</p><div class="threshold-parts"><div>{_confusion(yours)}'
        f"{_scores(points)}</div><div>{_curve(validation.curve(), points)}</div></div>"
    )


def _confusion(one: Outcome) -> str:
    rows = (
        (_(words.LABEL_SAME), (one.tp, True), (one.fn, False)),
        (_(words.LABEL_DIFFERENT), (one.fp, False), (one.tn, True)),
    )
    cells = "".join(
        f'<tr><th scope="row">{label}</th>{"".join(_count(count, right=right) for count, right in counts)}</tr>'
        for label, *counts in rows
    )
    head = "".join(f'<th scope="col">{each}</th>' for each in ("", _(words.ANSWER_SAME), _(words.ANSWER_DIFFERENT)))
    return _table(_(words.RIGHT_AND_WRONG), head, cells)


def _count(count: int, *, right: bool) -> str:
    return f'<td class="threshold-right">{count} ✓</td>' if right else f"<td>{count} ✗</td>"


def _scores(points: Iterable[tuple[str, Outcome]]) -> str:
    names = [_(words.WHICH), _(words.THRESHOLD), *(metric.abbreviation or metric.label for metric in SCORED)]
    head = "".join(f'<th scope="col">{each}</th>' for each in names)
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{number(one.threshold, ".2f")}</td>'
        f"{''.join(f'<td>{shown(one.scores[metric.name])}</td>' for metric in SCORED)}</tr>"
        for name, one in points
    )
    return _table(_(words.SCORES), head, rows)


def _table(caption: str, head: str, rows: str) -> str:
    return (
        f'<table class="threshold-table"><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _curve(curve: list[Outcome], points: list[tuple[str, Outcome]]) -> str:
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(_place, curve))
    ticks = "".join(map(_tick, (0.0, 0.5, 1.0)))
    trained = _(words.FROM_TRAINING)
    marked = [(name, one, name == trained) for name, one in points if name in (_(words.YOURS), trained)]
    marks = "".join(_mark(one, is_trained=is_trained) for _name, one, is_trained in reversed(marked))
    key = " ".join(
        f'<span class="threshold-key">{"◆" if is_trained else "●"} '
        f"{words.precision_and_recall(name, shown(one.precision), shown(one.recall))}</span>"
        for name, one, is_trained in marked
    )
    middle, width, height = LEFT + SIDE / 2, LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM
    step = max(1, len(curve) // ROWS_OF_CURVE)
    rows = "".join(
        f'<tr><th scope="row">{number(max(one.threshold, 0), ".3f")}</th><td>{shown(one.precision)}</td>'
        f"<td>{shown(one.recall)}</td></tr>"
        for one in curve[::step]
    )
    head = "".join(f'<th scope="col">{each}</th>' for each in (_(words.THRESHOLD), _(words.PRECISION), _(words.RECALL)))
    return (
        f'<p class="threshold-title">{_(words.CURVE)}</p><p>{key}</p>'
        f'<svg class="threshold-curve" viewBox="0 0 {width} {height}" role="img" aria-label="{_(words.CURVE)}">{ticks}'
        f'<polyline points="{line}"/>{marks}'
        f'<text x="{middle}" y="{height - 6}" text-anchor="middle">{_(words.RECALL_AXIS)}</text>'
        f'<text transform="translate(12 {TOP + SIDE / 2}) rotate(-90)" text-anchor="middle">'
        f"{_(words.PRECISION_AXIS)}</text></svg>"
        f"<details><summary>{_(words.AS_TABLE)}</summary>{_table(_(words.CURVE), head, rows)}</details>"
    )


def _place(one: Outcome) -> tuple[float, float]:
    return LEFT + SIDE * one.recall, TOP + SIDE * (1 - one.precision)


def _tick(value: float) -> str:
    x, y = LEFT + SIDE * value, TOP + SIDE * (1 - value)
    return (
        f'<path d="M{x:g} {TOP}V{TOP + SIDE}M{LEFT} {y:g}H{LEFT + SIDE}"/>'
        f'<text x="{x:g}" y="{TOP + SIDE + 16}" text-anchor="middle">{value:g}</text>'
        f'<text x="{LEFT - 6}" y="{y + 4:g}" text-anchor="end">{value:g}</text>'
    )


def _mark(one: Outcome, *, is_trained: bool) -> str:
    """A diamond for the training pairs' threshold, a disc for the chosen one."""
    x, y = _place(one)
    if is_trained:
        return f'<path class="threshold-trained" d="M{x:.1f} {y - 9:.1f}l9 9l-9 9l-9 -9z"/>'
    return f'<circle class="threshold-yours" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
