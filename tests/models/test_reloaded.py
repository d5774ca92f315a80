"""A saved run, loaded with plain transformers and PEFT: the weights of its adapter, or those of its checkpoint."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from qlora_core.errors import RunError
from qlora_core.models.device import start_accelerator
from qlora_core.models.factory import ModelFactory
from qlora_core.models.reloaded import reload_finetuned, reload_tokenizer
from qlora_core.store.run import Run


def test_a_reloaded_model_is_in_evaluation_mode(finished_run: Run) -> None:
    compute, _ = start_accelerator(finished_run.config)
    model = reload_finetuned(finished_run, ModelFactory.find(finished_run.config, compute))
    assert [name for name, module in model.named_modules() if module.training] == []


@pytest.fixture
def copied(finished_run: Run, tmp_path: Path) -> Run:
    """A finished run that may be damaged."""
    shutil.copytree(finished_run.path, tmp_path / finished_run.id)
    return Run(tmp_path / finished_run.id)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("adapter_model.safetensors", b""),
        ("adapter_model.safetensors", b"\xff" * 64),
        ("adapter_model.safetensors", None),
        ("adapter_config.json", b"{"),
        ("adapter_config.json", b"[]"),
        ("adapter_config.json", b'{"peft_type": "NOTHING"}'),
        ("adapter_config.json", None),
    ],
)
def test_a_damaged_adapter_is_one_sentence(name: str, content: bytes | None, copied: Run) -> None:
    path = copied.adapter_dir / name
    path.unlink() if content is None else path.write_bytes(content)
    compute, _ = start_accelerator(copied.config)
    with pytest.raises(RunError, match=f"^The adapter of run {copied.id} is missing or damaged"):
        reload_finetuned(copied, ModelFactory.find(copied.config, compute))


def test_an_adapter_of_another_shape_is_one_sentence(copied: Run) -> None:
    path = copied.adapter_dir / "adapter_model.safetensors"
    tensors = {name: tensor[:1].clone() for name, tensor in load_file(path).items()}
    save_file(tensors, path)
    compute, _ = start_accelerator(copied.config)
    with pytest.raises(RunError, match="is missing or damaged"):
        reload_finetuned(copied, ModelFactory.find(copied.config, compute))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": "1.0"}', b"\xff"])
def test_a_damaged_tokenizer_is_one_sentence(content: bytes, copied: Run) -> None:
    (copied.adapter_dir / "tokenizer.json").write_bytes(content)
    with pytest.raises(RunError, match="is missing or damaged"):
        reload_tokenizer(copied)


@pytest.mark.parametrize("name", ["WordPiece", "unk_token"])
def test_a_tokenizer_that_only_its_library_sees_to_be_damaged_is_one_sentence(name: str, copied: Run) -> None:
    path = copied.adapter_dir / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace(f'"{name}"', '"nothing"'), encoding="utf-8")
    with pytest.raises(RunError, match="is missing or damaged"):
        reload_tokenizer(copied)
