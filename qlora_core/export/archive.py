"""What a user takes home: a zip with the adapter, the run's records, and a script that loads it with plain peft."""

from pathlib import Path

from qlora_core.export.file_to_write import check_is_no_folder
from qlora_core.models.limits import NOT_QUANTIZED
from qlora_core.store.directory import ADAPTER
from qlora_core.store.packed.pack import parts_to_take_home, write_packed
from qlora_core.store.run import Run

LOAD_SCRIPT = '''"""Ask the adapter about a pair of sentences: python load_adapter.py "First." "Second." """

import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BitsAndBytesConfig

ADAPTER = Path(__file__).resolve().parent{adapter}
BASE_MODEL = sys.argv[3] if len(sys.argv) > 3 else {base_model!r}  # or a folder that holds it
quantization = {quantization}
try:
    base = AutoModelForSequenceClassification.from_pretrained(
        BASE_MODEL, num_labels=2, dtype=torch.float32, quantization_config=quantization
    )
except OSError:
    sys.exit({no_base_model!r})
model = PeftModel.from_pretrained(base, ADAPTER).eval()
tokenizer = AutoTokenizer.from_pretrained(ADAPTER)
pair = tokenizer(
    sys.argv[1],
    sys.argv[2],
    truncation=True,
    max_length={max_length},
    return_token_type_ids=True,  # which sentence a token belongs to; not every tokenizer gives it unasked
    return_tensors="pt",
)
with torch.inference_mode():
    probability = model(**pair.to(model.device)).logits.softmax(-1)[0, 1].item()
print(f"probability that both say the same: {{probability:.4f}}")
'''
NO_BASE_MODEL = "This adapter belongs to {name} (SHA-256 {sha256}). Give its folder as third argument."


def export_run(run: Run, path: Path) -> Path:
    """Write ``path``: the adapter folder, every record of the run, and ``load_adapter.py``.

    Of paths on this machine, the configuration keeps the last part.

    Raises:
        RunError: the run has no result yet, or ``path`` is a folder.
        StorageError: the zip cannot be written.
    """
    records = list(parts_to_take_home(run))
    check_is_no_folder(path, run.id, ".zip")
    write_packed(path, run.id, [("load_adapter.py", load_script(run).encode()), *records])
    return path


def load_script(run: Run, *, beside: bool = False) -> str:
    """A short program that loads the adapter with transformers, bitsandbytes and peft alone.

    Args:
        beside: the adapter's files lie beside it, instead of in a folder there.
    """
    base = run.require_result()["base_model"]
    name = base["hub_id"] or base["id"]
    return LOAD_SCRIPT.format(
        adapter="" if beside else f" / {ADAPTER!r}",
        base_model=name,
        no_base_model=NO_BASE_MODEL.format(name=name, sha256=base["sha256"]),
        max_length=run.config.max_length,
        quantization=_quantization_words(run),
    )


def _quantization_words(run: Run) -> str:
    config, scheme = run.config, run.config.scheme
    skipped = f"llm_int8_skip_modules={NOT_QUANTIZED}"
    if scheme.bits is None:
        return "None"
    if scheme.bits == 8:
        return f"BitsAndBytesConfig(load_in_8bit=True, {skipped})"
    return (
        f'BitsAndBytesConfig(\n    load_in_4bit=True, bnb_4bit_quant_type="{scheme.bnb_4bit_quant_type}", '
        f"bnb_4bit_use_double_quant={config.bnb_4bit_use_double_quant},\n    {skipped}\n)"
    )
