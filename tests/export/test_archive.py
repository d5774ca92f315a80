"""What a user takes home: complete, free of this machine's paths, and loadable with plain peft in a fresh process."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import Dataset

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.evaluation.asked_again import predict_pairs
from qlora_core.export.archive import export_run, load_script
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

PAIR = ("the ferry opened early on day 4", "the ferry closed early on day 4")


@pytest.fixture
def archive(finished_run: Run, tmp_path: Path) -> Path:
    return export_run(finished_run, tmp_path / "run.zip")


def test_the_zip_holds_adapter_records_and_a_script(archive: Path, finished_run: Run) -> None:
    records = ["config.json", "environment.json", "result.json", "predictions.parquet", "baseline_heads.safetensors"]
    adapter = ["README.md", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json"]
    records += ["events.jsonl", "status.json", "sha256.json"]
    expected = [*records, *(f"adapter/{name}" for name in adapter), "adapter/tokenizer_config.json", "load_adapter.py"]
    with zipfile.ZipFile(archive) as zipped:
        assert sorted(zipped.namelist()) == sorted(f"{finished_run.id}/{name}" for name in expected)
        assert zipped.testzip() is None


def test_every_file_is_as_in_the_run(archive: Path, finished_run: Run) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            original = finished_run.path.parent / name
            if name.endswith(("/config.json", "/result.json")):
                values, expected = json.loads(zipped.read(name)), json.loads(original.read_text())
                for config in (values.get("config", values), expected.get("config", expected)):
                    config |= {name: Path(config[name]).name for name in ("base_model", "dataset")}
                assert values == expected
            elif name.endswith("/events.jsonl"):
                assert [json.loads(line) for line in zipped.read(name).splitlines()] == list(finished_run.events())
            elif name.endswith("/status.json"):
                assert json.loads(zipped.read(name)).items() <= finished_run.status.model_dump().items()
            elif original.exists():
                assert zipped.read(name) == original.read_bytes()


def test_no_file_names_a_path_of_this_machine(archive: Path, finished_run: Run) -> None:
    paths = (finished_run.config.base_model, str(finished_run.path.parent), str(Path.home()), sys.prefix)
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            text = zipped.read(name).decode("utf-8", "replace")
            assert [path for path in paths if path in text] == [], name


def test_the_script_prints_the_probability_that_predict_gives(
    finished_run: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    run = Run(shutil.copytree(finished_run.path, tmp_path / "runs" / finished_run.id))
    # The script computes in float32, which a model as small and random as this one answers otherwise than bfloat16;
    # some CPUs' 4-bit kernel still rounds the scales of the weights to bfloat16.
    in_float32 = run.config.model_copy(update={"bnb_4bit_compute_dtype": "float32"})
    (run.path / "config.json").write_text(in_float32.model_dump_json(), encoding="utf-8")
    with zipfile.ZipFile(export_run(run, tmp_path / "run.zip")) as zipped:
        zipped.extractall(tmp_path / "home")
    command = [sys.executable, str(tmp_path / "home" / run.id / "load_adapter.py"), *PAIR, run.config.base_model]
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    printed = re.fullmatch(r"probability that both say the same: (0\.\d{4})\n", shown)
    pair = Dataset.from_dict({"sentence1": [PAIR[0]], "sentence2": [PAIR[1]]})
    expected = predict_pairs(run, pair)["pairs"][0]["finetuned"]["probability"]
    assert printed is not None
    assert float(printed[1]) == pytest.approx(expected, abs=3e-2)


def test_the_script_without_its_base_model_says_which_that_is(
    finished_run: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    script = tmp_path / "load_adapter.py"
    script.write_text(load_script(finished_run), encoding="utf-8")
    digest = finished_run.require_result()["base_model"]["sha256"]
    done = subprocess.run(
        [sys.executable, str(script), *PAIR], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        f"This adapter belongs to tiny-bert (SHA-256 {digest}). Give its folder as third argument."
    )


def test_a_run_without_a_result_cannot_be_exported(
    tiny_config: Callable[..., RunConfig], store: RunStore, tmp_path: Path
) -> None:
    run = store.create(tiny_config())
    with pytest.raises(RunError, match=f"Run {run.id} has no result: it is queued"):
        export_run(run, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


def test_a_folder_is_no_place_for_a_zip(finished_run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=rf"is a folder\. Name the file to write, for example .*{finished_run.id}\.zip"):
        export_run(finished_run, tmp_path)


def test_an_older_zip_is_replaced(finished_run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.zip").write_bytes(b"old")
    assert zipfile.is_zipfile(export_run(finished_run, tmp_path / "run.zip"))
    assert [path.name for path in tmp_path.iterdir()] == ["run.zip"]
