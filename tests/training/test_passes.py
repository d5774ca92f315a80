"""A run makes the passes over its pairs that it publishes beforehand, and no other."""

import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from peft import PeftModel

from qlora_core.config import RunConfig
from qlora_core.data.batching import TokenizedPairs
from qlora_core.models import inference
from qlora_core.models.quantization import quantized_modules
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.loop import trainer
from qlora_core.training.loop.easy_pairs import easy_pairs
from qlora_core.training.loop.trainer import Trainer
from qlora_core.training.passes import ModelKind, Pass, Work, pairs_before_training, plan_run, steps_between_looks
from qlora_core.training.run_process import start_run
from qlora_core.training.watched_pairs import WATCHED_OF_EACH_LABEL
from tests.conftest import ignore

MakeConfig = Callable[..., RunConfig]
TRAIN, VALIDATION = 64, 16
Counts = Counter[tuple[ModelKind, str, bool]]
#: By the number of pairs that a model answers; of so few training pairs the probe sees all, and the trained model.
PAIR_SETS = {TRAIN: "probe", VALIDATION: "validation", 2 * WATCHED_OF_EACH_LABEL: "watched"}


def kind_of(model: Any) -> ModelKind:
    """A probe asks the encoder alone, which has no LoRA yet."""
    if isinstance(model, PeftModel):
        return ModelKind.ADAPTER
    return ModelKind.BASE if quantized_modules(model) else ModelKind.UNQUANTIZED


@contextmanager
def passes_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counts]:
    """Every pass that is really made, seen where models answer and where they learn."""
    counts: Counts = Counter()
    answer, take_step = inference._predict, Trainer._step
    learned: list[int] = []
    easy: list[int] = []

    def spy(model: Any, pairs: Any, *arguments: Any) -> Any:
        kind, name = kind_of(model), PAIR_SETS[len(pairs)]
        counts[kind, "train_sample" if (kind, name) == (ModelKind.ADAPTER, "probe") else name, False] += 1
        return answer(model, pairs, *arguments)

    def spy_on_easy(pairs: TokenizedPairs, count: int, seed: int, step: int) -> TokenizedPairs:
        easy.append(step)
        return easy_pairs(pairs, count, seed, step)

    def spy_on_step(learner: Trainer, indices: list[int]) -> Any:
        learned.extend(indices)
        return take_step(learner, indices)

    with monkeypatch.context() as patch:
        patch.setattr(inference, "_predict", spy)
        patch.setattr(Trainer, "_step", spy_on_step)
        patch.setattr(trainer, "easy_pairs", spy_on_easy)
        yield counts
    assert learned.count(0) * TRAIN == len(learned)
    counts[ModelKind.ADAPTER, "train", True] = learned.count(0)
    if easy:
        counts[ModelKind.ADAPTER, "easy", True] = 1


def published(config: RunConfig, *, baselines_known: bool = False) -> Counts:
    """The same counts by the list that a run publishes."""
    counts: Counts = Counter()
    for work in plan_run(config, TRAIN, baselines_known=baselines_known):
        for each in work.passes:
            counts[each.model, each.pairs, each.learns] += each.times
    return counts


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_train_epochs": 3, "evaluations_per_epoch": 2, "train_batch_size": 10},
        {"num_train_epochs": 1, "evaluations_per_epoch": 20, "train_batch_size": 8},
        {"num_train_epochs": 1, "easy_pairs_steps": 3},
    ],
    ids=str,
)
def test_the_passes_that_a_run_makes_are_those_that_it_publishes(
    changes: dict[str, Any], tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(**changes)
    with passes_counted(monkeypatch) as counts:
        start_run(config, store, ignore)
    assert counts == published(config)


def test_a_run_that_starts_from_another_measures_that_one_first(
    tiny_config: MakeConfig, finished_run: Run, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished_run.path, store.folder / finished_run.id)
    config = tiny_config(num_train_epochs=1, init_from=finished_run.id)
    with passes_counted(monkeypatch) as counts:
        start_run(config, store, ignore)
    assert counts == published(config)
    names = [work.name for work in plan_run(config, TRAIN)]
    assert names[names.index("training") - 1] == "started_from"


def test_nothing_is_answered_in_floating_point_where_nothing_is_quantised(tiny_config: MakeConfig) -> None:
    kinds = {kind for kind, _, _ in published(tiny_config(quantization="none"))}
    assert kinds == {ModelKind.BASE, ModelKind.ADAPTER}


def test_the_work_is_published_in_the_order_of_its_answers(tiny_config: MakeConfig) -> None:
    plan = list(plan_run(tiny_config(), TRAIN))
    assert [work.name for work in plan] == [
        "majority",
        "untrained_head_unquantized",
        "untrained_head",
        "linear_probe",
        "training",
        "finetuned",
        "reloaded",
    ]
    assert [work.name for work in plan if work.in_fresh_process] == ["reloaded"]


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (3, 3), (4, 4), (20, 4)])
def test_an_epoch_of_few_steps_has_no_more_evaluations(count: int, expected: int, tiny_config: MakeConfig) -> None:
    config = tiny_config(num_train_epochs=2, evaluations_per_epoch=count)
    assert Pass(ModelKind.ADAPTER, "validation", 2 * expected) in [
        each for work in plan_run(config, TRAIN) for each in work.passes
    ]


def test_the_watched_pairs_are_looked_at_before_the_first_step_and_every_so_often(tiny_config: MakeConfig) -> None:
    config = tiny_config(train_batch_size=1, num_train_epochs=3)
    total = 3 * TRAIN
    counts = published(config)
    assert counts[ModelKind.BASE, "watched", False] == 1
    assert counts[ModelKind.ADAPTER, "watched", False] == math.floor(total / steps_between_looks(total))


def test_what_is_answered_before_training_are_the_pairs_of_every_pass_until_then() -> None:
    base = ModelKind.BASE
    plan = [
        Work("untrained_head", (Pass(base, "watched"), Pass(base, "validation"))),
        Work("linear_probe", (Pass(base, "train"), Pass(base, "validation", 2))),
        Work("training", (Pass(ModelKind.ADAPTER, "train", 3, learns=True),)),
        Work("finetuned", (Pass(ModelKind.ADAPTER, "validation"),)),
    ]
    assert pairs_before_training(plan, {"train": 100, "validation": 10}) == 10 + 100 + 20
