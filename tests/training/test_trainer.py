"""The training loop: what it learns, what it depends on, and how it is stopped, paused, broken off and resumed."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy

from qlora_core.choices import SCHEMES
from qlora_core.data.batching import TokenizedPairs, epoch_batches, pad_batch, tokenize
from qlora_core.data.sources import load_pairs
from qlora_core.errors import DivergedError
from qlora_core.evaluation.metrics import cross_entropy as mean_loss
from qlora_core.models.adapter import attach_lora, trainable_state
from qlora_core.models.catalog import find_base_model
from qlora_core.models.inference import predict_logits
from qlora_core.training.loop import loss
from qlora_core.training.loop import trainer as training
from qlora_core.training.loop.events import Command, Evaluated, Evaluating, Event, Paused, Resumed, Step
from qlora_core.training.loop.schedule import learning_rate_at
from qlora_core.training.loop.trainer import Trainer, TrainingSummary
from tests.conftest import Bench, make_rows

STEPS_PER_EPOCH = 6  # 24 pairs, four a step


@pytest.fixture
def start(bench: Callable[..., Bench], tmp_path: Path) -> Callable[..., Trainer]:
    """Makes trainers on the tiny BERT with a fresh adapter; a test's share one checkpoint unless they name another."""

    def make(
        checkpoint: str = "checkpoint",
        control: Callable[[], Command] = lambda: "run",
        pairs: Callable[[Bench], TokenizedPairs] = lambda bench: bench.pairs,
        **changes: object,
    ) -> Trainer:
        base = bench(**changes)
        model = attach_lora(base.model, base.config, "tiny")
        return Trainer(model, pairs(base), base.pairs, base.config, base.accelerator, tmp_path / checkpoint, control)

    return make


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in trainer.trained.items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def steps(events: list[Event]) -> list[Step]:
    return [event for event in events if isinstance(event, Step)]


def losses(trainer: Trainer, count: int | None = None) -> list[float]:
    """Of the first ``count`` steps, or of a whole training."""
    events = trainer.train()
    if count is None:
        return [step.loss for step in steps(list(events))]
    return [step.loss for step in (next(events) for _ in range(count)) if isinstance(step, Step)]


def learned(summary: TrainingSummary) -> dict[str, Any]:
    """What of a summary does not depend on the clock."""
    return {"history": summary.history, "best": summary.best, "steps": summary.steps, "stopped": summary.stopped_early}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_loss_falls_and_accuracy_rises_on_pairs_that_can_be_learned(start: Callable[..., Trainer], dtype: str) -> None:
    trainer = start(num_train_epochs=4, bnb_4bit_compute_dtype=dtype)
    seen = losses(trainer)
    assert np.mean(seen[-STEPS_PER_EPOCH:]) < 0.5 * np.mean(seen[:STEPS_PER_EPOCH])
    assert trainer.summary().best["accuracy"] > 0.9


@pytest.mark.parametrize(("answers", "only_answer"), [([0] * 24, 0), ([1] * 24, 1), ([0] * 23 + [1], None)])
def test_an_evaluation_says_where_all_answers_are_the_same(
    start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch, answers: list[int], only_answer: int | None
) -> None:
    monkeypatch.setattr(training, "predict_logits", lambda *_: np.eye(2)[answers])
    (evaluated,) = [event for event in start(num_train_epochs=1).train() if isinstance(event, Evaluated)]
    assert evaluated.only_answer == only_answer


@pytest.mark.mrpc
def test_minilm_learns_real_pairs(bench: Callable[..., Bench], mrpc_dir: Path, tmp_path: Path) -> None:
    base = bench(find_base_model("minilm").folder, learning_rate=1e-3, num_train_epochs=5, train_batch_size=8)
    data = load_pairs("mrpc", data_dir=mrpc_dir, max_train_samples=16, max_eval_samples=8)
    train, validation = (tokenize(split, base.tokenizer, 128) for split in (data.train, data.validation))
    model = attach_lora(base.model, base.config, "minilm")
    trainer = Trainer(model, train, validation, base.config, base.accelerator, tmp_path / "checkpoint")
    seen = losses(trainer)
    assert np.mean(seen[-2:]) < 0.7 * np.mean(seen[:2])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_training_changes_every_trained_tensor_and_no_frozen_one(start: Callable[..., Trainer], scheme: str) -> None:
    trainer = start(quantization=scheme, num_train_epochs=1)
    before = {name: tensor.detach().clone() for name, tensor in trainer.model.named_parameters()}
    list(trainer.train())
    changed = {name for name, tensor in trainer.model.named_parameters() if not torch.equal(tensor, before[name])}
    assert changed == trainable_state(trainer.model).keys()


