"""One block of 4-bit numbers: codes, scale and bytes are bitsandbytes' own."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit

from qlora_core.config import RunConfig
from qlora_core.errors import UserError
from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.matrices import MatrixName, linear_layer, matrix_names
from qlora_core.inspection.quantized_block import block_scales, quantized_block, unpacked
from qlora_core.inspection.questions import ROLES
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import start_run
from tests.conftest import ignore

QUERY = ROLES[0]


@pytest.fixture(scope="module", params=["nf4", "fp4", "nf4 without double quantisation"])
def predictor(
    request: pytest.FixtureRequest, tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> Predictor:
    config = tiny_config(
        quantization=request.param.split()[0],
        bnb_4bit_use_double_quant="without" not in request.param,
        num_train_epochs=1,
    )
    return Predictor(start_run(config, RunStore(tmp_path_factory.mktemp("blocks") / "runs"), ignore))


def test_every_code_times_its_scale_is_what_the_kernel_computes_with(predictor: Predictor) -> None:
    for name in matrix_names(predictor.model):
        weight = linear_layer(predictor.model, name).weight
        state = weight.quant_state
        codes, scales = unpacked(weight.data), block_scales(state)
        ours = (state.code[codes].view(-1, state.blocksize) * scales.unsqueeze(1)).view(state.shape)
        assert torch.equal(ours.to(state.dtype), dequantize_4bit(weight.data, state)), name


def test_a_block_is_that_part_of_the_matrix(predictor: Predictor) -> None:
    weight = linear_layer(predictor.model, MatrixName(1, QUERY)).weight
    kernel = dequantize_4bit(weight.data, weight.quant_state).flatten()
    block = quantized_block(predictor, 1, QUERY, 3)
    assert (block.shape, block.blocks, block.row, block.column) == ((64, 64), 64, 3, 0)
    assert torch.equal(torch.tensor(block.values).to(kernel.dtype), kernel[3 * 64 : 4 * 64])
    assert block.packed == [16 * first + second for first, second in zip(*[iter(block.codes)] * 2, strict=True)]
    assert block.absmax == max(map(abs, block.weights))
    nearest = [min(abs(weight - level * block.scale) for level in block.levels) for weight in block.weights]
    errors = [abs(weight - value) for weight, value in zip(block.weights, block.values, strict=True)]
    assert errors == pytest.approx(nearest, abs=block.scale * 1e-3)
    is_nested = predictor.config.bnb_4bit_use_double_quant
    assert (block.scale_code is not None) == is_nested
    assert block.scale == pytest.approx(block.absmax, rel=0.1 if is_nested else 1e-6)


@pytest.mark.parametrize(("layer", "role", "block"), [(2, QUERY, 0), (0, "pooler", 0), (0, QUERY, 64), (0, QUERY, -1)])
def test_what_is_not_there_is_refused(inspected: Predictor, layer: int, role: str, block: int) -> None:
    with pytest.raises(UserError):
        quantized_block(inspected, layer, role, block)


def test_a_base_that_is_not_in_4_bits_has_no_codes(tiny_config: Callable[..., RunConfig], tmp_path: Path) -> None:
    run = start_run(tiny_config(quantization="none", num_train_epochs=1), RunStore(tmp_path / "runs"), ignore)
    with pytest.raises(UserError, match="not in 4 bits"):
        quantized_block(Predictor(run), 0, QUERY)
