"""LoRA on a 4-bit layer as one operation, for training on a CPU: PEFT's own result in fewer passes over memory.

y = x W^T + b + scaling (x A^T) B^T, with W dequantised from its 4 bits each time that it is used and let go again.
PEFT's ``lora.bnb.Linear4bit`` computes the same in eight operations, each of which reads and writes activations; on a
CPU these passes, not the arithmetic, are what an adapter costs.
"""

from typing import Any

import bitsandbytes as bnb
import torch
from bitsandbytes.functional import dequantize_4bit
from peft.tuners.lora.bnb import Linear4bit
from torch import nn
from torch.autograd.function import once_differentiable


class FusedLinear4bit(Linear4bit):
    """PEFT's layer, whose training step on a CPU is fused; saved, loaded and evaluated it is PEFT's own."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Shape (..., in_features) to (..., out_features), in the layer's ``bnb_4bit_compute_dtype``."""
        if not self._is_plain_training_step(x):
            return super().forward(x, *args, **kwargs)
        (name,) = self.active_adapters
        return _FusedLora.apply(
            x, x, self.lora_A[name].weight, self.lora_B[name].weight, self.base_layer, self.scaling[name]
        )

    def _is_plain_training_step(self, x: torch.Tensor) -> bool:
        return (
            torch.is_grad_enabled()
            and x.device.type == "cpu"
            and not (self.disable_adapters or self.merged or self.lora_variant)
            and len(self.active_adapters) == 1
            and isinstance(self.lora_dropout[self.active_adapters[0]], nn.Identity)
        )


class _FusedLora(torch.autograd.Function):
    """Hu et al. 2021 (arXiv:2106.09685), equation 3, over a frozen 4-bit W (Dettmers et al. 2023, equation 5).

    The input comes twice, once for each of the two products, so that autograd adds up the two gradients of it in the
    order in which it does for PEFT's layer: sums of rounded numbers depend on their order.
    """

    @staticmethod
    def forward(
        ctx: Any,
        _: torch.Tensor,
        x_base: torch.Tensor,
        lora_a: torch.Tensor,
        lora_b: torch.Tensor,
        base: bnb.nn.Linear4bit,
        scaling: float,
    ) -> torch.Tensor:
        dtype = base.compute_dtype or x_base.dtype
        x, a, b = x_base.reshape(-1, x_base.shape[-1]).to(dtype), lora_a.to(dtype), lora_b.to(dtype)
        y = nn.functional.linear(x, _dequantized(base, dtype), None if base.bias is None else base.bias.to(dtype))
        reduced = x @ a.T
        y += (reduced @ b.T).mul_(scaling)
        ctx.save_for_backward(x, reduced, a, b)
        ctx.base, ctx.scaling, ctx.shape, ctx.dtype = base, scaling, x_base.shape, x_base.dtype
        return y.view(*x_base.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, reduced, a, b = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        scaled = grad * ctx.scaling
        grad_reduced = scaled @ b
        grad_b, grad_a = (scaled.T @ reduced).float(), (grad_reduced.T @ x).float()
        if not ctx.needs_input_grad[0]:
            return None, None, grad_a, grad_b, None, None
        parts = grad_reduced @ a, grad @ _dequantized(ctx.base, grad.dtype)
        of_lora, of_base = (part.view(ctx.shape).to(ctx.dtype) for part in parts)
        return of_lora, of_base, grad_a, grad_b, None, None


def _dequantized(base: bnb.nn.Linear4bit, dtype: torch.dtype) -> torch.Tensor:
    """W, shape (out_features, in_features)."""
    return dequantize_4bit(base.weight.data, base.weight.quant_state).to(dtype)
