"""How fast a borrowed GPU was here: what earlier runs took, for whoever is about to start one like them."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.loans import MAX_LOAN_SECONDS, RESERVE_SECONDS
from qlora_core.server.zerogpu.seconds import BESIDE_TRAINING_SECONDS
from qlora_core.store.packed.mark import is_brought
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

#: The newest runs of a store; somebody waits for the answer at every change of a setting.
MAX_LOOKED_AT = 100
#: What the work on one pair depends on most.
ALIKE = ("base_model", "dataset", "quantization", "max_length", "train_batch_size")


@dataclass(frozen=True)
class Pace:
    """Of the newest run like the one that is asked about."""

    device_name: str  #: as it was
    examples_per_second: float  #: in training
    seconds: float | None  #: that the training of the run asked about takes; None where its pairs are not counted

    @property
    def loans(self) -> int | None:
        """How many loans that takes, each of which begins with loading the model."""
        if self.seconds is None:
            return None
        return max(1, math.ceil(self.seconds / (MAX_LOAN_SECONDS - RESERVE_SECONDS - BESIDE_TRAINING_SECONDS)))


def known_pace(store: RunStore, config: RunConfig) -> Pace | None:
    """What is known here of a borrowed GPU's pace with runs like ``config``; None before there was one.

    A run that somebody brought says nothing of the GPUs that are lent here.
    """
    return next(filter(None, (_pace_of(run, config) for run in store.runs(MAX_LOOKED_AT))), None)


def _pace_of(run: Run, config: RunConfig) -> Pace | None:
    is_alike = all(getattr(run.config, name) == getattr(config, name) for name in ALIKE)
    if not is_alike or not run.environment.get("borrowed") or is_brought(run):
        return None
    try:
        took = run.from_result(_took)
    except RunError:  # it is not finished, or damaged
        return None
    pairs = _pairs(run.config, took, config)
    return Pace(took.device_name, took.examples_per_second, None if pairs is None else pairs / took.examples_per_second)


class _Took(NamedTuple):
    """What a result says of a run's training."""

    device_name: str
    examples_per_second: float
    pairs: int


def _took(result: dict[str, Any]) -> _Took:
    took = _Took(
        str(result["environment"]["device_name"]), float(result["examples_per_second"]), int(result["dataset"]["train"])
    )
    if not 0 < took.examples_per_second < math.inf:
        raise ValueError
    return took


def _pairs(earlier: RunConfig, took: _Took, config: RunConfig) -> int | None:
    """How many pairs ``config`` trains on in all its epochs, by those that an earlier run counted."""
    most = config.max_train_samples
    if earlier.max_train_samples is not None and (most is None or most > took.pairs):
        return None
    return config.num_train_epochs * (took.pairs if most is None else min(most, took.pairs))
