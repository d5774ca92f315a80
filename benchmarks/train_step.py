"""Training speed, side by side: our loop, and the recipe people paste from notebooks in its forms.

    python -m benchmarks.train_step [--base-model NAME | --shape bert-base] [--rounds N] [--steps N] [--data-dir DIR]
    python -m benchmarks.train_step --profile [--steps N] [--data-dir DIR]

Same base model in NF4, same LoRA (r 8, all linear layers), same batches of 32, same optimiser, MRPC's real pairs. Every
measurement is a process of its own, and the forms take turns. The share of peak is what a step's matrix products,
counted by torch's ``FlopCounterMode`` as they are carried out, reach of the rate that this machine reaches with large
square matrices in the same number type. Tokens are those of the pairs; padding is what is computed on top.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count
from transformers import TrainerCallback

from benchmarks.harness import Row, make_trainer, measure_in_child, median, median_and_range, report, take_turns
from benchmarks.pasted_recipe import FORMS, make_pasted_trainer
from benchmarks.shapes import write_bert_base
from qlora_core.config import RunConfig, make_config
from qlora_core.data.sources import load_run_pairs
from qlora_core.errors import HubError
from qlora_core.models.catalog import find_base_model
from qlora_core.models.device import choose_compute, peak_gpu_bytes, peak_rss_bytes, process_state
from qlora_core.training.setup import Setup

OURS = "ours"
MATRICES = "large square matrices"
#: Sizes of the square matrices whose product is timed, and how often; the fastest counts.
SIZES = (1024, 2048, 4096)
TIMES = 5
WARM_UP = 4  #: steps before the clock starts


def _four_bit_flops(x: torch.Size, _: torch.Size, shape: tuple[int, int], *__: Any, **___: Any) -> int:
    return 2 * x.numel() * shape[0]


def _attention_flops(query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _attention_backward_flops(
    grad: torch.Size, query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any
) -> int:
    return sdpa_backward_flop_count(grad, query, key, value)


#: Products that ``FlopCounterMode`` does not know: of bitsandbytes, and of torch's fused attention on a CPU.
MORE_PRODUCTS = {
    torch.ops.bitsandbytes.gemm_4bit: _four_bit_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
}


class StepClock:
    """From the end of the warm-up to the last step: time, or (counting slows a step down) products and tokens."""

    def __init__(self, *, counting: bool) -> None:
        self._counter = FlopCounterMode(display=False, custom_mapping=MORE_PRODUCTS) if counting else None
        self._steps = self._tokens = self._cells = 0
        self._started = 0.0

    def watch(self, model: nn.Module) -> None:
        """Count what ``model`` is given."""
        if self._counter is not None:
            model.register_forward_pre_hook(self._count, with_kwargs=True)

    def step_ended(self) -> None:
        """To be called after every step."""
        self._steps += 1
        if self._steps == WARM_UP:
            _finish_gpu_work()
            self._started = time.perf_counter()
            if self._counter is not None:
                self._counter.__enter__()

    def read(self) -> Row:
        """The numbers; to be called after the last step."""
        _finish_gpu_work()
        seconds = time.perf_counter() - self._started
        if self._counter is None:
            return {"seconds": seconds, "peak_bytes": peak_gpu_bytes(process_state().device) or peak_rss_bytes()}
        self._counter.__exit__(None, None, None)
        return {"flops": self._counter.get_total_flops(), "tokens": self._tokens, "cells": self._cells}

    def _count(self, _: nn.Module, __: tuple[Any, ...], batch: dict[str, Any]) -> None:
        if self._steps >= WARM_UP:
            self._cells += batch["attention_mask"].numel()
            self._tokens += int(batch["attention_mask"].sum())


def _finish_gpu_work() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def train_ours(config: RunConfig, steps: int, clock: StepClock) -> None:
    """Take steps with the engine's own loop."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(Setup.load(config), Path(folder))
        clock.watch(trainer.model)
        for _, _ in zip(range(steps), trainer.train(), strict=False):
            clock.step_ended()


