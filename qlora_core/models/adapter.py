"""Attach LoRA, save it, reload it, and prove that what was saved is what was trained.

LoRA: Hu et al. 2021 (arXiv:2106.09685), as PEFT implements it.
"""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bitsandbytes as bnb
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.helpers import rescale_adapter_scale
from peft.utils import ModulesToSaveWrapper
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.language import N_
from qlora_core.models.fast_cpu.first_token import train_on_first_token
from qlora_core.models.fast_cpu.fused_lora import FusedLinear4bit
from qlora_core.models.limits import check_target_modules


def attach_lora(model: PreTrainedModel, config: RunConfig, base_model_name: str) -> PeftModel:
    """Wrap ``model`` with fresh LoRA matrices (drawn from ``config.seed``) and a trainable copy of its head.

    Args:
        base_model_name: what a stranger would load the adapter onto: a hub id or a folder's name.

    Raises:
        ConfigError: a name in ``target_modules`` fits no layer of this model.
    """
    _check_targets(model, config.target_modules)
    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=config.r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(config.target_modules),
        use_rslora=config.use_rslora,
        modules_to_save=list(config.modules_to_save),
    )
    lora._register_custom_module({bnb.nn.Linear4bit: FusedLinear4bit})
    torch.manual_seed(config.seed)
    with _peft_warnings_ignored():
        peft_model = get_peft_model(model, lora)
    peft_model.peft_config["default"].base_model_name_or_path = base_model_name
    set_encoder_dropout(peft_model, config.hidden_dropout_prob)
    train_on_first_token(model)
    return peft_model


def set_encoder_dropout(model: torch.nn.Module, probability: float) -> None:
    """Dropout of the encoder and of the classifier's input; LoRA's own is set in ``LoraConfig``."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout) and "lora_dropout" not in name:
            module.p = probability


def _check_targets(model: PreTrainedModel, targets: tuple[str, ...]) -> None:
    encoder = model.bert.encoder.named_modules()
    check_target_modules(targets, [name for name, module in encoder if isinstance(module, torch.nn.Linear)])


@contextmanager
def _peft_warnings_ignored() -> Iterator[None]:
    """PEFT 0.21 asks transformers 5 for an attribute that it has renamed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        yield


def trainable_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Every tensor that training changes, by name; the tensors themselves, not copies."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def load_trainable_state(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Copy ``state`` into the model; its names must be exactly those of ``trainable_state``."""
    own = trainable_state(model)
    if own.keys() != state.keys():
        raise RunError(N_("This checkpoint belongs to a run with other trainable layers; start a new run instead."))
    copy_state(state, own)


def copy_state(state: dict[str, torch.Tensor], into: dict[str, torch.Tensor]) -> None:
    """Overwrite every tensor of ``into`` with the one of its name in ``state``."""
    with torch.no_grad():
        for name, tensor in into.items():
            tensor.copy_(state[name])


def save_adapter(model: PeftModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write adapter, trained head and tokenizer to ``folder``, which appears as a whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    model.save_pretrained(temporary, save_embedding_layers=False)  # 'auto' would ask the hub
    tokenizer.save_pretrained(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)


def load_adapter(model: PreTrainedModel, folder: Path) -> PeftModel:
    """Put a saved adapter onto a freshly loaded base model, with plain PEFT."""
    with _peft_warnings_ignored():
        return PeftModel.from_pretrained(model, folder)


def missing_tensors(model: PeftModel, folder: Path) -> list[str]:
    """Names of tensors that were trained but are not in the saved adapter; empty when all are there."""
    with safe_open(folder / "adapter_model.safetensors", framework="numpy") as saved:
        names = set(saved.keys())
    return sorted(name for name in trainable_state(model) if saved_name(name) not in names)


def saved_name(name: str) -> str:
    """What PEFT saves a trained tensor as: it leaves the adapter's own name out."""
    return name.replace(".modules_to_save.default.", ".").replace(".default.", ".")


def read_saved(path: Path, model: PeftModel) -> dict[str, torch.Tensor]:
    """The tensors of a saved adapter, by the names that PEFT gave them; they fit ``model`` and are numbers.

    Raises:
        RunError: the file is damaged, or belongs to an adapter of another shape.
    """
    try:
        saved = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(N_("The adapter to start from cannot be read. Start from another run.")) from error
    shapes = {saved_name(name): tensor.shape for name, tensor in trainable_state(model).items()}
    if {name: tensor.shape for name, tensor in saved.items()} != shapes:
        raise RunError(N_("The adapter to start from has other layers than this run trains. Start from another run."))
    if not all(tensor.isfinite().all() for tensor in saved.values()):
        raise RunError(N_("The adapter to start from holds NaN or infinity. Start from another run."))
    return saved


def start_from(model: torch.nn.Module, saved: dict[str, torch.Tensor], scale: float) -> None:
    """Let the adapter go on from a saved one.

    Args:
        scale: the saved adapter's scaling by this one's, so that both answer alike.
    """
    with torch.no_grad():
        for name, tensor in trainable_state(model).items():
            tensor.copy_(saved[saved_name(name)] * (scale if ".lora_B." in name else 1))


def renew_classifier(model: PeftModel) -> None:
    """Give the adapter the classifier that the base model was given: drawn from the seed, and untrained."""
    classifier = model.base_model.model.classifier
    classifier.modules_to_save["default"].load_state_dict(classifier.original_module.state_dict())


@contextmanager
def adapter_disabled(model: PeftModel) -> Iterator[None]:
    """Let the base model answer, through its original head; PEFT's own way leaves frozen adapters trainable."""
    trainable = {parameter: parameter.requires_grad for parameter in model.parameters()}
    try:
        with model.disable_adapter():
            yield
    finally:
        for parameter, requires_grad in trainable.items():
            parameter.requires_grad = requires_grad


@contextmanager
def adapter_scaled(model: PeftModel, scale: float) -> Iterator[None]:
    """Let base + ``scale`` * (trained - base) answer; afterwards every weight is what it was, bit for bit.

    0 is the base model with the head under the adapter, 1 the trained adapter, and what lies between or beyond is
    linear in the weights: task arithmetic (Ilharco et al. 2023, arXiv:2212.04089). LoRA's matrices are a difference
    already; of pooler and classifier the adapter holds trained copies.
    """
    wrappers = [module for module in model.modules() if isinstance(module, ModulesToSaveWrapper)]
    pairs = [
        (original, copy)
        for wrapper in wrappers
        for original, copy in zip(
            wrapper.original_module.parameters(), wrapper.modules_to_save["default"].parameters(), strict=True
        )
    ]
    trained = [copy.detach().clone() for _, copy in pairs]
    try:
        with rescale_adapter_scale(model, scale):
            with torch.no_grad():
                for (original, copy), tensor in zip(pairs, trained, strict=True):
                    copy.copy_(torch.lerp(original, tensor, scale))  # exact at 0 and at 1
            yield
    finally:
        with torch.no_grad():
            for (_, copy), tensor in zip(pairs, trained, strict=True):
                copy.copy_(tensor)
