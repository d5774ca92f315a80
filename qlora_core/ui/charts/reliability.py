"""Confidence against accuracy."""

import plotly.graph_objects as go

from qlora_core.evaluation.metrics import shown
from qlora_core.evaluation.scores import Result
from qlora_core.language import gettext as _
from qlora_core.language import number
from qlora_core.ui.charts.style import GREY, SMALL, colour_of, known, make_figure, name_x_axis, words_of

#: Whose answers are drawn, each with a marker of its own.
MARKERS = {"untrained_head": "circle-open", "linear_probe": "square-open", "finetuned": "diamond"}


def reliability_figure(result: Result) -> go.Figure:
    """Accuracy against stated confidence, bin by bin (Guo et al. 2017, arXiv:1706.04599)."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0.5, 1], y=[0.5, 1], mode="lines", line={"color": GREY, "dash": "dash", "width": 1}, showlegend=False,
        hoverinfo="skip",
    )  # fmt: skip
    calibration = {name: result["calibration"][name] for name in MARKERS if name in result["calibration"]}
    for name, bins in calibration.items():
        total = max(sum(bins["count"]), 1)
        figure.add_scatter(
            x=[known(value) for value in bins["confidence"]],
            y=[known(value) for value in bins["accuracy"]],
            mode="lines+markers",
            name=f"{words_of(name)}, ECE {shown(bins['ece'])}",
            line={"color": colour_of(name), "width": 1.5},
            marker={
                "color": colour_of(name),
                "symbol": MARKERS[name],
                "size": [6 + 20 * (count / total) ** 0.5 for count in bins["count"]],
                "line": {"width": 2, "color": colour_of(name)},
            },
            customdata=bins["count"],
            hovertemplate=_("confidence {x}, accuracy {y}, {n} pairs").format(
                x="%{x:.3f}", y="%{y:.3f}", n="%{customdata}"
            )
            + "<extra></extra>",
        )
    after = calibration["finetuned"]["ece"]
    make_figure(
        figure,
        _("Fine-tuned, confidence misses accuracy by {points} points on average (ECE {ece})").format(
            points=number(100 * after, ".1f"), ece=shown(after)
        ),
        340,
        below=70,
    )
    figure.add_annotation(x=0.75, y=0.1, text=_("dashed: accuracy equals confidence"), showarrow=False, font_size=SMALL)
    name_x_axis(figure, _("Confidence, 0.5 to 1 (larger marker: more pairs)"), range=[0.48, 1.02], tickformat=".1f")
    return figure.update_yaxes(range=[0, 1.05], tickformat=".1f", title_text=_("Accuracy, 0 to 1"))
