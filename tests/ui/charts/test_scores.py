"""The figures of scores by their data, and what holds for every figure: plain JSON, escaped text, the page's ground."""

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from html import unescape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from qlora_core.evaluation.answerers import ANSWERERS
from qlora_core.ui.charts.confusion import confusion_figure
from qlora_core.ui.charts.curves import history_figure, loss_curve_figure
from qlora_core.ui.charts.groups import memory_figure
from qlora_core.ui.charts.reliability import reliability_figure
from qlora_core.ui.charts.scores import scores_figure
from qlora_core.ui.charts.style import AXIS_WIDTH, GREY, TITLE_WIDTH
from qlora_core.ui.palette import ACCENT, ANSWERER_LOOKS, SECOND
from tests.example_result import CONFUSION, EVIL, LABELS, POINTS, N, draw_phenomena, make_result, title


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return make_result()


DRAWN: dict[str, Callable[[dict[str, Any]], go.Figure]] = {
    "scores": lambda result: scores_figure([("a", result)]),
    "scores of runs": lambda result: scores_figure([(EVIL, result), ("b", result)]),
    "confusion": confusion_figure,
    "history": lambda result: history_figure([("a", result)]),
    "history of runs": lambda result: history_figure([(EVIL, result), ("b", result)]),
    "reliability": reliability_figure,
    "phenomenon": draw_phenomena,
    "memory": memory_figure,
    "loss curve": lambda result: loss_curve_figure(POINTS, result["history"]),
}


