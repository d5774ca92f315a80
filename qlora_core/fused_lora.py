"""LoRA on a 4-bit layer as one operation, for training on a CPU: PEFT's result in fewer passes over memory.

y = x W^T + b + scaling (x A^T) B^T, with W dequantised from its 4 bits each time that it is used and let go again.
PEFT's ``lora.bnb.Linear4bit`` computes the same in eight operations, each of which reads and writes activations; on a
CPU these passes, not the arithmetic, are what an adapter costs. The result is PEFT's but for rounding.
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
        a, b = self.lora_A[name].weight, self.lora_B[name].weight
        return _FusedLora.apply(x, a, b, self.base_layer, self.scaling[name])

    def _is_plain_training_step(self, x: torch.Tensor) -> bool:
        return (
            torch.is_grad_enabled()
            and x.device.type == "cpu"
            and not (self.disable_adapters or self.merged or self.lora_variant)
            and len(self.active_adapters) == 1
            and isinstance(self.lora_dropout[self.active_adapters[0]], nn.Identity)
        )


class _FusedLora(torch.autograd.Function):
    """Hu et al. 2021 (arXiv:2106.09685), equation 3, over a frozen 4-bit W (Dettmers et al. 2023, equation 5)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        lora_a: torch.Tensor,
        lora_b: torch.Tensor,
        base: bnb.nn.Linear4bit,
        scaling: float,
    ) -> torch.Tensor:
        dtype = base.compute_dtype or x.dtype
        rows, a, b = x.reshape(-1, x.shape[-1]).to(dtype), lora_a.to(dtype), lora_b.to(dtype)
        bias = rows.new_zeros(()) if base.bias is None else base.bias.to(dtype)
        reduced = rows @ a.T
        # the adapter's part first: it is the smaller one, and so is what rounding takes from it
        y = torch.addmm(bias, reduced, b.T, alpha=scaling).addmm_(rows, _dequantized(base, dtype).T)
        ctx.save_for_backward(rows, reduced, a, b)
        ctx.base, ctx.scaling, ctx.shape, ctx.dtype = base, scaling, x.shape, x.dtype
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, reduced, a, b = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        grad_reduced = (grad @ b).mul_(ctx.scaling)
        grad_a = (grad_reduced.T @ rows).float()
        grad_b = (reduced.T @ grad).mul_(ctx.scaling).T.float()
        if not ctx.needs_input_grad[0]:
            return None, grad_a, grad_b, None, None
        grad_x = (grad_reduced @ a).addmm_(grad, _dequantized(ctx.base, grad.dtype))
        return grad_x.view(ctx.shape).to(ctx.dtype), grad_a, grad_b, None, None


def _dequantized(base: bnb.nn.Linear4bit, dtype: torch.dtype) -> torch.Tensor:
    """W, shape (out_features, in_features)."""
    return dequantize_4bit(base.weight.data, base.weight.quant_state).to(dtype)