def test_same_seed_gives_the_same_weights_bit_for_bit_and_another_does_not(start: Callable[..., Trainer]) -> None:
    results = []
    for number, seed in enumerate((5, 5, 6)):
        torch.manual_seed(number)
        trainer = start(f"checkpoint {number}", seed=seed, lora_dropout=0.1, hidden_dropout_prob=0.1)
        seen = losses(trainer)
        results.append((weights(trainer), seen))
    assert equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert not equal(results[0][0], results[2][0])


def test_events_tell_every_step_and_evaluation_in_order(start: Callable[..., Trainer]) -> None:
    trainer = start()
    events = list(trainer.train())
    kinds: list[type[Event]] = [*[Step] * STEPS_PER_EPOCH, Evaluating, Evaluated]
    assert [type(event) for event in events] == 2 * kinds
    assert [(step.step, step.total_steps) for step in steps(events)] == [(number, 12) for number in range(1, 13)]
    assert [event.epoch for event in events if isinstance(event, Evaluated)] == [1.0, 2.0]
    assert [step.learning_rate for step in steps(events)] == [
        learning_rate_at(n, 12, 5e-3, 0.06, "linear") for n in range(12)
    ]
    assert steps(events)[0].seconds_left > 0
    assert steps(events)[-1].seconds_left == 0


@pytest.mark.parametrize(("count", "at"), [(1, [6]), (2, [3, 6]), (4, [2, 3, 5, 6]), (20, [1, 2, 3, 4, 5, 6])])
def test_evaluations_are_spread_over_the_epoch(start: Callable[..., Trainer], count: int, at: list[int]) -> None:
    events = list(start(evaluations_per_epoch=count).train())
    assert [event.step for event in events if isinstance(event, Evaluated)] == at + [step + 6 for step in at]


def test_model_ends_with_the_weights_of_the_evaluation_that_is_best_by_the_rule(
    start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "best_epoch", lambda _: 1)
    trainer = start(evaluations_per_epoch=3)
    events = list(trainer.train())
    best = trainer.summary().best
    assert [event.is_best for event in events if isinstance(event, Evaluated)] == [False, True, *[False] * 4]
    logits = predict_logits(trainer.model, trainer.validation_pairs, trainer.accelerator, 8)
    assert (best["step"], best["loss"]) == (4, mean_loss(logits, trainer.validation_pairs.labels))


def test_the_answers_of_the_best_evaluation_are_those_of_the_weights_that_are_kept(
    start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "best_epoch", lambda _: 1)
    trainer = start(evaluations_per_epoch=3)
    list(trainer.train())
    summary, config = trainer.summary(), trainer.config
    answers = predict_logits(trainer.model, trainer.validation_pairs, trainer.accelerator, config.eval_batch_size)
    assert summary.best_logits is not None
    assert np.array_equal(summary.best_logits, answers)
    resumed = start(evaluations_per_epoch=3)
    list(resumed.train())
    assert np.array_equal(resumed.summary().best_logits, answers)  # type: ignore[arg-type]


def test_answers_that_were_given_on_another_machine_are_not_taken_over(start: Callable[..., Trainer]) -> None:
    list(start().train())
    elsewhere = start()
    elsewhere._conditions = "another machine"
    list(elsewhere.train())
    assert elsewhere.summary().best_logits is None


