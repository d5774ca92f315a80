"""Seconds from the start command to a gain over the linear probe beyond chance: ours, and the recipe people paste.

    python -m benchmarks.time_to_quality [--dataset pairs|mrpc] [--preset quick] [--seeds 0 1 2] [--forms NAME ...]

Ours is the whole command ``python -m qlora_core train`` from its start to its verified result, baselines and all;
"training" are its steps alone. The pasted forms are trained by transformers' ``Trainer`` and end at the first of four
evaluations an epoch whose gain over the same probe is beyond chance (interval above 0 and McNemar p < 0.05); "as
pasted" has the pasted recipe's rank 8, 2e-4 and batches of 32, "at its best" 3e-4, rank 16 and batches of 16; either
has three epochs. A form that never gets there counts as its whole run, marked "never".
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
from transformers import EvalPrediction, TrainerCallback, TrainerControl

from benchmarks.harness import Row, measure_in_child, median, median_and_range, report, take_turns
from benchmarks.pasted_recipe import FORMS, make_pasted_trainer
from qlora_core.config import RunConfig, make_config
from qlora_core.data.sources import load_run_pairs
from qlora_core.evaluation.comparison import Outcome, compare, recorded_comparisons, recorded_outcome
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
AT_ITS_BEST: dict[str, Any] = {"learning_rate": 3e-4, "num_train_epochs": 3}
EVALUATIONS_PER_EPOCH = 4


def reach_with_ours(config: RunConfig, preset: str, store: RunStore) -> Run:
    """Give the command and wait for its end; the run is left in ``store``."""
    settings = config.model_dump(mode="json", include={"base_model", "dataset", "data_dir", "seed"}, exclude_none=True)
    names = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items() if name != "seed"]
    command = [sys.executable, "-m", "qlora_core", "train", f"--runs-dir={store.folder}", f"--preset={preset}", *names]
    subprocess.run(
        [*command, f"--set=seed={config.seed}"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )
    return store.runs()[0]


def of_our_run(run: Run, seconds: float) -> Row:
    """What a run that took so long came to."""
    result = run.require_result()
    gain = recorded_comparisons(result)["linear_probe"]
    return {
        "gains": [gain["accuracy_gain"]],
        "seconds": seconds,
        "training_seconds": result["train_seconds"],
        "reached": recorded_outcome(gain) is Outcome.BETTER,
    }


def reach_with_pasted(form: str, config: RunConfig, probe: np.ndarray) -> Row:
    """Train in this process, and stop as soon as an evaluation beats the answers of ``probe``, shape (n,), by more
    than chance explains."""
    base, pairs = find_base_model(config.base_model), load_run_pairs(config)
    before = np.stack([1 - probe, probe], axis=1)
    found: list[tuple[float, bool]] = []

    class UntilBeyondChance(TrainerCallback):
        def on_evaluate(self, _: Any, __: Any, control: TrainerControl, metrics: dict[str, float], **___: Any) -> None:
            found.append((metrics["eval_gain"], bool(metrics["eval_beyond_chance"])))
            control.should_training_stop = found[-1][1]

    def measure(answers: EvalPrediction) -> dict[str, float]:
        gain = compare(before, np.asarray(answers.predictions), np.asarray(answers.label_ids))
        return {"gain": gain.gains["accuracy"], "beyond_chance": float(gain.outcome is Outcome.BETTER)}

    with tempfile.TemporaryDirectory() as folder:
        trainer = make_pasted_trainer(
            FORMS[form],
            config,
            base.folder,
            pairs.train,
            UntilBeyondChance(),
            Path(folder),
            pairs.validation,
            warmup_steps=config.warmup_ratio,
            eval_strategy="steps",
            eval_steps=1 / (EVALUATIONS_PER_EPOCH * config.num_train_epochs),
        )
        trainer.compute_metrics = measure
        started = time.time()
        trainer.train()
        return {
            "gains": [gain for gain, _ in found],
            "seconds": time.time() - psutil.Process().create_time(),
            "training_seconds": time.time() - started,
            "reached": found[-1][1],
        }


def compare_forms(forms: list[str], seeds: list[int], measure: Callable[[str, int], Row]) -> tuple[list[Row], Row]:
    """Every form's numbers over the seeds: as rows of a table, and as numbers."""
    remaining = {form: iter(seeds) for form in forms}
    found = take_turns(forms, len(seeds), lambda form: measure(form, next(remaining[form])))
    table = [
        {
            "form": form,
            "seconds": median_and_range(rows, "seconds", 0),
            "training": median_and_range(rows, "training_seconds", 0),
            "ours is faster by": f"{median(rows, 'seconds') / median(found[OURS], 'seconds'):.1f}",
            "beyond chance": f"{sum(row['reached'] for row in rows)} of {len(rows)} seeds"
            + ("" if all(row["reached"] for row in rows) else ", else never"),
            "points over the probe": "; ".join(" ".join(f"{100 * gain:+.1f}" for gain in row["gains"]) for row in rows),
        }
        for form, rows in found.items()
    ]
    return table, {"forms": found}


def main() -> None:
    """Read the command line; measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--forms", nargs="*", choices=list(FORMS), default=["as pasted", "at its best"])
    parser.add_argument("--base-model", default="minilm", help="a name from the catalog, or a folder")
    parser.add_argument("--dataset", default="pairs")
    parser.add_argument("--preset", default="quick", help="of ours")
    parser.add_argument("--data-dir", help="folder with MRPC's parquet files")
    parser.add_argument("--form", help=argparse.SUPPRESS)
    parser.add_argument("--our-run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    data = {"base_model": options.base_model, "dataset": options.dataset, "data_dir": options.data_dir}
    if options.form:
        changes = AS_PASTED if options.form == "as pasted" else AT_ITS_BEST
        config = RunConfig(seed=options.seeds[0], modules_to_save=("classifier",), **data, **changes)
        (probe,) = Run(Path(options.our_run)).predictions(["probability_linear_probe"])
        print(json.dumps(reach_with_pasted(options.form, config, np.asarray(probe))))
        return

    with tempfile.TemporaryDirectory() as folder:

        def measure(form: str, seed: int) -> Row:
            store = RunStore(Path(folder) / str(seed))  # of its own, so that nothing is known from another seed
            if form == OURS:
                started = time.time()
                run = reach_with_ours(make_config(options.preset, seed=seed, **data), options.preset, store)
                return of_our_run(run, time.time() - started)
            named = [f"--{name.replace('_', '-')}={value}" for name, value in data.items() if value]
            probe = f"--our-run={store.runs()[0].path}"
            return measure_in_child("benchmarks.time_to_quality", f"--form={form}", "--seeds", str(seed), probe, *named)

        table, numbers = compare_forms([OURS, *options.forms], options.seeds, measure)
    report(f"time_to_quality, {options.preset} on {options.dataset}", table, {"preset": options.preset} | numbers)


if __name__ == "__main__":
    main()
