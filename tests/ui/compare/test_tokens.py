"""Which tokens moved the answers: for every model, as rows of a table."""

import pytest

from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.compare.sides import Sides
from qlora_core.ui.compare.tokens import explain, sums_words, token_rows

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
