"""Bytes of a model by group, against the tensors themselves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from qlora_core.models.adapter import attach_lora
from qlora_core.models.catalog import find_base_model
from qlora_core.models.footprint import float32_bytes, float32_footprint, footprint
from qlora_core.models.inference import predict_logits
from tests.conftest import Bench
from tests.models.test_quantization import SCHEMES, load


@pytest.fixture(scope="module")
def minilm() -> Path:
    return find_base_model("minilm").folder


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
