"""The states of a run: one table, from which every set of states is made, and which no other module repeats."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.language import Figure, Message, speaking
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.store.status import ENDED, GOING_ON, LIVE, RESUMABLE, STATES, WAITING, Status

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = [*ROOT.glob("qlora_core/**/*.py"), *ROOT.glob("benchmarks/*.py"), ROOT / "app.py"]

MOMENTS = {"created": 0, "updated": 0}


def lists_of_states(source: str) -> Iterator[list[str]]:
    """What a program lists that holds two or more states: tuples, lists, sets, and keys of dictionaries."""
    for node in ast.walk(ast.parse(source)):
        items = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        names = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        if len(STATES.keys() & set(names)) > 1:
            yield names


def test_every_state_has_a_label_and_a_meaning_of_its_own() -> None:
    assert len({state.label for state in STATES.values()}) == len({state.help for state in STATES.values()}) == 8


def test_a_state_that_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="state"):
        Status(state="dancing", created=0, updated=0)


def test_sets_of_states() -> None:
    assert {"queued"} == WAITING
    assert {"borrowing", "running", "paused"} == LIVE
    assert {"queued", "borrowing", "running", "paused"} == GOING_ON
    assert {"interrupted", "stopped", "failed", "finished"} == ENDED
    assert {"interrupted", "failed"} == RESUMABLE


@pytest.mark.parametrize("state", list(STATES))
def test_a_status_tells_which_of_them_it_is_in(state: str) -> None:
    status = Status(state=state, created=0, updated=0)
    told = (status.is_waiting, status.is_live, status.is_going_on, status.is_resumable)
    assert told == tuple(state in states for states in (WAITING, LIVE, GOING_ON, RESUMABLE))


def test_whoever_can_go_on_can_be_told_to_and_what_goes_on_can_be_stopped() -> None:
    assert {name for name, state in STATES.items() if "stop" in state.actions} == GOING_ON
    assert {name for name, state in STATES.items() if "resume" in state.actions} == {*RESUMABLE, "paused"}


def test_lists_of_states_are_found_however_they_are_written() -> None:
    source = (
        'a = "queued", "x", "failed"; b = {"paused": 1, "stopped": 2}; c = x in ["running", "paused"]; d = "running",'
    )
    assert list(lists_of_states(source)) == [["queued", "x", "failed"], ["paused", "stopped"], ["running", "paused"]]


def test_no_other_module_lists_states() -> None:
    found = {str(path.relative_to(ROOT)): list(lists_of_states(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert {name: lists for name, lists in found.items() if lists} == {}


def test_the_document_of_the_api_names_every_state() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.search(r"`state` is one of ([a-z, ]+);", text)
    assert listed is not None
    assert listed[1].split(", ") == list(STATES)


def test_a_message_is_kept_in_english_and_said_in_the_language_of_whoever_reads_it(store: RunStore) -> None:
    run = store.create(make_config())
    run.set_status(
        message=Message("{what} {n} {file}", {"what": Message("Results"), "n": Figure(1234), "file": "a\ud800"})
    )
    kept = json.loads((run.path / "status.json").read_text(encoding="utf-8"))
    assert kept["message"] == "Results 1,234 a?"
    with speaking("de"):
        assert Run(run.path).status.said == "Ergebnisse 1.234 a?"
        run.set_status(step=3)
        assert run.status.said == "Ergebnisse 1.234 a?"
    run.set_status(message="Results")  # a text without values is looked up as it stands
    assert run.status.message_parts is None
    with speaking("de"):
        assert run.status.said == "Ergebnisse"


@pytest.mark.parametrize(
    "parts",
    [
        5,
        {},
        {"text": ""},
        {"text": "{n}", "values": {"n": {"value": 1, "form": "no form"}}},
        {"text": "{n}", "values": [1]},
        {"text": "{n}", "values": {"n": 1.5}},
    ],
)
def test_what_cannot_be_said_again_is_said_in_english(parts: object) -> None:
    status = Status.model_validate({"state": "failed", "message": "An error.", "message_parts": parts, **MOMENTS})
    assert (status.message_parts, status.said) == (None, "An error.")


def test_a_run_of_an_earlier_version_says_its_message_as_it_stands() -> None:
    status = Status.model_validate({"state": "failed", "message": "{n} pairs: 1% }{", **MOMENTS})
    assert status.said == "{n} pairs: 1% }{"
