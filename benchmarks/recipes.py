"""Train recipes with several seeds, as whole runs, and tabulate what they reached (docs/recipes.md).

    python -m benchmarks.recipes run       [--runs-dir DIR] [--recipes NAME ...] [--seeds 0 1 2 3 4] [--data-dir DIR]
    python -m benchmarks.recipes table     [--runs-dir DIR] [--recipes NAME ...]
    python -m benchmarks.recipes curves    [--runs-dir DIR] [--recipes NAME ...] --plot FILE
    python -m benchmarks.recipes selection [--data-dir DIR] [--folds 3]

A recipe is a preset, on a dataset, with some settings changed. Its runs lie in a store like any other, so that the page
and ``python -m qlora_core runs`` show them. A run that has finished there already is not done again: the search can be
interrupted, and spread over several processes.

``curves`` draws validation accuracy against the pairs shown so far, a line a seed.

``selection`` measures how much it flatters to choose the best epoch on the pairs that are then reported: the
``standard`` preset is trained on all but a part of MRPC's training pairs; from that part come disjoint samples of the
size of MRPC's validation split; the epoch is chosen on one sample, and its scores there are compared with the others.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot
from sklearn.model_selection import StratifiedKFold

from benchmarks.harness import make_trainer
from qlora_core.config import RunConfig, make_config
from qlora_core.data.sources import load_run_pairs
from qlora_core.evaluation.best_epoch import best_epoch
from qlora_core.evaluation.comparison import Outcome, recorded_comparisons, recorded_outcome
from qlora_core.evaluation.metrics import METRICS
from qlora_core.evaluation.scores import score
from qlora_core.store.runs import RunStore
from qlora_core.training.loop.events import Evaluated
from qlora_core.training.run_process import start_run
from qlora_core.training.setup import Setup

Result = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What is trained with every seed."""

    dataset: str
    preset: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def config(self, seed: int, data_dir: str | None) -> RunConfig:
        """The configuration of its run with a seed."""
        folder = {"data_dir": data_dir} if self.dataset == "mrpc" else {}
        return make_config(self.preset, dataset=self.dataset, seed=seed, **{**folder, **self.changes})


PLAIN: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 16,
    "learning_rate": 5e-4,
    "num_train_epochs": 4,
    "easy_pairs_steps": 0,
    "swap_probability": 0.0,
}
WIDE = PLAIN | {"r": 16, "lora_alpha": 32, "learning_rate": 3e-4}
DROPOUT = {"hidden_dropout_prob": 0.1, "lora_dropout": 0.05}
ON_MRPC: dict[str, dict[str, Any]] = {
    "unquantised": {"quantization": "none"},
    "no swap": {"swap_probability": 0.0},
    "r 8, 5e-4": PLAIN,
    "pooler frozen": PLAIN | {"modules_to_save": ("classifier",)},
    "r 16, 3e-4": WIDE,
    "r 16, 3e-4, 3 epochs": WIDE | {"num_train_epochs": 3},
    "r 16, 3e-4, 3 epochs, unquantised": WIDE | {"num_train_epochs": 3, "quantization": "none"},
    "batch 32, 1e-3": PLAIN | {"train_batch_size": 32, "learning_rate": 1e-3},
    "dropout 0.1, 6 epochs": PLAIN | DROPOUT | {"num_train_epochs": 6},
    "swap 0.5, 6 epochs": PLAIN | {"swap_probability": 0.5, "num_train_epochs": 6},
    "smoothing 0.1": PLAIN | {"label_smoothing_factor": 0.1},
    "dropout, swap, smoothing, 8 epochs": PLAIN
    | DROPOUT
    | {"swap_probability": 0.5, "label_smoothing_factor": 0.1, "num_train_epochs": 8},
}
WITHOUT_TOKEN_TYPES = {"modules_to_save": ("classifier", "pooler")}
SOONER = {"r": 32, "lora_alpha": 64, "learning_rate": 3e-4, "easy_pairs_steps": 100, "max_train_samples": 8840}
RECIPES = {
    "quick": Recipe("pairs", "quick"),
    "quick, r 32": Recipe("pairs", "quick", {"r": 32, "lora_alpha": 64}),
    "quick without easy pairs": Recipe("pairs", "quick", {"easy_pairs_steps": 0}),
    "quick without token types": Recipe("pairs", "quick", WITHOUT_TOKEN_TYPES),
    "standard, r 32, 3e-4, easy pairs": Recipe("pairs", "standard", SOONER),
    "standard": Recipe("pairs", "standard"),
    "quick on MRPC": Recipe("mrpc", "quick"),
    "standard on MRPC": Recipe("mrpc", "standard"),
    "notebook on MRPC": Recipe("mrpc", "notebook"),
    **{f"{name} on MRPC": Recipe("mrpc", "standard", changes) for name, changes in ON_MRPC.items()},
}


def results_of(store: RunStore, recipe: Recipe) -> dict[int, Result]:
    """The results of a recipe's finished runs in a store, by seed; the folder of MRPC may be another."""
    found: dict[int, Result] = {}
    for run in store.runs():
        config = run.config
        if config == recipe.config(config.seed, config.data_dir) and (result := run.result) is not None:
            found[config.seed] = result
    return dict(sorted(found.items()))


