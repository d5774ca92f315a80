"""The run that comes with the program: made by this engine on the pairs that come with it, and still true."""

import json
from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.data.sources import load_pairs
from qlora_core.evaluation.asked_again import evaluate_run
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "recorded_run"


@pytest.fixture
def run() -> Run:
    (run,) = RunStore(FOLDER).runs()
    return run


def test_it_is_a_finished_run_of_the_standard_preset_on_the_bundled_pairs(run: Run) -> None:
    assert run.status.state == "finished"
    assert run.config == make_config("standard")
    assert run.result is not None
    assert run.result["dataset"]["fingerprint"] == load_pairs("pairs").fingerprint
    assert run.result["reload"]["verified"]


def test_it_shows_a_gain_that_is_more_than_luck(run: Run) -> None:
    assert run.result is not None
    assert "more than chance" in run.result["comparison"]["linear_probe"]["verdict"]


def test_it_can_be_replayed(run: Run) -> None:
    feed = RunFeed(run).since(Cursor())
    assert 300 < len(feed["points"]) <= 1000
    assert len(feed["evaluations"]) == run.config.num_train_epochs
    assert len(feed["watched_pairs"]) == 6
    assert len(feed["watched"]) > 20


def test_it_is_small_enough_for_git_and_names_no_folder_of_a_machine(run: Run) -> None:
    files = [file for file in run.path.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 8_000_000
    for file in (file for file in files if file.suffix in (".json", ".jsonl", ".md") and file.name != "tokenizer.json"):
        assert not any(word in file.read_text(encoding="utf-8") for word in ("/home/", "/tmp/", "/root/", "/work/"))


def test_its_adapter_still_gives_the_recorded_figures(run: Run) -> None:
    recorded = json.loads((run.path / "result.json").read_text(encoding="utf-8"))["metrics"]
    measured = evaluate_run(run, None, None, "validation")["metrics"]
    for name in ("untrained_head", "linear_probe", "finetuned"):
        # another CPU multiplies in another order, or in float32: a pair on the edge may fall to the other side
        assert measured[name]["accuracy"] == pytest.approx(recorded[name]["accuracy"], abs=0.02)
