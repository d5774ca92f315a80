"""A whole matrix in every format: what comes back, how far off, and how many bytes it takes.

NF4 and FP4: Dettmers et al. 2023 (arXiv:2305.14314); int8: Dettmers et al. 2022 (arXiv:2208.07339), a scale a row; all
three by bitsandbytes. Plain int4 is here for comparison alone: 15 evenly spaced levels in blocks of 64, the largest
magnitude of a block at the outermost level.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import bitsandbytes.functional as bnb
import numpy as np
import torch

from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.matrices import find_matrix, original_weight

BLOCKSIZE = 64
BINS = 161
#: The histogram's axis ends at so many times the weights' root mean square; what lies beyond is counted at its ends.
AXIS = 4.0
INT4_LARGEST = 7


@dataclass(frozen=True)
class Stored:
    """A matrix in one format."""

    name: str
    bits: float  #: a weight, scales included
    bytes: int
    rms_error: float  #: root of the mean squared difference from the original, in the weights' own unit
    relative_error: float  #: the same by the root of the mean squared weight
    counts: list[int]  #: of the values that come back, in the histogram's bins


@dataclass(frozen=True)
class Formats:
    """One matrix in every format, over one axis."""

    layer: int
    role: str
    shape: tuple[int, ...]
    edges: list[float]  #: of the bins, ``BINS`` + 1
    formats: list[Stored]


def formats(predictor: Predictor, layer: int, role: str) -> Formats:
    """The original of a run's matrix, stored in every format; computed on the CPU.

    Raises:
        UserError: there is no such matrix.
    """
    weight = original_weight(predictor, find_matrix(predictor.model, layer, role))
    end = AXIS * float(weight.square().mean().sqrt())
    edges = np.linspace(-end, end, BINS + 1)
    stored = [_stored(name, size, back, weight, edges) for name, size, back in _all(weight)]
    return Formats(layer, role, tuple(weight.shape), edges.tolist(), stored)


def _all(weight: torch.Tensor) -> Iterator[tuple[str, int, torch.Tensor]]:
    """Name, bytes, and what comes back."""
    yield "float32", weight.nbytes, weight
    rows, scales, _ = bnb.int8_vectorwise_quant(weight.half())
    yield "int8", rows.nbytes + scales.nbytes, rows.float() * scales.unsqueeze(1) / 127
    for name, quant_type, double in (
        ("NF4", "nf4", False),
        ("NF4, double quantisation", "nf4", True),
        ("FP4", "fp4", False),
    ):
        packed, state = bnb.quantize_4bit(
            weight, blocksize=BLOCKSIZE, quant_type=quant_type, compress_statistics=double
        )
        size = packed.nbytes + state.absmax.nbytes
        if double:
            size += state.state2.absmax.nbytes + state.offset.nbytes
        yield name, size, bnb.dequantize_4bit(packed, state).float()
    back, blocks = plain_int4(weight)
    yield "plain int4", weight.numel() // 2 + 4 * blocks, back


def plain_int4(weight: torch.Tensor) -> tuple[torch.Tensor, int]:
    """What evenly spaced levels from -7 to 7 give back, and how many blocks there are."""
    flat = weight.flatten()
    padded = torch.nn.functional.pad(flat, (0, -len(flat) % BLOCKSIZE)).view(-1, BLOCKSIZE)
    scales = padded.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(padded.dtype).tiny) / INT4_LARGEST
    back = (padded / scales).round() * scales
    return back.flatten()[: len(flat)].view_as(weight), len(padded)


def _stored(name: str, size: int, back: torch.Tensor, weight: torch.Tensor, edges: np.ndarray) -> Stored:
    rms = float((back - weight).square().mean().sqrt())
    scale = float(weight.square().mean().sqrt())
    counts, _ = np.histogram(np.clip(back.flatten().numpy(), edges[0], edges[-1]), edges)
    return Stored(name, 8 * size / weight.numel(), size, rms, rms / scale if scale else 0.0, counts.tolist())
