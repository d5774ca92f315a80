"""Measure a little of a run, its own model on its own pairs, and extrapolate the whole of it.

The cost of a batch follows its padded tokens. So each kind of work is timed on batches from the longest to the shortest
of the run, and its seconds a token are multiplied by the tokens of all the batches of that kind that the run has. What
varies between the timed batches becomes the width of the estimate.

python -m qlora_core.training.cost CONFIG.json measures the run described in that file and prints what it is doing, then
one JSON object: an ``Estimate``.

On a CPU, a run's memory was seen to grow with every new shape of batch and to stay where a shape comes again. What the
timed batches after the longest one add is therefore multiplied by the number of shapes that the run has.
"""

import json
import operator
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
import torch
from accelerate import Accelerator
from torch import nn

from qlora_core.config import RunConfig, load_config
from qlora_core.data.batching import TokenizedPairs, epoch_batches, evaluation_batches, padded, tokenize
from qlora_core.data.sources import load_run_pairs
from qlora_core.errors import RunFailure, UserError
from qlora_core.models.adapter import attach_lora
from qlora_core.models.catalog import BaseModel, find_base_model
from qlora_core.models.device import Compute, device_name, peak_gpu_bytes, peak_rss_bytes, start_accelerator
from qlora_core.models.inference import predict_logits
from qlora_core.models.quantization import load_quantized, quantization_config
from qlora_core.models.tokenizer import load_tokenizer
from qlora_core.training.run_process import explain  # importing it takes as long as the run's own start
from qlora_core.training.trainer import Trainer
from qlora_core.training.watched_pairs import WATCHED_OF_EACH_LABEL, steps_between_looks

Listener = Callable[[str], None]

#: Steps that are taken, and how many of the first are left out: they allocate what the others reuse.
TRAINING_STEPS, WARM_UP_STEPS = 10, 2
EVALUATION_BATCHES, WARM_UP_BATCHES = 4, 1
#: Where batches are slow, fewer are timed.
TRAINING_SECONDS, EVALUATION_SECONDS = 30.0, 4.0
#: However even the timed batches are, the machine will not be for the whole of a run: shares of the expected value.
LEAST_SPREAD = 0.1
SPREAD_OF_FIXED_PARTS = 0.3
#: Fitting the linear probe, resampling, saving: too short to be measured beforehand.
SMALL_PARTS_SECONDS = 3.0
SPREAD_OF_MEMORY = 0.1


@dataclass(frozen=True)
class Estimate:
    """What a whole run is expected to take, from loading to verification; ranges are (low, high)."""

    seconds: tuple[float, float]
    memory_bytes: tuple[int, int]  #: the most held at once, by the run's main process or on its GPU
    memory_kind: str  #: "memory" or "GPU memory"
    examples_per_second: float  #: in training
    steps: int
    device_name: str
    threads: int
    measured_at: float  #: seconds since 1970


@dataclass
class Timing:
    """What some batches of one kind took."""

    seconds: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)  #: padding included
    memory: list[int] = field(default_factory=list)  #: bytes this process held after each batch

    def add(self, seconds: float, tokens: int) -> None:
        """One more batch."""
        self.seconds.append(seconds)
        self.tokens.append(tokens)
        self.memory.append(psutil.Process().memory_info().rss)

    def growth(self) -> float:
        """Bytes that a batch added to what the first one, the longest, had taken."""
        return max(0, self.memory[-1] - self.memory[0]) / max(1, len(self.memory) - 1)

    def after_warm_up(self, count: int) -> "Timing":
        """The times without the first ``count`` batches, but with one at least."""
        count = min(count, len(self.seconds) - 1)
        return Timing(self.seconds[count:], self.tokens[count:], self.memory)

    def expect(self, tokens: int) -> np.ndarray:
        """Seconds for that many padded tokens: (low, high), one standard deviation of the batches' rates around."""
        rates = [seconds / tokens for seconds, tokens in zip(self.seconds, self.tokens, strict=True)]
        rate = sum(self.seconds) / sum(self.tokens)
        spread = max(statistics.stdev(rates) / rate if len(rates) > 1 else 0.0, LEAST_SPREAD)
        return _around(rate * tokens, min(spread, 0.9))


@dataclass(frozen=True)
class Bench:
    """What the run will work with."""

    config: RunConfig
    base: BaseModel
    compute: Compute
    accelerator: Accelerator
    train: TokenizedPairs
    validation: TokenizedPairs


@dataclass(frozen=True)
class Timings:
    """Everything that was timed; what is no ``Timing`` is in seconds."""

    startup: float  #: of a Python process with the libraries
    loading: float  #: finding the model, reading and tokenising the pairs
    loading_model: float  #: as the run quantises it
    look: float  #: at the watched pairs
    base: Timing
    unquantised: Timing | None
    adapter: Timing
    training: Timing


