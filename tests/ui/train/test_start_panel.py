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
from qlora_core.training.start import ADOPTED, check_fit, lora_scaling
from qlora_core.ui.api import config_of
from qlora_core.ui.train.form import FIELD_NAMES, control_values
from qlora_core.ui.train.start_panel import choices_of, offered, shapes_of
from qlora_core.ui.train.submission import NO_FILES, StartFrom, chosen_config, chosen_from, submit_run
from qlora_core.ui.words.train import FROM_SCRATCH


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services whose queue does not start anything, with the run that comes with the program."""
    return make_services(tmp_path / "runs", RECORDED_RUNS, "owner")


@pytest.fixture
def recorded(services: Services) -> Run:
    run = services.recorded_run()
    assert run is not None
    return run


def values_for(run: Run, **settings: Any) -> list[Any]:
    """The controls' values of settings whose adapter has the shape of the run's."""
    return list((dict(zip(FIELD_NAMES, control_values(run.config), strict=True)) | settings).values())


def chosen(run: Run, run_id: object = "", classifier: str = "fresh", **settings: Any) -> list[Any]:
    """The values of the page's controls, the adapter of the run's shape."""
    return ["minilm", "mrpc", *NO_FILES, *values_for(run, **settings), run_id, classifier]


def ids(choices: list[tuple[str, str]]) -> list[str]:
    return [run_id for _, run_id in choices]


def test_a_finished_run_of_the_same_base_model_is_offered(services: Services, recorded: Run) -> None:
    scratch, *others = choices_of(services, offered(services, "", "minilm"))
    assert scratch == (FROM_SCRATCH, "")
    (label,) = [label for label, run_id in others if run_id == recorded.id]
    assert label.startswith(f"{recorded.id[-4:]}: pairs, accuracy 0.")
    assert ", recorded, " in label


def test_a_run_of_ones_own_is_offered_before_the_recorded_ones(services: Services, recorded: Run) -> None:
    newer = "30001231-000000-newer-0000"
    shutil.copytree(recorded.path, services.store.folder / newer)
    services.store.create(make_config())
    assert ids(choices_of(services, offered(services, "", "minilm"))) == [
        "",
        newer,
        *(run.id for run in services.recorded.runs()),
    ]


def test_a_run_of_another_base_model_is_not_offered_unless_it_is_chosen(services: Services, recorded: Run) -> None:
    assert offered(services, "", "bert-base-cased") == []
    assert choices_of(services, []) == [(FROM_SCRATCH, "")]
    assert offered(services, recorded.id, "bert-base-cased") == [recorded]


@pytest.mark.parametrize("run_id", [None, 7, [], "no-such-run", "../../etc/passwd", "<b>"])
def test_what_is_no_run_adds_nothing_to_the_list(run_id: object, services: Services) -> None:
    assert offered(services, run_id, "minilm") == offered(services, "", "minilm")


def test_the_run_that_is_chosen_sets_the_shape_of_the_adapter(services: Services, recorded: Run) -> None:
    shapes = shapes_of(offered(services, "", "minilm"))
    assert shapes.keys() == {run.id for run in services.recorded.runs()}
    values = dict(zip(ADOPTED, shapes[recorded.id], strict=True))
    assert {"r", "lora_alpha", "target_modules", "modules_to_save"} <= values.keys()
    config = make_config("notebook", init_from=recorded.id, **values)
    check_fit(config, recorded)
    assert lora_scaling(config) == lora_scaling(recorded.config)


def test_a_program_that_names_a_run_gets_the_shape_of_its_adapter(services: Services, recorded: Run) -> None:
    config = config_of(services, "minilm", "mrpc", "notebook", {"seed": 3}, StartFrom(recorded.id))
    assert all(getattr(config, name) == getattr(recorded.config, name) for name in ADOPTED)
    assert (config.seed, config.train_batch_size) == (3, make_config("notebook").train_batch_size)
    with pytest.raises(ConfigError, match="and this run asks for r 4"):
        config_of(services, "minilm", "mrpc", "notebook", {"r": 4}, StartFrom(recorded.id))


def test_a_run_is_asked_for_by_its_id(services: Services, recorded: Run) -> None:
    asked = recorded.config.model_copy(update={"dataset": "mrpc", "init_from": recorded.id, "init_classifier": "keep"})
    assert chosen_from(services, chosen(recorded, recorded.id, "keep")) == asked
    assert chosen_from(services, chosen(recorded, "", "keep")).init_from is None


def test_what_does_not_fit_is_refused_by_what_differs(services: Services, recorded: Run) -> None:
    with pytest.raises(ConfigError, match=f"has r {recorded.config.r}, and this run asks for r 8"):
        chosen_from(services, chosen(recorded, recorded.id, r=8))


@pytest.mark.parametrize("run_id", ["no-such-run", "../../etc/passwd", "A", ["a"], 7, {"a": 1}])
def test_what_is_no_run_is_refused(run_id: Any, services: Services, recorded: Run) -> None:
    with pytest.raises(QLoRAError):
        chosen_config(services, "minilm", "mrpc", NO_FILES, values_for(recorded), StartFrom(run_id))


def test_a_waiting_run_keeps_its_start_when_that_run_is_deleted(services: Services, recorded: Run) -> None:
    source = services.store.folder / "30001231-000000-newer-0000"
    shutil.copytree(recorded.path, source)
    config = recorded.config.model_copy(update={"init_from": source.name})
    run = submit_run(services, config, "mine")
    services.store.open(source.name).delete()
    names = ("adapter_model.safetensors", "start.json")
    assert sorted(path.name for path in run.start_dir.iterdir()) == list(names)
    weights = recorded.adapter_dir / names[0]
    assert (run.start_dir / names[0]).read_bytes() == weights.read_bytes()
    with pytest.raises(RunError, match="There is no run"):
        submit_run(services, config.model_copy(update={"seed": 1}), "others")
