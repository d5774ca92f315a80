"""A run is asked for what it has; no module outside the store names one of its files or looks for it."""

import ast
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlora_core import config as config_module
from qlora_core.config import make_config
from qlora_core.errors import RunError
from qlora_core.store import run as run_module
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = [
    path
    for path in [*ROOT.glob("qlora_core/**/*.py"), *ROOT.glob("benchmarks/*.py"), ROOT / "app.py"]
    if "store" not in path.relative_to(ROOT).parent.parts
]
#: Names that only files of a run have. config.json is also a base model's file, "owner" and "control" are words.
NAMES = re.compile(
    r"(environment|status|result|estimate)\.json|events\.jsonl|worker\.log|predictions\.parquet"
    r"|baseline_heads\.safetensors|training\.safetensors|adapter_config\.json"
)
LOOKS = ("exists", "is_file", "is_dir", "stat", "open", "iterdir", "glob", "unlink", "read_text", "read_bytes")
PATHS = ("path", "adapter_dir", "heads_path", "checkpoint_path", "event_log")


@pytest.fixture
def run(store: RunStore) -> Run:
    """A new run."""
    return store.create(make_config())


def names_of_files(source: str) -> Iterator[str]:
    """Texts of a program, docstrings aside, that name a file of a run."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from (found[0] for found in NAMES.finditer(node.value))


def looks_into_runs(source: str) -> Iterator[str]:
    """Expressions that ask the file system about a run's path, or go below a run's folder."""
    for node in ast.walk(ast.parse(source)):
        below = (
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and ast.unparse(node.left).endswith("run.path")
        )
        asked = (
            isinstance(node, ast.Attribute)
            and node.attr in LOOKS
            and re.search(rf"\brun\.({'|'.join(PATHS)})\b", ast.unparse(node.value))
        )
        if below or asked:
            yield ast.unparse(node)


def test_names_and_looks_are_found() -> None:
    source = (
        '"""The result.json of a run."""\na = folder / "status.json"\nb = f"{x}/events.jsonl"\n'
        "c = run.path / name\nd = self.run.checkpoint_path.is_file()\ne = (run.adapter_dir / 'x').stat()\n"
        "f = path.stat()"
    )
    assert list(names_of_files(source)) == ["status.json", "events.jsonl"]
    assert sorted(looks_into_runs(source)) == sorted(
        ["run.path / name", "self.run.checkpoint_path.is_file", "(run.adapter_dir / 'x').stat"]
    )


def test_no_module_outside_the_store_names_a_file_of_a_run_or_looks_for_it() -> None:
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in SOURCES}
    found = {name: [*names_of_files(source), *looks_into_runs(source)] for name, source in sources.items()}
    assert {name: places for name, places in found.items() if places} == {}


def test_a_run_says_what_it_has(run: Run) -> None:
    assert not any((run.has_adapter, run.has_checkpoint, run.has_weights, run.has_result))
    assert (run.exists, run.weights_version()) == (True, None)
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    assert (run.has_checkpoint, run.has_adapter, run.has_weights) == (True, False, True)
    run.adapter_dir.mkdir()
    assert not run.has_adapter
    (run.adapter_dir / "adapter_config.json").touch()
    run.finish({}, state="finished", message="Finished")
    assert (run.has_checkpoint, run.has_adapter, run.has_weights, run.has_result) == (False, True, True, True)
    run.delete()
    assert not run.exists


def test_weights_that_are_written_anew_are_another_version(run: Run) -> None:
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.touch()
    os.utime(run.checkpoint_path, ns=(1, 1))
    assert run.weights_version() == run.weights_version() == ("checkpoint", 1)
    os.utime(run.checkpoint_path, ns=(2, 2))
    assert run.weights_version() == ("checkpoint", 2)
    run.adapter_dir.mkdir()
    (run.adapter_dir / "adapter_config.json").touch()
    version = run.weights_version()
    assert version is not None
    assert version.source == "adapter"


def test_predictions_are_asked_for_by_column(run: Run) -> None:
    with pytest.raises(RunError, match=r"has recorded no predictions\.$"):
        run.predictions(["idx"])
    run.write_predictions({"idx": [4, 9], "label": [0, 1], "probability_finetuned": [0.25, None]})
    assert run.predictions(["label", "idx"]) == [[0, 1], [4, 9]]
    with pytest.raises(RunError, match="some are missing"):
        run.predictions(["idx", "probability_finetuned"])
    with pytest.raises(RunError, match="cannot be read"):
        run.predictions(["probability_of_another"])


def test_what_a_worker_prints_is_added_to_what_an_earlier_one_did(run: Run) -> None:
    for text in (b"first\n", b"second\n"):
        with run.open_worker_log() as file:
            file.write(text)
    assert (run.path / "worker.log").read_bytes() == b"first\nsecond\n"


def test_a_configuration_is_read_once_however_often_runs_are_listed(
    store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def load(values: dict[str, object]) -> config_module.RunConfig:
        read.append(values)
        return config_module.load_config(values)

    monkeypatch.setattr(run_module, "load_config", load)
    for _ in range(5):
        assert [found.config for found in store.runs()] == [store.open(run.id).config] == [run.config]
    assert len(read) == 2  # the store's, and that of the fixture


def test_many_threads_are_given_the_same_run(store: RunStore, run: Run) -> None:
    barrier, found = threading.Barrier(16), []

    def ask() -> None:
        barrier.wait()
        found.append(store.open(run.id))
        found.extend(store.runs())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(one) for one in found} == {id(store.open(run.id))}


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_deleted_run_does_not_linger(by_hand: bool, store: RunStore, run: Run) -> None:
    kept = store.open(run.id)
    assert kept.config
    if by_hand:
        shutil.rmtree(run.path)
    else:
        kept.delete()
    assert store.runs() == []
    with pytest.raises(RunError, match=r"^There is no run"):
        store.open(run.id)
    Run(run.path).begin(make_config(seed=7), store.create(make_config()).status, "")
    assert store.open(run.id).config.seed == 7


def test_the_folder_of_uploads_is_no_damaged_run(store: RunStore, run: Run) -> None:
    store.uploads.folder.mkdir()
    assert (store.damaged(), [found.id for found in store.runs()]) == ([], [run.id])


def test_a_result_is_required_of_a_run_that_has_one(run: Run) -> None:
    with pytest.raises(RunError, match=rf"^Run {run.id} has no result: it is queued\.$"):
        run.require_result()
    run.finish({"accuracy": 0.5}, state="finished", message="Finished")
    assert run.require_result() == {"accuracy": 0.5}


@pytest.mark.parametrize("error", [KeyError("metrics"), TypeError(), ValueError(), AttributeError()])
def test_a_damaged_result_is_one_plain_error(error: Exception, run: Run) -> None:
    with pytest.raises(RunError, match="is damaged"), run.explaining_damage():
        raise error
