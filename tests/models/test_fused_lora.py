"""The fused layer is PEFT's layer: the same result and the same gradients, in fewer operations."""

import bitsandbytes as bnb
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora.bnb import Linear4bit
from torch import nn

from qlora_core.models.fast_cpu.fused_lora import FusedLinear4bit

Tensors = dict[str, torch.Tensor]


class Layers(nn.Module):
    """A 4-bit layer behind a trainable one, so that a gradient has to pass through it."""

    def __init__(self, quant_type: str, dtype: torch.dtype, *, bias: bool, double: bool) -> None:
        super().__init__()
        self.dtype = dtype
        self.before = nn.Linear(32, 64)
        self.dense = bnb.nn.Linear4bit(
            64, 96, bias, compute_dtype=dtype, quant_type=quant_type, compress_statistics=double, device="cpu"
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.before(x).to(self.dtype))


def adapted(fused: bool, quant_type: str = "nf4", dtype: torch.dtype = torch.float32, **options: bool) -> PeftModel:
    """The layers with LoRA, every tensor the same for the same arguments."""
    torch.manual_seed(0)
    model = Layers(quant_type, dtype, bias=options.pop("bias", True), double=options.pop("double", True)).to("cpu")
    model.__dict__["is_loaded_in_4bit"] = True  # what transformers says of a model that it quantised
    config = LoraConfig(r=4, lora_alpha=12, target_modules=["dense"], init_lora_weights=False)
    if fused:
        config._register_custom_module({bnb.nn.Linear4bit: FusedLinear4bit})
    wrapped = get_peft_model(model, config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name or "before" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator)).requires_grad_()
    return wrapped


def step(model: nn.Module, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, Tensors]:
    """Output and gradients for one batch."""
    x = torch.randn(3, 5, 32, generator=torch.Generator().manual_seed(2))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
        y = model(x)
    (y.float() ** 2).mean().backward()
    return y.detach(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("quant_type", ["nf4", "fp4"])
def test_result_and_gradients_are_pefts_to_the_last_bit(
    quant_type: str, double: bool, bias: bool, dtype: torch.dtype
) -> None:
    (expected, wanted), (got, found) = (
        step(adapted(fused, quant_type, dtype, double=double, bias=bias), dtype) for fused in (False, True)
    )
    assert torch.equal(got, expected)
    assert found.keys() == wanted.keys()
    assert sum("lora_" in name for name in found) == 2
    for name, gradient in wanted.items():
        assert torch.equal(found[name], gradient), name


@pytest.fixture
def fused_steps(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What went through the fused operation."""
    from qlora_core.models.fast_cpu import fused_lora

    seen: list[torch.Tensor] = []
    apply = fused_lora._FusedLora.apply

    def remember(*arguments: object) -> torch.Tensor:
        seen.append(apply(*arguments))
        return seen[-1]

    monkeypatch.setattr(fused_lora._FusedLora, "apply", remember)
    return seen


def test_it_is_taken_in_training_alone(fused_steps: list[torch.Tensor]) -> None:
    model = adapted(True)
    x = torch.randn(2, 32)
    model(x)
    assert len(fused_steps) == 1
    with torch.no_grad():
        model(x)
    with model.disable_adapter():
        model(x)
    assert len(fused_steps) == 1


def test_dropout_is_left_to_peft(fused_steps: list[torch.Tensor]) -> None:
    model = adapted(True)
    (layer,) = (module for module in model.modules() if isinstance(module, Linear4bit))
    layer.lora_dropout["default"] = nn.Dropout(0.5)
    model(torch.randn(2, 32))
    assert fused_steps == []