def calibrate(config: RunConfig, listener: Listener = print) -> Estimate:
    """Load the run's base model, measure a few batches of every kind of work, and extrapolate the run.

    Raises:
        UserError: the run cannot be carried out as asked.
        RunFailure: memory ran out, or training diverged in its first steps.
    """
    startup = time.time() - psutil.Process().create_time()
    try:
        bench, timings = _measure(config, startup, listener)
    except (MemoryError, RuntimeError, OSError) as error:
        raise explain(error) from error
    gpu_bytes = peak_gpu_bytes(bench.compute.device)
    least, most = (1.0 * gpu_bytes, 1.0 * gpu_bytes) if gpu_bytes is not None else run_memory(bench, timings)
    low, high = run_seconds(bench, timings)
    epoch = timings.training.expect(sum(_tokens(bench.train, batch) for batch in _training_batches(bench)))
    return Estimate(
        seconds=(round(low, 1), round(high, 1)),
        memory_bytes=(int(least * (1 - SPREAD_OF_MEMORY)), int(most * (1 + SPREAD_OF_MEMORY))),
        memory_kind="memory" if gpu_bytes is None else "GPU memory",
        examples_per_second=round(len(bench.train) / float(epoch.mean()), 1),
        steps=len(_training_batches(bench)) * config.num_train_epochs,
        device_name=device_name(bench.compute.device),
        threads=torch.get_num_threads(),
        measured_at=time.time(),
    )


def run_seconds(bench: Bench, timings: Timings) -> np.ndarray:
    """(low, high) of the whole run: every pass over pairs, and what happens once or twice whatever their number."""
    config = bench.config
    batches = _training_batches(bench)
    steps = len(batches) * config.num_train_epochs
    validation, train = (_evaluation_tokens(pairs, config) for pairs in (bench.validation, bench.train))
    evaluations = min(config.evaluations_per_epoch, len(batches)) * config.num_train_epochs
    # Startup, loading and the quantised model happen again when the saved adapter is verified in a fresh process.
    fixed = 2 * (timings.startup + timings.loading + timings.loading_model) + SMALL_PARTS_SECONDS
    looks = 1 + steps // steps_between_looks(steps)
    seconds = _around(fixed + looks * timings.look, SPREAD_OF_FIXED_PARTS)
    seconds += timings.base.expect(2 * validation + train)  # untrained head, linear probe, the probe's features
    if timings.unquantised is not None:
        seconds += timings.unquantised.expect(validation)
    seconds += timings.training.expect(config.num_train_epochs * sum(_tokens(bench.train, batch) for batch in batches))
    return seconds + timings.adapter.expect((evaluations + 2) * validation)  # and the best epoch's, and the reloaded


def run_memory(bench: Bench, timings: Timings) -> tuple[float, float]:
    """Bytes that the run's process will hold at most, (low, high): what it held so far, and further shapes of batches.

    Low where each kind of work goes on growing as it did, high where all grow as the one that grew most.
    """
    batch_size = bench.config.eval_batch_size
    validation = _shapes(bench.validation, evaluation_batches(bench.validation, batch_size))
    train = _shapes(bench.train, evaluation_batches(bench.train, batch_size))
    training = {shape for epoch in _epochs(bench) for shape in _shapes(bench.train, epoch)}
    first = timings.unquantised or timings.base  # the second model hardly adds to what the first has taken
    kinds = [
        (first, len(validation | train)),
        (timings.training, len(training)),
        (timings.adapter, len(validation)),
    ]
    further = [max(0, count - len(timing.memory)) for timing, count in kinds]
    growth = [timing.growth() for timing, _ in kinds]
    now = peak_rss_bytes()
    return now + sum(map(operator.mul, further, growth)), now + sum(further) * max(growth)


def _measure(config: RunConfig, startup: float, listener: Listener) -> tuple[Bench, Timings]:
    listener("Loading the base model and the pairs")
    started = time.monotonic()
    bench = _load(config)
    loading = time.monotonic() - started
    quantization = quantization_config(config, bench.compute.dtype)
    unquantised = None
    if quantization is not None:
        listener("Measuring the base model, unquantised")
        model = load_quantized(bench.base.folder, None, bench.compute, config.seed).model
        unquantised = _time_evaluation(model, bench)
        del model
    listener("Measuring the base model")
    started = time.monotonic()
    loaded = load_quantized(bench.base.folder, quantization, bench.compute, config.seed)
    loading_model = time.monotonic() - started
    base = _time_evaluation(loaded.model, bench)
    model = attach_lora(loaded.model, config, bench.base.id)
    training = _time_training(model, bench, listener)
    listener("Measuring the adapter")
    adapter = _time_evaluation(model, bench)
    look = _time_look(model, bench)
    return bench, Timings(startup, loading, loading_model, look, base, unquantised, adapter, training)


