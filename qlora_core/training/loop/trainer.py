"""The QLoRA loop, written out: quantised weights stay frozen, LoRA matrices and the head learn.

Everything that happens at step k follows from the seed and k alone (order of the pairs, swaps, dropout, learning rate),
so a checkpoint is the trained tensors, the optimiser's moments, and a step number.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import nn

from qlora_core.config import RunConfig
from qlora_core.data.batching import TokenizedPairs, epoch_batches
from qlora_core.errors import DivergedError
from qlora_core.evaluation.best_epoch import best_epoch
from qlora_core.evaluation.scores import score
from qlora_core.language import N_, Figure, Message
from qlora_core.loans import Suspended
from qlora_core.models.adapter import load_trainable_state, trainable_state
from qlora_core.models.checkpoint import Progress, load_checkpoint, save_checkpoint
from qlora_core.models.inference import predict_logits
from qlora_core.training.loop.easy_pairs import EASY_PAIRS_WEIGHT, easy_pairs
from qlora_core.training.loop.events import Command, Evaluated, Evaluating, Event, Paused, Resumed, Step
from qlora_core.training.loop.loss import parts_of_batch, summed_loss
from qlora_core.training.loop.schedule import draw_swaps, dropout_seed, evaluation_steps, learning_rate_at

#: A checkpoint is written at every evaluation, and between two of them when this many seconds have passed.
SECONDS_BETWEEN_CHECKPOINTS = 30.0
PAUSE_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class TrainingSummary:
    """What came of a training; the model holds the weights of ``best``."""

    history: list[dict[str, float]]  #: one entry an evaluation: step, epoch, and every metric by its name
    best: dict[str, float]
    best_logits: np.ndarray | None  #: its answers, where they were given under the same conditions as all that follows
    steps: int
    pairs_shown: int  #: repetitions and easy pairs counted
    stopped_early: bool
    train_seconds: float  #: time in training steps, before and after a run is resumed
    examples_per_second: float


class Trainer:
    """One training from its start (or its checkpoint) to its best weights.

    Use: ``for event in trainer.train(): ...``, then ``trainer.summary()``. Under ``accelerate launch`` every
    process runs the same loop on its share of each batch.
    """

    def __init__(
        self,
        model: nn.Module,
        train_pairs: TokenizedPairs,
        validation_pairs: TokenizedPairs,
        config: RunConfig,
        accelerator: Accelerator,
        checkpoint_path: Path,
        control: Callable[[], Command] = lambda: "run",
        evaluation_progress: Callable[[int, int], None] | None = None,
        conditions: str = "",
        *,
        on_loan: bool = False,
    ) -> None:
        """``on_loan``: an evaluation may be broken off, because the device has to be given back."""
        self.config, self.accelerator = config, accelerator
        self.train_pairs, self.validation_pairs = train_pairs, validation_pairs
        self.checkpoint_path, self._control = checkpoint_path, control
        self._evaluation_progress, self._conditions, self._on_loan = evaluation_progress, conditions, on_loan
        self.trained = trainable_state(model)
        self._bare_model = model
        self.optimizer = torch.optim.AdamW(
            self.trained.values(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.model, self._scaled_optimizer = accelerator.prepare(model, self.optimizer)
        self.steps_per_epoch = math.ceil(len(train_pairs) / config.train_batch_size)
        self.total_steps = self.steps_per_epoch * config.num_train_epochs
        self.progress = Progress()
        self._stopped = False

    def train(self) -> Iterator[Event]:
        """Yield every step and evaluation; at the end the model holds the best evaluation's weights.

        Raises:
            DivergedError: the loss or its gradient became NaN or infinite.
            StorageError: a checkpoint could not be written.
            Suspended: that was asked for; the checkpoint is written.
        """
        if self.checkpoint_path.exists():
            self.progress = load_checkpoint(self.checkpoint_path, self.trained, self.optimizer)
            yield Resumed(self.progress.step)
        self._last_checkpoint = time.monotonic()
        self.model.train()
        if self._lacks_evaluation():
            yield from self._evaluate()
        while self.progress.step < self.total_steps and not self._stopped:
            epoch, position = divmod(self.progress.step, self.steps_per_epoch)
            batches = epoch_batches(self.train_pairs, self.config.train_batch_size, self.config.seed, epoch)
            for indices in batches[position:]:
                yield self._step(indices)
                yield from self._after_step()
                if self._stopped:
                    break
        load_trainable_state(self._bare_model, self.progress.best_state)

    def summary(self) -> TrainingSummary:
        """What came of it; to be called when ``train`` has been exhausted."""
        progress = self.progress
        return TrainingSummary(
            history=progress.history,
            best=progress.history[best_epoch(progress.history)],
            best_logits=progress.best_logits if progress.best_conditions == self._conditions else None,
            steps=progress.step,
            pairs_shown=progress.examples,
            stopped_early=self._stopped,
            train_seconds=progress.train_seconds,
            examples_per_second=progress.examples / max(progress.train_seconds, 1e-9),
        )

    def _step(self, indices: list[int]) -> Step:
        started = time.monotonic()
        step, config = self.progress.step, self.config
        rate = learning_rate_at(
            step, self.total_steps, config.learning_rate, config.warmup_ratio, config.lr_scheduler_type
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(dropout_seed(config.seed, step, self.accelerator.process_index))
        loss = self._backward(indices)
        self._check_finite(N_("The training loss"), loss)
        grad_norm = float(self.accelerator.clip_grad_norm_(list(self.trained.values()), config.max_grad_norm))
        if self.accelerator.scaler is None:
            self._check_finite(N_("The norm of the gradient"), grad_norm)
        self._scaled_optimizer.step()
        self._scaled_optimizer.zero_grad()
        self.progress.step += 1
        self.progress.train_seconds += time.monotonic() - started
        return Step(
            step=self.progress.step,
            total_steps=self.total_steps,
            epoch=self.progress.step / self.steps_per_epoch,
            loss=loss,
            learning_rate=rate,
            grad_norm=grad_norm if math.isfinite(grad_norm) else None,
            examples_per_second=self.progress.examples / self.progress.train_seconds,
            seconds_left=self._seconds_left(),
        )

    def _check_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise DivergedError(
                N_(
                    "{what} became {value} near step {step}. Lower learning_rate (now {rate}) or raise warmup_ratio, "
                    "and start again."
                ),
                what=Message(what),
                value=str(value),
                step=self.progress.step + 1,
                rate=Figure(self.config.learning_rate, "g"),
            )

    def _backward(self, indices: list[int]) -> float:
        """Add the gradient of a step's batch and of the easy pairs beside it; return the batch's mean loss."""
        config, step = self.config, self.progress.step
        swap = draw_swaps(config.seed, step, len(indices), config.swap_probability)
        if step >= config.easy_pairs_steps:
            return self._backward_mean(self.train_pairs, indices, swap, is_last=True)
        loss = self._backward_mean(self.train_pairs, indices, swap, is_last=False)
        easy = easy_pairs(self.train_pairs, config.train_batch_size, config.seed, step)
        everyone = list(range(len(easy)))
        self._backward_mean(easy, everyone, [False] * len(easy), is_last=True, weight=EASY_PAIRS_WEIGHT)
        return loss

    def _backward_mean(
        self, pairs: TokenizedPairs, indices: list[int], swap: list[bool], *, is_last: bool, weight: float = 1.0
    ) -> float:
        """Add this process's share of the gradient of the mean loss, times ``weight``, part by part; return that mean.

        Processes put their gradients together at the last part of what ``is_last`` in a step.
        """
        accelerator, world = self.accelerator, self.accelerator.num_processes
        share, swap = indices[accelerator.process_index :: world], swap[accelerator.process_index :: world]
        share_weight = 1.0 if share else 0.0  # a last batch smaller than the number of processes
        share, swap = share or indices[:1], swap or [False]
        total = torch.zeros((), device=accelerator.device)
        parts = parts_of_batch(len(share), accelerator.device)
        for part in parts:
            with nullcontext() if is_last and part is parts[-1] else accelerator.no_sync(self.model):
                summed = self._summed_loss(pairs, share[part], swap[part])
                loss = summed * (share_weight / len(indices))
                accelerator.backward(loss * (weight * world))  # DistributedDataParallel averages over processes
            total += loss.detach()
        self.progress.examples += len(indices)
        return float(accelerator.reduce(total, reduction="sum"))

    def _summed_loss(self, pairs: TokenizedPairs, indices: list[int], swap: list[bool]) -> torch.Tensor:
        smoothing = self.config.label_smoothing_factor
        return summed_loss(self.model, pairs, indices, swap, self.accelerator.device, smoothing)

    def _after_step(self) -> Iterator[Event]:
        """Evaluate and save when it is time; obey a pause or a stop."""
        if self._is_evaluation_step():
            if self._on_loan:
                self._save()  # an evaluation that is broken off is made again
            yield from self._evaluate()
        elif time.monotonic() - self._last_checkpoint > SECONDS_BETWEEN_CHECKPOINTS:
            self._save()
        command = self._agreed_command()
        if command == "suspend":
            self._save()
            raise Suspended
        if command == "pause":
            self._save()
            yield Paused(self.progress.step, True)
            while command == "pause":
                time.sleep(PAUSE_POLL_SECONDS)
                command = self._agreed_command()
            yield Paused(self.progress.step, False)
        if command == "stop" and self.progress.step < self.total_steps:
            self._stopped = True
            if not self._is_evaluation_step():
                yield from self._evaluate()

    def _is_evaluation_step(self) -> bool:
        position = (self.progress.step - 1) % self.steps_per_epoch + 1
        return position in evaluation_steps(self.steps_per_epoch, self.config.evaluations_per_epoch)

    def _lacks_evaluation(self) -> bool:
        """Whether the checkpoint was written before an evaluation that was then broken off."""
        step, history = self.progress.step, self.progress.history
        return step > 0 and self._is_evaluation_step() and (not history or history[-1]["step"] != step)

    def _evaluate(self) -> Iterator[Event]:
        """Measure, remember the weights if they are the best so far, and write a checkpoint."""
        yield Evaluating(self.progress.step)
        started = time.monotonic()
        # not the wrapped one: its forward pass waits for the other processes, which may have fewer batches
        logits = predict_logits(
            self._bare_model,
            self.validation_pairs,
            self.accelerator,
            self.config.eval_batch_size,
            self._evaluation_progress,
        )
        measured = score(logits, self.validation_pairs.labels)
        scores = measured.values
        self._check_finite(N_("The validation loss"), scores["loss"])
        epoch, history = self.progress.step / self.steps_per_epoch, self.progress.history
        history.append({"step": self.progress.step, "epoch": epoch, **scores})
        is_best = best_epoch(history) == len(history) - 1
        if is_best:
            self.progress.best_state = {name: tensor.detach().cpu().clone() for name, tensor in self.trained.items()}
            self.progress.best_logits, self.progress.best_conditions = logits, self._conditions
        self.progress.evaluation_seconds = time.monotonic() - started
        self._save()
        yield Evaluated(self.progress.step, epoch, scores, is_best, measured.confusion.only_answer)

    def _seconds_left(self) -> float:
        progress, config = self.progress, self.config
        steps_left = self.total_steps - progress.step
        with_easy_pairs = max(0, min(config.easy_pairs_steps, self.total_steps) - progress.step)
        pairs_left = (steps_left + with_easy_pairs) * config.train_batch_size
        evaluations_left = math.ceil(steps_left / self.steps_per_epoch * config.evaluations_per_epoch)
        seconds_a_pair = progress.train_seconds / progress.examples
        return pairs_left * seconds_a_pair + evaluations_left * progress.evaluation_seconds

    def _agreed_command(self) -> Command:
        """The main process reads the command; all processes follow it at the same step."""
        if self.accelerator.num_processes == 1:
            return self._control()
        command: list[Command] = [self._control() if self.accelerator.is_main_process else "run"]
        broadcast_object_list(command)
        return command[0]

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            save_checkpoint(self.checkpoint_path, self.progress, self.trained, self.optimizer)
        self._last_checkpoint = time.monotonic()
