"""The command ``class``: what was guessed and judged, and its end."""

import json
import shutil
from pathlib import Path

import pytest

from qlora_core.assets import RECORDED_RUNS
from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.guesses import Guess
from qlora_core.cli.main import main
from qlora_core.config import RunConfig
from qlora_core.evaluation.flips import read_validation_pairs
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.judging import judge_ten
from tests.recorded import recorded_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """One with a finished run."""
    shutil.copytree(recorded_run("standard").path, tmp_path / "runs" / recorded_run("standard").id)
    return RunStore(tmp_path / "runs")


@pytest.fixture
def finished(store: RunStore) -> Run:
    """That run, guessed and judged by three."""
    run = store.open(recorded_run("standard").id)
    classroom, pairs = Classroom(store), read_validation_pairs(run.config).sentences
    for name in ("one", "two", "three"):
        classroom.guesses(run).put(name, Guess(before=0.5, after=0.8))
        judge_ten(classroom.judgements(run), pairs, name, [True] * 10)
    return run


def test_a_runs_guesses_and_its_room_are_told(finished: Run, capsys: Capture) -> None:
    folder = ["--runs-dir", str(finished.path.parent)]
    assert main(["class", finished.id, "--json", *folder]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["guesses"]["count"] == 3
    assert report["guesses"]["outcome"]["after"] > 0.5
    assert report["room"]["judgements"] == 30
    assert 0 <= report["room"]["scores"]["accuracy"] <= 1
    assert report["room"]["scores"]["phenomena"]
    assert main(["class", finished.id, *folder]) == 0
    said = capsys.readouterr().out
    assert "this room: " in said
    assert "linear probe on the same pairs: " in said
    assert "Fleiss' kappa: " in said


def test_nobody_is_told_guesses_before_training_begins(store: RunStore, capsys: Capture) -> None:
    run = store.create(RunConfig())
    Classroom(store).guesses(run).put("one", Guess(before=0.5, after=0.8))
    assert main(["class", run.id, "--json", "--runs-dir", str(store.folder)]) == 0
    assert json.loads(capsys.readouterr().out)["guesses"] == {"open": True, "count": 1}


def test_all_of_it_is_deleted_in_one_step_and_not_a_runs_alone(finished: Run, capsys: Capture) -> None:
    folder = ["--runs-dir", str(finished.path.parent)]
    assert main(["class", *folder]) == 0
    assert f"{finished.id:44} guesses: 3\njudges of all pairs: 3" in capsys.readouterr().out
    assert main(["class", finished.id, "--delete", *folder]) == 2
    assert "Leave out the run" in capsys.readouterr().err
    assert main(["class", "--delete", "--json", *folder]) == 0
    assert json.loads(capsys.readouterr().out) == {"deleted": {"guesses": 3, "judges": 3}}
    assert finished.has_result
    assert Classroom(RunStore(finished.path.parent)).left() == (0, 0)


def test_the_recorded_runs_are_no_place_to_write() -> None:
    assert not (RECORDED_RUNS / "classroom").exists()
