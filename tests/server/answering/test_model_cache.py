"""Reloaded runs are kept, shared, replaced by newer checkpoints, and let go of."""

import gc
import os
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from safetensors import SafetensorError

from qlora_core.config import RunConfig
from qlora_core.errors import MemoryExhausted, RunError
from qlora_core.evaluation import predictor as predictor_module
from qlora_core.evaluation.predictor import Predictor
from qlora_core.models.device import Compute
from qlora_core.models.factory import ModelFactory
from qlora_core.server.answering.model_cache import Predictors
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore


class Loader:
    """Stands in for loading a model: remembers which runs it was asked for, and how many at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.loaded, self.at_once, self.most_at_once = seconds, list[str](), 0, 0

    def __call__(self, run: Run) -> Predictor:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.seconds)
        self.loaded.append(run.id)
        self.at_once -= 1
        return cast(Predictor, type("Reloaded", (), {})())


@pytest.fixture
def runs(tiny_config: Callable[..., RunConfig], store: RunStore) -> list[Run]:
    """Four runs that look as if each had saved an adapter."""
    made = [store.create(tiny_config()) for _ in range(4)]
    for run in made:
        run.adapter_dir.mkdir()
        (run.adapter_dir / "adapter_config.json").write_text("{}", encoding="utf-8")
    return made


def test_a_run_is_loaded_once(runs: list[Run]) -> None:
    load = Loader()
    predictors = Predictors(load=load)
    first = predictors.get(runs[0])
    assert predictors.get(Run(runs[0].path)) is first
    assert load.loaded == [runs[0].id]


def test_the_run_asked_longest_ago_gives_way(runs: list[Run]) -> None:
    load = Loader()
    predictors = Predictors(capacity=2, load=load)
    for index in (0, 1, 0, 2, 0, 1):
        predictors.get(runs[index])
    assert load.loaded == [runs[index].id for index in (0, 1, 2, 1)]
    assert len(predictors) == 2


def test_what_gives_way_or_is_dropped_is_freed(runs: list[Run]) -> None:
    predictors = Predictors(capacity=1, load=Loader())
    references = []
    for run in runs[:2]:
        held: Any = predictors.get(run)
        held.itself = held  # a circle, as models have
        references.append(weakref.ref(held))
        del held
    gc.disable()
    try:
        predictors.get(runs[2])
        assert [reference() for reference in references] == [None, None]
        references.append(weakref.ref(predictors.get(runs[2])))
        predictors.drop(runs[2])
        assert references[-1]() is None
    finally:
        gc.enable()


def test_many_who_ask_at_once_wait_for_one_load_and_different_runs_are_loaded_in_turn(runs: list[Run]) -> None:
    load = Loader(seconds=0.05)
    predictors = Predictors(load=load)
    got: list[tuple[str, Predictor]] = []

    def ask(run: Run) -> None:
        got.append((run.id, predictors.get(run)))

    threads = [threading.Thread(target=ask, args=(run,)) for run in runs[:2] * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(load.loaded) == sorted(run.id for run in runs[:2])
    assert load.most_at_once == 1
    assert len(got) == 16
    assert len({(run_id, id(predictor)) for run_id, predictor in got}) == 2


def test_a_run_that_is_kept_is_given_while_another_is_loaded(runs: list[Run]) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def load(run: Run) -> Predictor:
        if run.path == runs[1].path:
            loading.set()
            go_on.wait(timeout=30)
        return cast(Predictor, run.id)

    predictors = Predictors(load=load)
    predictors.get(runs[0])
    thread = threading.Thread(target=predictors.get, args=(runs[1],))
    thread.start()
    assert loading.wait(timeout=30)
    assert predictors.get(runs[0]) == cast(Predictor, runs[0].id)
    go_on.set()
    thread.join()


def test_a_load_that_fails_is_tried_again(runs: list[Run]) -> None:
    answers = iter([RunError("The heads cannot be read."), "a predictor"])

    def load(run: Run) -> Predictor:
        del run
        if isinstance(answer := next(answers), Exception):
            raise answer
        return cast(Predictor, answer)

    predictors = Predictors(load=load)
    with pytest.raises(RunError, match="heads"):
        predictors.get(runs[0])
    assert predictors.get(runs[0]) == cast(Predictor, "a predictor")


def checkpoint(run: Run, moment: int) -> None:
    """A checkpoint written at a time in nanoseconds."""
    run.checkpoint_path.parent.mkdir(exist_ok=True)
    run.checkpoint_path.write_bytes(b"")
    os.utime(run.checkpoint_path, ns=(moment, moment))


def test_a_newer_checkpoint_replaces_the_older_and_a_saved_adapter_replaces_both(
    tiny_config: Callable[..., RunConfig], store: RunStore
) -> None:
    load, run = Loader(), store.create(tiny_config())
    predictors = Predictors(load=load)
    with pytest.raises(RunError, match=f"^Run {run.id} has nothing to ask yet"):
        predictors.get(run)
    checkpoint(run, 10**18)
    first = predictors.get(run)
    assert predictors.get(run) is first
    checkpoint(run, 10**18 + 1000)
    second = predictors.get(run)
    assert (second is not first, len(predictors)) == (True, 1)
    run.adapter_dir.mkdir()
    (run.adapter_dir / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert predictors.get(run) is not second
    assert (len(load.loaded), len(predictors)) == (3, 1)


def test_a_run_deleted_while_it_was_loaded_is_not_kept(runs: list[Run]) -> None:
    def load(run: Run) -> Predictor:
        shutil.rmtree(run.path)
        return cast(Predictor, "a predictor")

    predictors = Predictors(load=load)
    assert predictors.get(runs[0]) == cast(Predictor, "a predictor")
    assert len(predictors) == 0
    with pytest.raises(RunError):
        predictors.get(runs[0])


def test_a_real_run_answers_and_is_freed(finished_run: Run) -> None:
    predictors = Predictors()
    predictor = predictors.get(finished_run)
    assert 0 < predictor.answer([("the ferry opened early", "the ferry closed early")])[0].adapter.given < 1
    model = weakref.ref(predictor.model)
    del predictor
    predictors.drop(finished_run)
    assert model() is None


@pytest.mark.parametrize(
    "error",
    [OSError("gone"), ValueError("no adapter_config.json"), SafetensorError("cut off"), RunError("It is damaged.")],
)
def test_a_run_that_is_deleted_while_it_is_loaded_is_said_to_be(error: Exception, runs: list[Run]) -> None:
    def load(run: Run) -> Predictor:
        run.delete()
        raise error

    with pytest.raises(RunError, match=rf"^Run {runs[0].id} was deleted while it was being loaded\.$"):
        Predictors(load=load).get(runs[0])


def test_a_real_run_that_is_deleted_while_it_is_loaded_is_not_called_damaged(
    finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished_run.path, tmp_path / finished_run.id)
    run = Run(tmp_path / finished_run.id)
    find = predictor_module.models_of

    def find_and_delete(run: Run, compute: Compute) -> ModelFactory:
        models = find(run, compute)
        run.delete()
        return models

    monkeypatch.setattr(predictor_module, "models_of", find_and_delete)
    with pytest.raises(RunError, match=rf"^Run {run.id} was deleted while it was being loaded\.$"):
        Predictors().get(run)


def test_an_error_that_no_file_can_cause_is_not_called_damage(runs: list[Run]) -> None:
    def load(_: Run) -> Predictor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Predictors(load=load).get(runs[0])


def test_a_damaged_adapter_is_said_to_be(runs: list[Run], caplog: pytest.LogCaptureFixture) -> None:
    def load(_: Run) -> Predictor:
        raise ValueError("a header too large")

    predictors = Predictors(load=load)
    with pytest.raises(RunError, match=rf"^The adapter of run {runs[0].id} is damaged and cannot be loaded\."):
        predictors.get(runs[0])
    assert "a header too large" in caplog.text
    assert len(predictors) == 0


def test_memory_that_runs_out_is_not_called_damage(runs: list[Run]) -> None:
    def load(_: Run) -> Predictor:
        raise MemoryError

    with pytest.raises(MemoryExhausted, match="not enough memory"):
        Predictors(load=load).get(runs[0])


def test_a_finished_run_without_its_adapter_is_not_waited_for(runs: list[Run]) -> None:
    runs[0].finish({}, state="finished", message="Finished")
    shutil.rmtree(runs[0].adapter_dir)
    with pytest.raises(RunError, match=rf"^The adapter of run {runs[0].id} is missing\."):
        Predictors(load=Loader()).get(runs[0])
