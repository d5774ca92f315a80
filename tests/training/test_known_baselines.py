"""Baselines are measured once: further runs take them over, each into a folder of its own, and say so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import borrowed_baselines_words
from qlora_core.models.device import Compute
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import resume_run, start_run
from tests.conftest import ignore
from tests.training.test_passes import passes_counted, published

MakeConfig = Callable[..., RunConfig]


def measured_in(run: Run) -> str:
    return str(run.require_result()["baselines"]["run_id"])


def told(run: Run) -> list[str]:
    return [event["message"] for event in run.events() if event["kind"] == "baselines_known"]


def interrupted(config: RunConfig, store: RunStore, at: str) -> Run:
    """A run that ends when the phase ``at`` begins."""

    def listen(kind: str, fields: dict[str, Any]) -> None:
        if kind == "phase" and fields["phase"] == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start_run(config, store, listen)
    return store.runs()[0]


def test_a_second_run_takes_over_and_finds_the_same_with_fewer_passes(
    tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config()
    first = start_run(config, store, ignore)
    with passes_counted(monkeypatch) as counts:
        second = start_run(config, store, ignore)
    assert counts == published(config, baselines_known=True)
    assert sum(counts.values()) < sum(published(config).values())
    assert second.require_result()["metrics"] == first.require_result()["metrics"]
    assert (measured_in(first), measured_in(second)) == (first.id, first.id)
    assert (told(first), len(told(second))) == ([], 1)
    assert first.id in told(second)[0]
    words = borrowed_baselines_words(second.require_result())
    assert words == told(second)[0]
    assert words.startswith("The baselines were measured on ")
    assert borrowed_baselines_words(first.require_result()) == ""


def test_a_run_has_a_copy_of_its_own_so_that_nothing_is_lost_with_another(
    tiny_config: MakeConfig, store: RunStore
) -> None:
    first = start_run(tiny_config(), store, ignore)
    second = start_run(tiny_config(learning_rate=1e-3), store, ignore)
    own, theirs = (load_file(run.heads_path) for run in (second, first))
    assert own.keys() == theirs.keys()
    assert all(torch.equal(own[name], theirs[name]) for name in own)
    first.delete()
    for path in store.baselines.folder.iterdir():
        path.unlink()
    with pytest.raises(RunError):
        store.open(first.id)
    assert load_file(second.heads_path).keys() >= {"untrained_head.weight", "linear_probe.weight"}
    assert measured_in(second) == first.id


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"quantization": "none"}, {"max_length": 64}, {"max_eval_samples": 12}]
)
def test_other_baselines_are_measured(tiny_config: MakeConfig, store: RunStore, change: dict[str, Any]) -> None:
    interrupted(tiny_config(), store, "training")
    run = interrupted(tiny_config(**change), store, "training")
    assert told(run) == []


def test_they_are_measured_again_where_a_run_is_asked_to(
    tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tiny_config(), store, "training")
    again = tiny_config(measure_baselines_again=True)
    with passes_counted(monkeypatch) as counts:
        run = start_run(again, store, ignore)
    assert counts == published(again)
    assert measured_in(run) == run.id
    later = start_run(tiny_config(), store, ignore)
    assert measured_in(later) == run.id  # the newest are kept


def test_a_run_that_goes_on_keeps_what_it_measured(tiny_config: MakeConfig, store: RunStore) -> None:
    run = interrupted(tiny_config(measure_baselines_again=True), store, "training")
    for path in store.baselines.folder.iterdir():
        path.unlink()
    measured = run.heads_path.read_bytes()
    resume_run(run.id, store, ignore)
    assert run.heads_path.read_bytes() == measured
    assert measured_in(run) == run.id


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _without_answers(path: Path) -> None:
    save_file({name: tensor for name, tensor in load_file(path).items() if not name.startswith("logits/")}, path)


def _not_a_number(path: Path) -> None:
    tensors = load_file(path)
    tensors["logits/linear_probe"][:] = np.nan
    save_file(tensors, path)


@pytest.mark.parametrize("damage", [_cut, _without_answers, _not_a_number, lambda path: path.write_bytes(b"")])
def test_damaged_ones_are_measured_again(
    tiny_config: MakeConfig, store: RunStore, damage: Callable[[Path], object]
) -> None:
    interrupted(tiny_config(), store, "training")
    (kept,) = store.baselines.folder.iterdir()
    whole = kept.read_bytes()
    damage(kept)
    run = interrupted(tiny_config(), store, "training")
    assert told(run) == []
    assert len(kept.read_bytes()) == len(whole)


def test_those_of_another_machine_are_not_taken_over(
    tiny_config: MakeConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tiny_config(), store, "training")

    def elsewhere(compute: Compute, accelerator: object) -> str:
        del compute, accelerator
        return "another machine"

    monkeypatch.setattr("qlora_core.training.setup.measuring_conditions", elsewhere)
    assert told(interrupted(tiny_config(), store, "training")) == []


def test_the_run_that_another_one_starts_from_answers_anew_beside_known_baselines(
    tiny_config: MakeConfig, store: RunStore
) -> None:
    first = start_run(tiny_config(), store, ignore)
    second = start_run(tiny_config(init_from=first.id), store, ignore)
    metrics, theirs = second.require_result()["metrics"], first.require_result()["metrics"]
    assert metrics["started_from"] == theirs["finetuned"]
    assert metrics["linear_probe"] == theirs["linear_probe"]
    assert measured_in(second) == first.id
