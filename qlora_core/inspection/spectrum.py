"""What an adapter did to each matrix: how large its change is, how many directions it uses, and what fewer would do.

The change of a matrix is (alpha / r) B A (Hu et al. 2021, arXiv:2106.09685). Its singular values follow from the thin
QR decompositions of B and of A's transpose and the singular values of an r x r matrix; the large product is never made.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bitsandbytes as bnb
import torch
from bitsandbytes.functional import dequantize_4bit
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.matrices import MatrixName, adapted_layer, linear_layer, matrix_names

ADAPTER = "default"


@dataclass(frozen=True)
class Change:
    """What the adapter adds to one matrix."""

    layer: int
    role: str
    singular_values: list[float]  #: of (alpha / r) B A, the largest first; r of them
    norm: float  #: of the change, Frobenius
    base_norm: float  #: of the matrix that it is added to, as the model computes with it
    effective_rank: float  #: exp of the entropy of the squared singular values' shares, 1 to r; 0 for no change at all

    @property
    def relative(self) -> float:
        """How large the change is against the matrix."""
        return self.norm / self.base_norm if self.base_norm else 0.0


@dataclass(frozen=True)
class Spectrum:
    """A run's whole adapter."""

    layers: int  #: of the encoder
    r: int
    lora_alpha: float
    changes: list[Change]  #: of every adapted matrix, from the embeddings on


def adapter_spectrum(predictor: Predictor) -> Spectrum:
    """The change of every adapted matrix."""
    model, config = predictor.model, predictor.config
    with torch.inference_mode():
        changes = [
            _change(name, layer, linear_layer(model, name))
            for name in matrix_names(model)
            if (layer := adapted_layer(model, name)) is not None
        ]
    return Spectrum(len(model.base_model.model.bert.encoder.layer), config.r, config.lora_alpha, changes)


def _change(name: MatrixName, layer: LoraLayer, base: Any) -> Change:
    values = singular_values(layer)
    energy = values.square()
    total = float(energy.sum())
    shares = energy[energy > 0] / total if total else energy[:0]
    effective = float((-(shares * shares.log()).sum()).exp()) if total else 0.0
    return Change(name.layer, name.role, values.tolist(), total**0.5, float(weight_of(base).norm()), effective)


def factors(layer: LoraLayer) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Singular vectors and values of (alpha / r) B A, as (U, S, V^T) of the shapes (out, r), (r,) and (r, in).

    Golub & Van Loan, Matrix Computations, 4th edition, section 8.6: of a product, by QR of its factors.
    """
    a, b = layer.lora_A[ADAPTER].weight.double(), layer.lora_B[ADAPTER].weight.double()
    q_b, r_b = torch.linalg.qr(b)
    q_a, r_a = torch.linalg.qr(a.T)
    u, s, vh = torch.linalg.svd(r_b @ r_a.T * layer.scaling[ADAPTER])
    return q_b @ u, s, vh @ q_a.T


def singular_values(layer: LoraLayer) -> torch.Tensor:
    """Of (alpha / r) B A, shape (r,), the largest first, in float64."""
    return factors(layer)[1]


def weight_of(layer: Any) -> torch.Tensor:
    """A frozen layer's matrix in float32, whatever it is stored in; shape (out_features, in_features)."""
    if isinstance(layer, bnb.nn.Linear4bit):
        return dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()
    if isinstance(layer, bnb.nn.Linear8bitLt):
        scales = layer.weight.SCB if layer.weight.SCB is not None else layer.state.SCB
        return layer.weight.data.float() * scales.unsqueeze(1) / 127
    return layer.weight.float()


@contextmanager
def strongest(model: PeftModel, k: int) -> Iterator[None]:
    """Let the adapter answer with the ``k`` strongest directions of every matrix; pooler and classifier stay trained.

    Eckart & Young 1936: no change of rank k comes nearer to the whole one. Afterwards every weight is what it was, bit
    for bit. 0 is no change of the encoder at all; r or more is the adapter as it is, to the last bit.
    """
    layers = [layer for name in matrix_names(model) if (layer := adapted_layer(model, name)) is not None]
    kept = [(layer, layer.lora_B[ADAPTER].weight.detach().clone()) for layer in layers]
    try:
        with torch.no_grad():
            for layer in layers:
                if k < layer.r[ADAPTER]:
                    _project(layer, k)
        yield
    finally:
        with torch.no_grad():
            for layer, b in kept:
                layer.lora_B[ADAPTER].weight.copy_(b)


def _project(layer: LoraLayer, k: int) -> None:
    """B A becomes U_k U_k^T B A, which is the product's best approximation of rank k: only B changes."""
    u = factors(layer)[0][:, :k]
    b = layer.lora_B[ADAPTER].weight
    b.copy_(u @ (u.T @ b.double()))
