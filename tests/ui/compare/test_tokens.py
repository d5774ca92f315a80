"""Which tokens moved the answers: for every model, as a figure and as a table."""

import pytest

from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.compare.sides import Sides
from qlora_core.ui.compare.tokens import MAX_DRAWN, Explanation, explain, sums_words, token_figure, token_rows

PAIR = ("the ferry opened early on day 3", "the ferry closed early on day 3")


def sides(run: Run, first: Run | None = None) -> Sides:
    return Sides(first, run)


def test_tokens_of_both_models_are_explained(services: Services, run: Run) -> None:
    base, adapter = explain(services, sides(run), PAIR)
    assert (base.name, adapter.name) == ("Base model", "Adapter")
    assert base.tokens == adapter.tokens
    assert base.scores != adapter.scores
    one, other = explain(services, sides(run, run), PAIR)
    assert one.scores.scores == pytest.approx(other.scores.scores) == adapter.scores.scores
    rows = token_rows([base, adapter])
    assert len(rows) == 2 * len(base.tokens)
    assert rows[1] == ["Base model", "1", base.tokens[1], round(base.scores.scores[1], 4)]
    assert rows[0][1] == ""  # [CLS] belongs to no sentence
    words = sums_words([base])
    assert f"add up to {sum(base.scores.scores):+.2f}" in words
    assert token_figure([base, adapter]).layout.title.text.startswith("Strongest push in Base model")


def test_of_a_long_pair_the_strongest_tokens_are_drawn_in_their_order(services: Services, run: Run) -> None:
    one = explain(services, sides(run), PAIR)[0]
    count = MAX_DRAWN + 10
    scores = [float(number % 31 - 15) for number in range(count)]
    long = Explanation(
        "Adapter", [f"t{number}" for number in range(count)], [1] * count, type(one.scores)(scores, 0.0, 0.0, 0.0)
    )
    figure = token_figure([long])
    drawn = [int(token[1:]) for trace in figure.data for token in trace.customdata]
    assert len(drawn) == MAX_DRAWN
    assert drawn == sorted(drawn)
    left_out = {scores[number] for number in set(range(count)) - set(drawn)}
    assert max(map(abs, left_out)) <= min(abs(scores[number]) for number in drawn)
    assert f"{MAX_DRAWN} strongest of {count}" in figure.layout.annotations[0].text
