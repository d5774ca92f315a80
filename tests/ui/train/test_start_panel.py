"""Choosing a run to start from: what is offered, what is refused, and what a run then starts with."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from qlora_core.assets import RECORDED_RUNS
from qlora_core.config import make_config
from qlora_core.errors import ConfigError, QLoRAError, RunError
from qlora_core.server.services import Services, make_services
from qlora_core.store.run import Run
from qlora_core.ui.train.form import FIELD_NAMES, preset_values
from qlora_core.ui.train.start_panel import offered
from qlora_core.ui.train.submission import NO_FILES, StartFrom, chosen_config, chosen_from, submit_run
from qlora_core.ui.words.train import FROM_SCRATCH

VALUES = preset_values("standard")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything, with the run that comes with the program."""
    return make_services(tmp_path / "runs", RECORDED_RUNS, "owner")


@pytest.fixture
def recorded(services: Services) -> Run:
    run = services.recorded_run()
    assert run is not None
    return run


def chosen(run_id: object = "", classifier: str = "fresh", **settings: Any) -> list[Any]:
    """The values of the page's controls."""
    values = dict(zip(FIELD_NAMES, VALUES, strict=True)) | settings
    return ["minilm", "mrpc", *NO_FILES, *values.values(), run_id, classifier]


def listed(services: Services, run_id: object = "", **settings: Any) -> list[tuple[str, str]]:
    """What the list offers beside these settings."""
    return offered(services, run_id, "minilm", list((dict(zip(FIELD_NAMES, VALUES, strict=True)) | settings).values()))


def ids(choices: list[tuple[str, str]]) -> list[str]:
    return [run_id for _, run_id in choices]


def test_a_finished_run_of_the_same_base_model_is_offered(services: Services, recorded: Run) -> None:
    scratch, (label, run_id) = listed(services)
    assert scratch == FROM_SCRATCH
    assert run_id == recorded.id
    assert label.startswith(f"{recorded.id[-4:]}: pairs, accuracy 0.")
    assert ", recorded, " in label


def test_a_run_of_ones_own_is_offered_before_the_recorded_one(services: Services, recorded: Run) -> None:
    newer = "30001231-000000-newer-0000"
    shutil.copytree(recorded.path, services.store.folder / newer)
    assert ids(listed(services)) == ["", newer, recorded.id]


@pytest.mark.parametrize("settings", [{"r": 8}, {"target_modules": ["query"]}, {"modules_to_save": ["classifier"]}])
def test_a_run_whose_adapter_does_not_fit_is_not_offered(settings: dict[str, Any], services: Services) -> None:
    assert listed(services, **settings) == [FROM_SCRATCH]


def test_the_run_that_is_chosen_stays_in_the_list(services: Services, recorded: Run) -> None:
    assert ids(listed(services, recorded.id, r=8)) == ["", recorded.id]
    assert ids(listed(services, recorded.id)) == ["", recorded.id]


def test_settings_that_cannot_be_leave_nothing_to_start_from(services: Services) -> None:
    assert listed(services, r=-1) == [FROM_SCRATCH]


@pytest.mark.parametrize("run_id", [None, 7, [], "no-such-run", "../../etc/passwd", "<b>"])
def test_what_is_no_run_adds_nothing_to_the_list(run_id: object, services: Services, recorded: Run) -> None:
    assert ids(listed(services, run_id)) == ["", recorded.id]


def test_a_run_is_asked_for_by_its_id(services: Services, recorded: Run) -> None:
    config = chosen_from(services, chosen(recorded.id, "keep"))
    assert config == make_config("standard", dataset="mrpc", init_from=recorded.id, init_classifier="keep")
    assert chosen_from(services, chosen("", "keep")) == make_config("standard", dataset="mrpc")


def test_what_does_not_fit_is_refused_by_what_differs(services: Services, recorded: Run) -> None:
    with pytest.raises(ConfigError, match="has r 16, and this run asks for r 8"):
        chosen_from(services, chosen(recorded.id, r=8))


@pytest.mark.parametrize("run_id", ["no-such-run", "../../etc/passwd", "A", ["a"], 7, {"a": 1}])
def test_what_is_no_run_is_refused(run_id: Any, services: Services) -> None:
    with pytest.raises(QLoRAError):
        chosen_config(services, "minilm", "mrpc", NO_FILES, list(VALUES), StartFrom(run_id))


def test_a_waiting_run_keeps_its_start_when_that_run_is_deleted(services: Services, recorded: Run) -> None:
    source = services.store.folder / "30001231-000000-newer-0000"
    shutil.copytree(recorded.path, source)
    config = make_config("standard", dataset="pairs", init_from=source.name)
    run = submit_run(services, config, "mine")
    services.store.open(source.name).delete()
    names = ("adapter_model.safetensors", "start.json")
    assert sorted(path.name for path in run.start_dir.iterdir()) == list(names)
    weights = recorded.adapter_dir / names[0]
    assert (run.start_dir / names[0]).read_bytes() == weights.read_bytes()
    with pytest.raises(RunError, match="There is no run"):
        submit_run(services, config.model_copy(update={"seed": 1}), "others")
