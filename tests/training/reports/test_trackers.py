"""Trackers are told what a run tells, of their own packages, and never fail it."""

import importlib.util
import logging
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from accelerate.tracking import GeneralTracker

from qlora_core.config import RunConfig
from qlora_core.models.device import process_state
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.reports import trackers
from qlora_core.training.run_process import start_run
from tests.conftest import ignore


class Noted(GeneralTracker):
    """Notes what it is told; or fails at it."""

    name = "noted"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self, failing: str = "") -> None:
        super().__init__(_blank=True)
        self.failing, self.told, self.settings, self.ended = failing, [], {}, 0  # type: ignore[var-annotated]

    def _may_fail(self, what: str) -> None:
        if what == self.failing:
            raise OSError("the service does not answer")

    def start(self) -> None:
        self._may_fail("start")

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.settings = values

    def log(self, values: dict[str, float], step: int | None = None, **kwargs: object) -> None:
        del kwargs
        self._may_fail("log")
        self.told.append((step, values))

    def finish(self) -> None:
        self.ended += 1


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Noted]:
    """Puts a tracker of that kind in TensorBoard's place."""

    def make(failing: str = "") -> Noted:
        tracker = Noted(failing)
        monkeypatch.setitem(trackers.MAKERS, "tensorboard", lambda _: tracker)
        return tracker

    return make


def test_a_run_tells_its_settings_every_step_every_evaluation_and_what_it_came_to(
    noted: Callable[..., Noted], tiny_config: Callable[..., RunConfig], store: RunStore
) -> None:
    tracker = noted()
    run = start_run(tiny_config(), store, ignore, ["tensorboard"])
    kinds = [event["kind"] for event in run.events()]
    names = [name for _, values in tracker.told for name in values]
    assert names.count("train/loss") == kinds.count("step") > 0
    assert names.count("eval/accuracy") == kinds.count("evaluation") > 0
    assert names.count("baseline/linear_probe/f1") == 1
    last_step, last = tracker.told[-1]
    result = run.require_result()
    assert last["final/finetuned/accuracy"] == result["metrics"]["finetuned"]["accuracy"]
    assert last_step == result["steps"]
    assert tracker.settings["dataset"] == Path(run.config.dataset).name
    assert tracker.settings["r"] == run.config.r
    assert tracker.ended == 1


@pytest.mark.parametrize("failing", ["start", "log"])
def test_one_that_fails_fails_no_run_and_is_told_no_more(
    failing: str, noted: Callable[..., Noted], finished_run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    tracker, heard = noted(failing), []
    with caplog.at_level(logging.WARNING):
        told = trackers.Trackers(finished_run, ["tensorboard"], lambda kind, _: heard.append(kind))
        for step in (1, 2):
            told("step", {"step": step, "loss": 0.5})
        told.close()
    assert heard == ["step", "step"]
    assert (tracker.told, tracker.ended) == ([], 0)
    assert [record.getMessage().count("the service does not answer") for record in caplog.records] == [1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own
def test_tensorboard_finds_the_run_in_its_folder(finished_run: Run, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    process_state()
    run = Run(shutil.copytree(finished_run.path, tmp_path / finished_run.id))
    told = trackers.Trackers(run, ["tensorboard"], ignore)
    for step in (1, 2):
        told("step", {"step": step, "loss": 1.0 / step, "learning_rate": 1e-4})
    told.close()
    found = EventAccumulator(str(run.path / "tensorboard"))
    found.Reload()
    assert [(point.step, point.value) for point in found.Scalars("train/loss")] == [(1, 1.0), (2, 0.5)]
    assert "final/finetuned/accuracy" in found.Tags()["scalars"]


def test_trackio_keeps_the_run_on_this_machine(
    finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trackio import sqlite_storage

    process_state()
    monkeypatch.setattr(sqlite_storage, "TRACKIO_DIR", tmp_path)
    told = trackers.Trackers(finished_run, ["trackio"], ignore)
    told("step", {"step": 1, "loss": 0.5})
    told.close()
    (file,) = tmp_path.glob("*.db")
    with sqlite3.connect(file) as opened:
        rows = opened.execute("select run_name, step, metrics from metrics order by step").fetchall()
    opened.close()
    assert rows[0][:2] == (finished_run.id, 1)
    assert b'"train/loss":0.5' in rows[0][2]


def test_a_tracker_that_is_not_installed_is_told_nothing(
    finished_run: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", {}.get)
    with caplog.at_level(logging.WARNING):
        trackers.Trackers(finished_run, ["wandb"], ignore).close()
    assert "is told nothing of run" in caplog.text


def test_weights_and_biases_collects_nothing_by_itself(finished_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    def make(project: str, **options: Any) -> Noted:
        made.update(options, project=project)
        return Noted()

    monkeypatch.setattr(trackers, "WandBTracker", make)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    trackers.Trackers(finished_run, ["wandb"], ignore).close()
    assert (made["project"], made["name"], made["id"]) == (trackers.PROJECT, finished_run.id, finished_run.id)
    off = {name for name, value in made["settings"].items() if value is True and "disable" in name}
    assert off == {"disable_code", "disable_git", "x_disable_meta", "x_disable_machine_info", "x_disable_stats"}
    rest = {name: value for name, value in made["settings"].items() if name not in off}
    assert rest == {"console": "off", "host": "-", "x_save_requirements": False}
