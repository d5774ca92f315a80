"""Right and wrong answers by label."""

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from qlora_core.evaluation.scores import Result
from qlora_core.language import gettext as _
from qlora_core.language import number
from qlora_core.ui.charts.style import GREY, colour_of, make_figure, words_of


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
    title = (
        _("Of {n} answers, {before} before and {after} after fine-tuning are right (outlined)")
        if len(counts) > 1
        else _("Of {n} answers, {after} are right (outlined)")
    ).format(n=sum(right[0].values()), before=counts[0], after=counts[-1])
    make_figure(figure, title, 270, above=18)
    figure.update_xaxes(tickvals=[0, 1], ticktext=[_("answer:<br>same"), _("answer:<br>different")], showgrid=False)
    return figure.update_yaxes(
        tickvals=[1, 0], ticktext=[_("label:<br>same"), _("label:<br>different")], showgrid=False
    )


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
            [f"{count}<br>{number(100 * part, '.0f')} %" for count, part in zip(*row, strict=True)]
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
