"""What the tab "Inside" is told: every question is checked, and every answer is a run's."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qlora_core.assets import RECORDED_RUNS
from qlora_core.errors import RunFailure
from qlora_core.inspection.questions import AskSpectrum
from qlora_core.server.services import Services, make_services
from qlora_core.store.run import Run
from qlora_core.ui.inside.tab import server_functions
from tests.hostile import HOSTILE, short
from tests.recorded import recorded_run

Ask = Callable[[Any], dict[str, Any]]


class PretendingAsker:
    """Says what it was asked, or that it has ended."""

    def inside(self, run: Run, question: object) -> dict[str, Any]:
        if not isinstance(question, AskSpectrum):
            raise RunFailure("The process that answers has ended.")
        return {"of": run.id}


@pytest.fixture
def services(tmp_path: Path) -> Services:
    made = make_services(tmp_path / "runs", RECORDED_RUNS, "the-owner-of-this-server")
    return replace(made, asker=PretendingAsker())  # type: ignore[arg-type]


@pytest.fixture
def functions(services: Services) -> dict[str, Ask]:
    return {each.__name__: each for each in server_functions(services)}


def test_every_run_with_weights_can_be_looked_into(functions: dict[str, Ask]) -> None:
    assert recorded_run("quick").id in [run for _, run in functions["runs"]({})["runs"]]


def test_what_was_measured_of_memory_is_the_run_s_own(functions: dict[str, Ask]) -> None:
    run = recorded_run("quick")
    about = functions["about"]({"run": run.id})
    stored = run.require_result()["quantization"]
    assert (about["bytes_total"], about["bytes"]) == (stored["bytes_total"], stored["bytes"])
    assert about["device"]


@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_what_formats_cost_in_answers_is_recorded_of_the_runs_that_come_along(
    functions: dict[str, Ask], preset: str
) -> None:
    run = recorded_run(preset)
    recorded = functions["about"]({"run": run.id})["format_scores"]
    own = run.require_result()["metrics"]["finetuned"]["accuracy"]
    assert len(recorded["scores"]) == 6
    # a run that was made on another machine may differ by what its number type rounds
    assert recorded["scores"]["NF4, double quantisation"]["finetuned"] == pytest.approx(own, abs=0.02)


def test_a_question_is_answered_by_the_run_that_it_is_about(functions: dict[str, Ask]) -> None:
    run = recorded_run("quick").id
    assert functions["ask"]({"run": run, "question": {"what": "spectrum"}}) == {"answer": {"of": run}}
    said = functions["ask"]({"run": run, "question": {"what": "formats", "layer": 0, "role": "x"}})
    assert said == {"error": "The process that answers has ended."}


@pytest.mark.parametrize("hostile", HOSTILE, ids=short)
def test_anything_else_is_refused_in_words(functions: dict[str, Ask], hostile: object) -> None:
    run = recorded_run("quick").id
    for asked in (
        hostile,
        {"run": hostile, "question": {"what": "spectrum"}},
        {"run": run, "question": hostile},
        {"run": run, "question": {"what": "block", "layer": hostile, "role": hostile}},
    ):
        assert functions["ask"](asked).keys() == {"error"}, asked
    assert functions["about"](hostile).keys() == {"error"}
