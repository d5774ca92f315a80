"""Load a saved run with plain transformers and PEFT."""

from peft import PeftModel
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.models.adapter import attach_lora, load_adapter, trainable_state
from qlora_core.models.catalog import find_base_model
from qlora_core.models.checkpoint import load_newest
from qlora_core.models.device import Compute
from qlora_core.models.quantization import load_quantized, quantization_config
from qlora_core.models.tokenizer import load_tokenizer
from qlora_core.store.runs import Run


def reload_finetuned(run: Run, compute: Compute) -> tuple[PeftModel, PreTrainedTokenizerBase]:
    """The run's base model, quantised anew, with its saved adapter and tokenizer.

    Raises:
        ModelError, HubError: the base model is not to be had on this machine.
    """
    base = find_base_model(run.config.base_model)
    quantization = quantization_config(run.config, compute.dtype)
    loaded = load_quantized(base.folder, quantization, compute, run.config.seed)
    tokenizer = AutoTokenizer.from_pretrained(run.adapter_dir, local_files_only=True)
    return load_adapter(loaded.model, run.adapter_dir).eval(), tokenizer


def reload_checkpoint(run: Run, compute: Compute) -> tuple[PeftModel, PreTrainedTokenizerBase, int]:
    """The run's base model, quantised anew, with the newest weights of its checkpoint; and the step they are of.

    Raises:
        ModelError, HubError: the base model is not to be had on this machine.
        RunError: there is no checkpoint, or it is damaged.
    """
    base = find_base_model(run.config.base_model)
    quantization = quantization_config(run.config, compute.dtype)
    loaded = load_quantized(base.folder, quantization, compute, run.config.seed)
    tokenizer = load_tokenizer(base, run.config.max_length)
    model = attach_lora(loaded.model, run.config, base.id).eval()
    return model, tokenizer, load_newest(run.checkpoint_path, trainable_state(model))
