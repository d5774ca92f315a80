"""A saved run, loaded with plain transformers and PEFT, answers as the model that was trained."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from qlora_core.config import RunConfig
from qlora_core.data.batching import tokenize
from qlora_core.data.sources import load_run_pairs
from qlora_core.evaluation.metrics import probabilities
from qlora_core.models.device import start_accelerator
from qlora_core.models.inference import predict_logits
from qlora_core.models.reloaded import reload_finetuned
from qlora_core.store.runs import Run


def test_the_reloaded_model_gives_the_probabilities_on_record(finished_run: Run) -> None:
    compute, accelerator = start_accelerator(finished_run.config)
    model, tokenizer = reload_finetuned(finished_run, compute)
    pairs = tokenize(load_run_pairs(finished_run.config).validation, tokenizer, finished_run.config.max_length)
    logits = predict_logits(model, pairs, accelerator, finished_run.config.eval_batch_size)
    recorded = pd.read_parquet(finished_run.path / "predictions.parquet")["probability_finetuned"]
    np.testing.assert_array_equal(probabilities(logits), recorded)


def test_a_reloaded_model_is_in_evaluation_mode(finished_run: Run) -> None:
    model, _ = reload_finetuned(finished_run, start_accelerator(finished_run.config)[0])
    assert [name for name, module in model.named_modules() if module.training] == []


def test_the_pairs_are_those_that_the_configuration_names(tiny_config: Callable[..., RunConfig]) -> None:
    pairs = load_run_pairs(tiny_config(max_train_samples=20, max_eval_samples=10, seed=3))
    assert (len(pairs.train), len(pairs.validation)) == (20, 10)
    again = load_run_pairs(tiny_config(max_train_samples=20, max_eval_samples=10, seed=4))
    assert pairs.fingerprint != again.fingerprint
