"""What a run works with, put together in one way: device, base model, tokenizer, pairs, and the models made of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from accelerate import Accelerator
from datasets import Dataset
from peft import PeftModel
from torch import nn
from transformers import PreTrainedTokenizerBase

from qlora_core.config import RunConfig
from qlora_core.data.batching import TokenizedPairs, evaluation_batches, tokenize
from qlora_core.data.sources import PairData, load_run_pairs
from qlora_core.errors import ConfigError
from qlora_core.language import N_
from qlora_core.loans import Loan
from qlora_core.models.device import describe_environment, measuring_conditions, start_accelerator
from qlora_core.models.factory import ModelFactory
from qlora_core.models.inference import Progress, classify, predict_logits
from qlora_core.training.baselines import MAX_PROBE_PAIRS, draw_probe_pairs
from qlora_core.training.loop.trainer import Command, Trainer
from qlora_core.training.watched_pairs import WatchedPairs, choose_watched

Split = Literal["train", "train_sample", "validation"]
MAX_TRAIN_SAMPLE = 500  #: pairs, so that answering them takes seconds


@dataclass(frozen=True)
class Setup:
    """Everything that follows from a configuration alone; the pairs are tokenised when they are first asked for."""

    config: RunConfig
    accelerator: Accelerator
    models: ModelFactory
    data: PairData
    tokenizer: PreTrainedTokenizerBase
    loan: Loan | None = None  #: of the device, where it is borrowed

    @classmethod
    def load(
        cls,
        config: RunConfig,
        data: PairData | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
        loan: Loan | None = None,
    ) -> Self:
        """Choose device and number type, find the base model, and read the pairs.

        Args:
            data: other pairs than those that ``config`` names.
            tokenizer: another tokenizer than the base model's, such as the one that was saved with an adapter.
            loan: that of the device, where it is borrowed.

        Raises:
            ModelError, HubError: the base model is not to be had on this machine.
            DataError: the pairs are missing, malformed or too few.
            ConfigError: the number type or ``max_length`` does not fit device or model.
        """
        compute, accelerator = start_accelerator(config)
        models = ModelFactory.find(config, compute)
        return cls(config, accelerator, models, data or load_run_pairs(config), tokenizer or models.tokenizer(), loan)

    @cached_property
    def train(self) -> TokenizedPairs:
        """The pairs to learn from, in both orders where training may swap their sentences.

        Raises:
            ConfigError: easy pairs are asked for, and no sentences are unrelated.
        """
        pairs = self._tokenize(self.data.train, swapped=self.config.swap_probability > 0)
        if self.config.easy_pairs_steps and pairs.bundles.max() == 0:
            raise ConfigError(
                N_(
                    "easy_pairs_steps: every training pair shares a sentence with others, so that no two sentences are "
                    "unrelated. Set it to 0."
                )
            )
        return pairs

    @cached_property
    def validation(self) -> TokenizedPairs:
        """The pairs that every model is measured on."""
        return self._tokenize(self.data.validation)

    @cached_property
    def probe(self) -> TokenizedPairs:
        """The training pairs that the linear probe sees."""
        train = self.train
        return train.select(draw_probe_pairs(train.labels, train.bundles, MAX_PROBE_PAIRS, self.config.seed))

    @cached_property
    def train_sample(self) -> TokenizedPairs:
        """The training pairs that the fine-tuned model answers at its end, for thresholds to be chosen on."""
        drawn = np.random.default_rng(self.config.seed).permutation(len(self.train))[:MAX_TRAIN_SAMPLE]
        return self.train.select(np.sort(drawn).tolist())

    @cached_property
    def watched(self) -> WatchedPairs:
        """The validation pairs whose answers are looked at again and again."""
        return choose_watched(self.data.validation, self.validation, self.config.seed)

    @property
    def truncation(self) -> dict[str, Any]:
        """How many pairs there are, and how many are longer than ``max_length``, as ``truncation_words`` takes them."""
        counts: dict[str, Any] = {"max_length": self.config.max_length}
        for name, pairs in (("train", self.train), ("validation", self.validation)):
            counts |= {name: len(pairs), f"{name}_truncated": int(pairs.truncated.sum())}
        return counts

    def answer(self, model: nn.Module, split: Split = "validation", progress: Progress | None = None) -> np.ndarray:
        """Logits of ``model`` for every pair of a split, shape (n, 2)."""
        pairs: TokenizedPairs = getattr(self, split)
        return predict_logits(model, pairs, self.accelerator, self.config.eval_batch_size, progress)

    def classify(self, model: nn.Module, features: np.ndarray) -> np.ndarray:
        """What the classifier of ``model`` makes of its encoder's features of the validation pairs; shape (n, 2)."""
        batches = evaluation_batches(self.validation, self.config.eval_batch_size)
        return classify(model, features, batches, self.accelerator.device)

    def untrained_adapter(self) -> PeftModel:
        """The quantised base model with fresh LoRA matrices, ready to be trained."""
        return self.models.with_lora(self.models.quantized().model)

    def trainer(
        self,
        model: nn.Module,
        checkpoint_path: Path,
        control: Callable[[], Command] = lambda: "run",
        evaluation_progress: Progress | None = None,
    ) -> Trainer:
        """The loop that trains ``model`` on these pairs."""
        return Trainer(
            model,
            self.train,
            self.validation,
            self.config,
            self.accelerator,
            checkpoint_path,
            control,
            evaluation_progress,
            self.conditions,
            on_loan=self.loan is not None,
        )

    @property
    def conditions(self) -> str:
        """What the last digits of every answer depend on beside model and pairs, as a digest."""
        return measuring_conditions(self.models.compute, self.accelerator)

    def environment(self) -> dict[str, Any]:
        """Versions, device and threads, as they are shown beside every result."""
        described = describe_environment(self.models.compute, self.accelerator)
        if self.loan is not None:
            described |= {"device_name": self.loan.device_name(described["device_name"]), "borrowed": self.loan.share}
        return described

    def _tokenize(self, pairs: Dataset, *, swapped: bool = False) -> TokenizedPairs:
        return tokenize(pairs, self.tokenizer, self.config.max_length, swapped=swapped)
