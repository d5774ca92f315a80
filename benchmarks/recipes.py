"""Try training recipes on MRPC, several seeds each, and tabulate what they reached (docs/recipes.md).

    python -m benchmarks.recipes run   --out recipes.jsonl --seeds 0 1 2 [--recipes NAME ...] [--data-dir DIR]
    python -m benchmarks.recipes table --out recipes.jsonl

A recipe is a set of changes to the ``standard`` preset. Every run appends one JSON line as it ends, and a run that is
in the file already is not done again, so the search can be interrupted and spread over several processes.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from qlora_core.adapter import attach_lora
from qlora_core.batching import tokenize
from qlora_core.catalog import find_base_model
from qlora_core.config import make_config
from qlora_core.environment import start_accelerator
from qlora_core.evaluation import best_epoch
from qlora_core.quantization import load_quantized, quantization_config
from qlora_core.reload import load_run_pairs
from qlora_core.training import Trainer

PLAIN: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 16,
    "learning_rate": 5e-4,
    "num_train_epochs": 4,
    "train_batch_size": 16,
    "modules_to_save": ("classifier", "pooler"),
}
DROPOUT = {"hidden_dropout_prob": 0.1, "lora_dropout": 0.05}
RECIPES: dict[str, dict[str, Any]] = {
    "all linear layers, r 8, 5e-4": PLAIN,
    "pooler frozen": PLAIN | {"modules_to_save": ("classifier",)},
    "r 16, alpha 32, 3e-4": PLAIN | {"r": 16, "lora_alpha": 32, "learning_rate": 3e-4},
    "batch 32, 1e-3": PLAIN | {"train_batch_size": 32, "learning_rate": 1e-3},
    "dropout 0.1, 6 epochs": PLAIN | DROPOUT | {"num_train_epochs": 6},
    "swap 0.5, 6 epochs": PLAIN | {"swap_probability": 0.5, "num_train_epochs": 6},
    "smoothing 0.1": PLAIN | {"label_smoothing_factor": 0.1},
    "dropout, swap, smoothing, 8 epochs": PLAIN
    | DROPOUT
    | {"swap_probability": 0.5, "label_smoothing_factor": 0.1, "num_train_epochs": 8},
    "query and value only (notebook)": PLAIN | {"target_modules": ("query", "value"), "num_train_epochs": 3},
}


def train_recipe(name: str, seed: int, data_dir: str | None, changes: dict[str, Any]) -> dict[str, Any]:
    """Train once; the history of its evaluations and what they cost."""
    config = make_config(dataset="mrpc", data_dir=data_dir, seed=seed, **changes)
    compute, accelerator = start_accelerator(config)
    base = find_base_model(config.base_model)
    pairs = load_run_pairs(config)
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    train = tokenize(pairs.train, tokenizer, config.max_length, swapped=config.swap_probability > 0)
    validation = tokenize(pairs.validation, tokenizer, config.max_length)
    loaded = load_quantized(base.folder, quantization_config(config, compute.dtype), compute, seed)
    model = attach_lora(loaded.model, config, base.id)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        trainer = Trainer(model, train, validation, config, accelerator, Path(folder) / "checkpoint.safetensors")
        for _ in trainer.train():
            pass
        summary = trainer.summary()
    return {
        "recipe": name,
        "seed": seed,
        "config": config.model_dump(mode="json"),
        "history": summary.history,
        "seconds": time.monotonic() - started,
        "examples_per_second": summary.examples_per_second,
    }


def run(options: argparse.Namespace) -> None:
    """Train every chosen recipe with every seed that is not in the file yet."""
    for seed in options.seeds:
        for name in options.recipes or RECIPES:
            done = {(row["recipe"], row["seed"]) for row in _read(options.out)}
            if (name, seed) in done:
                continue
            row = train_recipe(name, seed, options.data_dir, RECIPES[name])
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            best = row["history"][best_epoch(row["history"])]
            print(f"{name}, seed {seed}: {best['accuracy']:.4f} / {best['f1']:.4f}, {row['seconds']:.0f} s", flush=True)


def table(options: argparse.Namespace) -> None:
    """Print a Markdown table: mean and spread over seeds, at the best epoch and at the last."""
    rows = defaultdict(list)
    for row in _read(options.out):
        rows[row["recipe"]].append(row["history"])
    print("| recipe | seeds | best epoch: accuracy | F1 | last epoch: accuracy | F1 |\n|---|---|---|---|---|---|")
    for name, histories in rows.items():
        best = [history[best_epoch(history)] for history in histories]
        last = [history[-1] for history in histories]
        cells = [_mean(points, metric) for points in (best, last) for metric in ("accuracy", "f1")]
        print(f"| {name} | {len(histories)} | " + " | ".join(cells) + " |")


def _mean(points: list[dict[str, float]], metric: str) -> str:
    values = [point[metric] for point in points]
    spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{spread}"


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Run or tabulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "table"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES))
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    {"run": run, "table": table}[options.action](options)


if __name__ == "__main__":
    main()
