"""Loading a base model: which matrices are quantised, what they compute, what they weigh, and what is refused."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bitsandbytes as bnb
import numpy as np
import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from safetensors.torch import load as load_tensors
from safetensors.torch import save_file
from torch import nn
from transformers import AutoTokenizer, PreTrainedModel

from qlora_core.config import make_config
from qlora_core.data.batching import pad_batch
from qlora_core.errors import ConfigError, ModelError
from qlora_core.models import quantization
from qlora_core.models.adapter import attach_lora
from qlora_core.models.catalog import find_base_model
from qlora_core.models.inference import autocast, predict_logits
from qlora_core.models.quantization import (
    Compute,
    choose_compute,
    float32_bytes,
    float32_footprint,
    footprint,
    guard_cpu_training,
    load_quantized,
    quantization_config,
    quantized_modules,
    try_quantization,
)
from tests.conftest import Bench, make_bert

FLOAT32 = Compute(torch.device("cpu"), torch.float32, "eager", "for exact comparison")
ENCODER_LAYERS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
SCHEMES = ("nf4", "fp4", "int8", "none")


def load(folder: Path, scheme: str = "nf4", **changes: Any) -> PreTrainedModel:
    config = make_config(quantization=scheme, **changes)
    return load_quantized(folder, quantization_config(config, torch.float32), FLOAT32, config.seed).model


@pytest.fixture(scope="module")
def minilm() -> Path:
    return find_base_model("minilm").folder


@pytest.mark.parametrize("scheme", ["nf4", "fp4", "int8"])
def test_exactly_the_36_linear_layers_of_minilm_s_encoder_are_quantised(minilm: Path, scheme: str) -> None:
    model = load(minilm, scheme)
    kind = bnb.nn.Linear8bitLt if scheme == "int8" else bnb.nn.Linear4bit
    assert sorted(quantized_modules(model)) == sorted(
        f"bert.encoder.layer.{block}.{name}" for block in range(6) for name in ENCODER_LAYERS
    )
    assert all(type(model.get_submodule(name)) is kind for name in quantized_modules(model))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_pooler_and_classifier_are_float32(bench: Callable[..., Bench], scheme: str, dtype: str) -> None:
    model = bench(quantization=scheme, bnb_4bit_compute_dtype=dtype).model
    head = [*model.bert.pooler.parameters(), *model.classifier.parameters()]
    assert {parameter.dtype for parameter in head} == {torch.float32}
    assert model.bert.embeddings.word_embeddings.weight.dtype == getattr(torch, dtype)


@pytest.mark.parametrize("scheme", ["nf4", "fp4"])
@pytest.mark.parametrize("double", [True, False])
def test_four_bit_weights_are_what_is_computed_with(minilm: Path, scheme: str, double: bool) -> None:
    quantized, reference = load(minilm, scheme, bnb_4bit_use_double_quant=double), load(minilm, "none")
    batch = AutoTokenizer.from_pretrained(minilm)("The ferry left early.", "The boat was ahead of time.")
    inputs = {name: torch.tensor([ids]) for name, ids in batch.items()}
    with torch.inference_mode():
        unquantized = reference(**inputs).logits
        for name in quantized_modules(quantized):
            weight = quantized.get_submodule(name).weight
            assert weight.dtype == torch.uint8
            reference.get_submodule(name).weight.copy_(dequantize_4bit(weight.data, weight.quant_state))
        logits, expected = quantized(**inputs).logits, reference(**inputs).logits
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    assert (logits - unquantized).abs().max() > 1e-3


def test_eight_bit_weights_are_what_is_computed_with(bench: Callable[..., Bench]) -> None:
    quantized, reference = bench(quantization="int8"), bench(quantization="none")
    logits = predict_logits(quantized.model, quantized.pairs, quantized.accelerator, 8)
    unquantized = predict_logits(reference.model, reference.pairs, reference.accelerator, 8)
    for name in quantized_modules(quantized.model):
        state = quantized.model.get_submodule(name).state
        assert state.CB.dtype == torch.int8
        reference.model.get_submodule(name).weight.data = state.CB * state.SCB[:, None] / 127
    expected = predict_logits(reference.model, reference.pairs, reference.accelerator, 8)
    # the activations are rounded to 8 bits too, which costs a little more than the weights do
    assert np.abs(logits - expected).max() < 0.1 * np.abs(expected).max()
    assert np.abs(logits - unquantized).max() > 0


def gradients(bench: Bench, model: nn.Module) -> list[torch.Tensor]:
    """Of the loss of the first pairs, without any dropout."""
    model.train()
    model.zero_grad()
    rows = list(range(8))
    with autocast(model, bench.accelerator.device):
        logits = model(**pad_batch(bench.pairs, rows)).logits
    nn.functional.cross_entropy(logits.float(), torch.from_numpy(bench.pairs.labels[rows])).backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def gradients_around_an_evaluation(bench: Bench) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    model = attach_lora(bench.model, bench.config, "tiny")
    before = gradients(bench, model)
    predict_logits(model, bench.pairs, bench.accelerator, 8)
    return before, gradients(bench, model)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_gradients_after_an_evaluation_equal_those_before_it(
    bench: Callable[..., Bench], scheme: str, dtype: str
) -> None:
    before, after = gradients_around_an_evaluation(bench(quantization=scheme, bnb_4bit_compute_dtype=dtype))
    assert len(before) == 2 * 2 * 6 + 4
    assert any(gradient.abs().max() > 0 for gradient in before)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("avx512_bf16"),
    reason="bitsandbytes repacks 4-bit weights on a CPU with AVX512-BF16 only, so nothing fails here without the guard",
)
def test_without_the_guard_training_is_wrong_after_an_evaluation(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantization, "guard_cpu_training", lambda _: None)
    before, after = gradients_around_an_evaluation(bench())
    assert not all(torch.allclose(one, other, rtol=0.1) for one, other in zip(before, after, strict=True))
    with pytest.raises(RuntimeError, match="in-place operation"):  # PEFT's own layer, which has the dropout
        gradients_around_an_evaluation(bench(lora_dropout=0.1))


def test_guard_reaches_every_four_bit_layer() -> None:
    layers = [bnb.nn.Linear4bit(8, 8), bnb.nn.Linear4bit(8, 8)]
    for layer in layers:
        layer.support_avx512bf16_for_cpu = True
    guard_cpu_training(nn.Sequential(layers[0], nn.Sequential(layers[1])))
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers)


def test_same_seed_draws_the_same_head_whatever_the_global_generator(tiny_bert: Path) -> None:
    first = load(tiny_bert, seed=3)
    torch.manual_seed(99)
    again, other = load(tiny_bert, seed=3), load(tiny_bert, seed=4)
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert not first.classifier.bias.any()


def test_missing_pooler_is_drawn_from_the_seed_and_reported(tiny_bert: Path, tmp_path: Path) -> None:
    folder = make_bert(tmp_path, pooler=False)
    config = make_config()
    first, again = (load_quantized(folder, quantization_config(config, torch.float32), FLOAT32, 3) for _ in range(2))
    assert first.pooler_is_new
    assert torch.equal(first.model.bert.pooler.dense.weight, again.model.bert.pooler.dense.weight)
    assert not load_quantized(tiny_bert, None, FLOAT32, 3).pooler_is_new


def test_classifier_of_another_task_is_replaced(tiny_bert: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_bert, tmp_path / "fine-tuned")
    tensors = load_tensors((folder / "model.safetensors").read_bytes())
    tensors |= {"classifier.weight": torch.ones(5, 64), "classifier.bias": torch.ones(5)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model = load(folder)
    assert model.classifier.weight.shape == (2, 64)
    assert torch.equal(model.classifier.weight, load(tiny_bert).classifier.weight)


def _settings(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _weights(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / "model.safetensors"
        path.write_bytes(change(path.read_bytes()))

    return write


def _without_a_tensor(folder: Path) -> None:
    tensors = load_tensors((folder / "model.safetensors").read_bytes())
    del tensors["bert.encoder.layer.1.output.dense.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("scheme", ["nf4", "none"])
@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        pytest.param(_without_a_tensor, r"1 tensors .* is bert\.encoder\.layer\.1\.output\.dense\.weight", id="lacks"),
        pytest.param(_settings(num_hidden_layers=3), r"16 tensors .*bert\.encoder\.layer\.2", id="more-layers"),
        pytest.param(_settings(hidden_size=96), "another shape", id="other-width"),
        pytest.param(_settings(vocab_size=50), "word_embeddings", id="other-vocabulary"),
        pytest.param(_settings(hidden_size="wide"), "hidden_size", id="word-for-a-number"),
        pytest.param(_settings(num_attention_heads=0), "may be damaged", id="no-heads"),
        pytest.param(_settings(hidden_act="nope"), "KeyError: 'nope'", id="unknown-activation"),
        pytest.param(_weights(lambda whole: whole[: len(whole) // 2]), "may be damaged", id="cut-weights"),
        pytest.param(_weights(lambda _: b""), "may be damaged", id="empty-weights"),
    ],
)
def test_files_that_hold_no_whole_bert_are_refused(
    spoil: Callable[[Path], object], complaint: str, scheme: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_bert, tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(ModelError, match=f"'spoilt'.*{complaint}"):
        load(folder, scheme)


def test_code_that_comes_with_a_model_is_not_run(tiny_bert: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_bert, tmp_path / "with-code")
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: ...\n")
    _settings(auto_map={"AutoConfig": "own.Own", "AutoModelForSequenceClassification": "own.Own"})(folder)
    load(folder)
    assert not (tmp_path / "ran").exists()


@pytest.fixture(scope="module", params=["cased", "uncased"])
def bert_base(request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    """A folder of bert-base's shape with random weights, removed at once because it is large."""
    with TemporaryDirectory() as folder:
        yield (
            request.param,
            make_bert(
                Path(folder),
                lowercase=request.param == "uncased",
                hidden_size=768,
                num_hidden_layers=12,
                num_attention_heads=12,
                intermediate_size=3072,
            ),
        )


