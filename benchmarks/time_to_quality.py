"""Seconds from the start command to a validation F1 on MRPC: ours, and the recipe people paste from notebooks.

    python -m benchmarks.time_to_quality [--target 0.87] [--seeds 0 1 2] [--forms NAME ...] [--data-dir DIR]

Ours is the whole command ``python -m qlora_core train``, which measures its baselines before it trains; "training" is
what remains without them. It has the recipe with the best scores in docs/recipes.md, and so has "at its best"; "as
pasted" has the pasted recipe's (rank 8, 2e-4, three epochs, batches of 32). All answer the validation pairs after each
epoch. A form that ends below the target counts as its whole run, marked "never".
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from sklearn.metrics import f1_score
from transformers import EvalPrediction, TrainerCallback, TrainerControl

from benchmarks.harness import Row, measure_in_child, median, median_and_range, report, take_turns
from benchmarks.pasted_recipe import FORMS, make_pasted_trainer
from qlora_core.config import RunConfig, make_config
from qlora_core.data.sources import load_run_pairs
from qlora_core.models.catalog import find_base_model
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

OURS = "ours"
AS_PASTED: dict[str, Any] = {
    "r": 8,
    "lora_alpha": 16,
    "learning_rate": 2e-4,
    "num_train_epochs": 3,
    "train_batch_size": 32,
}
BEST_OF_MRPC: dict[str, Any] = {"learning_rate": 3e-4, "num_train_epochs": 3, "swap_probability": 0.0}
POLL_SECONDS = 0.1


def reach_with_ours(config: RunConfig, target: float) -> Row:
    """Give the command, and end it as soon as an evaluation reaches ``target``."""
    with tempfile.TemporaryDirectory() as folder:
        settings = config.model_dump(mode="json", exclude_defaults=True)
        arguments = [f"--set={name}={value}" for name, value in settings.items()]
        command = [sys.executable, "-m", "qlora_core", "train", "--runs-dir", folder, *arguments]
        started = time.time()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        try:
            while process.poll() is None:
                time.sleep(POLL_SECONDS)
                for run in RunStore(Path(folder)).runs():
                    if _evaluations(run, target)[1]:
                        process.terminate()
        finally:
            process.wait()
        (run,) = RunStore(Path(folder)).runs()
        return of_our_run(run, started, target)


def of_our_run(run: Run, started: float, target: float) -> Row:
    """What a run that was started at ``started`` (seconds since 1970) came to."""
    evaluations, reached = _evaluations(run, target)
    if not evaluations:
        raise SystemExit(f"The run ended before its first evaluation: {run.status.message}")
    trained = next(event["time"] for event in run.events() if event.get("phase") == "training")
    ended = reached or evaluations[-1]["time"]
    return _row([event["f1"] for event in evaluations], ended - started, ended - trained, target)


def _evaluations(run: Run, target: float) -> tuple[list[dict[str, Any]], float | None]:
    """All so far, and when the first of them reached ``target``."""
    found = [event for event in run.events() if event["kind"] == "evaluation"]
    return found, next((event["time"] for event in found if event["f1"] >= target), None)


def reach_with_pasted(form: str, config: RunConfig, target: float) -> Row:
    """Train in this process, and stop as soon as an evaluation reaches ``target``."""
    scores: list[float] = []

    class UntilTarget(TrainerCallback):
        def on_evaluate(self, _: Any, __: Any, control: TrainerControl, metrics: dict[str, float], **___: Any) -> None:
            scores.append(metrics["eval_f1"])
            control.should_training_stop = scores[-1] >= target

    def measure(answers: EvalPrediction) -> dict[str, float]:
        return {"f1": float(f1_score(answers.label_ids, np.argmax(answers.predictions, axis=1)))}

    base, pairs = find_base_model(config.base_model), load_run_pairs(config)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_pasted_trainer(
            FORMS[form],
            config,
            base.folder,
            pairs.train,
            UntilTarget(),
            Path(folder),
            pairs.validation,
            warmup_steps=config.warmup_ratio,
        )
        trainer.compute_metrics = measure
        started = time.time()
        trainer.train()
        return _row(scores, time.time() - psutil.Process().create_time(), time.time() - started, target)


def _row(scores: list[float], seconds: float, training_seconds: float, target: float) -> Row:
    return {"f1": scores, "seconds": seconds, "training_seconds": training_seconds, "reached": scores[-1] >= target}


def compare(forms: list[str], seeds: list[int], measure: Callable[[str, int], Row]) -> tuple[list[Row], Row]:
    """Every form's numbers over the seeds: as rows of a table, and as numbers."""
    remaining = {form: iter(seeds) for form in forms}
    found = take_turns(forms, len(seeds), lambda form: measure(form, next(remaining[form])))
    table = [
        {
            "form": form,
            "seconds": median_and_range(rows, "seconds", 0),
            "training": median_and_range(rows, "training_seconds", 0),
            "ours is faster by": f"{median(rows, 'seconds') / median(found[OURS], 'seconds'):.1f}",
            "reached": f"{sum(row['reached'] for row in rows)} of {len(rows)} seeds"
            + ("" if all(row["reached"] for row in rows) else ", else never"),
            "F1 after each epoch": "; ".join(" ".join(f"{score:.3f}" for score in row["f1"]) for row in rows),
        }
        for form, rows in found.items()
    ]
    return table, {"forms": found}


def main() -> None:
    """Read the command line; measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--target", type=float, default=0.87)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--forms", nargs="*", choices=list(FORMS), default=["as pasted", "at its best"])
    parser.add_argument("--base-model", default="minilm", help="a name from the catalog, or a folder")
    parser.add_argument("--dataset", default="mrpc")
    parser.add_argument("--data-dir", help="folder with MRPC's parquet files")
    parser.add_argument("--form", help=argparse.SUPPRESS)
    options = parser.parse_args()
    data = {"base_model": options.base_model, "dataset": options.dataset, "data_dir": options.data_dir}
    if options.form:
        changes = AS_PASTED if options.form == "as pasted" else BEST_OF_MRPC
        config = make_config(seed=options.seeds[0], modules_to_save=("classifier",), **data, **changes)
        print(json.dumps(reach_with_pasted(options.form, config, options.target)))
        return

    def measure(form: str, seed: int) -> Row:
        if form == OURS:
            return reach_with_ours(make_config(seed=seed, **data, **BEST_OF_MRPC), options.target)
        named = [f"--{name.replace('_', '-')}={value}" for name, value in data.items() if value]
        target = f"--target={options.target}"
        return measure_in_child("benchmarks.time_to_quality", f"--form={form}", "--seeds", str(seed), target, *named)

    table, numbers = compare([OURS, *options.forms], options.seeds, measure)
    report(f"time_to_quality, F1 {options.target} on {options.dataset}", table, {"target": options.target} | numbers)


if __name__ == "__main__":
    main()
