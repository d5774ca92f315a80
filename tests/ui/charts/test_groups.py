"""The figures by phenomenon and by group of tensors, by their data."""

from copy import deepcopy
from typing import Any

import pytest

from qlora_core.ui.charts.groups import memory_figure, phenomenon_figure
from tests.example_result import CONFUSION, EVIL, QUANTIZATION, draw_phenomena, make_result, title


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return make_result()


def test_phenomena_stand_in_groups_by_label_with_their_number_of_pairs(result: dict[str, Any]) -> None:
    figure = draw_phenomena(result)
    evil = "&lt;script&gt;alert('&amp;')&lt;/scr… (75)"
    assert list(figure.layout.yaxis.ticktext) == [
        "<b>label: same</b>", evil, "<b>label: different</b>", "negation (75)", "<b>both labels</b>", "both (50)",
    ]  # fmt: skip
    lines, before, after = figure.data
    names = (EVIL, "negation", "both")
    assert list(before.x) == [result["by_phenomenon"]["untrained_head"][name]["accuracy"] for name in names]
    assert list(after.x) == [result["by_phenomenon"]["finetuned"][name]["accuracy"] for name in names]
    assert list(after.y) == [1, 3, 5]
    assert list(lines.x) == [x for pair in zip(before.x, after.x, strict=True) for x in (*pair, None)]
    assert title(figure) == "Of 3 phenomena, 3 are answered better after fine-tuning and 0 worse"
    assert before.marker.symbol != after.marker.symbol


def test_phenomena_are_grouped_right_where_the_majority_answers_different(result: dict[str, Any]) -> None:
    other = deepcopy(result)
    for name, row in other["by_phenomenon"]["majority"].items():
        row["accuracy"] = {EVIL: 0.0, "negation": 1.0}.get(name, 0.5)
    other["metrics"]["majority"]["confusion"] = CONFUSION | {"false_negative": 100, "true_negative": 100}
    assert draw_phenomena(other).layout.yaxis.ticktext == draw_phenomena(result).layout.yaxis.ticktext


def test_a_result_without_phenomena_has_no_such_figure(result: dict[str, Any]) -> None:
    assert phenomenon_figure({key: value for key, value in result.items() if key != "by_phenomenon"}) is None


def test_memory_shows_every_group_held_and_in_float32(result: dict[str, Any]) -> None:
    held, whole = memory_figure(result).data
    assert list(held.y) == [
        "<b>Everything</b>",
        "Embeddings",
        "Encoder matrices",
        "Quantisation<br>constants",
        "Adapter",
    ]
    assert list(held.x) == pytest.approx([28.2, 20, 5, 0.2, 3])
    assert list(whole.x) == [83, 40, 40, None, 3]
    assert list(whole.text) == ["83.0 MB float32", "40.0 MB float32", "40.0 MB float32", "", "3.0 MB float32"]
    assert whole.marker.pattern.shape != held.marker.pattern.shape
    assert title(memory_figure(result)) == "The model's tensors take 28.2 MB instead of 83.0 MB in float32"


def test_memory_of_an_old_result_has_the_float32_total_alone(result: dict[str, Any]) -> None:
    old = {key: value for key, value in QUANTIZATION.items() if key != "bytes_float32_by_group"}
    figure = memory_figure(result | {"quantization": old})
    assert list(figure.data[1].x) == [80, None, None, None, None]
    assert "80.0 MB of the base model in float32" in title(figure)


@pytest.mark.parametrize("count", [300, 1500])
def test_of_many_phenomena_the_largest_are_drawn_and_the_rest_together(count: int, result: dict[str, Any]) -> None:
    rows = {f"p{number}": {"accuracy": number % 2, "n": number + 1} for number in range(count)}
    many = result | {"by_phenomenon": {"untrained_head": rows, "finetuned": rows}}
    figure = draw_phenomena(many)
    ticks = [tick for tick in figure.layout.yaxis.ticktext if "<b>" not in tick]
    assert len(ticks) == 31
    assert sum(int(tick.rpartition("(")[2][:-1]) for tick in ticks) == count * (count + 1) // 2
    assert f"p{count - 1} ({count})" in ticks
    assert any(tick.startswith("all others (") for tick in ticks)
    assert figure.layout.height < 1000
