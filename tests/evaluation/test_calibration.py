"""Calibration against hand-computed cases."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qlora_core.evaluation.calibration import calibration


def with_confidence(confidences: list[float]) -> np.ndarray:
    """Logits of answers "paraphrase" with these probabilities."""
    return np.array([[0.0, math.log(p / (1 - p))] for p in confidences])


def test_calibration_of_a_hand_computed_case() -> None:
    logits, truth = with_confidence([0.93, 0.97, 0.98, 0.62, 0.64]), np.array([1, 1, 0, 1, 0])
    report = calibration(logits, truth)
    assert report.count == [0, 0, 2, 0, 0, 0, 0, 0, 1, 2]
    assert report.confidence == [
        None,
        None,
        pytest.approx(0.63),
        *[None] * 5,
        pytest.approx(0.93),
        pytest.approx(0.975),
    ]
    assert report.accuracy == [None, None, 0.5, *[None] * 5, 1.0, 0.5]
    assert report.ece == pytest.approx((2 * 0.13 + 1 * 0.07 + 2 * 0.475) / 5)


def test_calibration_counts_the_confidence_of_either_answer() -> None:
    logits = np.array([[0.0, 3.0], [3.0, 0.0]])
    report = calibration(logits, np.array([1, 0]))
    assert report.count[-1] == 2
    assert report.ece == pytest.approx(1 - 1 / (1 + math.exp(-3)))


@pytest.mark.parametrize(("logit", "number"), [(0.0, 0), (1000.0, 9)])
def test_the_ends_of_the_scale_have_a_bin(logit: float, number: int) -> None:
    report = calibration(np.array([[0.0, logit]]), np.array([1]))
    assert [index for index, count in enumerate(report.count) if count] == [number]


@given(st.lists(st.tuples(st.floats(-20, 20), st.integers(0, 1)), min_size=1, max_size=50))
def test_the_calibration_error_is_a_share_and_every_pair_is_counted(cases: list[tuple[float, int]]) -> None:
    report = calibration(np.array([[0.0, logit] for logit, _ in cases]), np.array([label for _, label in cases]))
    assert 0 <= report.ece <= 1
    assert sum(report.count) == len(cases)
