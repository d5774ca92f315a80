"""Measure a little of a run, its own model on its own pairs, and extrapolate the whole of it.

The cost of a batch follows its padded tokens. So each kind of work is timed on batches from the longest to the shortest
of the run, and its seconds a token are multiplied by the tokens of all the batches of that kind that the run has. What
varies between the timed batches becomes the width of the estimate.

python -m qlora_core.training.cost.estimate CONFIG.json [--forked] measures the run described in that file and prints
what it is doing, then one JSON object: an ``Estimate``, or the ``Message`` of what keeps it from being measured.

On a CPU, a run's memory was seen to grow with every new shape of batch and to stay where a shape comes again. What the
timed batches after the longest one add is therefore multiplied by the number of shapes that the run has.
"""

import json
import operator
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from qlora_core.child_process import end_with_parent
from qlora_core.config import RunConfig, load_config
from qlora_core.data.batching import evaluation_batches
from qlora_core.errors import RunFailure, UserError
from qlora_core.language import MESSAGE, N_
from qlora_core.models.device import device_name, peak_gpu_bytes, peak_rss_bytes
from qlora_core.training.baselines import FIRST_PROBE_PAIRS
from qlora_core.training.cost.batches import batches_of_easy_pairs, epochs, shapes, tokens_of_pass
from qlora_core.training.cost.measure import Listener, Timings, measure_work
from qlora_core.training.cost.timing import around
from qlora_core.training.passes import ModelKind, Pass, plan_run, steps_per_epoch
from qlora_core.training.run_process import explain  # importing it takes as long as the run's own start
from qlora_core.training.setup import Setup

FORKED = "--forked"
#: Shares of the expected value.
SPREAD_OF_FIXED_PARTS, SPREAD_OF_MEMORY = 0.3, 0.1
#: Fitting the linear probe, resampling, saving: too short to be measured beforehand.
SMALL_PARTS_SECONDS = 3.0


@dataclass(frozen=True)
class Estimate:
    """What a whole run is expected to take, from loading to verification; ranges are (low, high)."""

    seconds: tuple[float, float]
    baselines_seconds: tuple[float, float]  #: of these, for baselines: none where an earlier run has measured them
    memory_bytes: tuple[int, int]  #: the most held at once, by the run's main process or on its GPU
    memory_kind: str  #: "memory" or "GPU memory"
    examples_per_second: float  #: in training
    steps: int
    device_name: str
    threads: int
    measured_at: float  #: seconds since 1970


def estimate_cost(config: RunConfig, listener: Listener = print, *, forked: bool = False) -> Estimate:
    """Load the run's base model, measure a few batches of every kind of work, and extrapolate the run.

    Args:
        listener: told what is being measured.
        forked: the run will be a fork of a process that has the libraries loaded.

    Raises:
        UserError: the run cannot be carried out as asked.
        RunFailure: memory ran out, or training diverged in its first steps.
    """
    startup = time.process_time()  # hardly more than the imports, where this process was started to measure
    try:
        setup, timings = measure_work(config, startup, listener)
    except (MemoryError, RuntimeError, OSError) as error:
        raise explain(error) from error
    device = setup.models.compute.device
    gpu_bytes = peak_gpu_bytes(device)
    least, most = (1.0 * gpu_bytes, 1.0 * gpu_bytes) if gpu_bytes is not None else run_memory(setup, timings)
    low, high = run_seconds(setup, timings, forked=forked)
    baselines = (low, high) - run_seconds(setup, timings, forked=forked, baselines_known=True)
    epoch = timings.training.expect(tokens_of_pass(setup, Pass(ModelKind.ADAPTER, "train", learns=True)))
    return Estimate(
        seconds=(round(low, 1), round(high, 1)),
        baselines_seconds=(round(baselines[0], 1), round(baselines[1], 1)),
        memory_bytes=(int(least * (1 - SPREAD_OF_MEMORY)), int(most * (1 + SPREAD_OF_MEMORY))),
        memory_kind=N_("memory") if gpu_bytes is None else N_("GPU memory"),
        examples_per_second=round(len(setup.train) / float(epoch.mean()), 1),
        steps=steps_per_epoch(config, len(setup.train)) * config.num_train_epochs,
        device_name=device_name(device),
        threads=torch.get_num_threads(),
        measured_at=time.time(),
    )


def run_seconds(setup: Setup, timings: Timings, *, forked: bool = False, baselines_known: bool = False) -> np.ndarray:
    """(low, high) of the whole run: starting, and every pass that it plans."""
    plan = list(plan_run(setup.config, len(setup.train), baselines_known=baselines_known))
    fresh = sum(work.in_fresh_process for work in plan)
    startup = (fresh if forked else 1 + fresh) * timings.startup
    fixed = startup + (1 + fresh) * (timings.loading + timings.loading_model) + SMALL_PARTS_SECONDS
    seconds = around(fixed, SPREAD_OF_FIXED_PARTS)
    for each in (each for work in plan for each in work.passes):
        if each.pairs == "watched":
            seconds += around(each.times * timings.look, SPREAD_OF_FIXED_PARTS)
        else:
            expected = timings.of(each).expect(each.times * tokens_of_pass(setup, each))
            seconds += expected * (_least_of_probe(setup), 1.0) if each.pairs == "probe" else expected
    return seconds


def _least_of_probe(setup: Setup) -> float:
    """The share of its pairs that the linear probe sees in any case."""
    return min(1.0, FIRST_PROBE_PAIRS / len(setup.probe))


def run_memory(setup: Setup, timings: Timings) -> tuple[float, float]:
    """Bytes that the run's process will hold at most, (low, high): what it held so far, and further shapes of batches.

    Low where each kind of work goes on growing as it did, high where all grow as the one that grew most.
    """
    batch_size = setup.config.eval_batch_size
    validation = shapes(setup.validation, evaluation_batches(setup.validation, batch_size))
    probe = shapes(setup.probe, evaluation_batches(setup.probe, batch_size))
    training = {shape for epoch in epochs(setup) for shape in shapes(setup.train, epoch)}
    training |= {shape for pairs in batches_of_easy_pairs(setup) for shape in shapes(pairs, [list(range(len(pairs)))])}
    first = timings.unquantised or timings.base  # the second model hardly adds to what the first has taken
    kinds = [
        (first, len(validation | probe)),
        (timings.training, len(training)),
        (timings.adapter, len(validation)),
    ]
    further = [max(0, count - len(timing.memory)) for timing, count in kinds]
    growth = [timing.growth() for timing, _ in kinds]
    now = peak_rss_bytes()
    return now + sum(map(operator.mul, further, growth)), now + sum(further) * max(growth)


def main(config_file: str, *, forked: bool = False) -> int:
    """Measure the run in ``config_file`` and print an ``Estimate``; the exit status is 0, 1 or 2 as a run's."""
    try:
        config = load_config(json.loads(Path(config_file).read_text(encoding="utf-8")))
        estimate = estimate_cost(config, _print_line, forked=forked)
    except (UserError, RunFailure) as error:
        print(error, file=sys.stderr)
        _print_line(MESSAGE.dump_json(error.message.writable()).decode())
        return 2 if isinstance(error, UserError) else 1
    print(json.dumps(asdict(estimate), allow_nan=False), flush=True)
    return 0


def _print_line(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(sys.argv[1], forked=FORKED in sys.argv[2:]))
