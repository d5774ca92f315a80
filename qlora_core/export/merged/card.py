"""The card of a merged model: how it answers beside the run that it was made of, and how it is loaded."""

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard

from qlora_core.choices import LABELS, SCHEMES
from qlora_core.export.merged.agreement import Compared, Form
from qlora_core.store.files import replace_text
from qlora_core.training.reports.model_card import card_of, header, how_it_was_made, measured_table

NOT_COMPARED = (
    "The validation pairs of the run were not on the machine that merged it, so its answers were not compared."
)
FORMS: dict[Form, str] = {"safetensors": "The model, by transformers", "onnx": "`onnx/model.onnx`, by ONNX Runtime"}
ONNX = (
    "`onnx/model.onnx` takes `input_ids`, `attention_mask` and `token_type_ids`, each of the shape (pairs, tokens), "
    "and gives `logits`."
)
HOW_TO_LOAD = """## How to load it

Plain transformers, without PEFT and bitsandbytes; put the name of this repository or folder for `MODEL`:

```python
from transformers import pipeline

answer = pipeline("text-classification", model="MODEL")
print(answer({{"text": "First sentence.", "text_pair": "Second sentence."}}, truncation=True))
```

The labels are `{different}` (0) and `{same}` (1); pairs are cut off at {max_length} tokens.
"""


def write_card(folder: Path, result: dict[str, Any], compared: dict[Form, Compared], *, has_onnx: bool = False) -> None:
    """Write ``README.md``.

    Args:
        result: the run's ``result.json``.
        compared: empty where the validation pairs are not on this machine.
    """
    replace_text(folder / "README.md", str(merged_card(result, compared, has_onnx=has_onnx)))


def merged_card(result: dict[str, Any], compared: dict[Form, Compared], *, has_onnx: bool) -> ModelCard:
    """The card; scores are in its header only where the merged model was measured."""
    data = header(result, "transformers", compared["safetensors"].scores.of_counts if compared else None)
    if not compared:
        data.eval_results = None
    about = [*measured_table(result), *how_it_was_made(result)]
    return card_of(data, [*_summary(result, compared), *_loading(result), *[ONNX, ""] * has_onnx, *about])


def _summary(result: dict[str, Any], compared: dict[Form, Compared]) -> list[str]:
    return [
        f"# {result['base_model']['id']} fine-tuned on {result['dataset']['id']}, merged",
        "",
        "Tells whether two English sentences say the same (label 1, paraphrase) or not (label 0).",
        f"Base model and QLoRA adapter of run {result['run_id']} as one, in float32.{_dequantised(result)}",
        "",
        "## Against the run",
        "",
        *(f"{FORMS[form]}: {found.agreement.words}" for form, found in compared.items()),
        *([] if compared else [NOT_COMPARED]),
        "",
    ]


def _dequantised(result: dict[str, Any]) -> str:
    scheme = SCHEMES[result["config"]["quantization"]]
    if scheme.bits is None:
        return ""
    return (
        f" The base model was held {scheme.stored} for training, and the adapter corrects that rounding too: so it is "
        "the rounded weights, dequantised, that the adapter was added to."
    )


def _loading(result: dict[str, Any]) -> list[str]:
    different, same = LABELS
    text = HOW_TO_LOAD.format(different=different, same=same, max_length=result["config"]["max_length"])
    return text.split("\n")
