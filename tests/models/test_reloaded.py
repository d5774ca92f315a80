"""A saved run, loaded with plain transformers and PEFT, answers as the model that was trained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qlora_core.config import RunConfig
from qlora_core.data.batching import tokenize
from qlora_core.data.sources import load_run_pairs
from qlora_core.evaluation.metrics import probabilities
from qlora_core.models.device import start_accelerator
from qlora_core.models.inference import predict_logits
from qlora_core.models.reloaded import main, reload_finetuned
from qlora_core.store.runs import Run, RunStore
from qlora_core.training.run_process import start_run
from tests.conftest import ignore


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


def test_the_program_writes_logits_and_tells_its_progress(
    finished_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(str(finished_run.path), str(tmp_path / "logits.npy"))
    logits = np.load(tmp_path / "logits.npy")
    recorded = pd.read_parquet(finished_run.path / "predictions.parquet")["probability_reloaded"]
    np.testing.assert_array_equal(probabilities(logits), recorded)
    assert capsys.readouterr().out.splitlines()[-1] == "16 16"


def test_the_pairs_are_those_that_the_configuration_names(tiny_config: Callable[..., RunConfig]) -> None:
    pairs = load_run_pairs(tiny_config(max_train_samples=20, max_eval_samples=10, seed=3))
    assert (len(pairs.train), len(pairs.validation)) == (20, 10)
    again = load_run_pairs(tiny_config(max_train_samples=20, max_eval_samples=10, seed=4))
    assert pairs.fingerprint != again.fingerprint


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"quantization": "fp4"},
        {"quantization": "int8"},
        {"quantization": "none", "modules_to_save": ("classifier",), "target_modules": ("query", "value")},
    ],
)
def test_every_kind_of_adapter_is_verified(
    changes: dict[str, object], tiny_config: Callable[..., RunConfig], store: RunStore
) -> None:
    run = start_run(tiny_config(num_train_epochs=1, **changes), store, ignore)
    reload = (run.result or {})["reload"]
    assert reload["verified"]
    assert reload["max_abs_logit_difference"] == 0.0
