"""The adapter's size is known before a run; its time and memory are measured on a little of it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qlora_core.config import RunConfig, make_config
from qlora_core.data import batching
from qlora_core.data.batching import epoch_batches, padded
from qlora_core.errors import ConfigError, DataError, ModelError, RunFailure, UserError
from qlora_core.models.adapter import attach_lora, save_adapter
from qlora_core.models.catalog import find_base_model
from qlora_core.models.device import start_accelerator
from qlora_core.models.parameter_counts import parameter_counts
from qlora_core.models.quantization import load_quantized, quantization_config
from qlora_core.server.estimates import run_calibration
from qlora_core.store.runs import Run
from qlora_core.training import cost
from qlora_core.training.cost import Bench as CalibrationBench
from qlora_core.training.cost import Estimate, Timing, Timings, calibrate, run_memory, run_seconds
from tests.conftest import Bench, make_bert

MakeConfig = Callable[..., RunConfig]
MakeBench = Callable[..., Bench]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"modules_to_save": ("classifier",)},
    {"target_modules": ("query", "value"), "r": 1},
    {"target_modules": ("output.dense",), "r": 8, "modules_to_save": ("classifier",)},
    {"target_modules": ("dense",)},  # the pooler's too, but that is trained in full
    {"target_modules": ("dense",), "modules_to_save": ("classifier",)},  # the pooler's too
    {"target_modules": ("layer.1.output.dense", "0.attention.self.key"), "r": 64},
    {"quantization": "int8", "r": 3},
    {"quantization": "fp4", "bnb_4bit_use_double_quant": False},
    {"quantization": "none", "target_modules": ("intermediate.dense",)},
    {"bnb_4bit_compute_dtype": "bfloat16"},
]


def say_nothing(line: str) -> None:
    """A listener that is not interested."""
    del line


def as_peft_counts(bench: Bench, folder: Path) -> tuple[int, int, int]:
    model = attach_lora(bench.model, bench.config, "base")
    save_adapter(model, bench.tokenizer, folder)
    return *model.get_nb_trainable_parameters(), (folder / "adapter_model.safetensors").stat().st_size


def as_counted(config: RunConfig, folder: Path) -> tuple[int, int, int]:
    counts = parameter_counts(config, folder)
    return counts.trainable, counts.total, counts.adapter_bytes


@pytest.mark.parametrize("changes", SETTINGS, ids=str)
def test_counts_are_those_of_peft_and_of_the_saved_file(
    changes: dict[str, Any], bench: MakeBench, tiny_bert: Path, tmp_path: Path
) -> None:
    loaded = bench(**changes)
    assert as_counted(loaded.config, tiny_bert) == as_peft_counts(loaded, tmp_path / "adapter")


@pytest.mark.parametrize("shape", [{"num_hidden_layers": 11, "hidden_size": 32}, {"intermediate_size": 48}], ids=str)
def test_other_shapes_and_a_model_without_pooler(shape: dict[str, Any], bench: MakeBench, tmp_path: Path) -> None:
    folder = make_bert(tmp_path / "bert", pooler=False, **shape)
    loaded = bench(folder)
    assert as_counted(loaded.config, folder) == as_peft_counts(loaded, tmp_path / "adapter")


@pytest.mark.parametrize("changes", SETTINGS[:6], ids=str)
def test_counts_on_minilm(changes: dict[str, Any], tmp_path: Path) -> None:
    config, folder = make_config(**changes), find_base_model("minilm").folder
    compute, _ = start_accelerator(config)
    loaded = load_quantized(folder, quantization_config(config, compute.dtype), compute, config.seed)
    model = attach_lora(loaded.model, config, "base")
    model.save_pretrained(tmp_path, save_embedding_layers=False)
    size = (tmp_path / "adapter_model.safetensors").stat().st_size
    assert as_counted(config, folder) == (*model.get_nb_trainable_parameters(), size)


def test_a_finished_run_reports_the_same_numbers(finished_run: Run, tiny_bert: Path) -> None:
    result = finished_run.result or {}
    counts = parameter_counts(finished_run.config, tiny_bert)
    assert (counts.trainable, counts.total) == (result["trainable_parameters"], result["total_parameters"])
    assert counts.adapter_bytes == (finished_run.adapter_dir / "adapter_model.safetensors").stat().st_size


def test_a_layer_that_does_not_exist_is_refused_as_by_the_run(bench: MakeBench, tiny_bert: Path) -> None:
    loaded = bench(target_modules=("query", "dense_2"))
    with pytest.raises(ConfigError) as by_the_run:
        attach_lora(loaded.model, loaded.config, "base")
    with pytest.raises(ConfigError) as before:
        parameter_counts(loaded.config, tiny_bert)
    assert str(before.value) == str(by_the_run.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"hidden_size": "64"}', "hidden_size that is no positive"),
        ('{"hidden_size": -1}', "hidden_size that is no positive"),
        ('{"num_hidden_layers": true}', "num_hidden_layers that is no positive"),
    ],
)
def test_a_damaged_model_folder_is_refused(text: str | None, words: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=words):
        parameter_counts(RunConfig(), tmp_path)


def test_the_estimate_of_a_run(tiny_config: MakeConfig) -> None:
    lines: list[str] = []
    result = calibrate(tiny_config(), lines.append)
    assert 0 < result.seconds[0] < result.seconds[1]
    assert 2**27 < result.memory_bytes[0] < result.memory_bytes[1] < 2**36
    assert result.examples_per_second > 0
    assert result.steps == 8  # 64 pairs in batches of 16, twice
    assert result.threads == torch.get_num_threads()
    assert result.memory_kind == ("GPU memory" if torch.cuda.is_available() else "memory")
    assert abs(result.measured_at - time.time()) < 60
    assert lines[0] == "Loading the base model and the pairs"
    assert "Measuring training" in lines


@pytest.mark.parametrize(
    "changes",
    [
        {"quantization": "none"},
        {"quantization": "int8", "swap_probability": 1.0},
        {"evaluations_per_epoch": 20, "num_train_epochs": 1},
        {"train_batch_size": 1024, "eval_batch_size": 1024},
        {"train_batch_size": 1, "lora_dropout": 0.1},
        {"max_train_samples": 8, "max_eval_samples": 8},
    ],
    ids=str,
)
def test_settings_at_their_limits_are_measured(changes: dict[str, Any], tiny_config: MakeConfig) -> None:
    result = calibrate(tiny_config(**changes), say_nothing)
    assert 0 < result.seconds[0] < result.seconds[1]


def timing(seconds_a_token: float) -> Timing:
    return Timing([seconds_a_token * 100, seconds_a_token * 200], [100, 200])


@pytest.fixture
def calibration_bench(bench: MakeBench) -> Callable[..., CalibrationBench]:
    """24 pairs for training, the same for validation, in batches of 4 and of 8."""

    def make(**changes: Any) -> CalibrationBench:
        loaded = bench(**changes)
        base = find_base_model(loaded.config.base_model)
        return CalibrationBench(loaded.config, base, loaded.compute, loaded.accelerator, loaded.pairs, loaded.pairs)

    return make


def test_every_pass_of_a_run_is_counted(calibration_bench: Callable[..., CalibrationBench]) -> None:
    made = calibration_bench(num_train_epochs=3, evaluations_per_epoch=2)
    lengths = made.train.lengths()
    training_tokens = sum(
        len(batch) * padded(max(lengths[index] for index in batch), made.config.max_length)
        for batch in epoch_batches(made.train, 4, made.config.seed, 0)
    )
    in_order = sorted(lengths)
    evaluation_tokens = sum(8 * padded(in_order[last], made.config.max_length) for last in (7, 15, 23))
    none = timing(1e-12)
    nothing = Timings(0.0, 0.0, 0.0, 0.0, base=none, unquantised=None, adapter=none, training=none)

    def middle(**kinds: Timing) -> float:
        return float(run_seconds(made, replace(nothing, **kinds)).mean())  # type: ignore[arg-type]

    fixed = middle()
    assert middle(training=timing(1.0)) - fixed == pytest.approx(3 * training_tokens)
    assert middle(adapter=timing(1.0)) - fixed == pytest.approx((3 * 2 + 2) * evaluation_tokens)
    assert middle(base=timing(1.0)) - fixed == pytest.approx((2 + 1) * evaluation_tokens)
    assert middle(unquantised=timing(1.0)) - fixed == pytest.approx(evaluation_tokens)


def test_the_range_is_as_wide_as_the_batches_differ() -> None:
    even, uneven = Timing([1.0, 2.0], [10, 20]), Timing([1.0, 3.0, 2.0], [10, 20, 20])
    np.testing.assert_allclose(even.expect(100), [9.0, 11.0])
    low, high = uneven.expect(100)
    assert (low + high) / 2 == pytest.approx(12.0)
    assert high - low > 2 * 0.1 * 12.0


def test_every_new_shape_of_batch_adds_to_the_memory(
    calibration_bench: Callable[..., CalibrationBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "PAD_TO_MULTIPLE_OF", 1)
    made = calibration_bench(num_train_epochs=1, train_batch_size=1, eval_batch_size=1)
    shapes = len(set(made.train.lengths()))
    assert shapes > 3
    flat, growing = (Timing([1.0] * 3, [1] * 3, [0, size, 2 * size]) for size in (0, 2**30))
    nothing = Timings(0.0, 0.0, 0.0, 0.0, base=flat, unquantised=flat, adapter=flat, training=flat)
    now, now_too = run_memory(made, nothing)
    assert now == now_too
    for kind in ("unquantised", "adapter", "training"):
        low, high = run_memory(made, replace(nothing, **{kind: growing}))  # type: ignore[arg-type]
        assert low - now == pytest.approx(2**30 * (shapes - 3), abs=2**26)  # the process itself may grow meanwhile
        assert high - now == pytest.approx(3 * 2**30 * (shapes - 3), abs=2**26)
    assert Timing([1.0], [1], [500]).growth() == 0.0


def test_warm_up_is_left_out_unless_nothing_would_be_left() -> None:
    assert Timing([9.0, 1.0, 2.0], [1, 1, 1]).after_warm_up(1) == Timing([1.0, 2.0], [1, 1])
    assert Timing([9.0, 1.0], [1, 1]).after_warm_up(2) == Timing([1.0], [1])


def test_running_out_of_memory_is_told_in_plain_words(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust(*arguments: object) -> None:
        del arguments
        raise MemoryError

    monkeypatch.setattr("qlora_core.training.cost.predict_logits", exhaust)
    with pytest.raises(RunFailure, match=r"ran out of memory\. Lower train_batch_size"):
        calibrate(tiny_config(), say_nothing)


@pytest.fixture
def _package_is_found(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.usefixtures("_package_is_found")
def test_a_process_of_its_own_measures_and_tells_its_progress(tiny_config: MakeConfig) -> None:
    lines: list[str] = []
    values = run_calibration(tiny_config(), lines.append)
    assert values.keys() == Estimate.__annotations__.keys()
    assert values["steps"] == 8
    assert lines[0] == "Loading the base model and the pairs"
    assert not any(line.startswith("{") for line in lines)


@pytest.mark.usefixtures("_package_is_found")
def test_the_childs_words_are_passed_on(tiny_config: MakeConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^.*missing\.csv.*$"):
        run_calibration(tiny_config(dataset=str(tmp_path / "missing.csv")))


def test_exit_status_2_for_the_users_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"r": 0}))
    assert cost.main(str(path)) == 2
    assert "r " in capsys.readouterr().err


def fake_child(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let another program be started in place of the measuring one."""
    real = subprocess.Popen

    def start(command: list[str], **options: Any) -> Any:
        assert command[1:3] == ["-m", "qlora_core.training.cost"]
        return real([sys.executable, "-c", program], **options)

    monkeypatch.setattr(subprocess, "Popen", start)


