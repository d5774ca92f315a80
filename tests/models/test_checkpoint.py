"""A training's state in one file: everything comes back, and a damaged or foreign file is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save_file

from qlora_core.errors import RunError, StorageError
from qlora_core.models.adapter import attach_lora, trainable_state
from qlora_core.models.checkpoint import TRAINED, Progress, load_checkpoint, save_checkpoint
from tests.conftest import Bench, largest_file

NAME = "checkpoint.safetensors"


@dataclass
class Training:
    """Trained tensors and their optimiser."""

    trained: dict[str, torch.Tensor]
    optimizer: torch.optim.Optimizer

    def step(self) -> None:
        generator = torch.Generator().manual_seed(0)
        for parameter in self.trained.values():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        self.optimizer.step()


def training(bench: Bench) -> Training:
    trained = trainable_state(attach_lora(bench.model, bench.config, "tiny"))
    return Training(trained, torch.optim.AdamW(trained.values(), lr=0.01))


def test_tensors_moments_and_progress_come_back(bench: Callable[..., Bench], tmp_path: Path) -> None:
    old, new = training(bench()), training(bench(seed=1))
    old.step()
    best = {name: tensor.detach().clone() for name, tensor in old.trained.items()}
    old.step()
    progress = Progress(2, 32, 1.5, 0.25, [{"step": 1, "epoch": 0.5, "accuracy": 1, "f1": 1, "loss": 0.1}], best)
    progress.best_logits, progress.best_conditions = np.random.default_rng(0).random((3, 2), np.float32), "here"
    save_checkpoint(tmp_path / NAME, progress, old.trained, old.optimizer)
    loaded = load_checkpoint(tmp_path / NAME, new.trained, new.optimizer)

    apart = {"best_state": None, "best_logits": None}
    assert vars(loaded) | apart == vars(progress) | apart
    assert np.array_equal(loaded.best_logits, progress.best_logits)  # type: ignore[arg-type]
    assert all(torch.equal(loaded.best_state[name], best[name]) for name in best)
    assert all(torch.equal(new.trained[name], old.trained[name]) for name in best)
    old.step()
    new.step()
    assert all(torch.equal(new.trained[name], old.trained[name]) for name in best)


def test_state_before_the_first_step_comes_back(bench: Callable[..., Bench], tmp_path: Path) -> None:
    old, new = training(bench()), training(bench(seed=1))
    save_checkpoint(tmp_path / NAME, Progress(), old.trained, old.optimizer)
    assert load_checkpoint(tmp_path / NAME, new.trained, new.optimizer) == Progress()
    old.step()
    new.step()
    assert all(torch.equal(new.trained[name], old.trained[name]) for name in old.trained)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _pickle(path: Path) -> None:
    torch.save(load(path.read_bytes()), path)


def _without_progress(path: Path) -> None:
    save_file(load(path.read_bytes()), path, metadata={"format": "pt"})


def _without_metadata(path: Path) -> None:
    save_file(load(path.read_bytes()), path)


def _foreign_progress(path: Path) -> None:
    save_file(load(path.read_bytes()), path, metadata={"progress": '{"epochs": 3}'})


def _progress_is_no_json(path: Path) -> None:
    save_file(load(path.read_bytes()), path, metadata={"progress": "step 3"})


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _pickle,
        _without_progress,
        _without_metadata,
        _foreign_progress,
        _progress_is_no_json,
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
)
def test_damaged_checkpoint_is_refused(
    bench: Callable[..., Bench], damage: Callable[[Path], object], tmp_path: Path
) -> None:
    state = training(bench())
    save_checkpoint(tmp_path / NAME, Progress(), state.trained, state.optimizer)
    damage(tmp_path / NAME)
    with pytest.raises(RunError, match=r"cannot be read\. Start a new run"):
        load_checkpoint(tmp_path / NAME, state.trained, state.optimizer)


@pytest.mark.parametrize("changes", [{"target_modules": ["query"]}, {"r": 1}, {"modules_to_save": ["classifier"]}])
def test_checkpoint_of_other_layers_is_refused_and_changes_nothing(
    bench: Callable[..., Bench], changes: dict[str, object], tmp_path: Path
) -> None:
    old, new = training(bench(**changes)), training(bench())
    before = {name: tensor.detach().clone() for name, tensor in new.trained.items()}
    save_checkpoint(tmp_path / NAME, Progress(), old.trained, old.optimizer)
    with pytest.raises(RunError, match="other trained layers"):
        load_checkpoint(tmp_path / NAME, new.trained, new.optimizer)
    assert all(torch.equal(new.trained[name], before[name]) for name in before)


def test_full_disk_is_reported_and_leaves_the_older_checkpoint(bench: Callable[..., Bench], tmp_path: Path) -> None:
    state = training(bench())
    save_checkpoint(tmp_path / NAME, Progress(step=1), state.trained, state.optimizer)
    with largest_file(10_000), pytest.raises(StorageError, match=rf"{NAME} could not be written: the disk is full"):
        save_checkpoint(tmp_path / NAME, Progress(step=2), state.trained, state.optimizer)
    assert load_checkpoint(tmp_path / NAME, state.trained, state.optimizer).step == 1
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_file_can_be_read_with_safetensors_alone(bench: Callable[..., Bench], tmp_path: Path) -> None:
    state = training(bench())
    save_checkpoint(tmp_path / NAME, Progress(), state.trained, state.optimizer)
    assert load((tmp_path / NAME).read_bytes()).keys() == {TRAINED + name for name in state.trained}
