"""The figures of single pairs, by their data."""

import math

import pytest

from qlora_core.ui.charts.pairs import attribution_figure, probability_figure
from qlora_core.ui.palette import DIFFERENT, SAME
from tests.example_result import title


def test_attribution_gives_each_token_its_own_place_even_if_it_is_repeated() -> None:
    figure = attribution_figure([("Base", ["the", "2020", "the"], [0.5, -0.25, 0.0]), ("Adapter", ["the"], [0.1])])
    base, adapter = figure.data
    assert (list(base.x), list(base.y)) == ([0, 1, 2], [0.5, -0.25, 0.0])
    assert list(figure.layout.xaxis.ticktext) == ["the", "2020", "the"]
    assert list(figure.layout.xaxis2.ticktext) == ["the"]
    assert list(base.marker.color)[:2] == [SAME, DIFFERENT]
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range == pytest.approx((-0.55, 0.55))
    assert "different" in figure.layout.yaxis.title.text.split("same")[0]  # read upwards: different, then same
    assert title(figure) == "Strongest push in Base: “the” towards same; in Adapter: “the” towards same"
    assert len(adapter.y) == 1


def test_a_long_attribution_goes_on_in_further_panels() -> None:
    tokens = [f"t{number}" for number in range(60)]
    figure = attribution_figure([("Adapter", tokens, [0.01 * number for number in range(60)])])
    assert [len(panel.x) for panel in figure.data] == [20, 20, 20]
    assert [token for panel in figure.data for token in panel.customdata] == tokens
    assert [label.text for label in figure.layout.annotations] == [
        "Adapter", "Adapter, continued", "Adapter, continued",
    ]  # fmt: skip


def test_attribution_leaves_a_gap_for_a_score_that_is_no_number() -> None:
    figure = attribution_figure([("a", ["x", "y", "z"], [math.nan, math.inf, -0.5])])
    assert list(figure.data[0].y) == [None, None, -0.5]
    assert "“z” towards different" in title(figure)
    assert title(attribution_figure([("a", [], [])])) == "No token's share in the answer is known"


def test_a_push_that_cannot_be_seen_is_not_named() -> None:
    figure = attribution_figure([("Base", ["x", "y"], [0.004, 0.0]), ("Adapter", ["x", "y"], [0.1, -2.0])])
    assert title(figure) == "Strongest push in Base: too weak to see; in Adapter: “y” towards different"


def test_attribution_refuses_scores_that_do_not_fit_the_tokens() -> None:
    with pytest.raises(ValueError, match="longer"):
        attribution_figure([("a", ["x"], [0.1, 0.2])])


def test_probabilities_are_bars_with_their_answer_in_words() -> None:
    figure = probability_figure([("untrained_head", 0.5), ("finetuned", 0.875), ("My run", 0.25)])
    bars, words = figure.data
    assert list(bars.x) == [0.5, 0.875, 0.25]
    assert list(words.text) == ["0.500 different", "0.875 same", "0.250 different"]
    assert list(figure.layout.yaxis.ticktext) == ["Untrained head", "Fine-tuned", "My run"]
    assert [shape.x0 for shape in figure.layout.shapes] == [0.5]
    assert [label.text for label in figure.layout.annotations] == ["← different", "same →"]
    assert title(figure) == "They disagree: 1 of 3 answer “same”"


def test_probabilities_that_agree_are_said_to_agree() -> None:
    assert title(probability_figure([("a", 0.9), ("b", 0.51)])) == "Both answer “same”"
    assert title(probability_figure([("a", 0.1), ("b", 0.2), ("c", 0.3)])) == "All 3 answer “different”"
    assert title(probability_figure([("Adapter", 0.1)])) == "Adapter answers “different”"