def test_a_child_that_hangs_is_ended(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, "import time; print('working', flush=True); time.sleep(60)")
    started = time.monotonic()
    with pytest.raises(RunFailure, match=r"longer than 1 seconds .* start the run without an estimate"):
        run_calibration(tiny_config(), timeout=1.0)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "ended without a word; the machine may have run out",
        ),
        ("import sys; sys.exit('The loss became nan. Lower it.')", r"^The loss became nan\. Lower it\.$"),
        ("print('no JSON')", "ended without a word"),
        ("", "ended without a word"),
    ],
)
def test_a_child_that_fails(program: str, words: str, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, program)
    with pytest.raises(RunFailure, match=words):
        run_calibration(tiny_config())


def test_the_child_leaves_the_processor_to_the_page(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, "import json, os, time; time.sleep(0.5); print(json.dumps({'nice': os.nice(0)}))")
    assert run_calibration(tiny_config())["nice"] >= 10


def test_a_listener_that_fails_ends_the_child(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch, "import time; print('working', flush=True); time.sleep(60)")

    def leave(line: str) -> None:
        raise DataError(f"gone while {line}")

    started = time.monotonic()
    with pytest.raises(DataError, match="gone while working"):
        run_calibration(tiny_config(), leave)
    assert time.monotonic() - started < 30