def _load(config: RunConfig) -> Bench:
    compute, accelerator = start_accelerator(config)
    base = find_base_model(config.base_model)
    pairs = load_run_pairs(config)
    tokenizer = load_tokenizer(base, config.max_length)
    train, validation = (tokenize(split, tokenizer, config.max_length) for split in (pairs.train, pairs.validation))
    return Bench(config, base, compute, accelerator, train, validation)


def _time_evaluation(model: nn.Module, bench: Bench) -> Timing:
    """Answer some validation batches: the longest, which warms up and needs the most memory, then others."""
    size = bench.config.eval_batch_size
    longest_first = list(evaluation_batches(bench.validation, size))[::-1]
    timing = Timing()
    for indices in _spread_out(longest_first, EVALUATION_BATCHES):
        part = bench.validation.select(indices)
        started = time.monotonic()
        predict_logits(model, part, bench.accelerator, size)
        timing.add(time.monotonic() - started, _tokens(bench.validation, indices))
        if sum(timing.seconds) > EVALUATION_SECONDS:
            break
    return timing.after_warm_up(WARM_UP_BATCHES)


def _time_training(model: nn.Module, bench: Bench, listener: Listener) -> Timing:
    """Take some training steps: on the run's longest batch, then on others down to the shortest, in random order."""
    train = bench.train
    longest_first = sorted(_training_batches(bench), key=lambda batch: -_tokens(train, batch))
    longest, *others = _spread_out(longest_first, TRAINING_STEPS)
    timing = Timing()
    listener("Measuring training")
    _take_steps(model, bench, train.select(longest), timing)
    if others:
        _take_steps(model, bench, train.select([index for batch in others for index in batch]), timing)
    return timing.after_warm_up(WARM_UP_STEPS)


def _take_steps(model: nn.Module, bench: Bench, sample: TokenizedPairs, timing: Timing) -> None:
    """Train for one epoch of ``sample``, or for as long as there is time."""
    settings = bench.config.model_copy(update={"evaluations_per_epoch": 1})  # after the last step: it is never come to
    batches = epoch_batches(sample, settings.train_batch_size, settings.seed, epoch=0)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint.safetensors"
        events = Trainer(model, sample, bench.validation, settings, bench.accelerator, checkpoint).train()
        for indices in batches:
            started = time.monotonic()
            next(events)
            timing.add(time.monotonic() - started, _tokens(sample, indices))
            if len(timing.seconds) > WARM_UP_STEPS and sum(timing.seconds) > TRAINING_SECONDS:
                break


def _time_look(model: nn.Module, bench: Bench) -> float:
    """Seconds of one look at as many pairs as are watched during training."""
    pairs = bench.validation.select(list(range(min(2 * WATCHED_OF_EACH_LABEL, len(bench.validation)))))
    started = time.monotonic()
    predict_logits(model, pairs, bench.accelerator, len(pairs))
    return time.monotonic() - started


def _training_batches(bench: Bench) -> list[list[int]]:
    """The first epoch's; the others differ from it in order and, hardly, in padding."""
    return next(_epochs(bench))


def _epochs(bench: Bench) -> Iterator[list[list[int]]]:
    config = bench.config
    for epoch in range(config.num_train_epochs):
        yield epoch_batches(bench.train, config.train_batch_size, config.seed, epoch)


def _shapes(pairs: TokenizedPairs, batches: Iterable[list[int]]) -> set[tuple[int, int]]:
    """The different (pairs, tokens of the longest) among batches."""
    return {(len(batch), _tokens(pairs, batch) // len(batch)) for batch in batches}


def _evaluation_tokens(pairs: TokenizedPairs, config: RunConfig) -> int:
    return sum(_tokens(pairs, batch) for batch in evaluation_batches(pairs, config.eval_batch_size))


def _tokens(pairs: TokenizedPairs, indices: list[int]) -> int:
    """Tokens of a batch with its padding."""
    longest = max(len(pairs.rows[index][0]) for index in indices)
    return len(indices) * padded(longest, pairs.max_length)


def _spread_out(batches: list[list[int]], count: int) -> list[list[int]]:
    """``count`` of the batches at even distances, the first and the last among them; all if there are fewer."""
    if len(batches) <= count:
        return batches
    return [batches[position] for position in np.linspace(0, len(batches) - 1, count).round().astype(int)]


def _around(value: float, spread: float) -> np.ndarray:
    return value * np.array([1 - spread, 1 + spread])


def main(config_file: str) -> int:
    """Measure the run in ``config_file`` and print an ``Estimate``; the exit status is 0, 1 or 2 as the session's."""
    try:
        config = load_config(json.loads(Path(config_file).read_text(encoding="utf-8")))
        estimate = calibrate(config, _print_line)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except RunFailure as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(asdict(estimate), allow_nan=False), flush=True)
    return 0


def _print_line(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
