"""LoRA attached, saved and reloaded: what was saved is what was trained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from qlora_core.choices import SCHEMES
from qlora_core.errors import ConfigError, RunError
from qlora_core.models.adapter import (
    adapter_disabled,
    attach_lora,
    load_adapter,
    load_trainable_state,
    missing_tensors,
    save_adapter,
    saved_name,
    trainable_state,
)
from qlora_core.models.inference import predict_logits
from tests.conftest import Bench

WEIGHTS = "adapter_model.safetensors"


def logits(bench: Bench, model: torch.nn.Module) -> np.ndarray:
    return predict_logits(model, bench.pairs, bench.accelerator, 8)


def with_changed_adapter(bench: Bench) -> PeftModel:
    """The bench's model with an adapter in which no tensor is as it was drawn."""
    model = attach_lora(bench.model, bench.config, "tiny")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in trainable_state(model).values():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def test_fresh_adapter_changes_no_answer(bench: Callable[..., Bench]) -> None:
    base = bench()
    before = logits(base, base.model)
    assert np.array_equal(logits(base, attach_lora(base.model, base.config, "tiny")), before)


@pytest.mark.parametrize(
    ("targets", "layers"),
    [
        (["query"], {"attention.self.query"}),
        (["attention.output.dense"], {"attention.output.dense"}),
        (["output.dense"], {"attention.output.dense", "output.dense"}),
        (["query", "value"], {"attention.self.query", "attention.self.value"}),
    ],
)
def test_lora_is_put_on_the_layers_named_and_no_others(
    bench: Callable[..., Bench], targets: list[str], layers: set[str]
) -> None:
    base = bench(target_modules=targets, modules_to_save=["classifier"], r=3)
    state = trainable_state(attach_lora(base.model, base.config, "tiny"))
    adapted = {name.partition(".lora_A.")[0] for name in state if ".lora_A." in name}
    assert adapted == {f"base_model.model.bert.encoder.layer.{block}.{layer}" for block in (0, 1) for layer in layers}
    assert {tensor.shape[0] for name, tensor in state.items() if ".lora_A." in name} == {3}
    assert len(state) == 2 * len(adapted) + 2


def test_pooler_is_trained_where_it_is_named(bench: Callable[..., Bench]) -> None:
    base = bench(modules_to_save=["classifier", "pooler"])
    state = trainable_state(attach_lora(base.model, base.config, "tiny"))
    assert {tuple(name.split(".")[-3:]) for name in state if "pooler" in name} == {
        ("default", "dense", "weight"),
        ("default", "dense", "bias"),
    }


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_token_types_are_trained_in_float32_and_given_in_the_models_number_type(
    bench: Callable[..., Bench], dtype: str
) -> None:
    base = bench(modules_to_save=["classifier", "token_type_embeddings"], bnb_4bit_compute_dtype=dtype)
    model = attach_lora(base.model, base.config, "tiny")
    ((name, trained),) = [one for one in trainable_state(model).items() if "token_type" in one[0]]
    assert saved_name(name) == "base_model.model.bert.embeddings.token_type_embeddings.weight"
    assert trained.dtype == torch.float32
    layer = model.base_model.model.bert.embeddings.token_type_embeddings
    assert layer(torch.tensor([0, 1])).dtype == getattr(torch, dtype)
    with adapter_disabled(model):
        assert torch.equal(layer(torch.tensor([1]))[0], trained[1].to(getattr(torch, dtype)))


def test_unknown_target_is_refused_with_the_layers_there_are(bench: Callable[..., Bench]) -> None:
    base = bench(target_modules=["query", "q_proj"])
    there_are = "attention.output.dense, attention.self.key, attention.self.query, attention.self.value, "
    with pytest.raises(ConfigError, match=rf"'q_proj'\. It has: {there_are}intermediate\.dense, output\.dense\.$"):
        attach_lora(base.model, base.config, "tiny")


@pytest.mark.parametrize("target", ["classifier", "pooler.dense", "uery", "LayerNorm"])
def test_target_outside_the_encoder_s_linear_layers_is_refused(bench: Callable[..., Bench], target: str) -> None:
    base = bench(target_modules=[target])
    with pytest.raises(ConfigError, match=f"called '{target}'"):
        attach_lora(base.model, base.config, "tiny")


