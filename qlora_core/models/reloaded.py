"""Load a saved run with plain transformers and PEFT; as a program, answer its validation pairs in a fresh process.

python -m qlora_core.models.reloaded RUN_DIRECTORY LOGITS.npy prints "done total" as it goes.
"""

import sys
from pathlib import Path

import numpy as np
from peft import PeftModel
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.data.batching import tokenize
from qlora_core.data.sources import load_run_pairs
from qlora_core.models.adapter import attach_lora, load_adapter, trainable_state
from qlora_core.models.catalog import find_base_model
from qlora_core.models.checkpoint import load_newest
from qlora_core.models.device import Compute, start_accelerator
from qlora_core.models.inference import predict_logits
from qlora_core.models.quantization import load_quantized, quantization_config
from qlora_core.models.tokenizer import load_tokenizer
from qlora_core.store.runs import Run, RunStore


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


def main(run_directory: str, output: str) -> None:
    """Write the reloaded model's validation logits, shape (n, 2), to ``output``."""
    path = Path(run_directory)
    run = RunStore(path.parent).open(path.name)
    compute, accelerator = start_accelerator(run.config)
    model, tokenizer = reload_finetuned(run, compute)
    pairs = tokenize(load_run_pairs(run.config).validation, tokenizer, run.config.max_length)
    logits = predict_logits(model, pairs, accelerator, run.config.eval_batch_size, _print_progress)
    np.save(output, logits, allow_pickle=False)


def _print_progress(done: int, total: int) -> None:
    print(done, total, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
