"""Try training recipes on MRPC, several seeds each, and tabulate what they reached (docs/recipes.md).

    python -m benchmarks.recipes run       --out recipes.jsonl --seeds 0 1 2 [--recipes NAME ...] [--data-dir DIR]
    python -m benchmarks.recipes table     --out recipes.jsonl
    python -m benchmarks.recipes selection [--data-dir DIR] [--folds 3]

A recipe is a set of changes to the ``standard`` preset. Every run appends one JSON line as it ends, and a run that is
in the file already is not done again, so the search can be interrupted and spread over several processes.

``selection`` measures how much it flatters to choose the best epoch on the pairs that are then reported: the
``standard`` preset is trained on all but a part of MRPC's training pairs; from that part come disjoint samples of the
size of MRPC's validation split; the epoch is chosen on one sample, and its scores there are compared with the others.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

from qlora_core.config import make_config
from qlora_core.data.sources import load_run_pairs
from qlora_core.evaluation.best_epoch import best_epoch
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import score
from qlora_core.training.loop.events import Evaluated
from qlora_core.training.loop.trainer import Trainer
from qlora_core.training.setup import Setup

PLAIN: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 16,
    "learning_rate": 5e-4,
    "num_train_epochs": 4,
    "train_batch_size": 16,
    "modules_to_save": ("classifier", "pooler"),
    "swap_probability": 0.0,
}
WIDE = PLAIN | {"r": 16, "lora_alpha": 32, "learning_rate": 3e-4}
DROPOUT = {"hidden_dropout_prob": 0.1, "lora_dropout": 0.05}
RECIPES: dict[str, dict[str, Any]] = {
    "standard": {},
    "standard, unquantised": {"quantization": "none"},
    "standard, no swap": {"swap_probability": 0.0},
    "all linear layers, r 8, 5e-4": PLAIN,
    "pooler frozen": PLAIN | {"modules_to_save": ("classifier",)},
    "r 16, alpha 32, 3e-4": WIDE,
    "r 16, alpha 32, 3e-4, 3 epochs": WIDE | {"num_train_epochs": 3},
    "r 16, alpha 32, 3e-4, 3 epochs, unquantised": WIDE | {"num_train_epochs": 3, "quantization": "none"},
    "batch 32, 1e-3": PLAIN | {"train_batch_size": 32, "learning_rate": 1e-3},
    "dropout 0.1, 6 epochs": PLAIN | DROPOUT | {"num_train_epochs": 6},
    "swap 0.5, 6 epochs": PLAIN | {"swap_probability": 0.5, "num_train_epochs": 6},
    "smoothing 0.1": PLAIN | {"label_smoothing_factor": 0.1},
    "dropout, swap, smoothing, 8 epochs": PLAIN
    | DROPOUT
    | {"swap_probability": 0.5, "label_smoothing_factor": 0.1, "num_train_epochs": 8},
    "query and value only (notebook)": PLAIN | {"target_modules": ("query", "value"), "num_train_epochs": 3},
}


def make_trainer(setup: Setup, folder: Path) -> Trainer:
    """A training of the setup's own base model with fresh adapters, whose checkpoint is kept in ``folder``."""
    return setup.trainer(setup.untrained_adapter(), folder / "checkpoint.safetensors")


def train_recipe(name: str, seed: int, data_dir: str | None, changes: dict[str, Any]) -> dict[str, Any]:
    """Train once; the history of its evaluations and what they cost."""
    config = make_config(dataset="mrpc", data_dir=data_dir, seed=seed, **changes)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(Setup.load(config), Path(folder))
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
    recorded = [point for histories in rows.values() for history in histories for point in history]
    metrics = [metric for metric in METRICS.values() if metric.of_counts and all(metric.name in p for p in recorded)]
    words = [f"{when} epoch: {metric.label}" for when in ("best", "last") for metric in metrics]
    print(f"| recipe | seeds | {' | '.join(words)} |\n{'|---' * (2 + len(words))}|")
    for name, histories in rows.items():
        best = [history[best_epoch(history)] for history in histories]
        last = [history[-1] for history in histories]
        cells = [_mean(points, metric.name) for points in (best, last) for metric in metrics]
        print(f"| {name} | {len(histories)} | " + " | ".join(cells) + " |")


def selection(options: argparse.Namespace) -> None:
    """Print what choosing the epoch on the reported pairs adds to their scores, fold by fold and on average."""
    config = make_config(dataset="mrpc", data_dir=options.data_dir)
    pairs = load_run_pairs(config)
    folds = StratifiedKFold(options.folds, shuffle=True, random_state=0)
    flattery = []
    for number, (train, held_out) in enumerate(folds.split(pairs.train["label"], pairs.train["label"])):
        part = replace(pairs, train=pairs.train.select(train), validation=pairs.train.select(held_out))
        setup = Setup.load(config, part)
        with tempfile.TemporaryDirectory() as folder:
            trainer = make_trainer(setup, Path(folder))
            epochs = [setup.answer(trainer.model) for event in trainer.train() if isinstance(event, Evaluated)]
        flattery.append(_flattery(epochs, setup.validation.labels, len(pairs.validation), number))
        print(f"fold {number + 1}: accuracy {flattery[-1][0]:+.4f}, F1 {flattery[-1][1]:+.4f}", flush=True)
    accuracy, f1 = np.mean(flattery, axis=0)
    print(
        f"choosing the epoch on the reported pairs adds {accuracy:+.4f} accuracy, {f1:+.4f} F1 ({options.folds} folds)"
    )


def _flattery(epochs: list[np.ndarray], labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Accuracy and F1 where the epoch was chosen minus those elsewhere, averaged over pairs of samples, shape (2,)."""
    order = np.random.default_rng(seed).permutation(len(labels))
    samples = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
    measured = [[score(logits[rows], labels[rows]).values for rows in samples] for logits in epochs]
    scores = np.array([[[values["accuracy"], values["f1"]] for values in epoch] for epoch in measured])
    gains = []
    for here in range(len(samples)):
        best = int(scores[:, here].mean(axis=1).argmax())
        gains.append(scores[best, here] - np.delete(scores[best], here, axis=0).mean(axis=0))
    return np.mean(gains, axis=0)


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
    parser.add_argument("action", choices=["run", "table", "selection"])
    parser.add_argument("--out", type=Path, default=Path("recipes.jsonl"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES))
    parser.add_argument("--data-dir")
    parser.add_argument("--folds", type=int, default=3)
    options = parser.parse_args()
    {"run": run, "table": table, "selection": selection}[options.action](options)


if __name__ == "__main__":
    main()