def test_every_epoch_shows_each_pair_once_in_another_order(start: Callable[..., Trainer]) -> None:
    trainer = start(learning_rate=1e-12)  # so small that a batch's loss says which pairs it holds
    logits = predict_logits(trainer.model, trainer.train_pairs, trainer.accelerator, 8)
    seen = losses(trainer)
    first, second = seen[:STEPS_PER_EPOCH], seen[STEPS_PER_EPOCH:]
    whole = mean_loss(logits, trainer.train_pairs.labels)
    assert [np.mean(first), np.mean(second)] == pytest.approx([whole, whole], abs=1e-4)
    assert first != pytest.approx(second, abs=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_loss_is_the_batch_s_mean_cross_entropy_with_the_labels_smoothed(
    start: Callable[..., Trainer], smoothing: float
) -> None:
    trainer = start(label_smoothing_factor=smoothing)
    rows = epoch_batches(trainer.train_pairs, 4, trainer.config.seed, 0)[0]
    logits = predict_logits(trainer.model, trainer.train_pairs, trainer.accelerator, 8)[rows]
    labels = torch.from_numpy(trainer.train_pairs.labels[rows])
    expected = cross_entropy(torch.from_numpy(logits), labels, label_smoothing=smoothing)
    assert losses(trainer, 1) == [pytest.approx(float(expected), abs=1e-5)]


def test_swapping_every_pair_trains_as_if_the_sentences_were_exchanged(start: Callable[..., Trainer]) -> None:
    def exchanged(base: Bench) -> TokenizedPairs:
        rows = [row | {"sentence1": row["sentence2"], "sentence2": row["sentence1"]} for row in make_rows(24)]
        return tokenize(Dataset.from_list(rows), base.tokenizer, base.config.max_length)

    swapped = losses(start("swapped", swap_probability=1.0), 6)
    assert swapped == losses(start("exchanged", pairs=exchanged), 6)
    assert swapped != losses(start("as they are"), 6)
    half = losses(start("half", swap_probability=0.5), 6)
    assert half != swapped
    assert half == losses(start("half again", swap_probability=0.5), 6)


def test_dropout_in_the_encoder_acts_from_the_first_step(start: Callable[..., Trainer]) -> None:
    assert losses(start("without"), 1) != losses(start("with", hidden_dropout_prob=0.3), 1)


def test_dropout_in_front_of_lora_acts_once_the_adapter_does(start: Callable[..., Trainer]) -> None:
    without, dropped = losses(start("without"), 3), losses(start("with", lora_dropout=0.3), 3)
    assert without[0] == dropped[0]
    assert without[1:] != dropped[1:]


def test_first_step_moves_weights_by_the_learning_rate(start: Callable[..., Trainer]) -> None:
    trainer = start(weight_decay=0.0, warmup_ratio=0.3)
    before = weights(trainer)
    step = next(trainer.train())
    assert isinstance(step, Step)
    moved = max(float((tensor - before[name]).abs().max()) for name, tensor in weights(trainer).items())
    assert moved == pytest.approx(step.learning_rate, rel=1e-3)  # Adam's first step is the gradient's sign


def test_weight_decay_shrinks_what_has_no_gradient_yet(start: Callable[..., Trainer]) -> None:
    trainer = start(weight_decay=0.5)
    before = weights(trainer)
    step = next(trainer.train())
    assert isinstance(step, Step)
    for name, tensor in weights(trainer).items():
        if ".lora_A." in name:  # its gradient is zero while B is
            torch.testing.assert_close(tensor, before[name] * (1 - 0.5 * step.learning_rate))


def test_gradient_is_clipped_and_its_norm_reported_as_it_was(start: Callable[..., Trainer]) -> None:
    free, clipped = start("free", max_grad_norm=1000), start("clipped", max_grad_norm=0.01)
    before, after = next(free.train()), next(clipped.train())
    assert isinstance(before, Step)
    assert isinstance(after, Step)
    assert before.grad_norm is not None
    assert before.grad_norm == after.grad_norm
    for trainer, norm in ((free, before.grad_norm), (clipped, 0.01)):
        moments = torch.cat([state["exp_avg"].flatten() for state in trainer.optimizer.state.values()])
        assert float(moments.norm()) == pytest.approx(0.1 * norm, rel=1e-3)  # Adam keeps a tenth of the first gradient


DROPOUT = {"lora_dropout": 0.1, "hidden_dropout_prob": 0.1, "swap_probability": 0.5, "evaluations_per_epoch": 2}


def break_off(trainer: Trainer, kind: type[Event], step: int) -> None:
    """Abandon the training at an event, as a killed process does."""
    events = trainer.train()
    for event in events:
        if isinstance(event, kind) and getattr(event, "step", None) == step:
            break
    events.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "step"),
    [(Step, 1), (Step, 2), (Evaluating, 3), (Evaluated, 3), (Step, 7), (Evaluated, 9), (Evaluated, 12)],
)
def test_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    start: Callable[..., Trainer], kind: type[Event], step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    whole = start("whole", **DROPOUT)
    list(whole.train())
    break_off(start(**DROPOUT), kind, step)
    torch.manual_seed(99)
    resumed = start(**DROPOUT)
    events = list(resumed.train())
    done = step if kind is Evaluated else step - 1
    if done:
        assert events[0] == Resumed(done)
    assert [event.step for event in steps(events)] == list(range(done + 1, 13))
    assert equal(weights(resumed), weights(whole))
    assert learned(resumed.summary()) == learned(whole.summary())


