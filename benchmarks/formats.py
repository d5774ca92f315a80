"""What each format costs in answers: accuracy of base and adapter on validation, the base stored in each format.

    python -m benchmarks.formats RUN_DIRECTORY [...]

The adapter stays what was trained over the run's own format; the base's matrices are stored in another one each time.
Written to assets/inside/format_scores.json, which the tab "Inside" shows as recorded.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from qlora_core.assets import ASSETS
from qlora_core.data.sources import load_run_pairs
from qlora_core.evaluation.answerers import Askable
from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.formats import plain_int4
from qlora_core.inspection.matrices import linear_layer, matrix_names
from qlora_core.models.factory import ModelFactory
from qlora_core.models.reloaded import reload_finetuned
from qlora_core.store.run import Run

TARGET = ASSETS / "inside" / "format_scores.json"
#: Names as ``inspection.formats`` has them, and the settings that store the base so.
FORMATS: dict[str, dict[str, Any]] = {
    "float32": {"quantization": "none"},
    "int8": {"quantization": "int8"},
    "NF4": {"quantization": "nf4", "bnb_4bit_use_double_quant": False},
    "NF4, double quantisation": {"quantization": "nf4", "bnb_4bit_use_double_quant": True},
    "FP4": {"quantization": "fp4", "bnb_4bit_use_double_quant": False},
    "plain int4": {"quantization": "none"},
}
ANSWERERS: tuple[Askable, ...] = ("linear_probe", "finetuned")


def measure(run: Run) -> dict[str, Any]:
    """Accuracy by format and answerer, and what it was measured on."""
    pairs = load_run_pairs(run.config).validation
    scores = {}
    for name, settings in FORMATS.items():
        predictor = Predictor(run)
        models = ModelFactory(run.config.model_copy(update=settings), predictor.models.base, predictor.models.compute)
        predictor.model = reload_finetuned(run, models)
        if name == "plain int4":
            _store_evenly(predictor)
        tokenized = predictor.tokenized(pairs)
        answers = {who: predictor.logits(tokenized, who).argmax(axis=1) for who in ANSWERERS}
        scores[name] = {who: round(float((found == tokenized.labels).mean()), 4) for who, found in answers.items()}
        print(run.id, name, scores[name], flush=True)
    compute = predictor.models.compute
    return {
        "n": len(pairs),
        "scores": scores,
        "trained_in": run.config.quantization,
        "computed_in": str(compute.dtype).removeprefix("torch."),
    }


def _store_evenly(predictor: Predictor) -> None:
    with torch.no_grad():
        for name in matrix_names(predictor.model):
            weight = linear_layer(predictor.model, name).weight
            weight.copy_(plain_int4(weight.float())[0])


def main() -> None:
    """Measure every run named, and write the file anew."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    found = {path.resolve().name: measure(Run(path.resolve())) for path in parser.parse_args().runs}
    TARGET.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