def strings(value: Any) -> list[str]:
    """Every text in a figure's JSON."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_every_figure_is_json_of_plain_parts_with_a_title_on_the_pages_ground(
    draw: Callable[[dict[str, Any]], go.Figure], result: dict[str, Any]
) -> None:
    written = json.loads(plotly.io.to_json(draw(result)), parse_constant=pytest.fail)
    layout = written["layout"]
    assert {trace["type"] for trace in written["data"]} <= {"bar", "scatter", "heatmap"}
    assert layout["title"]["text"]
    assert max(len(unescape(line)) for line in layout["title"]["text"].split("<br>")) <= TITLE_WIDTH
    titles = [layout[axis]["title"].get("text", "") for axis in layout if axis.startswith("xaxis")]
    assert max(len(line) for title in titles for line in title.split("<br>")) <= AXIS_WIDTH
    assert (layout["paper_bgcolor"], layout["plot_bgcolor"]) == ("rgba(0,0,0,0)", "rgba(0,0,0,0)")
    assert layout["font"]["color"] == GREY
    assert "width" not in layout
    assert layout["height"] > 150
    assert all(layout[axis]["automargin"] for axis in layout if axis.startswith(("xaxis", "yaxis")))


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_no_foreign_text_reaches_a_figure_as_markup(
    draw: Callable[[dict[str, Any]], go.Figure], result: dict[str, Any]
) -> None:
    texts = strings(draw(result).to_plotly_json())
    assert not [text for text in texts if "<script" in text or "'&'" in text]


@pytest.mark.parametrize("name", ["scores of runs", "history of runs", "phenomenon"])
def test_foreign_text_is_shown_as_it_was_written(name: str, result: dict[str, Any]) -> None:
    texts = strings(json.loads(plotly.io.to_json(DRAWN[name](result))))
    assert [text for text in texts if "&lt;script&gt;" in text]


def test_importing_the_figures_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'peft', 'datasets', 'sklearn', 'pandas', 'scipy', 'gradio'}"
    code = (
        f"import sys, qlora_core.ui.charts.scores, qlora_core.ui.charts.curves; print(*({heavy} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_every_answerer_has_a_look_of_its_own() -> None:
    assert ANSWERER_LOOKS.keys() == ANSWERERS.keys()
    assert len(set(ANSWERER_LOOKS.values())) == len(ANSWERER_LOOKS)


def test_scores_are_values_with_their_intervals(result: dict[str, Any]) -> None:
    accuracy, accuracy_words, f1, f1_words = scores_figure([("a", result)]).data
    names = ("majority", "untrained_head", "linear_probe", "finetuned", "reloaded")
    metrics = [result["metrics"][name] for name in names]
    for bars, words, score, short in ((accuracy, accuracy_words, "accuracy", "Acc"), (f1, f1_words, "f1", "F1")):
        assert list(bars.x) == [one[score] for one in metrics]
        ends = np.array([one[f"{score}_ci95"] for one in metrics])
        assert np.array(bars.x) - bars.error_x.arrayminus == pytest.approx(ends[:, 0])
        assert np.array(bars.x) + bars.error_x.array == pytest.approx(ends[:, 1])
        assert list(words.text) == [f" {short} {one[score]:.3f}" for one in metrics]
    assert list(accuracy.marker.color) == [ANSWERER_LOOKS[name].colour for name in names]
    assert list(accuracy.marker.pattern.shape) == ["", "", "", "", "/"]


def test_scores_name_their_rows_and_leave_out_what_was_not_measured(result: dict[str, Any]) -> None:
    fewer = deepcopy(result)
    del fewer["metrics"]["linear_probe"]
    axis = scores_figure([("a", fewer)]).layout.yaxis
    assert list(axis.ticktext) == ["Majority class", "Untrained head", "Fine-tuned", "Reloaded"]


@pytest.mark.parametrize(
    ("finetuned", "words"),
    [
        (0.9, "better than the strongest baseline, linear probe"),
        (0.6, "no difference beyond chance from the strongest baseline, linear probe"),
        (0.2, "worse than the strongest baseline, linear probe"),
    ],
)
def test_the_title_claims_what_the_verdict_claims(finetuned: float, words: str) -> None:
    result = make_result(finetuned)
    metrics = result["metrics"]
    text = title(scores_figure([("a", result)]))
    assert words in text
    for name in ("untrained_head", "finetuned", "majority", "linear_probe"):
        assert f"{metrics[name]['accuracy']:.3f}" in text


def test_the_title_of_an_earlier_versions_run_follows_from_its_numbers(result: dict[str, Any]) -> None:
    older = deepcopy(result)
    del older["comparison"]["linear_probe"]["outcome"]
    older["comparison"]["linear_probe"]["verdict"] = "No difference beyond chance, in words that nobody reads."
    assert title(scores_figure([("a", older)])) == title(scores_figure([("a", result)]))


def test_several_runs_are_told_apart_by_number_colour_and_pattern() -> None:
    figure = scores_figure([("same", make_result(0.9)), ("same", make_result(0.52))])
    assert list(figure.layout.yaxis.ticktext) == ["1. same", "2. same"]
    assert list(figure.data[0].marker.color) == [ACCENT, SECOND]
    assert list(figure.data[0].marker.pattern.shape) == ["", "x"]


def test_no_run_of_several_is_called_best_by_intervals_laid_beside_each_other() -> None:
    runs = [("x", make_result(0.9)), ("y", make_result(0.5, dataset={"fingerprint": "b"}))]
    assert title(scores_figure(runs)).endswith("on data that differ")


def test_confusion_counts_pairs_by_label_and_answer(result: dict[str, Any]) -> None:
    figure = confusion_figure(result)
    cells = result["metrics"]["finetuned"]["confusion"]
    same, different = (LABELS == 1).sum(), (LABELS == 0).sum()
    bottom, top = figure.data[1].text
    assert (list(figure.layout.yaxis.ticktext), list(figure.layout.yaxis.tickvals)) == (
        ["label:<br>same", "label:<br>different"],
        [1, 0],
    )
    assert list(top) == [
        f"{cells[key]}<br>{100 * cells[key] / same:.0f} %" for key in ("true_positive", "false_negative")
    ]
    assert list(bottom) == [
        f"{cells[key]}<br>{100 * cells[key] / different:.0f} %" for key in ("false_positive", "true_negative")
    ]
    before, after = (round(N * result["metrics"][name]["accuracy"]) for name in ("untrained_head", "finetuned"))
    assert title(figure) == f"Of {N} answers, {before} before and {after} after fine-tuning are right (outlined)"


def test_confusion_outlines_the_right_answers(result: dict[str, Any]) -> None:
    middles = {
        ((shape.x0 + shape.x1) / 2, (shape.y0 + shape.y1) / 2) for shape in confusion_figure(result).layout.shapes
    }
    assert middles == {(0, 1), (1, 0)}  # same/same at the upper left, different/different at the lower right


def test_confusion_of_pairs_with_one_label_alone_divides_by_no_zero(result: dict[str, Any]) -> None:
    one = deepcopy(result)
    one["metrics"]["finetuned"]["confusion"] = CONFUSION | {"true_positive": 5, "false_negative": 1}
    assert list(confusion_figure(one).data[1].text[0]) == ["0<br>0 %", "0<br>0 %"]


def test_reliability_draws_the_bins_with_larger_markers_for_more_pairs(result: dict[str, Any]) -> None:
    diagonal, untrained, _, finetuned = reliability_figure(result).data
    assert (list(diagonal.x), list(diagonal.y)) == ([0.5, 1], [0.5, 1])
    bins = result["calibration"]["finetuned"]
    assert list(finetuned.x) == bins["confidence"]
    assert list(finetuned.y) == bins["accuracy"]
    assert np.argmax(finetuned.marker.size) == np.argmax(bins["count"])
    assert finetuned.marker.symbol != untrained.marker.symbol
    assert finetuned.name == f"Fine-tuned, ECE {bins['ece']:.3f}"
    assert f"{100 * bins['ece']:.1f} points on average (ECE {bins['ece']:.3f})" in title(reliability_figure(result))


def test_a_result_without_a_baseline_is_drawn(result: dict[str, Any]) -> None:
    fewer = deepcopy(result)
    for group in ("metrics", "calibration"):
        del fewer[group]["untrained_head"]
    accuracy = fewer["metrics"]["finetuned"]["accuracy"]
    assert title(scores_figure([("a", fewer)])).startswith(f"Validation accuracy {accuracy:.3f}: better than")
    fewer["metrics"] = {"finetuned": fewer["metrics"]["finetuned"]}
    assert title(scores_figure([("a", fewer)])).startswith(f"Validation accuracy is {accuracy:.3f} after fine-tuning")
    assert title(confusion_figure(fewer)) == f"Of {N} answers, {round(N * accuracy)} are right (outlined)"
    assert [trace.name for trace in reliability_figure(fewer).data][1:] == [
        f"{ANSWERERS[name].heading}, ECE {fewer['calibration'][name]['ece']:.3f}"
        for name in ("linear_probe", "finetuned")
    ]
