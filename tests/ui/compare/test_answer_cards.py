"""What two models say of a pair, in words and side by side."""

import pytest

from qlora_core.data.typed_pairs import BaseCheck, BothOrders
from qlora_core.store.run import Run
from qlora_core.ui.compare.answer_cards import answer_markdown, verdict
from qlora_core.ui.compare.answers import Comparison
from qlora_core.ui.compare.sides import Sides
from qlora_core.ui.words.compare import order_matters


def sides(run: Run, first: Run | None = None, scale: float = 1.0) -> Sides:
    return Sides(first, run, scale)


@pytest.mark.parametrize(
    ("base", "adapter", "words"),
    [
        (0.71, 0.08, "The adapter changed its answer from **same** (0.71) to **different** (0.08)."),
        (0.2, 0.999, "The adapter changed its answer from **different** (0.20) to **same** (over 0.99)."),
        (0.71, 0.93, "The adapter keeps the answer **same**: 0.71 before, 0.93 with it."),
        (0.5, 0.001, "The adapter keeps the answer **different**: 0.50 before, under 0.01 with it."),
    ],
)
def test_where_base_and_adapter_differ_is_a_sentence(run: Run, base: float, adapter: float, words: str) -> None:
    assert verdict(sides(run), BothOrders(base, 0.0), BothOrders(adapter, 0.0)) == words


def test_two_runs_are_called_by_the_ends_of_their_names(run: Run) -> None:
    name = run.id[-4:]
    two = sides(run, run, 0.5)
    disagree = verdict(two, BothOrders(0.9, 0), BothOrders(0.1, 0))
    assert disagree.startswith(f"They disagree: Run {name} says **same** (0.90)")
    assert disagree.endswith("**different** (0.10).")
    agree = verdict(two, BothOrders(0.9, 0), BothOrders(0.8, 0))
    assert agree.startswith(f"Both say **same**: Run {name} with 0.90")
    assert two.names == (f"Run {name}", f"Run {name}, scaled by 0.5")
    assert sides(run).names == ("Base model, untrained head", f"Adapter of run {name}")


@pytest.mark.parametrize(
    ("given", "swapped", "words"),
    [
        (0.7, 0.31, "Yes: swapped, it says different (0.31), not same (0.70)."),
        (0.08, 0.085, "No: swapped, it stays with different (0.09, not 0.08)."),
        (0.501, 0.502, "No: swapped, it stays with same (0.50)."),
        (0.7, 0.75, "A little: swapped, it stays with same (0.75, not 0.70)."),
        (0.95, 0.55, "Somewhat: swapped, it stays with same (0.55, not 0.95)."),
    ],
)
def test_whether_the_order_matters_is_said(given: float, swapped: float, words: str) -> None:
    assert order_matters(given, swapped) == words


def test_an_answer_shows_both_models_and_both_orders_with_nothing_but_numbers_and_words(run: Run) -> None:
    asked = Comparison(sides(run), [BothOrders(0.71, 0.69)], [BothOrders(0.08, 0.6)], [True], ["A note <b>."])
    words = answer_markdown(asked)
    assert words.count('<section class="pair-side">') == 2
    for percent in ("71.0", "69.0", "8.0", "60.0"):
        assert f"width:{percent}%" in words
    assert words.count("Does the order matter to it?") == 2
    assert f"more than {run.config.max_length} tokens" in words
    assert "<b>" not in words


def test_the_base_is_shown_to_be_the_base_where_that_was_measured(run: Run) -> None:
    asked = Comparison(sides(run), [BothOrders(0.7, 0.6)], [BothOrders(0.1, 0.6)], [False], [])
    assert "pair-proof" not in answer_markdown(asked)
    words = answer_markdown(asked, BaseCheck(0.0, "a" * 64, "b" * 64))
    assert "Adapter at 0 and base: largest difference 0.0<" in words
    assert f"<code>{'a' * 64}</code>" in words
    assert f"<code>{'b' * 64}</code>" in words
    unequal = answer_markdown(asked, BaseCheck(0.25, "a" * 64, None))
    assert "✗ Not here: adapter at 0 and base: largest difference 0.25" in unequal
    assert "checkpoint" in unequal
