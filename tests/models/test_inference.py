"""Answers of a model in the order of the pairs, whatever the batches."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from qlora_core.data.batching import evaluation_batches, pad_batch
from qlora_core.models.inference import autocast, classify, pooled_features, predict_logits
from tests.conftest import Bench


@pytest.mark.parametrize("batch_size", [1, 7, 24, 100])
def test_logits_are_in_the_order_of_the_pairs(bench: Callable[..., Bench], batch_size: int) -> None:
    base = bench()
    answers = predict_logits(base.model, base.pairs, base.accelerator, batch_size)
    with torch.inference_mode():
        each = [base.model.eval()(**pad_batch(base.pairs, [row])).logits[0] for row in range(len(base.pairs))]
    assert answers.shape == (24, 2)
    np.testing.assert_allclose(answers, torch.stack(each).numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("scheme", ["nf4", "int8", "none"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_classifier_over_the_pooled_features_gives_the_model_s_logits_to_the_last_bit(
    bench: Callable[..., Bench], scheme: str, dtype: str
) -> None:
    base = bench(quantization=scheme, bnb_4bit_compute_dtype=dtype)
    features = pooled_features(base.model.bert, base.pairs, base.accelerator, 7)
    assert features.shape == (24, 64)
    answers = classify(base.model, features, evaluation_batches(base.pairs, 7), base.accelerator.device)
    assert np.array_equal(answers, predict_logits(base.model, base.pairs, base.accelerator, 7))


@pytest.mark.parametrize("training", [True, False])
def test_model_is_answered_in_eval_mode_and_left_in_its_own(bench: Callable[..., Bench], training: bool) -> None:
    base = bench()
    model = base.model.train(training)
    first, second = (predict_logits(model, base.pairs, base.accelerator, 8) for _ in range(2))
    assert np.array_equal(first, second)
    assert {module.training for module in model.modules()} == {training}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_answers_are_float32_whatever_the_model_computes_in(bench: Callable[..., Bench], dtype: str) -> None:
    base = bench(bnb_4bit_compute_dtype=dtype)
    assert predict_logits(base.model, base.pairs, base.accelerator, 8).dtype == np.float32


def test_bfloat16_is_really_computed_in(bench: Callable[..., Bench]) -> None:
    whole, half = (
        predict_logits(base.model, base.pairs, base.accelerator, 8)
        for base in (bench(bnb_4bit_compute_dtype=dtype) for dtype in ("float32", "bfloat16"))
    )
    assert np.array_equal(half, torch.from_numpy(half).bfloat16().float().numpy())
    assert not np.array_equal(whole, torch.from_numpy(whole).bfloat16().float().numpy())


def test_model_keeps_its_number_type_after_a_run_of_another_was_opened(bench: Callable[..., Bench]) -> None:
    half = bench(bnb_4bit_compute_dtype="bfloat16")
    before = predict_logits(half.model, half.pairs, half.accelerator, 8)
    bench(bnb_4bit_compute_dtype="float32")
    assert np.array_equal(predict_logits(half.model, half.pairs, half.accelerator, 8), before)


@pytest.mark.parametrize(("dtype", "enabled"), [(torch.float32, False), (torch.bfloat16, True)])
def test_autocast_follows_the_embeddings(dtype: torch.dtype, enabled: bool) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 4, dtype=dtype), torch.nn.Linear(4, 4))
    with autocast(model, torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu") == enabled
        assert model[1](torch.ones(1, 4)).dtype == dtype


def test_progress_counts_up_to_all_pairs(bench: Callable[..., Bench]) -> None:
    base = bench()
    seen: list[tuple[int, int]] = []
    predict_logits(base.model, base.pairs, base.accelerator, 10, lambda done, total: seen.append((done, total)))
    assert seen == [(10, 24), (20, 24), (24, 24)]
