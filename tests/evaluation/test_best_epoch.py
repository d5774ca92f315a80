"""Which evaluation's weights are kept."""

import pytest

from qlora_core.evaluation.best_epoch import best_epoch


@pytest.mark.parametrize(
    ("history", "best"),
    [
        ([(0.7, 0.8, 0.5), (0.8, 0.9, 0.9), (0.75, 0.8, 0.4)], 1),
        ([(0.80, 0.84, 0.5), (0.81, 0.86, 0.5), (0.85, 0.81, 0.5)], 1),
        ([(0.75, 0.875, 0.6), (0.75, 0.875, 0.5), (0.75, 0.875, 0.7)], 1),
        ([(0.7, 0.8, 0.5), (0.75, 0.875, 0.5), (0.75, 0.875, 0.5)], 1),
        ([(0.5, 0.5, 0.1)], 0),
    ],
    ids=["highest score", "mean of accuracy and F1", "tie: lower loss", "tie: earlier", "only one"],
)
def test_the_best_epoch_follows_the_stated_rule(history: list[tuple[float, float, float]], best: int) -> None:
    assert best_epoch([dict(zip(("accuracy", "f1", "loss"), entry, strict=True)) for entry in history]) == best
