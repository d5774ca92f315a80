"""A finished run, reloaded: answers of the adapter and of the baselines over one set of quantised weights."""

from typing import Literal

import numpy as np
from datasets import Dataset

from qlora_core.adapter import load_head
from qlora_core.batching import tokenize
from qlora_core.environment import start_accelerator
from qlora_core.errors import RunError
from qlora_core.inference import Progress, predict_logits
from qlora_core.reload import reload_finetuned
from qlora_core.run_store import Run

Answerer = Literal["finetuned", "untrained_head", "linear_probe"]
ANSWERERS: tuple[Answerer, ...] = ("untrained_head", "linear_probe", "finetuned")


class Predictor:
    """A run's base model, its adapter, and the two heads its baselines answered through."""

    def __init__(self, run: Run) -> None:
        """Load the run's base model and adapter.

        Raises:
            RunError: the run has saved no adapter.
            ModelError, HubError: its base model is not to be had on this machine.
        """
        if not (run.adapter_dir / "adapter_config.json").is_file():
            raise RunError(f"Run {run.id} has saved no adapter yet. Let it finish, or stop it to keep what it learned.")
        self.run, self.config = run, run.config
        self.compute, self.accelerator = start_accelerator(self.config)
        self.model, self.tokenizer = reload_finetuned(run, self.compute)

    def logits(self, pairs: Dataset, answerer: Answerer, progress: Progress | None = None) -> np.ndarray:
        """Logits of shape (n, 2) for ``pairs`` (columns sentence1, sentence2) from the adapter or a baseline's head."""
        tokenized = tokenize(pairs, self.tokenizer, self.config.max_length)
        arguments = (self.model, tokenized, self.accelerator, self.config.eval_batch_size, progress)
        if answerer == "finetuned":
            return predict_logits(*arguments)
        load_head(self.model, self.run.heads_path, answerer)
        with self.model.disable_adapter():
            return predict_logits(*arguments)
