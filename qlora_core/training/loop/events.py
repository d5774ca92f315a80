"""What a training tells while it happens, and what it may be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: "suspend": write a checkpoint and end, to go on another time.
Command = Literal["run", "pause", "stop", "suspend"]


@dataclass(frozen=True)
class Step:
    """One optimiser step."""

    step: int  #: steps done so far
    total_steps: int
    epoch: float
    loss: float  #: mean cross-entropy of the batch (natural logarithm)
    learning_rate: float
    grad_norm: float | None  #: before clipping; None where float16 overflowed, which skips the step
    examples_per_second: float  #: over the last steps, pauses and evaluations left out
    seconds_left: float  #: for the remaining steps and evaluations, at the pace so far


@dataclass(frozen=True)
class Resumed:
    """Training goes on from a checkpoint; what was reported of later steps before is void."""

    step: int


@dataclass(frozen=True)
class Evaluating:
    """Training rests while the validation pairs are answered."""

    step: int


@dataclass(frozen=True)
class Evaluated:
    """The model measured on all validation pairs."""

    step: int
    epoch: float
    scores: Mapping[str, float]  #: by the names of ``METRICS``
    is_best: bool  #: best so far, by ``BEST_EPOCH_RULE``
    only_answer: int | None = None  #: the label that every pair was answered with; None where both were given


@dataclass(frozen=True)
class Paused:
    """Training waits for the pause to end, or goes on."""

    step: int
    paused: bool


Event = Step | Resumed | Evaluating | Evaluated | Paused