@pytest.mark.slow
def test_folder_of_bert_base_shape_loads_quantises_and_predicts(
    bert_base: tuple[str, Path], bench: Callable[..., Bench]
) -> None:
    vocabulary, folder = bert_base
    base = bench(folder, bnb_4bit_compute_dtype="auto")
    logits = predict_logits(base.model, base.pairs, base.accelerator, 8)
    assert logits.shape == (24, 2)
    assert np.isfinite(logits).all()
    assert len(quantized_modules(base.model)) == 72
    lower, upper = (base.tokenizer(text)["input_ids"] for text in ("a baker", "A baker"))
    assert (lower == upper) == (vocabulary == "uncased")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_footprint_is_every_byte_of_the_model(bench: Callable[..., Bench], scheme: str) -> None:
    model = bench(quantization=scheme).model
    constants = footprint(model).get("quantization_constants", 0)
    assert sum(footprint(model).values()) - constants == sum(p.nbytes for p in model.parameters())
    assert (constants > 0) == (scheme != "none")


def test_footprint_counts_a_scale_for_each_block_of_64_weights(tiny_bert: Path) -> None:
    weights = 2 * (4 * 64 * 64 + 2 * 64 * 128)
    tables = 12 * 16 * 4  # NF4's 16 values in float32, a copy for each matrix
    groups = footprint(load(tiny_bert, bnb_4bit_use_double_quant=False))
    assert groups["quantization_constants"] == weights // 64 * 4 + tables
    assert groups["encoder"] == weights // 2


