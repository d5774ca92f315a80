"""A finished run asked again: adapter and baselines answer as they were measured."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import ModelError, RunError
from qlora_core.metrics import probabilities
from qlora_core.prediction import ANSWERERS, Answerer, Predictor
from qlora_core.reload import load_run_pairs
from qlora_core.run_store import Run, RunStore


@pytest.fixture(scope="module")
def predictor(finished_run: Run) -> Predictor:
    return Predictor(finished_run)


def recorded(run: Run, answerer: str) -> pd.Series:
    """The probabilities that the run measured on its validation pairs."""
    return pd.read_parquet(run.path / "predictions.parquet")[f"probability_{answerer}"]


@pytest.mark.parametrize("answerer", [*ANSWERERS, "finetuned", "untrained_head"])
def test_an_answerer_gives_what_was_measured_in_whatever_order_they_are_asked(
    answerer: Answerer, predictor: Predictor, finished_run: Run
) -> None:
    validation = load_run_pairs(finished_run.config).validation
    np.testing.assert_array_equal(
        probabilities(predictor.logits(validation, answerer)), recorded(finished_run, answerer)
    )


def test_progress_is_told(predictor: Predictor, finished_run: Run) -> None:
    told: list[tuple[int, int]] = []
    predictor.logits(load_run_pairs(finished_run.config).validation, "finetuned", lambda *done: told.append(done))
    assert told[-1] == (16, 16)


def test_base_and_adapter_disagree_somewhere(predictor: Predictor, finished_run: Run) -> None:
    validation = load_run_pairs(finished_run.config).validation
    base, adapted = (predictor.logits(validation, name).argmax(axis=1) for name in ("untrained_head", "finetuned"))
    assert (base != adapted).any()


def copy_with(run: Run, folder: Path, **changes: object) -> Run:
    """A copy of the run in another store, with other settings in its configuration."""
    copy = Run(shutil.copytree(run.path, folder / run.id))
    (copy.path / "config.json").write_text(run.config.model_copy(update=changes).model_dump_json(), encoding="utf-8")
    return copy


def test_runs_of_different_number_types_can_be_asked_in_turn(finished_run: Run, tmp_path: Path) -> None:
    validation = load_run_pairs(finished_run.config).validation
    types = ("float32", "bfloat16")
    copies = [copy_with(finished_run, tmp_path / dtype, bnb_4bit_compute_dtype=dtype) for dtype in types]
    first, second = map(Predictor, copies)
    answers = [each.logits(validation, "finetuned") for each in (first, second, first, second)]
    np.testing.assert_array_equal(answers[0], answers[2])
    np.testing.assert_array_equal(answers[1], answers[3])
    assert 0 < np.abs(answers[0] - answers[1]).max() < 1


def test_a_run_directory_works_in_another_store(finished_run: Run, tmp_path: Path) -> None:
    shutil.copytree(finished_run.path, tmp_path / "elsewhere" / finished_run.id)
    run = RunStore(tmp_path / "elsewhere").open(finished_run.id)
    validation = load_run_pairs(run.config).validation
    assert run.status.state == "finished"
    np.testing.assert_array_equal(
        probabilities(Predictor(run).logits(validation, "finetuned")), recorded(finished_run, "finetuned")
    )


def test_a_run_without_an_adapter_cannot_be_asked(tiny_config: Callable[..., RunConfig], store: RunStore) -> None:
    run = store.create(tiny_config())
    with pytest.raises(RunError, match=f"Run {run.id} has saved no adapter yet"):
        Predictor(run)


def test_a_base_model_that_is_gone_is_named(finished_run: Run, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no base model '/nowhere/bert'"):
        Predictor(copy_with(finished_run, tmp_path, base_model="/nowhere/bert"))
