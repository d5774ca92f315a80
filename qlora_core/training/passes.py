"""What a run will do, piece by piece, and how often each piece goes over which pairs.

The pipeline carries out this list, and the estimate of a run's cost is made from it.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, takewhile
from typing import Literal

from qlora_core.config import RunConfig
from qlora_core.training.loop.schedule import evaluation_steps

PairSet = Literal["train", "train_sample", "easy", "probe", "validation", "watched"]
WorkName = Literal[
    "majority",
    "untrained_head_unquantized",
    "untrained_head",
    "linear_probe",
    "started_from",
    "training",
    "finetuned",
    "reloaded",
]
LOOKS_PER_RUN = 60


class ModelKind(StrEnum):
    """The three forms in which a run computes with its base model."""

    UNQUANTIZED = "unquantized"  #: in floating point, where the run's scheme quantises
    BASE = "base"  #: as the run stores it
    ADAPTER = "adapter"  #: with LoRA on top


@dataclass(frozen=True)
class Pass:
    """Going over all of some pairs with one kind of model."""

    model: ModelKind
    pairs: PairSet
    times: int = 1
    learns: bool = False  #: backward as well as forward


@dataclass(frozen=True)
class Work:
    """One piece of a run's work."""

    name: WorkName  #: whose answers come of it, as ``result.json`` names them; "training" has none
    passes: tuple[Pass, ...]
    in_fresh_process: bool = False  #: which has to start, load and quantise again


def baseline_names(config: RunConfig) -> list[WorkName]:
    """The baselines that a model answers, in the order in which they are measured."""
    return [work.name for work in _baselines(config) if work.passes]


def _baselines(config: RunConfig) -> Iterator[Work]:
    yield Work("majority", ())
    if config.scheme.bits is not None:
        yield Work("untrained_head_unquantized", (Pass(ModelKind.UNQUANTIZED, "validation"),))
    first_look = (Pass(ModelKind.BASE, "watched"),) if config.init_from is None else ()
    yield Work("untrained_head", (*first_look, Pass(ModelKind.BASE, "validation")))
    yield Work("linear_probe", (Pass(ModelKind.BASE, "probe"),))  # of validation, what the base has answered serves


def _taken_over(work: Work) -> Work:
    """What is left of measuring a baseline that is known: the look at the watched pairs."""
    return replace(work, passes=tuple(each for each in work.passes if each.pairs == "watched"))


def plan_run(config: RunConfig, train_pairs: int, *, baselines_known: bool = False) -> Iterator[Work]:
    """Everything a run does between loading and its result, in order; a stopped or resumed run does less of it.

    Args:
        baselines_known: an earlier run has measured the baselines of this one: they are taken over, without any pass.
    """
    epochs, steps = config.num_train_epochs, total_steps(config, train_pairs)
    evaluations = len(evaluation_steps(steps_per_epoch(config, train_pairs), config.evaluations_per_epoch))
    yield from (_taken_over(work) if baselines_known else work for work in _baselines(config))
    if config.init_from is not None:
        yield Work("started_from", (Pass(ModelKind.ADAPTER, "validation"), Pass(ModelKind.ADAPTER, "watched")))
    easy = (Pass(ModelKind.ADAPTER, "easy", learns=True),) if config.easy_pairs_steps else ()
    yield Work(
        "training",
        (
            Pass(ModelKind.ADAPTER, "train", epochs, learns=True),
            *easy,
            Pass(ModelKind.ADAPTER, "validation", epochs * evaluations),
            Pass(ModelKind.ADAPTER, "watched", steps // steps_between_looks(steps)),
        ),
    )
    # the best evaluation has answered the validation pairs
    yield Work("finetuned", (Pass(ModelKind.ADAPTER, "train_sample"),))
    yield Work("reloaded", (Pass(ModelKind.ADAPTER, "validation"),), in_fresh_process=True)


def pairs_before_training(plan: Iterable[Work], sizes: Mapping[PairSet, int]) -> int:
    """How many pairs are answered before training begins, each as often as it is; the few watched ones left out."""
    passes = chain.from_iterable(work.passes for work in takewhile(lambda work: work.name != "training", plan))
    return sum(each.times * sizes.get(each.pairs, 0) for each in passes)


def total_steps(config: RunConfig, train_pairs: int) -> int:
    """Steps of the whole training."""
    return config.num_train_epochs * steps_per_epoch(config, train_pairs)


def steps_per_epoch(config: RunConfig, train_pairs: int) -> int:
    """Batches in which the training pairs are learned from."""
    return math.ceil(train_pairs / config.train_batch_size)


def steps_between_looks(total_steps: int) -> int:
    """How many steps pass from one look at the watched pairs to the next."""
    return max(1, total_steps // LOOKS_PER_RUN)