def test_seed_decides_what_the_adapter_starts_from(bench: Callable[..., Bench]) -> None:
    first, again, other = (
        trainable_state(attach_lora(base.model, base.config, "tiny"))
        for base in (bench(seed=seed) for seed in (1, 1, 2))
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_rank_stabilised_scale_is_alpha_over_root_r(bench: Callable[..., Bench]) -> None:
    scales = []
    for rslora in (False, True):
        base = bench(r=4, lora_alpha=8, use_rslora=rslora)
        query = attach_lora(base.model, base.config, "tiny").get_submodule(
            "base_model.model.bert.encoder.layer.0.attention.self.query"
        )
        scales.append(query.scaling["default"])
    assert scales == [2.0, 4.0]


@pytest.mark.parametrize("head", [["classifier"], ["classifier", "pooler", "token_type_embeddings"]])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_reloaded_adapter_answers_as_the_saved_one(
    bench: Callable[..., Bench], scheme: str, head: list[str], tmp_path: Path
) -> None:
    base, fresh = (bench(quantization=scheme, modules_to_save=head) for _ in range(2))
    before = logits(fresh, fresh.model)
    model = with_changed_adapter(base)
    save_adapter(model, base.tokenizer, tmp_path / "adapter")
    assert missing_tensors(model, tmp_path / "adapter") == []
    answers = logits(base, model)
    assert np.array_equal(logits(fresh, load_adapter(fresh.model, tmp_path / "adapter")), answers)
    assert np.abs(answers - before).max() > 0.1


def test_plain_transformers_and_peft_reload_what_was_saved(
    bench: Callable[..., Bench], tiny_bert: Path, tmp_path: Path
) -> None:
    base = bench(quantization="none")
    model = with_changed_adapter(base)
    save_adapter(model, base.tokenizer, tmp_path / "adapter")
    plain = AutoModelForSequenceClassification.from_pretrained(tiny_bert, num_labels=2, attn_implementation="eager")
    reloaded = load_adapter(plain, tmp_path / "adapter")
    np.testing.assert_allclose(logits(base, reloaded), logits(base, model), rtol=0, atol=1e-5)


def test_saved_file_holds_every_trained_tensor_bit_for_bit(bench: Callable[..., Bench], tmp_path: Path) -> None:
    base = bench()
    model = with_changed_adapter(base)
    save_adapter(model, base.tokenizer, tmp_path / "adapter")
    saved = load((tmp_path / "adapter" / WEIGHTS).read_bytes())
    trained = trainable_state(model)
    assert sorted(t.sum().item() for t in saved.values()) == sorted(t.sum().item() for t in trained.values())


@pytest.mark.parametrize("part", ["classifier.weight", "pooler.dense.bias", "layer.1.output.dense.lora_B.weight"])
def test_tensor_left_out_of_the_file_is_named(bench: Callable[..., Bench], part: str, tmp_path: Path) -> None:
    base = bench()
    model = with_changed_adapter(base)
    save_adapter(model, base.tokenizer, tmp_path / "adapter")
    tensors = load((tmp_path / "adapter" / WEIGHTS).read_bytes())
    (left_out,) = (name for name in tensors if name.endswith(part) and "attention" not in name)
    save_file({name: t for name, t in tensors.items() if name != left_out}, tmp_path / "adapter" / WEIGHTS)
    (missing,) = missing_tensors(model, tmp_path / "adapter")
    assert missing in trainable_state(model)
    assert missing.replace(".default", "").replace(".modules_to_save", "") == left_out


def test_saved_adapter_names_its_base_model_and_brings_its_tokenizer(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    base = bench()
    save_adapter(attach_lora(base.model, base.config, "someone/bert"), base.tokenizer, tmp_path / "adapter")
    assert '"base_model_name_or_path": "someone/bert"' in (tmp_path / "adapter" / "adapter_config.json").read_text()
    text = "the ferry opened early"
    assert AutoTokenizer.from_pretrained(tmp_path / "adapter")(text)["input_ids"] == base.tokenizer(text)["input_ids"]


def test_saving_again_replaces_what_was_saved(bench: Callable[..., Bench], tmp_path: Path) -> None:
    base, other = bench(), bench(seed=1)
    folder = tmp_path / "adapter"
    save_adapter(attach_lora(base.model, base.config, "tiny"), base.tokenizer, folder)
    save_adapter(changed := with_changed_adapter(other), other.tokenizer, folder)
    fresh = bench(seed=1)
    assert np.array_equal(logits(fresh, load_adapter(fresh.model, folder)), logits(other, changed))
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_trainable_state_can_be_put_into_another_model(bench: Callable[..., Bench]) -> None:
    base, fresh = bench(), bench()
    model, other = with_changed_adapter(base), attach_lora(fresh.model, fresh.config, "tiny")
    load_trainable_state(other, trainable_state(model))
    assert np.array_equal(logits(fresh, other), logits(base, model))


def test_state_of_other_layers_is_refused(bench: Callable[..., Bench]) -> None:
    base, other = bench(), bench(target_modules=["query"])
    state = trainable_state(attach_lora(other.model, other.config, "tiny"))
    with pytest.raises(RunError, match="other trainable layers"):
        load_trainable_state(attach_lora(base.model, base.config, "tiny"), state)
