"""What every figure has in common: its ground, its type, its title, and how text and numbers get into it.

The page draws the figures with plotly.js 3, older than the 4 that plotly.py writes for, so only plain traces, shapes
and annotations are used. Text is left mid grey, which reads on light and on dark; the page gives it its own colour.
"""

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from qlora_core.evaluation.answerers import ANSWERERS
from qlora_core.evaluation.scores import Result
from qlora_core.language import separators
from qlora_core.ui.palette import ACCENT, ANSWERER_LOOKS, SECOND
from qlora_core.ui.safe_text import one_line

Runs = Sequence[tuple[str, Result]]  #: a short label and the result of each run

GREY = "#7d8087"  #: 4 to 1 against white and against the dark card
GRID = "rgba(125, 128, 135, 0.25)"
FONT = {"family": "IBM Plex Sans, system-ui, sans-serif", "size": 13, "color": GREY}
SMALL = 12
TITLE_WIDTH = 40  #: characters a line, so that a title fits a phone
AXIS_WIDTH = 34  #: characters a line of an x axis's title: beside it stand the names of the rows
MAX_TEXT = 40  #: characters of a text that is not the program's own
MAX_LABEL = 16  #: characters of the name of a run or a model
LABEL_ROOM = 136  #: pixels to the right of a panel for direct labels, where none of them needs more
LABEL_SHIFT, CHARACTER = 8, 7.2  #: pixels from the panel to its labels, and of a character of theirs
MARGIN = {"l": 8, "r": 12, "b": 8}
NO_TOOLS = ["zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale", "resetscale"]

#: Runs in one figure: colour, line dash, marker and bar pattern, so that colour alone never tells them apart.
RUN_STYLES = (
    (ACCENT, "solid", "circle", ""),
    (SECOND, "dash", "square", "x"),
    (ACCENT, "dot", "diamond", "."),
    (SECOND, "longdash", "triangle-up", "|"),
    (ACCENT, "dashdot", "triangle-down", "-"),
    (SECOND, "longdashdot", "cross", "+"),
)


def make_figure(
    figure: go.Figure, title: str, height: int, *, above: int = 0, below: int = 0, **layout: Any
) -> go.Figure:
    """Give a figure its title (plain text, escaped here), its height and the common looks.

    Args:
        figure: traces, and subplots where there are several.
        title: the sentence that the figure shows.
        height: of the figure without its title, in pixels; the width is the page's.
        above: pixels to keep free between title and axes, for the titles of subplots.
        below: pixels to keep free under the axes, for a legend.
        layout: anything else of plotly's layout.
    """
    lines = [safe(line, len(line)) for line in wrap(title, TITLE_WIDTH, break_on_hyphens=False)]
    top = 22 + 19 * len(lines) + above
    figure.update_layout(
        template={},
        font=FONT,
        title={
            "text": "<br>".join(lines),
            "font": {"size": 14, "weight": 600},
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 8 if len(lines) == 1 else 18, "l": 8},  # plotly.js sets several lines 0.7 em higher
        },
        height=height + top,
        margin=MARGIN | {"t": top, "b": MARGIN["b"] + below},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=below > 0,
        legend={
            "orientation": "h",
            "x": 0,
            "xref": "container",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": SMALL},
            "itemsizing": "constant",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        dragmode=False,
        modebar={"remove": NO_TOOLS, "bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": GREY},
        hoverlabel={"font": {"family": FONT["family"]}},
        separators=separators(),
    )
    shared = {"automargin": True, "gridcolor": GRID, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(tickfont={"size": SMALL}, title={"font": {"size": SMALL}, "standoff": 8}, **shared)
    figure.update_yaxes(tickfont={"size": SMALL}, title={"font": {"size": SMALL}, "standoff": 8}, **shared)
    figure.update_annotations(font={"size": SMALL})
    return figure.update_layout(**layout)


def name_x_axis(figure: go.Figure, title: str, **axis: Any) -> go.Figure:
    """Write the program's own words below an x axis, in lines that fit a phone; ``axis`` is what else it gets."""
    lines = wrap(title, AXIS_WIDTH, break_on_hyphens=False)
    return figure.update_xaxes(title_text="<br>".join(lines), **axis)


def safe(text: object, most: int = MAX_TEXT) -> str:
    """Foreign text as plotly shows it literally: on one line, at most ``most`` characters, without markup."""
    return escape(one_line(text, most), quote=False)


def known(value: float | None) -> float | None:
    """A number that can be drawn: None for NaN and infinity, which JSON does not have."""
    return value if value is not None and math.isfinite(value) else None


def words_of(answerer: str) -> str:
    """What an answerer goes by, in the figures as on the page."""
    return ANSWERERS[answerer].heading if answerer in ANSWERERS else safe(answerer)


def colour_of(answerer: str) -> str:
    """An answerer's colour; the accent for one that the palette does not know."""
    return ANSWERER_LOOKS[answerer].colour if answerer in ANSWERER_LOOKS else ACCENT


def pattern_of(answerer: str) -> str:
    """The pattern of an answerer's bar; none for one that the palette does not know."""
    return ANSWERER_LOOKS[answerer].pattern if answerer in ANSWERER_LOOKS else ""


def run_style(number: int) -> tuple[str, str, str, str]:
    """Colour, dash, marker and pattern of the run with this place among those in a figure."""
    return RUN_STYLES[number % len(RUN_STYLES)]


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Heights for direct labels: near those wanted, but at least ``gap`` apart, pushed upwards in their order."""
    placed = list(heights)
    order = sorted(range(len(placed)), key=lambda i: placed[i])
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + gap)
    return placed


def end_labels(figure: go.Figure, labels: Sequence[tuple[float, str]], gap: float, *, row: int = 1) -> None:
    """Write labels at their heights to the right of a panel, apart from each other, and make room for the longest.

    The text has to be safe.
    """
    longest = max((len(text) for _, text in labels), default=0)
    figure.update_layout(margin_r=max(figure.layout.margin.r, LABEL_ROOM, LABEL_SHIFT + math.ceil(CHARACTER * longest)))
    heights = spread([height for height, _ in labels], gap)
    suffix = "" if row == 1 else str(row)
    for height, (_, text) in zip(heights, labels, strict=True):
        figure.add_annotation(
            x=1,
            xref=f"x{suffix} domain",
            xanchor="left",
            xshift=LABEL_SHIFT,
            y=height,
            yref=f"y{suffix}",
            text=text,
            showarrow=False,
            align="left",
        )
