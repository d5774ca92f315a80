"""A saved run answers its validation pairs again from its files alone, in this process or in a fresh one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qlora_core.config import RunConfig
from qlora_core.evaluation.metrics import probabilities
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training import verify
from qlora_core.training.run_process import start_run
from tests.conftest import ignore


def test_the_files_alone_give_the_probabilities_on_record(finished_run: Run) -> None:
    told: list[tuple[int, int]] = []
    logits = verify.answer_from_files(finished_run, lambda done, total: told.append((done, total)))
    recorded = pd.read_parquet(finished_run.path / "predictions.parquet")["probability_finetuned"]
    np.testing.assert_array_equal(probabilities(logits), recorded)
    assert told[-1] == (16, 16)


def test_the_program_writes_logits_and_tells_its_progress(
    finished_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify.main(str(finished_run.path), str(tmp_path / "logits.npy"))
    logits = np.load(tmp_path / "logits.npy")
    recorded = pd.read_parquet(finished_run.path / "predictions.parquet")["probability_reloaded"]
    np.testing.assert_array_equal(probabilities(logits), recorded)
    assert capsys.readouterr().out.splitlines()[-1] == "16 16"


@pytest.mark.usefixtures("fresh_process")
def test_a_fresh_process_answers_to_the_last_bit_as_this_one(finished_run: Run) -> None:
    told: list[tuple[int, int]] = []
    logits = verify.answer_in_fresh_process(finished_run, lambda done, total: told.append((done, total)))
    np.testing.assert_array_equal(logits, verify.answer_from_files(finished_run))
    assert told[-1] == (16, 16)


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
