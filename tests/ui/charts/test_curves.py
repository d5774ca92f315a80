"""The figures over time, by their data."""

import math
from typing import Any

import pytest

from qlora_core.ui.charts.curves import history_figure, loss_curve_figure
from tests.example_result import POINTS, make_result, title


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return make_result()


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
        f"majority class {metrics['majority']['accuracy']:.3f}",
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


START = {
    "run_id": "an-earlier-run",
    "dataset": "pairs",
    "validation": 400,
    "metrics": {"accuracy": 0.8, "f1": 0.8},
    "base_model": "minilm",
    "base_model_sha256": "a",
    "sha256": "b",
    "scaling": 2.0,
}


@pytest.mark.parametrize(("choice", "first"), [("keep", 0.0), ("fresh", 1.0)])
def test_the_curve_of_a_run_that_starts_from_another_begins_where_that_one_stood(choice: str, first: float) -> None:
    result = make_result(started_from=START, config={"init_classifier": choice})
    result["metrics"]["started_from"] = result["metrics"]["linear_probe"] | {"accuracy": 0.77}
    accuracy = history_figure([("one", result)]).data[0]
    assert accuracy.x[0] == first
    assert (accuracy.y[0] == 0.77) is (choice == "keep")


def test_the_run_that_was_started_from_is_a_line_across_the_curves() -> None:
    result = make_result(started_from=START, config={"init_classifier": "fresh"})
    result["metrics"]["started_from"] = result["metrics"]["linear_probe"] | {"accuracy": 0.77}
    figure = history_figure([("one", result)])
    assert 0.77 in [shape.y0 for shape in figure.layout.shapes]
    assert "earlier run 0.770" in [note.text for note in figure.layout.annotations]


def test_a_run_from_scratch_and_one_that_was_started_lie_over_each_other() -> None:
    started = make_result(started_from=START, config={"init_classifier": "fresh"})
    figure = history_figure([("scratch", make_result()), ("started", started)])
    assert [trace.x[0] for trace in figure.data if trace.showlegend] == [0.0, 1.0]
