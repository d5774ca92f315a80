"""Runs that start from another run's adapter: what is copied, what is refused, what is measured."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import ConfigError, RunError
from qlora_core.evaluation.metrics import METRICS
from qlora_core.models.adapter import read_saved, renew_classifier, start_from, trainable_state
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import resume_run, start_run
from qlora_core.training.setup import Setup
from qlora_core.training.start import check_fit, find_run, prepare_start, started_words
from tests.conftest import ignore, make_bert
from tests.recorded import recorded_run

MakeConfig = Callable[..., RunConfig]


@pytest.fixture
def source(finished_run: Run, store: RunStore) -> Run:
    """A finished run of ``store``, which a test may do with what it likes."""
    shutil.copytree(finished_run.path, store.folder / finished_run.id)
    return store.open(finished_run.id)


@pytest.fixture(scope="module")
def started(finished_run: Run, tiny_config: MakeConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run that was started from ``finished_run``, which was deleted as soon as the new one was there."""
    store = RunStore(tmp_path_factory.mktemp("started") / "runs")
    shutil.copytree(finished_run.path, store.folder / finished_run.id)

    def delete(kind: str, fields: dict[str, Any]) -> None:
        if kind == "phase" and fields["phase"] == "loading":
            store.open(finished_run.id).delete()

    return start_run(tiny_config(num_train_epochs=1, init_from=finished_run.id), store, delete)


def result_of(run: Run) -> dict[str, Any]:
    return run.require_result()


def scores(record: dict[str, Any]) -> dict[str, float]:
    return {name: record[name] for name in METRICS}


def test_the_run_that_is_started_from_is_measured_as_it_was_and_compared(finished_run: Run, started: Run) -> None:
    before, after = result_of(finished_run), result_of(started)
    assert scores(after["metrics"]["started_from"]) == scores(before["metrics"]["finetuned"])
    assert after["comparison"]["started_from"]["verdict"].count("the earlier run") == 1
    assert [event["name"] for event in started.events() if event["kind"] == "baseline"][-1] == "started_from"
    assert started.predictions(["probability_started_from"]) == finished_run.predictions(["probability_finetuned"])


def test_what_it_started_from_is_on_record_and_goes_home_with_it(finished_run: Run, started: Run) -> None:
    record, before = result_of(started)["started_from"], result_of(finished_run)
    assert (record["run_id"], record["dataset"]) == (finished_run.id, before["dataset"]["id"])
    assert record["metrics"]["accuracy"] == before["metrics"]["finetuned"]["accuracy"]
    assert record["base_model_sha256"] == before["base_model"]["sha256"]
    assert {"start/adapter_model.safetensors", "start/start.json"} <= {name for name, _ in started.files_to_export()}
    said = started_words(result_of(started))
    assert said.startswith(f"Started from run {finished_run.id} (tiny, accuracy ")
    assert said.endswith("with a fresh classifier.")
    card = (started.adapter_dir / "README.md").read_text(encoding="utf-8")
    assert said in card
    assert "| the run it started from, before training | " in card
    assert started_words(before) == ""


def test_a_run_from_scratch_says_nothing_of_a_start(finished_run: Run) -> None:
    assert result_of(finished_run)["started_from"] is None
    assert not finished_run.start_dir.exists()
    assert "started_from" not in result_of(finished_run)["metrics"]


def watched_at_first(run: Run) -> list[float]:
    return next(event["probabilities"] for event in run.events() if event["kind"] == "watched")


def test_a_classifier_is_drawn_anew_or_kept(tiny_config: MakeConfig, source: Run, store: RunStore) -> None:
    first = {
        choice: watched_at_first(
            start_run(tiny_config(num_train_epochs=1, init_from=source.id, init_classifier=choice), store, ignore)
        )
        for choice in ("fresh", "keep")
    }
    last = [event["probabilities"] for event in source.events() if event["kind"] == "watched"][-1]
    assert first["keep"] == last  # its last step's weights are those that it kept
    assert first["fresh"] != last


@pytest.mark.parametrize("choice", ["fresh", "keep"])
def test_training_begins_with_the_tensors_of_the_run(choice: str, finished_run: Run, tiny_config: MakeConfig) -> None:
    setup = Setup.load(tiny_config())
    model = setup.untrained_adapter()
    drawn = {name: tensor.clone() for name, tensor in trainable_state(model).items()}
    saved = read_saved(finished_run.adapter_dir / "adapter_model.safetensors", model)
    start_from(model, saved, 1.0)
    if choice == "fresh":
        renew_classifier(model)
    for name, tensor in trainable_state(model).items():
        theirs = saved[name.replace(".modules_to_save.default.", ".").replace(".default.", ".")]
        is_drawn = choice == "fresh" and ".classifier." in name
        assert torch.equal(tensor, drawn[name] if is_drawn else theirs), name


def test_another_scaling_changes_no_answer(
    finished_run: Run, tiny_config: MakeConfig, source: Run, store: RunStore
) -> None:
    changes: dict[str, Any] = {"lora_alpha": 10, "use_rslora": True, "num_train_epochs": 1}
    run = start_run(tiny_config(init_from=source.id, **changes), store, ignore)
    ours, theirs = run.predictions(["probability_started_from"]), finished_run.predictions(["probability_finetuned"])
    assert np.allclose(ours, theirs, atol=1e-5)


