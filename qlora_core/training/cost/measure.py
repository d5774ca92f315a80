"""Time a little of every kind of work that a run does, its own model on its own pairs."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from qlora_core.config import RunConfig
from qlora_core.data.batching import TokenizedPairs, epoch_batches, evaluation_batches
from qlora_core.models.inference import predict_logits
from qlora_core.training.cost.batches import epochs, tokens
from qlora_core.training.cost.timing import Timing
from qlora_core.training.loop.trainer import Trainer
from qlora_core.training.passes import ModelKind, Pass
from qlora_core.training.setup import Setup
from qlora_core.training.watched_pairs import WATCHED_OF_EACH_LABEL

Listener = Callable[[str], None]

#: Steps that are taken, and how many of the first are left out: they allocate what the others reuse.
TRAINING_STEPS, WARM_UP_STEPS = 10, 2
EVALUATION_BATCHES, WARM_UP_BATCHES = 4, 1
#: Where batches are slow, fewer are timed.
TRAINING_SECONDS, EVALUATION_SECONDS = 30.0, 4.0


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

    def of(self, each: Pass) -> Timing:
        """The timing of the kind of work that a pass is."""
        if each.learns:
            return self.training
        kinds = {ModelKind.BASE: self.base, ModelKind.UNQUANTIZED: self.unquantised, ModelKind.ADAPTER: self.adapter}
        timing = kinds[each.model]
        assert timing is not None, "a model that the run computes with was not timed"
        return timing


def measure_work(config: RunConfig, startup: float, listener: Listener) -> tuple[Setup, Timings]:
    """Load what the run will work with, and time every kind of its passes.

    Args:
        startup: what starting a process has taken, in seconds.
        listener: told what is being measured.
    """
    listener("Loading the base model and the pairs")
    started = time.monotonic()
    setup = Setup.load(config)
    _ = setup.train, setup.validation  # tokenised when they are first asked for
    loading = time.monotonic() - started
    unquantised = None
    if config.scheme.bits is not None:
        listener("Measuring the base model, unquantised")
        unquantised = _time_evaluation(setup.models.unquantized().model, setup)
    listener("Measuring the base model")
    started = time.monotonic()
    loaded = setup.models.quantized()
    loading_model = time.monotonic() - started
    base = _time_evaluation(loaded.model, setup)
    model = setup.models.with_lora(loaded.model)
    training = _time_training(model, setup, listener)
    listener("Measuring the adapter")
    adapter = _time_evaluation(model, setup)
    look = _time_look(model, setup)
    return setup, Timings(startup, loading, loading_model, look, base, unquantised, adapter, training)


def _time_evaluation(model: nn.Module, setup: Setup) -> Timing:
    """Answer some validation batches: the longest, which warms up and needs the most memory, then others."""
    size = setup.config.eval_batch_size
    longest_first = list(evaluation_batches(setup.validation, size))[::-1]
    timing = Timing()
    for indices in spread_out(longest_first, EVALUATION_BATCHES):
        part = setup.validation.select(indices)
        started = time.monotonic()
        predict_logits(model, part, setup.accelerator, size)
        timing.add(time.monotonic() - started, tokens(setup.validation, indices))
        if sum(timing.seconds) > EVALUATION_SECONDS:
            break
    return timing.after_warm_up(WARM_UP_BATCHES)


def _time_training(model: nn.Module, setup: Setup, listener: Listener) -> Timing:
    """Take some training steps: on the run's longest batch, then on others down to the shortest, in random order."""
    train = setup.train
    longest_first = sorted(next(epochs(setup)), key=lambda batch: -tokens(train, batch))
    longest, *others = spread_out(longest_first, TRAINING_STEPS)
    timing = Timing()
    listener("Measuring training")
    _take_steps(model, setup, train.select(longest), timing)
    if others:
        _take_steps(model, setup, train.select([index for batch in others for index in batch]), timing)
    return timing.after_warm_up(WARM_UP_STEPS)


def _take_steps(model: nn.Module, setup: Setup, sample: TokenizedPairs, timing: Timing) -> None:
    """Train for one epoch of ``sample``, or for as long as there is time."""
    settings = setup.config.model_copy(update={"evaluations_per_epoch": 1})  # after the last step: it is never come to
    batches = epoch_batches(sample, settings.train_batch_size, settings.seed, epoch=0)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint.safetensors"
        events = Trainer(model, sample, setup.validation, settings, setup.accelerator, checkpoint).train()
        for indices in batches:
            started = time.monotonic()
            next(events)
            timing.add(time.monotonic() - started, tokens(sample, indices))
            if len(timing.seconds) > WARM_UP_STEPS and sum(timing.seconds) > TRAINING_SECONDS:
                break


def _time_look(model: nn.Module, setup: Setup) -> float:
    """Seconds of one look at as many pairs as are watched during training."""
    pairs = setup.validation.select(list(range(min(2 * WATCHED_OF_EACH_LABEL, len(setup.validation)))))
    started = time.monotonic()
    predict_logits(model, pairs, setup.accelerator, len(pairs))
    return time.monotonic() - started


def spread_out(batches: list[list[int]], count: int) -> list[list[int]]:
    """``count`` of the batches at even distances, the first and the last among them; all if there are fewer."""
    if len(batches) <= count:
        return batches
    return [batches[position] for position in np.linspace(0, len(batches) - 1, count).round().astype(int)]
