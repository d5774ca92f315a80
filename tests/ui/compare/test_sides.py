"""Who can be asked: the runs with weights, and the base model under one."""

import shutil

import pytest

from qlora_core.errors import RunError
from qlora_core.server.services import Services
from qlora_core.store.run import Run
from qlora_core.ui.compare.sides import BASE, check_sides, first_choices, second_choices
from qlora_core.ui.words.compare import BASE_CHOICE


def unfinished(services: Services, run: Run, name: str, **status: object) -> Run:
    """A copy of a run as it looks before its end."""
    path = services.store.folder / name
    shutil.copytree(run.path, path)
    shutil.rmtree(path / "adapter")
    (path / "result.json").unlink()
    (path / "checkpoint").mkdir(exist_ok=True)
    (path / "checkpoint" / "training.safetensors").write_bytes(b"")
    made = Run(path)
    made.set_status(**status)
    return made


def test_runs_to_choose_from_are_those_with_weights(services: Services, run: Run, finished_run: Run) -> None:
    recorded = services.recorded.folder / "20200101-000000-recorded-run-ab12"
    shutil.copytree(finished_run.path, recorded)
    unfinished(services, run, "20990101-000000-paused-run-cd34", state="paused", pid=None)
    bare = unfinished(services, run, "20990101-000000-bare-run-ef56", state="queued")
    bare.checkpoint_path.unlink()
    choices = second_choices(services)
    assert [run_id for _, run_id in choices] == [run.id, recorded.name, "20990101-000000-paused-run-cd34"]
    labels = [label for label, _ in choices]
    assert labels[0].startswith(f"{run.id[-4:]}: tiny-bert on tiny.jsonl, accuracy ")
    assert ", recorded, " in labels[1]
    assert "recorded" not in labels[0]
    assert "interrupted: latest checkpoint" in labels[2]  # paused, with no process that could go on
    assert first_choices(choices) == [(BASE_CHOICE, BASE), *choices]


def test_a_run_that_trains_now_says_so(services: Services, run: Run) -> None:
    training = unfinished(services, run, "20990101-000000-training-run-cd34")
    training.claim()
    labels = {run_id: label for label, run_id in second_choices(services)}
    assert "training now: latest checkpoint" in labels[training.id]


def test_a_damaged_result_is_said(services: Services, run: Run) -> None:
    (run.path / "result.json").write_text("{}", encoding="utf-8")
    assert "result damaged" in second_choices(services)[0][0]


@pytest.mark.parametrize("wanted", [None, "", 3, [], {}, "../x", "nothing-of-that-name", "base"])
def test_only_runs_that_exist_are_asked(services: Services, run: Run, wanted: object) -> None:
    with pytest.raises(RunError):
        check_sides(services, BASE, wanted, 1)
    if wanted != BASE:
        with pytest.raises(RunError):
            check_sides(services, wanted, run.id, 1)