def test_double_quantisation_makes_the_scales_smaller(minilm: Path) -> None:
    double, single = (footprint(load(minilm, bnb_4bit_use_double_quant=value)) for value in (True, False))
    assert double["quantization_constants"] < 0.4 * single["quantization_constants"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_footprint_is_the_same_after_a_forward_pass(bench: Callable[..., Bench], scheme: str) -> None:
    base = bench(quantization=scheme)
    before = footprint(base.model)
    predict_logits(base.model, base.pairs, base.accelerator, 8)
    assert footprint(base.model) == before


def test_nf4_is_smaller_than_int8_is_smaller_than_float32(minilm: Path) -> None:
    nf4, int8, whole = (footprint(load(minilm, scheme)) for scheme in ("nf4", "int8", "none"))
    assert sum(nf4.values()) < sum(int8.values()) < sum(whole.values())
    assert (8 * nf4["encoder"], 4 * int8["encoder"]) == (whole["encoder"], whole["encoder"])


def test_footprint_shows_adapter_and_trained_copies_as_a_group(bench: Callable[..., Bench]) -> None:
    base = bench()
    before = footprint(base.model)
    model = attach_lora(base.model, base.config, "tiny")
    trained = sum(p.nbytes for p in model.parameters() if p.requires_grad)
    assert footprint(model) == before | {"adapter": trained}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_float32_footprint_is_that_of_the_unquantised_model(tiny_bert: Path, scheme: str) -> None:
    assert float32_footprint(load(tiny_bert, scheme)) == footprint(load(tiny_bert, "none"))


def test_float32_footprint_has_the_adapter_as_it_is(bench: Callable[..., Bench]) -> None:
    base = bench()
    model = attach_lora(base.model, base.config, "tiny")
    assert float32_footprint(model)["adapter"] == footprint(model)["adapter"]


def test_float32_bytes_are_those_of_the_unquantised_encoder(tiny_bert: Path, minilm: Path) -> None:
    assert float32_bytes(minilm) == sum(p.nbytes for p in load(minilm, "none").bert.parameters())
    # this one's file holds the heads it was pretrained with as well
    assert float32_bytes(tiny_bert) == sum(p.nbytes for p in load(tiny_bert, "none").bert.parameters())


@pytest.mark.parametrize(
    ("capabilities", "dtype", "words"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, torch.bfloat16, "(AMX)"),
        ({"avx512_bf16": True}, torch.bfloat16, "(AVX512-BF16)"),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32, "no native bfloat16"),
        ({}, torch.float32, "no native bfloat16"),
    ],
)
def test_auto_takes_bfloat16_on_a_cpu_that_has_it(
    capabilities: dict[str, bool], dtype: torch.dtype, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    compute = choose_compute("auto", torch.device("cpu"))
    assert (compute.dtype, compute.attn_implementation) == (dtype, "eager")
    assert words in compute.reason


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_auto_takes_bfloat16_on_a_gpu_only_where_it_is_native(
    native: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Test GPU")
    compute = choose_compute("auto", torch.device("cuda"))
    assert (compute.dtype, compute.attn_implementation) == (dtype, "sdpa")
    assert compute.reason.startswith("Test GPU")


def test_auto_takes_float32_on_another_device() -> None:
    assert choose_compute("auto", torch.device("mps")).dtype == torch.float32


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_number_type_asked_for_is_taken(name: Any) -> None:
    assert choose_compute(name, torch.device("cpu")).dtype == getattr(torch, name)


def test_float16_is_refused_on_a_cpu() -> None:
    with pytest.raises(ConfigError, match=r"float16 needs a GPU.*bnb_4bit_compute_dtype to auto, bfloat16 or float32"):
        choose_compute("float16", torch.device("cpu"))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_runs_forward_and_backward_here(scheme: str) -> None:
    assert try_quantization(make_config(quantization=scheme), FLOAT32) == "works"


def test_scheme_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise NotImplementedError("no kernel for this device\nand a long trace")

    monkeypatch.setattr(bnb.nn, "Linear4bit", fail)
    assert try_quantization(make_config(), FLOAT32) == "does not work here: no kernel for this device"
