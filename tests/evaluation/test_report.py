"""What is reported of several models' answers."""

import numpy as np
import pytest

from qlora_core.evaluation.report import by_phenomenon
from tests.evaluation.answers import logits_for


def test_accuracy_is_told_for_each_phenomenon() -> None:
    report = by_phenomenon(logits_for(np.array([1, 0, 1, 1])), np.array([1, 0, 0, 1]), ["b", "b", "b", "a"])
    assert report == {"a": {"accuracy": 1.0, "n": 1}, "b": {"accuracy": pytest.approx(2 / 3), "n": 3}}
    assert list(report) == ["a", "b"]
