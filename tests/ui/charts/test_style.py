"""What all figures share: text, numbers, direct labels and titles."""

import plotly.graph_objects as go
import pytest

from qlora_core.ui.charts.style import LABEL_ROOM, end_labels, make_figure, run_style, safe, spread


def test_run_styles_are_all_different() -> None:
    assert len({run_style(number) for number in range(6)}) == 6
    assert run_style(6) == run_style(0)


@pytest.mark.parametrize(
    ("text", "shown"), [("a\n b", "a b"), ("<b>&", "&lt;b&gt;&amp;"), ("x" * 50, "x" * 39 + "…"), (7, "7")]
)
def test_foreign_text_is_cut_to_a_line_and_escaped(text: object, shown: str) -> None:
    assert safe(text) == shown


def test_direct_labels_keep_their_order_and_a_distance() -> None:
    assert spread([0.5, 0.1, 0.52], 0.1) == pytest.approx([0.5, 0.1, 0.6])
    figure = make_figure(go.Figure(), "t", 100)
    end_labels(figure, [(1.0, "a"), (1.0, "b")], 0.5)
    assert [(label.y, label.text) for label in figure.layout.annotations] == [(1.0, "a"), (1.5, "b")]


def test_the_longest_direct_label_has_room() -> None:
    figure = make_figure(go.Figure(), "t", 100)
    end_labels(figure, [(1.0, "short")], 0.5)
    assert figure.layout.margin.r == LABEL_ROOM
    end_labels(figure, [(1.0, "m" * 25), (2.0, "short")], 0.5)
    assert figure.layout.margin.r == 188
    end_labels(figure, [(1.0, "short")], 0.5)
    assert figure.layout.margin.r == 188


def test_a_long_title_is_broken_into_lines_and_gets_room() -> None:
    short, long = (make_figure(go.Figure(), "word " * count, 100) for count in (2, 30))
    assert long.layout.title.text.count("<br>") == 3
    assert long.layout.margin.t == short.layout.margin.t + 57
    assert long.layout.height - long.layout.margin.t == short.layout.height - short.layout.margin.t