def test_training_broken_off_twice_still_ends_the_same(
    start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    whole = start("whole", **DROPOUT)
    list(whole.train())
    break_off(start(**DROPOUT), Step, 4)
    break_off(start(**DROPOUT), Step, 8)
    resumed = start(**DROPOUT)
    list(resumed.train())
    assert equal(weights(resumed), weights(whole))


def test_checkpoint_is_written_only_at_evaluations_while_they_are_frequent(
    start: Callable[..., Trainer], tmp_path: Path
) -> None:
    break_off(start(), Step, 5)
    assert not (tmp_path / "checkpoint").exists()
    break_off(start(), Evaluated, 6)
    assert (tmp_path / "checkpoint").exists()


def test_finished_training_is_only_put_back(start: Callable[..., Trainer]) -> None:
    whole = start()
    list(whole.train())
    again = start()
    assert list(again.train()) == [Resumed(12)]
    assert equal(weights(again), weights(whole))
    assert learned(again.summary()) == learned(whole.summary())


def commands(*wanted: Command) -> Callable[[], Command]:
    """A control that gives these commands one after the other, the last one for ever."""
    left = list(wanted)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def then_stop(step: int) -> list[Command]:
    """Commands that stop the training after this step."""
    running: list[Command] = ["run"]
    return [*running * (step - 1), "stop"]


@pytest.mark.parametrize(("at", "evaluated"), [(2, [2]), (6, [6]), (8, [6, 8])])
def test_stop_keeps_what_was_learned(start: Callable[..., Trainer], at: int, evaluated: list[int]) -> None:
    trainer = start(control=commands(*then_stop(at)))
    before = weights(trainer)
    events = list(trainer.train())
    summary = trainer.summary()
    assert (summary.steps, summary.stopped_early) == (at, True)
    assert [event.step for event in events if isinstance(event, Evaluated)] == evaluated
    assert [entry["step"] for entry in summary.history] == evaluated
    assert not equal(weights(trainer), before)


def test_stop_after_the_last_step_is_no_early_stop(start: Callable[..., Trainer]) -> None:
    trainer = start(control=commands(*then_stop(12)))
    list(trainer.train())
    assert not trainer.summary().stopped_early


def test_pause_is_told_saved_and_changes_nothing(
    start: Callable[..., Trainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PAUSE_POLL_SECONDS", 0.0)
    paused = start(control=commands("run", "pause", "pause", "pause", "run"))
    events = []
    for event in paused.train():
        if event == Paused(2, True):
            assert (tmp_path / "checkpoint").exists()
        events.append(event)
    assert [event for event in events if isinstance(event, Paused)] == [Paused(2, True), Paused(2, False)]
    assert events.index(Paused(2, False)) == events.index(Paused(2, True)) + 1 == 3
    whole = start("whole")
    list(whole.train())
    assert equal(weights(paused), weights(whole))


def test_pause_can_end_in_a_stop(start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PAUSE_POLL_SECONDS", 0.0)
    trainer = start(control=commands("pause", "pause", "stop"))
    kinds = [type(event) for event in trainer.train()]
    assert kinds == [Step, Paused, Paused, Evaluating, Evaluated]
    assert trainer.summary().stopped_early


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_loss_that_is_no_number_ends_the_training_with_advice(start: Callable[..., Trainer], value: float) -> None:
    trainer = start(learning_rate=0.01)
    events = trainer.train()
    next(events)
    with torch.no_grad():
        trainer.trained["base_model.model.classifier.modules_to_save.default.bias"].fill_(value)
    with pytest.raises(
        DivergedError, match=r"training loss became (nan|inf) .*step 2\. Lower learning_rate \(now 0\.01\)"
    ):
        list(events)


def test_validation_loss_that_is_no_number_leaves_the_older_checkpoint(
    start: Callable[..., Trainer], tmp_path: Path
) -> None:
    trainer = start()
    events = trainer.train()
    assert any(isinstance(event, Evaluated) for event in events)
    saved = (tmp_path / "checkpoint").read_bytes()
    assert any(isinstance(event, Evaluating) for event in events)
    with torch.no_grad():
        next(iter(trainer.trained.values())).fill_(math.nan)
    with pytest.raises(DivergedError, match="validation loss became nan"):
        list(events)
    assert (tmp_path / "checkpoint").read_bytes() == saved


def test_last_batch_may_be_smaller(start: Callable[..., Trainer]) -> None:
    trainer = start(train_batch_size=7)
    assert len(steps(list(trainer.train()))) == 2 * 4
    assert trainer.progress.examples == 2 * 24
    assert trainer.summary().examples_per_second == trainer.progress.examples / trainer.summary().train_seconds


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_batch_taken_in_parts_is_the_same_batch(
    start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    whole = start(train_batch_size=8, bnb_4bit_compute_dtype="float32", swap_probability=0.5)
    as_a_whole = next(whole.train())
    monkeypatch.setattr(loss, "MAX_PAIRS_AT_ONCE_ON_CPU", at_once)
    parts = start("parts", train_batch_size=8, bnb_4bit_compute_dtype="float32", swap_probability=0.5)
    in_parts = next(parts.train())
    assert isinstance(as_a_whole, Step)
    assert isinstance(in_parts, Step)
    assert in_parts.loss == pytest.approx(as_a_whole.loss, rel=1e-5)
    assert in_parts.grad_norm == pytest.approx(as_a_whole.grad_norm, rel=1e-4)


def test_no_more_pairs_than_that_are_looked_at_at_once(
    start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def note(pairs: TokenizedPairs, indices: list[int], swap: list[bool]) -> dict[str, torch.Tensor]:
        sizes.append(len(indices))
        return pad_batch(pairs, indices, swap)

    monkeypatch.setattr(loss, "pad_batch", note)
    next(start(train_batch_size=20).train())
    assert sizes == [16, 4]


def test_easy_pairs_stand_beside_the_first_batches_at_half_weight(
    start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_them = start("with", easy_pairs_steps=2, num_train_epochs=1)
    trained = steps(list(with_them.train()))
    assert with_them.progress.examples == 24 + 2 * 4
    assert trained[0].loss == losses(start("without", num_train_epochs=1), 1)[0]  # of the batch alone
    assert trained[1].loss != losses(start("again", num_train_epochs=1), 2)[1]
    monkeypatch.setattr(training, "EASY_PAIRS_WEIGHT", 0.0)
    weightless = start("weightless", easy_pairs_steps=2, num_train_epochs=1)
    assert losses(weightless) == losses(start("plain", num_train_epochs=1))


def test_easy_pairs_are_the_same_when_a_run_is_resumed(start: Callable[..., Trainer]) -> None:
    whole = start("whole", easy_pairs_steps=4, num_train_epochs=1, hidden_dropout_prob=0.1)
    list(whole.train())
    interrupted = start("parts", easy_pairs_steps=4, num_train_epochs=1, hidden_dropout_prob=0.1)
    events = interrupted.train()
    for _ in range(2):
        next(events)
    interrupted._save()
    resumed = start("parts", easy_pairs_steps=4, num_train_epochs=1, hidden_dropout_prob=0.1)
    list(resumed.train())
    assert equal(weights(resumed), weights(whole))
    assert resumed.progress.examples == whole.progress.examples


def test_the_time_left_knows_that_the_first_steps_take_twice_as_long(start: Callable[..., Trainer]) -> None:
    trainer = start(easy_pairs_steps=2, num_train_epochs=1)
    first = next(trainer.train())
    assert isinstance(first, Step)
    assert first.seconds_left == pytest.approx(trainer.progress.train_seconds * (24 + 2 * 4 - 8) / 8)
