"""The first step: A's gradient is exactly 0 as long as B is."""

from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.first_step import first_steps

PAIRS = [("the ferry opened early", "the ferry closed early"), ("a baker opened early", "a baker opened ahead of time")]


def test_b_moves_first_and_a_follows(inspected: Predictor) -> None:
    before = inspected.answer(PAIRS)
    first, second, third = first_steps(inspected, PAIRS, [0, 1])
    assert (first.b_norm, first.a_gradient) == (0, 0)
    assert first.b_gradient > 0 < first.a_norm
    assert second.b_moved > 0 < second.a_gradient
    # weight decay moves A a little even in the first step, where its gradient is 0
    assert second.a_moved < second.b_moved / 10
    assert third.a_moved > second.a_moved
    assert third.loss < first.loss
    assert inspected.answer(PAIRS) == before, "the run's own adapter has not moved"
