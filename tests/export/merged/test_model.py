"""A merged model: loaded by plain transformers, it answers as its run does, and its card says how closely."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from huggingface_hub import ModelCard, ModelCardData
from transformers import AutoModelForSequenceClassification, pipeline

from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError, NotInstalled, RunError, StorageError
from qlora_core.evaluation.asked_again import predict_pairs
from qlora_core.export.merged import onnx_model
from qlora_core.export.merged.card import NOT_COMPARED
from qlora_core.export.merged.model import Merged, merge_run
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import start_run
from tests.conftest import ignore, largest_file, make_rows

SCHEMES = ("nf4", "fp4", "int8", "none")
Trained = Callable[..., Run]


@pytest.fixture(scope="module")
def trained(tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Makes runs in float32, in which base model and merged model are computed alike."""
    store = RunStore(tmp_path_factory.mktemp("merged") / "runs")

    def make(**changes: object) -> Run:
        return start_run(tiny_config(bnb_4bit_compute_dtype="float32", num_train_epochs=1, **changes), store, ignore)

    return make


@pytest.fixture(scope="module")
def run(trained: Trained) -> Run:
    return trained()


@pytest.fixture(scope="module")
def merged(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Merged:
    return merge_run(run, tmp_path_factory.mktemp("merged") / "model", ignore)


def header(folder: Path) -> ModelCardData:
    data = ModelCard((folder / "README.md").read_text(encoding="utf-8")).data
    assert isinstance(data, ModelCardData)
    return data


def test_a_pipeline_answers_as_the_run_does(run: Run, merged: Merged) -> None:
    rows = make_rows(8)
    answer = pipeline("text-classification", model=str(merged.folder), device="cpu")
    asked = [{"text": row["sentence1"], "text_pair": row["sentence2"]} for row in rows]
    given = [{one["label"]: one["score"] for one in answers} for answers in answer(asked, top_k=None)]
    expected = predict_pairs(run, Dataset.from_list(rows).remove_columns("label"))["pairs"]
    assert [set(each) for each in given] == [{"different", "same"}] * len(rows)
    assert [each["same"] for each in given] == pytest.approx(
        [row["finetuned"]["probability"] for row in expected], abs=1e-2
    )


def test_it_is_plain_float32_in_one_safetensors_file(run: Run, merged: Merged) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(merged.folder, local_files_only=True)
    assert {type(module) for module in model.modules() if "Linear" in type(module).__name__} == {torch.nn.Linear}
    assert {tensor.dtype for tensor in model.state_dict().values() if tensor.is_floating_point()} == {torch.float32}
    assert [path.name for path in merged.folder.glob("*.safetensors")] == ["model.safetensors"]
    config = json.loads((merged.folder / "config.json").read_text())
    assert "quantization_config" not in config
    assert str(run.path.parent.parent) not in "".join(path.read_text() for path in merged.folder.glob("*.json"))


def test_it_reads_as_many_tokens_of_a_pair_as_the_run(run: Run, merged: Merged) -> None:
    config = json.loads((merged.folder / "tokenizer_config.json").read_text())
    assert config["model_max_length"] == run.config.max_length


@pytest.mark.parametrize("scheme", SCHEMES)
def test_its_answers_are_compared_with_the_runs(scheme: str, trained: Trained, tmp_path: Path) -> None:
    phases: list[str] = []
    run = trained(quantization=scheme)
    merged = merge_run(run, tmp_path / "model", lambda kind, fields: phases.append(fields.get("message", kind)))
    agreement = merged.agreement
    assert agreement is not None
    assert agreement.pairs == run.require_result()["dataset"]["validation"]
    # int8 rounds what goes into a layer too, and some CPUs' 4-bit kernel the scales of the weights
    assert agreement.max_abs_logit_difference < (0.5 if scheme != "none" else 1e-4)
    assert agreement.accuracy_of_run == pytest.approx(run.require_result()["metrics"]["finetuned"]["accuracy"])
    assert agreement.words in (merged.folder / "README.md").read_text(encoding="utf-8")
    assert set(phases) == {"Merging adapter and base model", "Asking the run", "Asking the merged model", "progress"}


def test_the_hub_reads_its_card(merged: Merged) -> None:
    data = header(merged.folder)
    assert (data.library_name, data.pipeline_tag) == ("transformers", "text-classification")
    assert data.eval_results
    assert merged.agreement
    assert {result.metric_type: result.metric_value for result in data.eval_results}["accuracy"] == pytest.approx(
        merged.agreement.accuracy, abs=1e-4
    )


def test_pairs_that_are_gone_are_no_reason_not_to_merge(run: Run, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run.path, tmp_path / "runs" / run.id))
    config = run.config.model_copy(update={"dataset": str(tmp_path / "gone.jsonl")})
    (copy.path / "config.json").write_text(config.model_dump_json(), encoding="utf-8")
    merged = merge_run(copy, tmp_path / "model", ignore)
    assert merged.agreement is None
    assert NOT_COMPARED in (merged.folder / "README.md").read_text(encoding="utf-8")
    assert header(merged.folder).eval_results is None
    assert (merged.folder / "model.safetensors").is_file()


def test_what_is_there_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(ConfigError, match=r"is there already\. Name a new folder"):
        merge_run(run, tmp_path, ignore)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_full_disk_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    with largest_file(100_000), pytest.raises(StorageError, match="disk is full"):
        merge_run(run, tmp_path / "model", ignore)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_adapter_is_named(run: Run, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run.path, tmp_path / "runs" / run.id))
    (copy.adapter_dir / "adapter_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(RunError, match=f"The adapter of run {run.id} is missing or damaged"):
        merge_run(copy, tmp_path / "model", ignore)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_run_without_a_result_is_refused(
    tiny_config: Callable[..., RunConfig], store: RunStore, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="has no result"):
        merge_run(store.create(tiny_config()), tmp_path / "model", ignore)


def test_onnx_runtime_answers_as_the_run_does(run: Run, tmp_path: Path) -> None:
    merged = merge_run(run, tmp_path / "model", ignore, onnx=True)
    assert merged.onnx is not None
    assert merged.agreement is not None
    assert merged.onnx.pairs == merged.agreement.pairs
    assert merged.onnx.max_abs_logit_difference == pytest.approx(merged.agreement.max_abs_logit_difference, abs=1e-3)
    assert (merged.folder / "onnx" / "model.onnx").is_file()
    card = (merged.folder / "README.md").read_text(encoding="utf-8")
    assert f"by ONNX Runtime: {merged.onnx.words}" in card
    assert f"by transformers: {merged.agreement.words}" in card


def test_without_its_packages_onnx_is_refused_before_anything_is_made(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_model, "find_spec", lambda name: None if name == "onnxruntime" else name)
    words = r"^ONNX needs what is not installed here: onnxruntime\. Run: pip install -r requirements-onnx\.txt\.$"
    with pytest.raises(NotInstalled, match=words):
        merge_run(run, tmp_path / "model", ignore, onnx=True)
    assert list(tmp_path.iterdir()) == []