def run(options: argparse.Namespace, store: RunStore) -> None:
    """Train every chosen recipe with every seed that has not finished in the store yet."""
    for seed in options.seeds:
        for name in options.recipes:
            recipe = RECIPES[name]
            if seed in results_of(store, recipe):
                continue
            result = start_run(recipe.config(seed, options.data_dir), store, lambda *_: None).require_result()
            print(f"{name}, seed {seed}: {_scores(result)}, {result['train_seconds']:.0f} s of training", flush=True)


def _scores(result: Result) -> str:
    scores = result["metrics"]["finetuned"]
    return f"accuracy {scores['accuracy']:.4f}, F1 {scores['f1']:.4f}"


def table(options: argparse.Namespace, store: RunStore) -> None:
    """Print a Markdown table: mean and spread over seeds, and how many seeds beat the linear probe beyond chance."""
    metrics = [metric for metric in METRICS.values() if metric.of_counts]
    words = [f"{when} epoch: {metric.label}" for when in ("best", "last") for metric in metrics]
    print(f"| recipe | seeds | pairs shown | {' | '.join(words)} | gain over the linear probe | beyond chance |")
    print("|---" * (5 + len(words)) + "|")
    for name in options.recipes:
        if not (results := list(results_of(store, RECIPES[name]).values())):
            continue
        histories = [result["history"] for result in results]
        best, last = [history[best_epoch(history)] for history in histories], [history[-1] for history in histories]
        probe = [recorded_comparisons(result)["linear_probe"] for result in results]
        beyond = sum(recorded_outcome(each) is Outcome.BETTER for each in probe)
        shown = sorted({result.get("pairs_shown") or 0 for result in results})
        cells = [
            name,
            str(len(results)),
            " to ".join(f"{count:,}" for count in dict.fromkeys((shown[0], shown[-1]))),
            *(_mean(points, metric.name) for points in (best, last) for metric in metrics),
            _mean(probe, "accuracy_gain"),
            f"{beyond} of {len(results)}",
        ]
        print(f"| {' | '.join(cells)} |")
    _by_phenomenon(options.recipes, store)


def _by_phenomenon(names: list[str], store: RunStore) -> None:
    """A table for the recipes whose pairs have phenomena: means over seeds, and the linear probe's."""
    for name in names:
        results = results_of(store, RECIPES[name]).values()
        if not (found := [result["by_phenomenon"] for result in results if "by_phenomenon" in result]):
            continue
        print(f"\n| phenomenon | linear probe | {name}: mean of {len(found)} seeds |\n|---|---|---|")
        for phenomenon in found[0]["finetuned"]:
            accuracies = [
                np.mean([entry[who][phenomenon]["accuracy"] for entry in found])
                for who in ("linear_probe", "finetuned")
            ]
            print(f"| {phenomenon} | " + " | ".join(f"{accuracy:.2f}" for accuracy in accuracies) + " |")


def curves(options: argparse.Namespace, store: RunStore) -> None:
    """Draw each chosen recipe's validation accuracy, a line a seed."""
    figure, drawings = pyplot.subplots(
        1, len(options.recipes), figsize=(4.6 * len(options.recipes), 3.4), layout="constrained", sharey=True
    )
    for drawing, name in zip(np.atleast_1d(drawings), options.recipes, strict=True):
        for seed, result in results_of(store, RECIPES[name]).items():
            history = result["history"]
            drawing.plot(
                [_pairs_shown(result, point["step"]) for point in history],
                [point["accuracy"] for point in history],
                marker=".",
                label=f"seed {seed}",
            )
            probe = result["metrics"]["linear_probe"]["accuracy"]
            drawing.axhline(probe, linestyle="--", linewidth=0.8, color="#5a6b7b")
        drawing.set(title=f"{name}; dashed: linear probes", xlabel="pairs shown", ylabel="validation accuracy")
        drawing.set_xlim(left=0)
        drawing.legend(frameon=False)
    figure.savefig(options.plot)


def _pairs_shown(result: Result, step: int) -> int:
    """Pairs that had been shown after a step, the easy ones beside the first batches included."""
    config = result["config"]
    batches = step + min(step, config.get("easy_pairs_steps", 0))
    return min(batches * config["train_batch_size"], result["pairs_shown"])


def selection(options: argparse.Namespace, _: RunStore) -> None:
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


def _mean(points: list[Any], name: str) -> str:
    values = [point[name] for point in points]
    spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{spread}"


def main() -> None:
    """Run, tabulate, draw, or measure the selection."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "table", "curves", "selection"])
    parser.add_argument("--runs-dir", type=Path, default=Path("recipes"), help="the store that the runs lie in")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--data-dir", help="folder with MRPC's parquet files")
    parser.add_argument("--plot", type=Path, help="draw to this file (.svg or .png)")
    parser.add_argument("--folds", type=int, default=3)
    options = parser.parse_args()
    if options.action == "curves" and options.plot is None:
        parser.error("curves needs --plot FILE")
    actions = {"run": run, "table": table, "curves": curves, "selection": selection}
    actions[options.action](options, RunStore(options.runs_dir))


if __name__ == "__main__":
    main()
