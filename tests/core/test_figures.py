"""The figures by their data: values, intervals, words, escaping, and what becomes of missing numbers."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from qlora_core.config import make_config
from qlora_core.figure_style import GREY, TITLE_WIDTH, end_labels, make_figure, run_style, safe, share, spread
from qlora_core.figures import (
    attribution_figure,
    confusion_figure,
    history_figure,
    loss_curve_figure,
    memory_figure,
    numbers_table,
    phenomenon_figure,
    probability_figure,
    reliability_figure,
    scores_figure,
)
from qlora_core.palette import ACCENT, ANSWERERS, DIFFERENT, SAME, SECOND
from qlora_core.results import measure_all

N = 200
LABELS = np.arange(N) % 2
EVIL = "<script>alert('&')</script>"
CONFUSION = {"true_positive": 0, "false_positive": 0, "false_negative": 0, "true_negative": 0}
QUANTIZATION = {
    "scheme": "nf4",
    "bytes": {"adapter": 3_000_000, "embeddings": 20_000_000, "encoder": 5_000_000, "quantization_constants": 200_000},
    "bytes_float32": 80_000_000,
    "bytes_float32_by_group": {"adapter": 3_000_000, "embeddings": 40_000_000, "encoder": 40_000_000},
}


def logits(share_right: float, confidence: float, seed: int) -> np.ndarray:
    """Answers of which this share is right."""
    right = np.random.default_rng(seed).random(N) < share_right
    answers = np.where(right, LABELS, 1 - LABELS)
    return np.stack([np.where(answers == 0, confidence, 0.0), np.where(answers == 1, confidence, 0.0)], axis=1)


def make_result(finetuned: float = 0.9, **changes: Any) -> dict[str, Any]:
    """A result like one on record: JSON, measured by the code that measures runs."""
    answers = {
        "majority": np.tile([0.0, 0.1], (N, 1)),
        "untrained_head": logits(0.5, 0.05, 1),
        "linear_probe": logits(0.6, 0.5, 2),
        "finetuned": logits(finetuned, 3.0, 3),
        "reloaded": logits(finetuned, 3.0, 3),
    }
    phenomena = [("negation", EVIL)[label] if number < 150 else "both" for number, label in enumerate(LABELS)]
    history = [
        {"step": 10, "epoch": 1.0, "accuracy": 0.7, "f1": 0.75, "loss": 0.6},
        {"step": 20, "epoch": 2.0, "accuracy": 0.9, "f1": 0.91, "loss": 0.4},
        {"step": 30, "epoch": 3.0, "accuracy": 0.88, "f1": 0.89, "loss": 0.45},
    ]
    result = {
        "dataset": {"fingerprint": "a"},
        "quantization": QUANTIZATION,
        "history": history,
        "best_epoch": 2.0,
        **measure_all(answers, LABELS, make_config(bootstrap_samples=500), phenomena),
    }
    return deepcopy(json.loads(json.dumps(result)) | changes)


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return make_result()


def draw_phenomena(result: dict[str, Any]) -> go.Figure:
    figure = phenomenon_figure(result)
    assert figure is not None
    return figure


POINTS = [(step, 0.7 - step / 100, 1e-4) for step in range(1, 31)]
DRAWN: dict[str, Callable[[dict[str, Any]], go.Figure]] = {
    "scores": lambda result: scores_figure([("a", result)]),
    "scores of runs": lambda result: scores_figure([(EVIL, result), ("b", result)]),
    "confusion": confusion_figure,
    "history": lambda result: history_figure([("a", result)]),
    "history of runs": lambda result: history_figure([(EVIL, result), ("b", result)]),
    "reliability": reliability_figure,
    "phenomenon": draw_phenomena,
    "memory": memory_figure,
    "attribution": lambda _: attribution_figure([(EVIL, [EVIL, "a"], [0.1, -0.2]), ("b", ["c"], [0.3])]),
    "probability": lambda _: probability_figure([(EVIL, 0.2), ("finetuned", 0.9)]),
    "loss curve": lambda result: loss_curve_figure(POINTS, result["history"]),
}


def title(figure: go.Figure) -> str:
    return figure.layout.title.text.replace("<br>", " ")


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
    assert max(len(line) for line in layout["title"]["text"].split("<br>")) <= TITLE_WIDTH + len("&lt;&gt;&amp;")
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


@pytest.mark.parametrize("name", ["scores of runs", "history of runs", "phenomenon", "attribution", "probability"])
def test_foreign_text_is_shown_as_it_was_written(name: str, result: dict[str, Any]) -> None:
    texts = strings(json.loads(plotly.io.to_json(DRAWN[name](result))))
    assert [text for text in texts if "&lt;script&gt;" in text]


def test_importing_the_figures_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'peft', 'datasets', 'sklearn', 'pandas', 'scipy', 'gradio'}"
    code = f"import sys, qlora_core.figures; print(*({heavy} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


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
    assert list(accuracy.marker.color) == [ANSWERERS[name][1] for name in names]
    assert list(accuracy.marker.pattern.shape) == ["", "", "", "", "/"]


def test_scores_name_their_rows_and_leave_out_what_was_not_measured(result: dict[str, Any]) -> None:
    fewer = deepcopy(result)
    del fewer["metrics"]["linear_probe"]
    axis = scores_figure([("a", fewer)]).layout.yaxis
    assert list(axis.ticktext) == ["Majority class", "Untrained head", "Fine-tuned", "Reloaded"]


@pytest.mark.parametrize(
    ("finetuned", "words"), [(0.9, "rose from"), (0.52, "did not change beyond chance"), (0.2, "fell from")]
)
def test_the_title_claims_what_the_verdict_claims(finetuned: float, words: str) -> None:
    result = make_result(finetuned)
    metrics = result["metrics"]
    text = title(scores_figure([("a", result)]))
    assert words in text
    for name in ("untrained_head", "finetuned", "majority", "linear_probe"):
        assert f"{metrics[name]['accuracy']:.3f}" in text


def test_several_runs_are_told_apart_by_number_colour_and_pattern() -> None:
    figure = scores_figure([("same", make_result(0.9)), ("same", make_result(0.52))])
    assert list(figure.layout.yaxis.ticktext) == ["1. same", "2. same"]
    assert list(figure.data[0].marker.color) == [ACCENT, SECOND]
    assert list(figure.data[0].marker.pattern.shape) == ["", "x"]


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([("x", make_result(0.52)), ("y", make_result(0.9))], "y is best, its interval clear of the others"),
        ([("x", make_result(0.9)), ("y", make_result(0.88))], "intervals of the best two overlap"),
        ([("x", make_result(0.9)), ("y", make_result(0.5, dataset={"fingerprint": "b"}))], "on data that differ"),
    ],
)
def test_a_run_is_called_best_only_where_data_and_intervals_allow(runs: Any, words: str) -> None:
    assert words in title(scores_figure(runs))


def test_run_styles_are_all_different() -> None:
    assert len({run_style(number) for number in range(6)}) == 6
    assert run_style(6) == run_style(0)


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


def test_history_starts_at_the_untrained_head_and_marks_the_epoch_that_was_kept(result: dict[str, Any]) -> None:
    accuracy, f1, loss = history_figure([("a", result)]).data
    untrained = result["metrics"]["untrained_head"]
    assert list(accuracy.x) == [0, 1, 2, 3]
    assert list(accuracy.y) == [untrained["accuracy"], 0.7, 0.9, 0.88]
    assert list(f1.y) == [untrained["f1"], 0.75, 0.91, 0.89]
    assert list(loss.y) == [untrained["loss"], 0.6, 0.4, 0.45]
    assert accuracy.line.dash != f1.line.dash
    assert max(accuracy.marker.size) == accuracy.marker.size[2]
    assert list(accuracy.marker.size).count(max(accuracy.marker.size)) == 1


def test_history_draws_the_simple_baselines_as_labelled_lines(result: dict[str, Any]) -> None:
    figure = history_figure([("a", result)])
    metrics = result["metrics"]
    assert [shape.y0 for shape in figure.layout.shapes] == [
        metrics[name]["accuracy"] for name in ("majority", "linear_probe")
    ]
    words = [label.text for label in figure.layout.annotations]
    assert words == [
        "loss 0.450",
        f"majority {metrics['majority']['accuracy']:.3f}",
        f"linear probe {metrics['linear_probe']['accuracy']:.3f}",
        "accuracy 0.880",
        "F1 0.890",
    ]
    assert title(figure) == "Epoch 2 was kept: validation accuracy 0.900, F1 0.910"


def test_history_of_several_runs_has_one_legend_entry_a_run(result: dict[str, Any]) -> None:
    figure = history_figure([("a", result), ("b", result | {"best_epoch": 3.0})])
    assert [trace.name for trace in figure.data if trace.showlegend] == ["1. a", "2. b"]
    assert figure.layout.showlegend
    assert len({(trace.line.color, trace.marker.symbol) for trace in figure.data}) == 2
    assert title(figure) == "Kept: epoch 2 of a, epoch 3 of b"


@pytest.mark.parametrize("untrained", [True, False])
def test_history_of_a_run_without_evaluations_is_drawn(result: dict[str, Any], untrained: bool) -> None:
    empty = result | {"history": [], "best_epoch": 0}
    if not untrained:
        empty["metrics"] = {}
    figure = history_figure([("a", empty)])
    assert len(figure.data[0].x) == untrained
    assert title(figure) == "Validation scores and loss over the epochs"


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


def test_loss_curves_are_the_losses_their_average_and_the_validation_loss(result: dict[str, Any]) -> None:
    raw, smooth, validation = loss_curve_figure(POINTS, result["history"]).data
    assert list(raw.y) == [loss for _, loss, _ in POINTS]
    assert smooth.y[0] == pytest.approx(POINTS[0][1])
    assert smooth.y[1] == pytest.approx((0.9 * 0.1 * POINTS[0][1] + 0.1 * POINTS[1][1]) / 0.19)
    assert raw.opacity < 1
    assert (list(validation.x), list(validation.y)) == ([10, 20, 30], [0.6, 0.4, 0.45])
    assert validation.line.dash == "dash"
    assert title(loss_curve_figure(POINTS, result["history"])) == (
        "Training loss went from 0.680 to 0.410; validation loss was lowest at step 20 (0.400)"
    )


def test_a_loss_that_is_no_number_leaves_a_gap() -> None:
    raw, smooth, validation = loss_curve_figure([(1, 0.5, 0), (2, math.nan, 0), (3, 0.5, 0)], []).data
    assert list(raw.y) == [0.5, None, 0.5]
    assert (list(smooth.x), list(smooth.y)) == ([1, 3], pytest.approx([0.5, 0.5]))
    assert len(validation.x) == 0
    assert title(loss_curve_figure([], [])) == "No training loss on record"


def test_the_table_holds_every_number_of_every_answerer(result: dict[str, Any]) -> None:
    headers, rows = numbers_table(result)
    table = {row[0]: dict(zip(headers, row, strict=True)) for row in rows}
    assert list(table) == ["Majority class", "Untrained head", "Linear probe", "Fine-tuned", "Reloaded"]
    metrics, row = result["metrics"]["finetuned"], table["Fine-tuned"]
    assert row["Accuracy"] == round(metrics["accuracy"], 4)
    assert [row["F1 95 % from"], row["F1 95 % to"]] == [round(end, 4) for end in metrics["f1_ci95"]]
    assert row["Loss (nats)"] == round(metrics["loss"], 4)
    assert row["ECE"] == round(result["calibration"]["finetuned"]["ece"], 4)
    assert row["Same, answered different"] == metrics["confusion"]["false_negative"]
    assert row["Different, answered same"] == metrics["confusion"]["false_positive"]


def test_the_table_leaves_out_a_number_that_is_missing(result: dict[str, Any]) -> None:
    fewer = {key: value for key, value in result.items() if key != "calibration"}
    headers, rows = numbers_table(fewer)
    assert {row[headers.index("ECE")] for row in rows} == {None}


@pytest.mark.parametrize(
    ("text", "shown"), [("a\n b", "a b"), ("<b>&", "&lt;b&gt;&amp;"), ("x" * 50, "x" * 39 + "…"), (7, "7")]
)
def test_foreign_text_is_cut_to_a_line_and_escaped(text: object, shown: str) -> None:
    assert safe(text) == shown


def test_a_number_that_is_none_is_a_dash() -> None:
    assert (share(None), share(math.nan), share(0.12345)) == ("–", "–", "0.123")


def test_direct_labels_keep_their_order_and_a_distance() -> None:
    assert spread([0.5, 0.1, 0.52], 0.1) == pytest.approx([0.5, 0.1, 0.6])
    figure = make_figure(go.Figure(), "t", 100)
    end_labels(figure, [(1.0, "a"), (1.0, "b")], 0.5)
    assert [(label.y, label.text) for label in figure.layout.annotations] == [(1.0, "a"), (1.5, "b")]


def test_a_long_title_is_broken_into_lines_and_gets_room() -> None:
    short, long = (make_figure(go.Figure(), "word " * count, 100) for count in (2, 30))
    assert long.layout.title.text.count("<br>") == 3
    assert long.layout.margin.t == short.layout.margin.t + 60
    assert long.layout.height - long.layout.margin.t == short.layout.height - short.layout.margin.t
