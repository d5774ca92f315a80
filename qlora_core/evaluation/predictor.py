"""A run, reloaded: answers of the adapter and of the baselines over one set of quantised weights."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from functools import cached_property
from pathlib import Path
from threading import RLock

import numpy as np
from datasets import Dataset
from peft import PeftModel
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from transformers import BatchEncoding, PreTrainedTokenizerBase

from qlora_core.data.batching import TokenizedPairs, encode, tokenize, without_labels
from qlora_core.data.typed_pairs import Answer, BaseCheck, BothOrders, Pair, check_pair, check_scale
from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import Askable
from qlora_core.evaluation.metrics import probabilities
from qlora_core.language import N_
from qlora_core.models.adapter import adapter_disabled, adapter_scaled
from qlora_core.models.device import choose_compute, process_state, use_allowed_cores
from qlora_core.models.factory import ModelFactory
from qlora_core.models.footprint import is_frozen
from qlora_core.models.heads import load_head, read_heads
from qlora_core.models.inference import Progress, predict_logits
from qlora_core.models.reloaded import models_of, reload_checkpoint, reload_finetuned, reload_tokenizer
from qlora_core.store.run import Run

#: Orders of pairs answered at once: few, because pairs that people type can be as long as the model reads.
ANSWER_BATCH_SIZE = 16

#: Model, tokenizer, and the training step of the weights; None for the saved adapter, which holds the best ones.
Loaded = tuple[PeftModel, PreTrainedTokenizerBase, int | None]


class Predictor:
    """A run's base model, its adapter, and the two heads its baselines answered through.

    Several threads may ask at once: one is answered after the other.
    """

    def __init__(self, run: Run, load: Callable[[Run, ModelFactory], Loaded] | None = None) -> None:
        """Load the run's base model and its saved adapter, or what ``load`` gives in its place.

        Raises:
            RunError: the run has saved no adapter.
            ModelError, HubError: its base model is not to be had on this machine, or has other weights by now.
        """
        use_allowed_cores()
        self.run, self.config = run, run.config
        # not an Accelerator: its state belongs to a whole process, and other threads may be reading it
        self.processes = process_state()
        compute = choose_compute(self.config.bnb_4bit_compute_dtype, self.processes.device)
        self.models = models_of(run, compute)
        self.model, self.tokenizer, self.step = (load or _load_saved)(run, self.models)
        self.adapter_sha256 = None if self.step is not None else _digest(run.adapter_dir / SAFETENSORS_WEIGHTS_NAME)
        self._heads = read_heads(run.heads_path)
        self._lock = RLock()

    @classmethod
    def from_checkpoint(cls, run: Run) -> "Predictor":
        """A run that is not finished, with its newest weights; the saved adapter if it finished meanwhile.

        Raises:
            RunError: there is no checkpoint yet, or it is damaged.
            ModelError, HubError: the base model is not to be had on this machine.
        """
        return cls(run, _load_newest)

    @cached_property
    def twin(self) -> "Predictor":
        """A second predictor over the same encoder, for what takes long: this one goes on answering meanwhile.

        Adapter, heads and switches are copies, because an answer changes them for a moment.
        """
        encoder = {id(parameter): parameter for name, parameter in self.model.named_parameters() if is_frozen(name)}
        twin = copy(self)
        with self._lock:
            twin.model, twin.tokenizer = deepcopy((self.model, self.tokenizer), memo=dict(encoder))
        twin._lock = RLock()
        return twin

    def tokenized(self, pairs: Dataset) -> TokenizedPairs:
        """``pairs`` (columns sentence1, sentence2) as the run's model reads them."""
        with self._lock:
            return tokenize(pairs, self.tokenizer, self.config.max_length)

    def logits(self, pairs: TokenizedPairs, answerer: Askable, progress: Progress | None = None) -> np.ndarray:
        """Logits of shape (n, 2) for ``pairs`` from the adapter or a baseline's head."""
        with self.answering_as(answerer):
            return self._predict(pairs, self.config.eval_batch_size, progress)

    def answer(self, pairs: list[Pair], scale: float = 1.0) -> list[Answer]:
        """What base model and adapter say of each pair, in the order given and with its sentences swapped.

        Args:
            scale: how much of the adapter answers, see ``adapter.adapter_scaled``.

        Raises:
            DataError: a sentence is empty or too long, or the scale is not between 0 and ``questions.MAX_SCALE``.
        """
        scale = check_scale(scale)
        checked = [check_pair(*pair) for pair in pairs]
        if not checked:
            return []
        encoded = self.encode(checked + [(second, first) for first, second in checked])
        tokenized = without_labels(encoded, self.tokenizer, self.config.max_length)
        with self._lock:
            with self.answering_as("untrained_head"):
                base = probabilities(self._predict(tokenized, ANSWER_BATCH_SIZE))
            with self.answering_as("finetuned", scale):
                adapter = probabilities(self._predict(tokenized, ANSWER_BATCH_SIZE))
        n = len(checked)
        orders = [[BothOrders(*map(float, row)) for row in p.reshape(2, n).T] for p in (base, adapter)]
        return [Answer(*row) for row in zip(*orders, tokenized.truncated[:n].tolist(), strict=True)]

    def check_base(self, pair: Pair) -> BaseCheck:
        """Whether the base model answers a pair as the adapter does at scale 0, in both orders of its sentences.

        Raises:
            DataError: a sentence is empty or too long.
        """
        first, second = check_pair(*pair)
        tokenized = without_labels(
            self.encode([(first, second), (second, first)]), self.tokenizer, self.config.max_length
        )
        with self._lock:
            with self.answering_as("untrained_head"):
                base = self._predict(tokenized, ANSWER_BATCH_SIZE)
            with self.answering_as("finetuned", 0.0):
                adapter = self._predict(tokenized, ANSWER_BATCH_SIZE)
        return BaseCheck(float(np.abs(adapter - base).max()), self.models.base.sha256, self.adapter_sha256)

    def encode(self, pairs: list[Pair]) -> BatchEncoding:
        """Pairs (at least one) as the run's tokenizer splits them; it belongs to one thread at a time, too."""
        first, second = map(list, zip(*pairs, strict=True))
        with self._lock:
            return encode(self.tokenizer, first, second, self.config.max_length)

    @contextmanager
    def answering_as(self, answerer: Askable, scale: float = 1.0) -> Iterator[PeftModel]:
        """The model, for one thread alone, while it answers as ``answerer``."""
        with self._lock:
            load_head(self.model, self._heads, "untrained_head" if answerer == "finetuned" else answerer)
            with adapter_scaled(self.model, scale) if answerer == "finetuned" else adapter_disabled(self.model):
                yield self.model

    def _predict(self, tokenized: TokenizedPairs, batch_size: int, progress: Progress | None = None) -> np.ndarray:
        return predict_logits(self.model, tokenized, self.processes, batch_size, progress)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_saved(run: Run, models: ModelFactory) -> Loaded:
    if not run.has_adapter:
        raise RunError(
            N_("Run {run} has saved no adapter yet. Let it finish, or stop it to keep what it learned."), run=run.id
        )
    return reload_finetuned(run, models), reload_tokenizer(run), None


def _load_newest(run: Run, models: ModelFactory) -> Loaded:
    try:
        if run.has_checkpoint:
            model, step = reload_checkpoint(run, models)
            return model, models.tokenizer(), step
    except RunError:
        if run.has_checkpoint:
            raise
    if run.has_adapter:  # a run saves its adapter before it removes its checkpoint
        return _load_saved(run, models)
    raise RunError(
        N_("Run {run} has no checkpoint yet. It writes one at its first evaluation or pause; wait for it."), run=run.id
    )
