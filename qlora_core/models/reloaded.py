"""Load a saved run with plain transformers and PEFT."""

from peft import PeftModel
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.models.adapter import load_adapter, trainable_state
from qlora_core.models.checkpoint import load_newest
from qlora_core.models.factory import ModelFactory
from qlora_core.store.run import Run


def reload_finetuned(run: Run, models: ModelFactory) -> PeftModel:
    """The run's base model, quantised anew, with its saved adapter.

    Raises:
        ModelError: the base model's files are damaged.
    """
    return load_adapter(models.quantized().model, run.adapter_dir).eval()


def reload_tokenizer(run: Run) -> PreTrainedTokenizerBase:
    """The tokenizer that was saved beside the run's adapter."""
    return AutoTokenizer.from_pretrained(run.adapter_dir, local_files_only=True)


def reload_checkpoint(run: Run, models: ModelFactory) -> tuple[PeftModel, int]:
    """The run's base model, quantised anew, with the newest weights of its checkpoint; and the step they are of.

    Raises:
        ModelError: the base model's files are damaged.
        RunError: there is no checkpoint, or it is damaged.
    """
    model = models.with_lora(models.quantized().model).eval()
    return model, load_newest(run.checkpoint_path, trainable_state(model))
