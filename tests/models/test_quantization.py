"""Loading a base model: which matrices are quantised, what they compute, and what is refused."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any

import bitsandbytes as bnb
import numpy as np
import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from safetensors.torch import load as load_tensors
from safetensors.torch import save_file
from torch import nn
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, PreTrainedModel

from qlora_core.choices import SCHEMES
from qlora_core.config import make_config
from qlora_core.data.batching import pad_batch
from qlora_core.errors import ModelError
from qlora_core.models import quantization
from qlora_core.models.adapter import attach_lora
from qlora_core.models.catalog import find_base_model
from qlora_core.models.device import Compute
from qlora_core.models.inference import autocast, predict_logits
from qlora_core.models.quantization import (
    guard_cpu_training,
    initialise_head,
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
FOUR_BIT = [name for name, scheme in SCHEMES.items() if scheme.bits == 4]


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


@pytest.mark.parametrize("scheme", FOUR_BIT)
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


def test_head_is_drawn_as_by_earlier_versions() -> None:
    shape = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}
    model = BertForSequenceClassification(BertConfig(vocab_size=10, **shape)).half()
    initialise_head(model, 3, pooler_too=True)
    weights = [layer.weight.flatten()[:4].tolist() for layer in (model.classifier, model.bert.pooler.dense)]
    assert weights == [
        pytest.approx([0.0160655211, 0.00349666784, 0.00177956186, -0.0122743603], rel=1e-6),
        pytest.approx([0.00523002306, 0.0186224878, -0.0102892397, -0.0330333076], rel=1e-6),
    ]


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
def test_every_scheme_runs_forward_and_backward_here(scheme: str) -> None:
    assert try_quantization(make_config(quantization=scheme), FLOAT32) is None


def test_scheme_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise NotImplementedError("no kernel for this device\nand a long trace")

    monkeypatch.setattr(bnb.nn, "Linear4bit", fail)
    assert try_quantization(make_config(), FLOAT32) == "no kernel for this device"


def test_models_loaded_by_two_threads_at_once_leave_transformers_as_it_was(tiny_bert: Path) -> None:
    before = PreTrainedModel.tie_weights
    barrier = Barrier(4)

    def load_again_and_again(_: int) -> None:
        barrier.wait()
        for _ in range(5):
            load(tiny_bert, "none")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(load_again_and_again, range(4)))
    changed, PreTrainedModel.tie_weights = PreTrainedModel.tie_weights, before
    assert changed is before
