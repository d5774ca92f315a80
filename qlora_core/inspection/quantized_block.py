"""One block of a 4-bit matrix, number by number: 64 weights, one scale, 16 levels, two codes in a byte.

Dettmers et al. 2023, QLoRA (arXiv:2305.14314), section 3. Codes, scales and levels are those of bitsandbytes'
``quant_state``; nothing is quantised a second time by code of ours.
"""

from dataclasses import dataclass

import bitsandbytes as bnb
import bitsandbytes.functional as bnb_functional
import torch
from bitsandbytes.functional import QuantState

from qlora_core.errors import UserError
from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.matrices import find_matrix, linear_layer, original_weight
from qlora_core.language import N_


@dataclass(frozen=True)
class QuantizedBlock:
    """``blocksize`` consecutive weights of a matrix, read row by row."""

    layer: int
    role: str
    shape: tuple[int, ...]  #: of the matrix, (out_features, in_features)
    quant_type: str  #: nf4 or fp4
    block: int  #: which one, from 0
    blocks: int  #: how many the matrix has
    row: int  #: of the matrix, in which the block begins
    column: int
    levels: list[float]  #: the value of each code, -1 to 1
    weights: list[float]  #: before quantisation
    codes: list[int]  #: 0 to 15
    scale: (
        float  #: what a level is multiplied with; the block's largest magnitude, or what double quantisation left of it
    )
    absmax: float  #: the block's largest magnitude
    scale_code: int | None  #: the byte that stands for the scale; None without double quantisation
    values: list[float]  #: what the codes come back as, level times scale
    packed: list[int]  #: the bytes as they lie in memory: the first of two codes in the upper four bits


def quantized_block(predictor: Predictor, layer: int, role: str, block: int = 0) -> QuantizedBlock:
    """A block of a run's own 4-bit matrix.

    Raises:
        UserError: there is no such matrix or block, or the run's base is not in 4 bits.
    """
    name = find_matrix(predictor.model, layer, role)
    module = linear_layer(predictor.model, name)
    if not isinstance(module, bnb.nn.Linear4bit):
        raise UserError(N_("This run's base model is not in 4 bits. Choose a run in NF4 or FP4."))
    state = module.weight.quant_state
    packed, scales = module.weight.data.flatten(), block_scales(state)
    if not 0 <= block < len(scales):
        raise UserError(
            N_("This matrix has {n} blocks, so choose one from 0 to {last}."), n=len(scales), last=len(scales) - 1
        )
    start = block * state.blocksize
    part = slice(start, min(start + state.blocksize, state.shape.numel()))
    codes = unpacked(packed)[part]
    weights = original_weight(predictor, name).flatten()[part]
    return QuantizedBlock(
        layer=layer,
        role=role,
        shape=tuple(state.shape),
        quant_type=state.quant_type,
        block=block,
        blocks=len(scales),
        row=start // state.shape[1],
        column=start % state.shape[1],
        levels=state.code.tolist(),
        weights=weights.tolist(),
        codes=codes.tolist(),
        scale=float(scales[block]),
        absmax=float(weights.abs().max()),
        scale_code=int(state.absmax[block]) if state.nested else None,
        values=(state.code[codes] * scales[block]).tolist(),
        packed=packed[part.start // 2 : (part.stop + 1) // 2].tolist(),
    )


def unpacked(packed: torch.Tensor) -> torch.Tensor:
    """The codes in some bytes, shape (n,) to (2 n,)."""
    packed = packed.flatten()
    return torch.stack([packed >> 4, packed & 15], dim=1).flatten().long()


def block_scales(state: QuantState) -> torch.Tensor:
    """The scale of every block; with double quantisation they are bytes themselves, in blocks of 256."""
    if not state.nested:
        return state.absmax
    return bnb_functional.dequantize_blockwise(state.absmax, state.state2) + state.offset
