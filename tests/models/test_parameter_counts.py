"""The adapter's size is known before a run, as PEFT counts it and as the saved file has it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import ConfigError, ModelError
from qlora_core.models.adapter import attach_lora, save_adapter
from qlora_core.models.catalog import find_base_model
from qlora_core.models.parameter_counts import parameter_counts
from qlora_core.store.run import Run
from qlora_core.training.setup import Setup
from tests.conftest import Bench, make_bert

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
    {"modules_to_save": ("classifier", "pooler", "token_type_embeddings")},
]


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
    model = Setup.load(config).untrained_adapter()
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
