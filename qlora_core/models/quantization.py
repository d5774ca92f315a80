"""Load a base model with its encoder matrices in NF4, FP4 or int8, or unquantised.

NF4 and double quantisation: Dettmers et al. 2023, QLoRA (arXiv:2305.14314). int8: Dettmers et al. 2022, LLM.int8()
(arXiv:2208.07339). Both are bitsandbytes' implementations.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import bitsandbytes as bnb
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForSequenceClassification, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from qlora_core.config import RunConfig
from qlora_core.errors import ModelError, is_out_of_memory
from qlora_core.language import N_
from qlora_core.models.device import Compute
from qlora_core.models.limits import NOT_QUANTIZED

NUM_LABELS = 2
#: Held while transformers loads a model: meanwhile it replaces functions of its own classes and torch's default number
#: type, and two threads that did so at once would leave them replaced.
_LOADING = Lock()
#: What transformers and safetensors raise over damaged files.
DAMAGE = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    SafetensorError,
    StrictDataclassError,
)


@dataclass(frozen=True)
class LoadedBase:
    """A base model with a fresh classifier on top."""

    model: PreTrainedModel
    pooler_is_new: bool  #: the checkpoint has no pooler, so that one had to be drawn


def quantization_config(config: RunConfig, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """The bitsandbytes configuration that ``from_pretrained`` takes; None leaves the weights unquantised."""
    scheme = config.scheme
    if scheme.bits is None:
        return None
    if scheme.bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=NOT_QUANTIZED)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=scheme.bnb_4bit_quant_type,
        bnb_4bit_use_double_quant=config.bnb_4bit_use_double_quant,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=NOT_QUANTIZED,
    )


def load_quantized(folder: Path, quantization: BitsAndBytesConfig | None, compute: Compute, seed: int) -> LoadedBase:
    """Load a BERT for pair classification with plain transformers, quantising it on the way.

    What is not quantised is held in ``compute.dtype``, except pooler, classifier and token types, which are float32
    because they may be trained. The classifier is drawn from ``seed``, see ``initialise_head``.

    Raises:
        ModelError: the files do not hold the tensors of the BERT that their config.json describes.
    """
    with _LOADING:
        model, info = _from_pretrained(folder, quantization, compute)
    _check_complete(folder, info)
    guard_cpu_training(model)
    pooler_is_new = any(name.startswith("bert.pooler.") for name in info["missing_keys"])
    initialise_head(model, seed, pooler_too=pooler_is_new)
    return LoadedBase(model.to(compute.device) if quantization is None else model, pooler_is_new)


def _from_pretrained(
    folder: Path, quantization: BitsAndBytesConfig | None, compute: Compute
) -> tuple[PreTrainedModel, dict[str, Any]]:
    transformers_logging.disable_progress_bar()
    try:
        with _transformers_quiet():  # a report that the classifier is new: it is meant to be
            model, info = AutoModelForSequenceClassification.from_pretrained(
                folder,
                num_labels=NUM_LABELS,
                dtype=compute.dtype,
                attn_implementation=compute.attn_implementation,
                quantization_config=quantization,
                device_map={"": compute.device} if quantization is not None and compute.device.type != "cpu" else None,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                ignore_mismatched_sizes=True,  # reported by _check_complete, with the tensor's name
                output_loading_info=True,
            )
    except DAMAGE as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(
            N_("The model in '{name}' cannot be loaded, its files may be damaged. {error}"),
            name=folder.name,
            error=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
        ) from error
    return model, info


@contextmanager
def _transformers_quiet() -> Iterator[None]:
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)


def dequantized(model: PreTrainedModel) -> PreTrainedModel:
    """The same model in float32, its quantised weights as they were rounded; ``model`` is not to be used any more."""
    if quantized_modules(model):
        with _LOADING, _transformers_quiet():  # a warning about number types
            model = model.dequantize(torch.float32)
    return model.float()


def _check_complete(folder: Path, info: dict[str, Any]) -> None:
    """Everything but the classifier has to be there in its shape; a missing pooler is drawn anew."""
    missing = {name for name in info["missing_keys"] if not name.startswith(("classifier.", "bert.pooler."))}
    misshapen = {name for name, *_ in info["mismatched_keys"] if not name.startswith("classifier.")}
    if wrong := sorted(missing | misshapen):
        raise ModelError(
            N_(
                "The weights of '{name}' do not fit its config.json: {n} tensors are missing or of another shape, the "
                "first is {tensor}."
            ),
            name=folder.name,
            n=len(wrong),
            tensor=wrong[0],
        )


def guard_cpu_training(model: torch.nn.Module) -> None:
    """Keep bitsandbytes from repacking 4-bit weights for inference, which has no backward pass.

    With AVX512-BF16, ``Linear4bit.forward`` in eval mode repacks its weight in place; a training step after an
    evaluation then fails. The unpacked path serves both.
    """
    for module in model.modules():
        if isinstance(module, bnb.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False


def initialise_head(model: PreTrainedModel, seed: int, *, pooler_too: bool) -> None:
    """Draw the classifier's weights from N(0, initializer_range), as BERT does, and the pooler's if it has none.

    Both become float32, because they are trained, and so do the token types, which are still given to the rest of the
    model in its number type. The generator is independent of device and of torch's global state,
    so that the untrained head's scores can be reproduced.
    """
    model.classifier.float()
    model.bert.pooler.float()
    token_types = model.bert.embeddings.token_type_embeddings
    dtype = token_types.weight.dtype
    token_types.float().register_forward_hook(lambda _, __, vectors: vectors.to(dtype))
    generator = torch.Generator().manual_seed(seed)
    std = model.config.initializer_range
    with torch.no_grad():
        for layer in (model.classifier, model.bert.pooler.dense) if pooler_too else (model.classifier,):
            layer.weight.copy_(torch.normal(0.0, std, layer.weight.shape, generator=generator))
            layer.bias.zero_()


def try_quantization(config: RunConfig, compute: Compute) -> str | None:
    """Quantise a small layer and run it forward and backward; returns what went wrong, None where it works."""
    try:
        layer = _quantized_linear(config, compute.dtype).to(compute.device)
        inputs = torch.randn(4, 64, device=compute.device, dtype=compute.dtype, requires_grad=True)
        layer(inputs).sum().backward()
    except (RuntimeError, NotImplementedError, ImportError) as error:
        return str(error).splitlines()[0][:200]
    return None


def _quantized_linear(config: RunConfig, dtype: torch.dtype) -> nn.Module:
    scheme = config.scheme
    if scheme.bits is None:
        return nn.Linear(64, 64, dtype=dtype)
    if scheme.bits == 8:
        return bnb.nn.Linear8bitLt(64, 64, has_fp16_weights=False)
    return bnb.nn.Linear4bit(
        64,
        64,
        compute_dtype=dtype,
        quant_type=scheme.bnb_4bit_quant_type,
        compress_statistics=config.bnb_4bit_use_double_quant,
    )


def quantized_modules(model: torch.nn.Module) -> list[str]:
    """Names of the linear layers whose weights really are in 4 or 8 bits."""
    kinds = (bnb.nn.Linear4bit, bnb.nn.Linear8bitLt)
    return [name for name, module in model.named_modules() if isinstance(module, kinds)]
