"""The phases of a run: what each leaves in the store, and a reload that fails for real."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from qlora_core.choices import SCHEMES
from qlora_core.config import RunConfig
from qlora_core.data.sources import load_run_pairs
from qlora_core.errors import ConfigError, ModelError, RunFailure
from qlora_core.evaluation.metrics import METRICS, probabilities
from qlora_core.evaluation.predictor import Predictor
from qlora_core.models.heads import read_heads
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.reports import reporter
from qlora_core.training.run_process import resume_run, start_run
from tests.conftest import ignore, make_bert

MakeConfig = Callable[..., RunConfig]


def at_phase(phase: str, act: Callable[[], object]) -> Callable[[str, dict[str, Any]], None]:
    """A listener that acts when a phase begins."""

    def listen(kind: str, fields: dict[str, Any]) -> None:
        if kind == "phase" and fields["phase"] == phase:
            act()

    return listen


def stop_here() -> None:
    raise KeyboardInterrupt


def events_until(phase: str, config: RunConfig, store: RunStore) -> list[dict[str, Any]]:
    """The events of a new run that is interrupted when ``phase`` begins."""
    with pytest.raises(KeyboardInterrupt):
        start_run(config, store, at_phase(phase, stop_here))
    return list(store.runs()[0].events())


def test_the_phases_follow_each_other(finished_run: Run) -> None:
    phases = [event["phase"] for event in finished_run.events() if event["kind"] == "phase"]
    assert phases == ["loading", "baselines", "training", "saving", "verifying", "done"]


def test_pairs_that_are_cut_off_are_told_before_training_and_those_alone(
    tiny_config: MakeConfig, finished_run: Run, store: RunStore
) -> None:
    events = events_until("baselines", tiny_config(max_length=12), store)
    (told,) = [event for event in events if event["kind"] == "truncation"]
    counts = (told["train_truncated"], told["train"], told["validation_truncated"], told["validation"])
    assert told["message"] == "{} of {} training and {} of {} validation pairs are longer than 12 tokens; " \
        "their ends were not read.".format(*counts)  # fmt: skip
    assert counts[0] > 0
    assert not [event for event in finished_run.events() if event["kind"] == "truncation"]


def test_validation_pairs_that_are_trained_on_are_told_before_training(
    tiny_config: MakeConfig, finished_run: Run, store: RunStore
) -> None:
    config = tiny_config()
    events = events_until("baselines", tiny_config(validation_file=config.dataset), store)
    (told,) = [event for event in events if event["kind"] == "in_both"]
    assert told["count"] == told["validation"] > 0
    assert not [event for event in finished_run.events() if event["kind"] == "in_both"]
    assert finished_run.require_result()["dataset"]["in_both"] == 0


def test_every_step_and_every_epoch_is_an_event(finished_run: Run) -> None:
    events = list(finished_run.events())
    assert [event["step"] for event in events if event["kind"] == "step"] == list(range(1, 9))
    assert [event["epoch"] for event in events if event["kind"] == "evaluation"] == [1.0, 2.0]


def test_the_baselines_among_the_events_are_those_of_the_result(finished_run: Run) -> None:
    metrics = (finished_run.result or {})["metrics"]
    for event in finished_run.events():
        if event["kind"] == "baseline":
            row = metrics[event["name"]]
            assert {name: event[name] for name in METRICS} == {name: row[name] for name in METRICS}


def test_the_kept_epoch_is_the_one_that_is_measured(finished_run: Run) -> None:
    result = finished_run.result or {}
    (best,) = (row for row in result["history"] if row["epoch"] == result["best_epoch"])
    finetuned = result["metrics"]["finetuned"]
    assert {name: best[name] for name in METRICS} == {name: finetuned[name] for name in METRICS}


def test_the_untrained_head_and_the_probe_answer_as_models_with_their_heads(finished_run: Run) -> None:
    predictor, table = Predictor(finished_run), finished_run.predictions
    pairs = predictor.tokenized(load_run_pairs(finished_run.config).validation)
    for name in ("untrained_head", "linear_probe"):
        (recorded,) = table([f"probability_{name}"])
        assert np.array_equal(probabilities(predictor.logits(pairs, name)), np.asarray(recorded))


def test_a_checkpoint_of_an_earlier_version_has_no_answers_so_that_they_are_asked_for(
    tiny_config: MakeConfig, store: RunStore, finished_run: Run
) -> None:
    events_until("saving", tiny_config(), store)
    (run,) = store.runs()
    with safe_open(run.checkpoint_path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(run.checkpoint_path)
    del tensors["best_logits"]
    save_file(tensors, run.checkpoint_path, metadata)
    resume_run(run.id, store, ignore)
    assert (run.result or {})["metrics"] == (finished_run.result or {})["metrics"]


def test_the_environment_says_where_a_run_happened_and_on_which_data(finished_run: Run) -> None:
    environment, result = finished_run.environment, finished_run.result or {}
    assert environment["seed"] == finished_run.config.seed
    assert environment["dataset_fingerprint"] == result["dataset"]["fingerprint"]
    assert result["environment"].items() <= environment.items()


@pytest.mark.parametrize(
    ("quantization", "expected"),
    [
        ("nf4", ["majority", "untrained_head_unquantized", "untrained_head", "linear_probe"]),
        ("none", ["majority", "untrained_head", "linear_probe"]),
    ],
)
def test_what_quantisation_costs_is_measured_before_training(
    quantization: str, expected: list[str], tiny_config: MakeConfig, store: RunStore
) -> None:
    events = events_until("training", tiny_config(quantization=quantization), store)
    assert [event["name"] for event in events if event["kind"] == "baseline"] == expected


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("quantization", SCHEMES)
def test_every_quantisation_learns(quantization: str, dtype: str, tiny_config: MakeConfig, store: RunStore) -> None:
    config = tiny_config(quantization=quantization, bnb_4bit_compute_dtype=dtype, num_train_epochs=3)
    events = events_until("saving", config, store)
    assert max(event["accuracy"] for event in events if event["kind"] == "evaluation") > 0.9


def test_the_untrained_head_that_is_kept_is_the_one_that_was_measured(finished_run: Run) -> None:
    heads = read_heads(finished_run.heads_path)
    assert {name.split(".")[0] for name in heads} == {"untrained_head", "linear_probe"}
    assert {tuple(tensor.shape) for tensor in heads.values()} == {(2, 64), (2,)}


def test_a_base_model_that_answers_no_numbers_is_refused(
    tiny_bert: Path, tmp_path: Path, tiny_config: MakeConfig, store: RunStore
) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in tiny_bert.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    tensors = load_file(folder / "model.safetensors")
    tensors["bert.embeddings.LayerNorm.weight"][:] = np.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="'damaged' answers with NaN or infinity"):
        start_run(tiny_config(base_model=str(folder)), store, ignore)


@pytest.mark.usefixtures("fresh_process")
def test_an_adapter_that_cannot_be_reloaded_fails_the_run(tiny_config: MakeConfig, store: RunStore) -> None:
    def remove() -> None:
        (store.runs()[0].adapter_dir / "adapter_config.json").unlink()

    with pytest.raises(RunFailure, match="a fresh process could not reload it"):
        start_run(tiny_config(), store, at_phase("verifying", remove))
    assert store.runs()[0].status.state == "failed"


@pytest.mark.filterwarnings("ignore:Found missing adapter keys:UserWarning")  # PEFT says it, too
def test_an_adapter_that_lost_a_tensor_is_not_verified(tiny_config: MakeConfig, store: RunStore) -> None:
    lost = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_B"

    def lose() -> None:
        path = store.runs()[0].adapter_dir / "adapter_model.safetensors"
        save_file({name: t for name, t in load_file(path).items() if name != f"{lost}.weight"}, path)

    run = start_run(tiny_config(num_train_epochs=1), store, at_phase("verifying", lose))
    reload = (run.result or {})["reload"]
    assert reload["verified"] is False
    assert reload["missing_tensors"] == [f"{lost}.default.weight"]
    assert reload["max_abs_logit_difference"] > 1e-3


def test_a_pooler_drawn_anew_has_to_be_saved_with_the_adapter(
    tiny_config: MakeConfig, store: RunStore, tmp_path: Path
) -> None:
    folder = make_bert(tmp_path / "without-pooler", pooler=False)
    with pytest.raises(ConfigError, match="has no pooler"):
        start_run(tiny_config(base_model=str(folder), modules_to_save=("classifier",)), store, ignore)


def test_the_watched_pairs_are_looked_at_from_the_start_to_the_end(finished_run: Run) -> None:
    events = list(finished_run.events())
    (pairs,) = (event["pairs"] for event in events if event["kind"] == "watched_pairs")
    assert [sorted(row) for row in pairs] == [["label", "sentence1", "sentence2"]] * len(pairs)
    looks = [event for event in events if event["kind"] == "watched"]
    assert [event["step"] for event in looks] == list(range(9))
    assert {len(event["probabilities"]) for event in looks} == {len(pairs)}


def test_before_training_the_watched_pairs_are_shown_and_the_untrained_head_is_asked(finished_run: Run) -> None:
    told = [(event["kind"], event.get("phase") or event.get("name")) for event in finished_run.events()]
    shown, first_look = told.index(("watched_pairs", None)), told.index(("watched", None))
    assert told.index(("phase", "loading")) < shown < told.index(("phase", "baselines"))
    assert told.index(("phase", "baselines")) < first_look < told.index(("baseline", "untrained_head"))


def test_a_resumed_run_does_not_look_again_at_what_was_seen_before_training(
    tiny_config: MakeConfig, store: RunStore
) -> None:
    def interrupt(kind: str, fields: dict[str, Any]) -> None:
        if kind == "step" and fields["step"] == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start_run(tiny_config(), store, interrupt)
    (run,) = store.runs()
    assert run.has_checkpoint
    resume_run(run.id, store, ignore)
    assert [event["step"] for event in run.events() if event["kind"] == "watched"].count(0) == 1


def test_how_far_the_baselines_have_come_only_grows(tiny_config: MakeConfig, store: RunStore) -> None:
    shares = []

    def look(kind: str, fields: dict[str, Any]) -> None:
        at_phase("training", stop_here)(kind, fields)
        if kind == "progress" and fields["phase"] == "baselines":
            shares.append(store.runs()[0].status.progress or 0.0)

    with patch.object(reporter, "SECONDS_BETWEEN_STATUS_UPDATES", -1.0), suppress(KeyboardInterrupt):
        start_run(tiny_config(eval_batch_size=8), store, look)
    assert len(set(shares)) > 4
    assert shares == sorted(shares)


def test_a_run_that_begins_again_says_that_its_first_steps_are_void(tiny_config: MakeConfig, store: RunStore) -> None:
    def interrupt(kind: str, fields: dict[str, Any]) -> None:
        if kind == "step" and fields["step"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start_run(tiny_config(), store, interrupt)
    (run,) = store.runs()
    with pytest.raises(KeyboardInterrupt):
        resume_run(run.id, store, interrupt)
    told = [(event["kind"], event["step"]) for event in run.events() if event["kind"] in ("step", "resumed")]
    assert told == [("step", 1), ("step", 2), ("resumed", 0), ("step", 1), ("step", 2)]
