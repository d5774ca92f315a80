"""A grid of settings beside a run: what is suggested, what is said before it starts, and what starting it does."""

from types import SimpleNamespace
from typing import Any

import pytest

from qlora_core.errors import ConfigError, QueueError
from qlora_core.server import estimates
from qlora_core.server.availability import Availability
from qlora_core.server.findings import Obstacle, Unavailable
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.results.several.endpoints import several_endpoints
from qlora_core.ui.results.several.panel import shown_several
from qlora_core.ui.results.several.vary import described, start_grid, suggested
from qlora_core.ui.results.tab import ResultsTab
from tests.evaluation.several.runs import add_run
from tests.hostile import HOSTILE, short

REQUEST: Any = SimpleNamespace(client=SimpleNamespace(host="10.0.0.1"))
NOTHING = ("", "", "", "", "", "", 1)
#: Two settings, two values each.
TWO = ("learning_rate", "r", "", "2e-4, 5e-4", "4, 16", "", 1)


@pytest.fixture
def run(services: Services) -> Run:
    return add_run(services.store, range(10))


def test_before_it_starts_it_says_how_many_runs_it_is(services: Services, run: Run) -> None:
    said = described(services, [run.id], TWO)
    assert said.startswith("These are **3 runs**, one after the other. 1 more is on this server already")
    assert "How long they take altogether is not known yet" in said
    assert "This run took" not in said  # nobody has noted how long
    assert described(services, [run.id], ("r", "", "", "8, 16", "", "", 1)).startswith("That is **1 run**.")


def test_it_says_how_long_the_run_itself_took(services: Services, run: Run) -> None:
    run.write_environment({"device_name": "an <b>old</b> processor"})
    run.event_log.append([{"kind": "phase", "phase": "loading", "message": "", "elapsed": 0.0}])
    run.event_log.append([{"kind": "phase", "phase": "done", "message": "", "elapsed": 300.0}])
    said = described(services, [run.id], TWO)
    assert "This run took 5.0 min on an &#60;b&#62;old" in said


def test_what_was_measured_is_added_up(services: Services, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    cost = {"seconds": [40.0, 100.0], "baselines_seconds": [0.0, 0.0]}
    monkeypatch.setattr(estimates, "measure_cost", lambda _config, **_: cost)
    for rate in (2e-4, 5e-4):
        for r in (4, 16):
            services.estimates.measure(run.config.model_copy(update={"learning_rate": rate, "r": r}))
    assert "Altogether they take **2.0 min to 5.0 min**" in described(services, [run.id], TWO)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (NOTHING, "Choose a setting"),
        (("r", "", "", "", "", "", 1), "Of r a value is empty"),
        (("r", "", "", "4", "", "", 1), "That is one run"),
        (("r", "r", "", "4,8", "16,32", "", 1), "r is named twice"),
        (("r", "", "", "4,<b>", "", "", 1), "r should be a valid integer"),
        (("r", "learning_rate", "", "1,2,4,8", "1e-4,2e-4", "", 2), "That is 16 runs"),
    ],
)
def test_a_refusal_is_said_in_plain_words(services: Services, run: Run, asked: Any, words: str) -> None:
    said = described(services, [run.id], asked)
    assert said.startswith("**That cannot be started.**")
    assert words in said.replace("&#46;", ".").replace("&#95;", "_")
    assert "<b>" not in said


def test_without_a_run_there_is_nothing_to_say(services: Services) -> None:
    assert described(services, [], TWO) == ""


def test_a_quantisation_that_cannot_be_computed_here_is_refused(
    services: Services, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def obstacle(_: Availability, kind: str, name: str) -> Unavailable | None:
        return (
            Unavailable(name, Obstacle.CANNOT_COMPUTE, ("nf4",)) if (kind, name) == ("quantization", "int8") else None
        )

    monkeypatch.setattr(Availability, "obstacle", obstacle)
    asked = ("quantization", "", "", "nf4,int8", "", "", 1)
    assert "cannot compute with int8 weights" in described(services, [run.id], asked)


def test_values_are_suggested_where_a_setting_has_none(services: Services, run: Run) -> None:
    first, second, third, said = suggested(services, [run.id], ("r", "target_modules", "", "7", "", "", 1))
    assert (first["value"], first["visible"], first["label"]) == ("7", True, "Values, with commas between them")
    assert second["value"].endswith("; query,value")
    assert "semicolons" in second["label"]
    assert (third["value"], third["visible"]) == ("", False)
    assert said.startswith("These are **2 runs**")


def test_starting_queues_the_runs_and_looks_at_their_settings(services: Services, tab: ResultsTab, run: Run) -> None:
    panel = tab.several.vary
    settings, updates = start_grid(services, panel, [run.id], (*TWO, "s" * 32), REQUEST)
    waiting = services.queue.waiting()
    assert settings == ["learning_rate", "r"]
    assert len(waiting) == 3
    assert (updates[panel.first], updates[panel.watch]["visible"]) == (waiting[0].id, True)
    assert "3 runs are in the queue" in updates[panel.message]
    assert waiting[0].status.group == tuple(one.id for one in waiting)
    assert all(one.is_owned_by("s" * 32) for one in waiting)
    kinds = tab.several.kinds
    shown = shown_several(services, tab.several, [run.id], settings)
    assert shown[kinds.place]["open"] is True
    assert shown[kinds.looked_at]["value"] == ["r", "learning_rate"]
    assert "1 of 4 runs done." in shown[kinds.claims]
    assert "- Rank 4&#44; Learning rate 0&#46;0002&#44; seed 0: Waiting in the queue" in shown[kinds.claims]
    assert shown[kinds.effects]["visible"] is False


def test_while_they_wait_no_more_are_taken(services: Services, tab: ResultsTab, run: Run) -> None:
    start_grid(services, tab.several.vary, [run.id], (*TWO, "s" * 32), REQUEST)
    more = ("weight_decay", "", "", "0,0.1", "", "", 1, "s" * 32)
    with pytest.raises(QueueError, match="in the queue already"):
        start_grid(services, tab.several.vary, [run.id], more, REQUEST)
    with pytest.raises(ConfigError, match="no key of a browser"):
        start_grid(services, tab.several.vary, [run.id], (*more[:-1], "x" * 201), REQUEST)


@pytest.mark.parametrize("value", HOSTILE, ids=short)
def test_what_no_control_sends_is_refused(services: Services, run: Run, value: Any) -> None:
    for asked in ((value,) * 7, (value, *TWO[1:]), (*TWO[:3], value, *TWO[4:]), (*TWO[:6], value)):
        for said in (described(services, [run.id], asked), suggested(services, [run.id], asked)[-1]):
            assert "<script" not in said
            assert len(said) < 5000
    assert services.queue.waiting() == []
    assert described(services, value, TWO)[:2] in ("", "**")


def test_a_program_asks_for_a_grid(services: Services, run: Run) -> None:
    (grid_runs,) = [endpoint for endpoint in several_endpoints(services) if endpoint.__name__ == "grid_runs"]
    told = grid_runs(run.id, ["learning_rate=2e-4,5e-4", "r=4,16"], 1, "s" * 32)
    assert told["run_ids"] == [one.id for one in services.queue.waiting()]
    assert told["changes"][0] == {"learning_rate": 2e-4, "r": 4, "seed": 0}
    assert (len(told["changes"]), told["known"], told["secret"]) == (3, 1, "s" * 32)
    with pytest.raises(ConfigError, match="on this server already"):
        grid_runs(run.id, ["learning_rate=2e-4,5e-4", "r=4,16"])
