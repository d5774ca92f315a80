"""What the live view's scripts are told of states, phases, answerers and metrics."""

import json

from qlora_core.evaluation.answerers import COMPARED
from qlora_core.evaluation.metrics import METRICS
from qlora_core.store.status import STATES
from qlora_core.ui.train.live_tables import tables


def test_every_state_has_its_words_and_says_what_may_still_come_of_it() -> None:
    states = tables()["states"]
    assert set(states) == set(STATES)
    assert {name for name, state in states.items() if state["live"]} == {"borrowing", "running", "paused"}
    going_on = {"queued", "borrowing", "running", "paused"}
    assert {name for name, state in states.items() if not state["over"]} == going_on
    assert [name for name, state in states.items() if state["complete"]] == ["finished"]


def test_every_metric_has_its_column() -> None:
    columns = {column["name"]: column["label"] for column in tables()["metrics"]}
    assert set(columns) == set(METRICS)
    assert {"Accuracy", "F1", "MCC"} <= set(columns.values())
    drawn = [column["text"] for column in tables()["metrics"] if column["charted"]]
    assert drawn == [metric.label for metric in METRICS.values() if metric.charted]
    json.dumps(tables(), allow_nan=False)


def test_answerers_are_called_what_they_are_called_elsewhere() -> None:
    assert tables()["answerers"]["untrained_head"] == "untrained head"
    assert set(tables()["compared"]) == set(COMPARED)