def test_a_run_that_is_interrupted_goes_on_to_the_same_weights(started: Run, source: Run, store: RunStore) -> None:
    def interrupt(kind: str, fields: dict[str, Any]) -> None:
        del fields
        if kind == "evaluation":
            raise KeyboardInterrupt

    config = started.config.model_copy(update={"num_train_epochs": 2})
    whole = start_run(config, store, ignore)
    with pytest.raises(KeyboardInterrupt):
        start_run(config, store, interrupt)
    source.delete()
    resumed = resume_run(store.runs()[0].id, store, ignore)
    assert resumed.id != whole.id
    files = [run.adapter_dir / "adapter_model.safetensors" for run in (whole, resumed)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert result_of(resumed)["metrics"] == result_of(whole)["metrics"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"r": 8}, "has r 16, and this run asks for r 8"),
        ({"modules_to_save": ("classifier",)}, "has modules_to_save classifier,pooler, and this run asks for"),
        ({"r": 4, "target_modules": ("query", "value")}, "asks for r 4, target_modules query,value"),
        ({"base_model": "minilm"}, "adapted the base model tiny-bert, and this run asks for minilm"),
    ],
)
def test_an_adapter_of_another_shape_is_refused_by_what_differs(
    changes: dict[str, Any], named: str, tiny_config: MakeConfig, finished_run: Run
) -> None:
    with pytest.raises(ConfigError, match=named):
        check_fit(tiny_config(**changes), finished_run)


def test_the_order_in_which_layers_are_named_makes_no_difference(tiny_config: MakeConfig, finished_run: Run) -> None:
    layers = finished_run.config.target_modules
    check_fit(tiny_config(target_modules=layers[::-1], modules_to_save=("pooler", "classifier")), finished_run)


def test_a_base_model_with_other_weights_is_refused_before_anything_is_measured(
    tmp_path: Path, tiny_config: MakeConfig, source: Run, store: RunStore
) -> None:
    other = make_bert(tmp_path / "tiny-bert", hidden_size=32)
    with pytest.raises(ConfigError, match="with other weights"):
        start_run(tiny_config(base_model=str(other), init_from=source.id), store, ignore)
    assert "baseline" not in {event["kind"] for event in store.runs()[0].events()}


def test_a_run_that_is_not_there_or_not_finished_is_refused(tiny_config: MakeConfig, store: RunStore) -> None:
    with pytest.raises(RunError, match="There is no run 'nobody'"):
        start_run(tiny_config(init_from="nobody"), store, ignore)
    waiting = store.create(tiny_config())
    with pytest.raises(RunError, match="is queued and cannot be started from"):
        prepare_start(tiny_config(init_from=waiting.id), store.open)


@pytest.mark.parametrize("name", ["../somewhere", "/etc", "A", "-", "a" * 81, "a b", "a/b", "a\n"])
def test_a_path_is_no_run(name: str) -> None:
    with pytest.raises(ConfigError, match="init_from should be the id of a run"):
        make_config(init_from=name)


def test_no_text_is_no_run() -> None:
    assert make_config(init_from="").init_from is None


def test_no_classifier_is_kept_of_no_run() -> None:
    with pytest.raises(ConfigError, match="there is no classifier to keep"):
        make_config(init_classifier="keep")


@pytest.mark.parametrize("content", [None, b"", b"\x80\x02no safetensors"])
def test_a_damaged_adapter_is_not_started_from_and_leaves_no_run_behind(
    content: bytes | None, tiny_config: MakeConfig, source: Run, store: RunStore
) -> None:
    weights = source.adapter_dir / "adapter_model.safetensors"
    weights.unlink() if content is None else weights.write_bytes(content)
    fill = prepare_start(tiny_config(init_from=source.id), store.open)
    with pytest.raises(RunError, match=f"The adapter of run {source.id} is missing or damaged"):
        store.create(tiny_config(init_from=source.id), fill=fill)
    assert [path.name for path in store.folder.iterdir()] == [source.id]


def test_a_copy_that_was_changed_meanwhile_is_refused(tiny_config: MakeConfig, source: Run, store: RunStore) -> None:
    config = tiny_config(init_from=source.id)
    run = store.create(config, fill=prepare_start(config, store.open))
    weights = run.start_dir / "adapter_model.safetensors"
    save_file({name: tensor + 1 for name, tensor in load_file(weights).items()}, weights)
    with pytest.raises(RunError, match="starts from is damaged"):
        resume_run(run.id, store, ignore)


@pytest.mark.parametrize("fault", ["shape", "name", "nan"])
def test_tensors_that_do_not_fit_are_refused(
    fault: str, finished_run: Run, tiny_config: MakeConfig, tmp_path: Path
) -> None:
    tensors = load_file(finished_run.adapter_dir / "adapter_model.safetensors")
    name = next(iter(tensors))
    changed = {
        "shape": tensors | {name: tensors[name][:1].clone()},
        "name": dict(list(tensors.items())[1:]),
        "nan": tensors | {name: tensors[name] * torch.nan},
    }[fault]
    save_file(changed, tmp_path / "changed.safetensors")
    model = Setup.load(tiny_config()).untrained_adapter()
    with pytest.raises(RunError, match="holds NaN" if fault == "nan" else "has other layers"):
        read_saved(tmp_path / "changed.safetensors", model)


def test_a_run_that_came_with_the_program_can_be_started_from(store: RunStore) -> None:
    recorded = recorded_run("standard")
    assert find_run(recorded.id, store).path == recorded.path