def train_pasted(form: str, config: RunConfig, steps: int, clock: StepClock) -> None:
    """Take steps with transformers' Trainer."""

    class Steps(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.step_ended()

    base, pairs = find_base_model(config.base_model), load_run_pairs(config)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_pasted_trainer(
            FORMS[form], config, base.folder, pairs.train, Steps(), Path(folder), max_steps=steps
        )
        clock.watch(trainer.model)
        trainer.train()


def measure_matrices(dtype: torch.dtype) -> float:
    """Floating point operations a second in products of square matrices: the median time of the fastest size."""
    device = process_state().device
    rates = []
    for size in SIZES:
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        times = []
        for _ in range(TIMES):
            _finish_gpu_work()
            started = time.perf_counter()
            left @ right
            _finish_gpu_work()
            times.append(time.perf_counter() - started)
        rates.append(2 * size**3 / statistics.median(times))
    return max(rates)


def run_child(form: str, config: RunConfig, steps: int, *, counting: bool) -> Row:
    """One measurement, in this process."""
    if form == MATRICES:
        fastest = choose_compute("auto", process_state().device).dtype
        return {"fastest": measure_matrices(fastest), "float32": measure_matrices(torch.float32)}
    clock = StepClock(counting=counting)
    if form == OURS:
        train_ours(config, WARM_UP + steps, clock)
    else:
        train_pasted(form, config, WARM_UP + steps, clock)
    return clock.read()


def show_profile(config: RunConfig, steps: int) -> None:
    """Print where the time of our steps goes, operation by operation, as torch's profiler sees it."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        train_ours(config, WARM_UP + steps, StepClock(counting=False))
    print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=20, max_name_column_width=40))


def compare(measure: Callable[..., Row], steps: int, rounds: int, batch_size: int) -> tuple[list[Row], Row]:
    """Every form's numbers: as rows of a table, and as numbers."""
    forms = [OURS, *FORMS]
    timed = take_turns([*forms, MATRICES], rounds, measure)
    table, numbers = [], {}
    for form in forms:
        counted = measure(form, "--counting")
        for row in timed[form]:
            row["examples_per_second"] = steps * batch_size / row["seconds"]
            row["tokens_per_second"] = counted["tokens"] / row["seconds"]
            row["peak_mb"] = row["peak_bytes"] / 1e6
        peak = median(timed[MATRICES], "fastest" if form == OURS or FORMS[form].fastest_dtype else "float32")
        speed = median(timed[form], "examples_per_second")
        numbers[form] = {
            "examples_per_second": speed,
            "ours_is_faster_by": median(timed[OURS], "examples_per_second") / speed,
            "tokens_per_second": median(timed[form], "tokens_per_second"),
            "padding": 1 - counted["tokens"] / counted["cells"],
            "flops_per_example": counted["flops"] / (steps * batch_size),
            "share_of_peak": counted["flops"] / median(timed[form], "seconds") / peak,
            "peak_flops_per_second": peak,
            "peak_mb": median(timed[form], "peak_mb"),
            "rounds": timed[form],
        }
        table.append(
            {
                "form": form,
                "examples/s": median_and_range(timed[form], "examples_per_second"),
                "ours is faster by": f"{numbers[form]['ours_is_faster_by']:.1f}",
                "tokens/s": f"{numbers[form]['tokens_per_second']:,.0f}",
                "padding": f"{numbers[form]['padding']:.0%}",
                "peak memory (MB)": median_and_range(timed[form], "peak_mb", 0),
                "GFLOP/example": f"{numbers[form]['flops_per_example'] / 1e9:.2f}",
                "share of peak": f"{numbers[form]['share_of_peak']:.2f} of {peak / 1e9:,.0f} GFLOP/s",
            }
        )
    return table, numbers


def main() -> None:
    """Read the command line; measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--base-model", default="minilm", help="as of `train`; one that cannot be had is replaced by random weights"
    )
    parser.add_argument("--shape", choices=["bert-base"], help="random weights of this shape instead")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30, help=f"timed, after {WARM_UP} others")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--dataset", default="mrpc")
    parser.add_argument("--data-dir", help="folder with MRPC's parquet files")
    parser.add_argument("--profile", action="store_true", help="show where the time of our steps goes instead")
    parser.add_argument("--form", help=argparse.SUPPRESS)
    parser.add_argument("--counting", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model, label = chosen_model(options.base_model, options.shape, Path(folder))
        if options.form:
            print(
                json.dumps(run_child(options.form, _config(options, model), options.steps, counting=options.counting))
            )
            return
        if options.profile:
            show_profile(_config(options, model), options.steps)
            return
        arguments = [f"--base-model={model}", f"--steps={options.steps}", f"--batch-size={options.batch_size}"]
        arguments += [f"--dataset={options.dataset}", *([f"--data-dir={options.data_dir}"] if options.data_dir else [])]

        def measure(form: str, *more: str) -> Row:
            return measure_in_child("benchmarks.train_step", f"--form={form}", *arguments, *more)

        table, numbers = compare(measure, options.steps, options.rounds, options.batch_size)
    report(f"train_step, {label}, batches of {options.batch_size}", table, numbers)


def chosen_model(base_model: str, shape: str | None, folder: Path) -> tuple[str, str]:
    """What every measured process loads, and what it is called: fetched here, as those processes do not ask the hub.

    Where a model is on the hub and the hub cannot be reached, its weights are random and of bert-base's shape.
    """
    try:
        if shape is None:
            find_base_model(base_model)
            return base_model, base_model
    except HubError as error:
        print(f"{error} Measured instead: random weights of bert-base's shape.", file=sys.stderr)
    return str(write_bert_base(folder)), "random weights of bert-base's shape"


def _config(options: argparse.Namespace, base_model: str) -> RunConfig:
    """Rank 8 on all linear layers; of the head only the classifier is trained, as PEFT does it unasked."""
    return make_config(
        base_model=base_model,
        dataset=options.dataset,
        data_dir=options.data_dir,
        r=8,
        lora_alpha=16,
        modules_to_save=("classifier",),
        train_batch_size=options.batch_size,
    )


if __name__ == "__main__":
    main()
