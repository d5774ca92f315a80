"""Dots on a line: none covers another one, and all of them lie inside their drawing."""

import pytest

from qlora_core.export.worksheet import strips


def test_equal_values_are_stacked_and_many_of_them_stay_in_their_row() -> None:
    one, other, apart = strips.stacked([300, 300, 400])
    assert (one[0], one[1], apart[1]) == (other[0], 0, 0)
    assert other[1] >= 2 * strips.DOT
    assert max(up for _x, up in strips.stacked([300] * 500)) <= strips.ROW


@pytest.mark.parametrize("values", [[0.0], [1.0], [0.2] * 500, [0.1 * place for place in range(11)]])
def test_dots_marks_and_ticks_lie_inside(values: list[float]) -> None:
    drawn = strips.strip([("before", values, {"median": 0.5, "outcome": None}), ("after", values, {"outcome": 1.2})])
    radius = strips.DOT
    for row in drawn.rows:
        for x, y in row.dots:
            assert drawn.left - radius <= x <= drawn.right + radius
            assert row.y - drawn.row <= y <= row.y
        assert all(drawn.left <= x <= drawn.right for _name, x in row.marks)
    assert [len(row.marks) for row in drawn.rows] == [1, 1]
    assert drawn.rows[-1].y < drawn.height
    assert all(drawn.left <= x <= drawn.right for x, _number in drawn.ticks)


def test_an_axis_that_is_cut_out_has_all_values_on_it() -> None:
    low, high = strips.around([0.62, 0.65])
    assert 0.5 < low < 0.62
    assert 0.65 < high < 0.8
    assert strips.around([0.0, 1.0]) == (0.0, 1.0)
