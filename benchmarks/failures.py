"""Five ways to fail, made on purpose by the engine, and recorded for the tab "Inside".

    python -m benchmarks.failures run   [--folder DIR] [--failures NAME ...] [--data-dir DIR]
    python -m benchmarks.failures write [--folder DIR] [--data-dir DIR]

``run`` trains those that have not finished in DIR/runs yet, a store like any other; the files of pairs that two of them
need are made from the bundled pairs and lie in DIR/pairs. ``write`` puts what they came to into
assets/inside/failures.json: curves, scores and settings, and no sentence of any pair.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from qlora_core.assets import ASSETS, RECORDED_RUNS
from qlora_core.config import RunConfig, make_config
from qlora_core.data.bundles import shared_sentence_bundles
from qlora_core.data.sources import load_pairs
from qlora_core.fields import without_folders
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import start_run

RECORD = ASSETS / "inside" / "failures.json"
SEED = 0
DIGITS = 4
FEW = 160  #: training pairs of those that are to be learned by heart
SCORES = ("step", "epoch", "loss", "accuracy", "f1", "matthews_correlation", "only_answer")

#: Where the files of pairs are: {"dataset": ..., "validation_file": ...}, or nothing.
Pairs = Mapping[str, str]


def bundled(folder: Path) -> Pairs:
    """The bundled pairs as they are."""
    del folder
    return {"dataset": "pairs"}


def mrpc(folder: Path) -> Pairs:
    """MRPC: two in three of its pairs mean the same."""
    del folder
    return {"dataset": "mrpc"}


def shuffled(folder: Path) -> Pairs:
    """Training pairs whose labels were drawn from a hat; the validation pairs keep theirs."""
    pairs = load_pairs("pairs")
    train = _unrelated(pairs.train, FEW)
    labels = np.random.default_rng(SEED).permutation(np.asarray(train["label"]))
    train = train.remove_columns("label").add_column("label", labels)
    return _written(folder, "shuffled", train, pairs.validation)


def leaking(folder: Path) -> Pairs:
    """Validation pairs that are trained on as well."""
    pairs = load_pairs("pairs")
    validation = _unrelated(pairs.validation, FEW)
    return _written(folder, "leaking", validation, validation)


def _unrelated(pairs: Dataset, count: int) -> Dataset:
    """Pairs of which no two share a sentence, so that each is learned by heart by itself."""
    bundles = shared_sentence_bundles(list(pairs["sentence1"]), list(pairs["sentence2"]))
    order = np.random.default_rng(SEED).permutation(len(pairs))
    _, first = np.unique(bundles[order], return_index=True)
    return pairs.select(np.sort(order[np.sort(first)[:count]]))


def _written(folder: Path, name: str, train: Dataset, validation: Dataset) -> Pairs:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {"dataset": folder / f"{name}.jsonl", "validation_file": folder / f"{name}-validation.jsonl"}
    for path, pairs in zip(paths.values(), (train, validation), strict=True):
        rows = pairs.select_columns(["sentence1", "sentence2", "label"])
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        path.write_text("".join(lines), encoding="utf-8")
    return {option: str(path) for option, path in paths.items()}


@dataclass(frozen=True)
class Failure:
    """A run that is meant to go wrong."""

    pairs: Callable[[Path], Pairs]
    preset: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    def config(self, folder: Path, data_dir: str | None) -> RunConfig:
        """Its settings, where the files of pairs and MRPC are in these folders."""
        pairs = dict(self.pairs(folder))
        if pairs["dataset"] == "mrpc" and data_dir:
            pairs["data_dir"] = data_dir
        return make_config(self.preset, seed=SEED, **pairs, **self.changes)


def recorded_standard() -> str:
    """The run that comes with the program and was made with ``standard``."""
    return next(run.id for run in RunStore(RECORDED_RUNS).runs() if run.config == make_config("standard"))


BY_HEART: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 16,
    "learning_rate": 1e-3,
    "num_train_epochs": 8,
    "swap_probability": 0.0,
    "max_eval_samples": 160,
}
FAILURES = {
    "learning_rate": Failure(
        bundled,
        "standard",
        {
            "r": 8,
            "lora_alpha": 16,
            "learning_rate": 0.05,
            "num_train_epochs": 1,
            "evaluations_per_epoch": 5,
            "max_train_samples": 960,
            "max_eval_samples": 160,
        },
    ),
    "majority": Failure(
        mrpc,
        "notebook",
        {"num_train_epochs": 2, "evaluations_per_epoch": 2, "max_train_samples": 960, "max_eval_samples": 200},
    ),
    "shuffled": Failure(shuffled, "standard", BY_HEART),
    "leakage": Failure(leaking, "standard", BY_HEART),
    "overfitting": Failure(
        bundled,
        "standard",
        {
            **BY_HEART,
            "r": 16,
            "lora_alpha": 32,
            "learning_rate": 5e-4,
            "max_train_samples": FEW,
            # from a model that has learned something, which there is to lose
            "init_from": recorded_standard(),
            "init_classifier": "keep",
        },
    ),
}


def run_of(store: RunStore, config: RunConfig) -> Run | None:
    """The run with these settings that has finished in a store."""
    return next((run for run in store.runs() if run.config == config and run.has_result), None)


def run(folder: Path, names: list[str], data_dir: str | None) -> None:
    """Train those that have not finished yet, one after the other."""
    store = RunStore(folder / "runs")
    for name in names:
        config = FAILURES[name].config(folder / "pairs", data_dir)
        if run_of(store, config):
            continue
        started = time.monotonic()
        start_run(config, store, lambda *_: None)
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def record(name: str, run: Run) -> dict[str, Any]:
    """What is kept of a run: numbers and settings."""
    news = RunFeed(run).since(Cursor())
    environment = run.environment
    return {
        "name": name,
        "command": f"python -m benchmarks.failures run --failures {name}",
        "settings": without_folders(run.config.model_dump(mode="json", exclude_defaults=True)),
        "seed": run.config.seed,
        "date": time.strftime("%Y-%m-%d", time.gmtime(run.status.created)),
        "machine": f"{environment['device_name']}, {environment['threads']} thread, {environment['compute_dtype']}",
        "versions": environment["versions"],
        "state": news["state"],
        "total_steps": news["total_steps"],
        "seconds": round(news["seconds"]),
        "ended_by": news["ended_by"],
        "in_both": news["in_both"],
        "validation_pairs": run.require_result()["dataset"]["validation"],
        "points": [[step, round(loss, DIGITS), float(f"{rate:.4g}")] for step, loss, rate in news["points"]],
        "evaluations": [_rounded(entry, SCORES) for entry in news["evaluations"]],
        "baselines": [_rounded(entry, ("name", "loss", "accuracy", "f1")) for entry in news["baselines"]],
    }


def _rounded(entry: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    known = {name: entry[name] for name in names if name in entry}
    return {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in known.items()}


def write(folder: Path, data_dir: str | None) -> None:
    """Record the runs of all failures.

    Raises:
        SystemExit: one of them has not been made yet.
    """
    store = RunStore(folder / "runs")
    runs = {name: run_of(store, failure.config(folder / "pairs", data_dir)) for name, failure in FAILURES.items()}
    if missing := [name for name, run in runs.items() if run is None]:
        raise SystemExit(f"Not made yet: {', '.join(missing)}. Run `python -m benchmarks.failures run` first.")
    records = [record(name, run) for name, run in runs.items() if run is not None]
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text("[\n" + ",\n".join(json.dumps(each) for each in records) + "\n]\n", encoding="utf-8")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "write"])
    parser.add_argument("--folder", type=Path, default=Path("failures"))
    parser.add_argument("--failures", nargs="+", choices=list(FAILURES), default=list(FAILURES), metavar="NAME")
    parser.add_argument("--data-dir", help="folder with MRPC's parquet files")
    options = parser.parse_args()
    if options.action == "run":
        run(options.folder, options.failures, options.data_dir)
    else:
        write(options.folder, options.data_dir)


if __name__ == "__main__":
    main()
