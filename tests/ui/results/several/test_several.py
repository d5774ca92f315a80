"""What several runs say on the page, and what nobody should send there."""

from html import unescape
from typing import Any

import pytest

from qlora_core.evaluation.flips import Sentences, ValidationPairs
from qlora_core.evaluation.several.crossed import FEW_SEEDS
from qlora_core.server.answering.asker import Asker
from qlora_core.server.services import Services
from qlora_core.server.together import submit_together, with_other_seeds
from qlora_core.ui.results.run_choice import run_to_open
from qlora_core.ui.results.several.panel import shown_several
from qlora_core.ui.results.summary_panel import scores_of_runs
from qlora_core.ui.results.tab import ResultsTab
from tests.evaluation.several.runs import N, add_run

EVIL = "<img src=x onerror=alert(1)> *a* [b](c)"


@pytest.fixture(autouse=True)
def sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = ValidationPairs("all", [Sentences(f"A {row} {EVIL}", "B", EVIL) for row in range(N)])
    monkeypatch.setattr(Asker, "_validation_pairs", lambda _asker, _config: pairs)


def test_two_runs_are_held_against_each_other_pair_by_pair(services: Services, tab: ResultsTab) -> None:
    first, second = add_run(services.store, range(30)), add_run(services.store, range(25, 35), seed=1)
    updates, panel = shown_several(services, tab.several, [first.id, second.id], []), tab.several.against
    assert updates[panel.part]["visible"] is True
    assert "is better than run" in updates[panel.claims]
    assert "right on 25 pairs that the first gets wrong, and wrong on 5" in updates[panel.claims]
    assert [row[0] for row in updates[panel.gains]["value"]][:2] == ["accuracy", "F1"]
    assert len(updates[panel.changed]) == 30
    assert updates[panel.changed][0][0] == "other run"
    assert "\n" not in updates[panel.changed][0][1]
    figure = scores_of_runs([first, second], [(run.id, run.require_result()) for run in (first, second)])
    assert figure.data[0].x == pytest.approx((100 * 20 / N,))
    assert "pair by pair" in figure.layout.title.text.replace("<br>", " ")


def test_runs_on_different_pairs_are_not_and_it_says_why(services: Services, tab: ResultsTab) -> None:
    first = add_run(services.store, range(30))
    second = add_run(services.store, range(30), seed=1, validation_fingerprint="other", fingerprint="other")
    panel = tab.several.against
    updates = shown_several(services, tab.several, [first.id, second.id], [])
    assert "not validated on the same pairs" in updates[panel.claims]
    assert updates[panel.gains]["visible"] is False


def test_one_run_is_held_against_none(services: Services, tab: ResultsTab) -> None:
    run = add_run(services.store, range(30))
    updates = shown_several(services, tab.several, [run.id], [])
    assert updates[tab.several.against.part]["visible"] is False
    assert "only finished one of its kind" in updates[tab.several.kinds.seeds]


def test_seeds_are_shown_with_what_may_be_claimed_and_what_is_still_to_come(
    services: Services, tab: ResultsTab
) -> None:
    runs = [add_run(services.store, range(10 + seed), seed=seed) for seed in range(FEW_SEEDS - 2)]
    submit_together(services, with_other_seeds(services, runs[0], 1), "mine")
    services.store.create(runs[0].config.model_copy(update={"seed": 9})).set_status(state="failed")
    updates, panel = shown_several(services, tab.several, [runs[1].id], None), tab.several.kinds
    said = updates[panel.seeds]
    assert said.startswith("3 of 5 runs done.")
    assert "- seed 3: Waiting in the queue" in said
    assert "- seed 9: Failed" in said
    assert "3 seeds are few" in said
    dots = updates[panel.spread]["value"].data[0]
    assert list(dots.customdata) == [0, 1, 2]
    assert len(updates[panel.curves]["value"].data) == 6
    assert updates[panel.curves]["value"].data[0].x == pytest.approx((4 * N, 8 * N))


def test_settings_that_differ_are_offered_and_looked_at(services: Services, tab: ResultsTab) -> None:
    run = add_run(services.store, range(10))
    add_run(services.store, range(60), r=4)
    add_run(services.store, range(10), dataset="mrpc")
    updates, panel = shown_several(services, tab.several, [run.id], []), tab.several.kinds
    assert updates[panel.looked_at]["choices"] == [("Rank", "r")]
    assert updates[panel.effects]["visible"] is False
    updates = shown_several(services, tab.several, [run.id], ["r"])
    assert "Rank 16 against 4: +41.7 points" in unescape(updates[panel.claims])
    title = updates[panel.effects]["value"].layout.title.text.replace("<br>", " ")
    assert title == "2 runs: what made a difference beyond chance is Rank"


@pytest.mark.parametrize("looked_at", ["r", 7, {"r": 1}, [7], ["seed" * 9], ["r"] * 4, [["r"]]])
def test_what_is_no_choice_of_settings_is_refused(services: Services, tab: ResultsTab, looked_at: Any) -> None:
    run = add_run(services.store, range(10))
    updates = shown_several(services, tab.several, [run.id], looked_at)
    assert "cannot be read" in updates[tab.several.kinds.seeds]


def test_the_address_may_name_several_runs(services: Services) -> None:
    first, second = add_run(services.store, range(10)), add_run(services.store, range(12), seed=1)
    assert run_to_open(services, f"{first.id},{second.id},../x", []) == [first.id, second.id]
    assert run_to_open(services, "nothing", [first.id]) == [first.id]


def test_settings_that_the_address_names_come_through_before_the_control_offers_any(tab: ResultsTab) -> None:
    assert tab.several.kinds.looked_at.preprocess(["r", "learning_rate"]) == ["r", "learning_rate"]
