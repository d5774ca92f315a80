"""A worksheet's charts: what is drawn lies inside, and nothing is drawn of nothing."""

import pytest

from qlora_core.export.worksheet import charts

EVALUATION = {"step": 50, "loss": 0.5, "accuracy": 0.8}


def test_nothing_measured_is_no_chart() -> None:
    assert charts.loss_chart([], []) is None
    assert charts.accuracy_chart([], {"majority class": 0.5}) is None


def test_a_loss_that_is_no_number_is_left_out() -> None:
    chart = charts.loss_chart([(1, 0.7), (2, float("nan")), (3, 0.6)], [])
    assert chart is not None
    assert [len(points.split()) for _, points in chart.lines] == [2, 2, 0]


@pytest.mark.parametrize("loss", [0.0, 0.7, 5000.0])
def test_ticks_are_few_and_inside(loss: float) -> None:
    chart = charts.loss_chart([(1, loss)], [EVALUATION])
    assert chart is not None
    assert 2 <= len(chart.upward) <= charts.TICKS + 1
    assert all(chart.top <= y <= chart.bottom for y, _ in chart.upward)
    assert all(chart.left <= x <= chart.right for x, _ in chart.across)


def test_names_of_equal_baselines_stand_above_each_other() -> None:
    chart = charts.accuracy_chart([EVALUATION], {"majority class": 0.5, "linear probe": 0.5})
    assert chart is not None
    (_, first, _), (_, second, _) = chart.levels
    assert first - second >= charts.LABEL_GAP


def test_guessed_curves_and_how_it_went_lie_inside_and_nothing_is_drawn_of_none() -> None:
    assert charts.guesses_chart([], [(0.0, 0.5)]) is None
    chart = charts.guesses_chart([[0.0, 0.5, 0.5, 0.5, 1.0]], [(0.0, 0.5), (0.5, float("nan")), (1.0, 0.8)])
    assert chart is not None
    assert [name for name, _points in chart.lines] == ["guess", "smooth"]
    assert chart.lines[0][1].split()[0] == f"{chart.left}.0,{chart.bottom}.0"
    assert chart.lines[0][1].split()[-1] == f"{chart.right}.0,{chart.top}.0"
    assert len(chart.marks) == 2
