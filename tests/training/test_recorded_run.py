"""The runs that come with the program: made by this engine on the pairs that come with it, and still true."""

import numpy as np
import pytest

from qlora_core.assets import RECORDED_RUNS
from qlora_core.data.sources import load_pairs, load_run_pairs
from qlora_core.evaluation.answerers import ASKABLE
from qlora_core.evaluation.comparison import recorded_comparisons
from qlora_core.evaluation.metrics import probabilities
from qlora_core.evaluation.predictor import Predictor
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.recorded import recorded_run


@pytest.fixture(params=["quick", "standard"])
def run(request: pytest.FixtureRequest) -> Run:
    return recorded_run(request.param)


def test_the_quick_one_is_the_newest_and_there_is_no_other() -> None:
    assert [run.id for run in RunStore(RECORDED_RUNS).runs()] == [
        recorded_run(preset).id for preset in ("quick", "standard")
    ]


def test_it_is_a_finished_run_on_the_bundled_pairs(run: Run) -> None:
    assert run.status.state == "finished"
    assert run.result is not None
    assert run.result["dataset"]["fingerprint"] == load_run_pairs(run.config).fingerprint
    assert run.result["reload"]["verified"]


def test_it_shows_a_gain_that_is_more_than_luck(run: Run) -> None:
    assert run.result is not None
    assert "more than chance" in run.result["comparison"]["linear_probe"]["verdict"]


def test_its_comparison_with_the_majority_class_is_that_of_its_predictions(run: Run) -> None:
    label, before, after = run.predictions(["label", "probability_majority", "probability_finetuned"])
    right = [[(share > 0.5) == (one == 1) for share, one in zip(p, label, strict=True)] for p in (before, after)]
    compared = recorded_comparisons(run.require_result())["majority"]
    assert compared["fixed"] == sum(then and not first for first, then in zip(*right, strict=True)) > 0
    assert compared["broken"] == sum(first and not then for first, then in zip(*right, strict=True)) > 0
    assert compared["outcome"] == "better"
    assert compared["only_answer_after"] is None


def test_it_can_be_replayed(run: Run) -> None:
    feed = RunFeed(run).since(Cursor())
    assert 300 < len(feed["points"]) <= 1000
    assert len(feed["evaluations"]) == run.config.num_train_epochs * run.config.evaluations_per_epoch
    assert len(feed["watched_pairs"]) == 6
    assert len(feed["watched"]) > 20


def test_it_is_small_enough_for_git_and_names_no_folder_of_a_machine(run: Run) -> None:
    files = [file for file in run.path.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 8_000_000
    for file in (file for file in files if file.suffix in (".json", ".jsonl", ".md") and file.name != "tokenizer.json"):
        assert not any(word in file.read_text(encoding="utf-8") for word in ("/home/", "/tmp/", "/root/", "/work/"))


def test_its_adapter_still_gives_the_recorded_answers(run: Run) -> None:
    pairs = load_pairs("pairs").validation
    some = list(range(0, len(pairs), 6))
    predictor = Predictor(run)
    for answerer in ASKABLE:
        measured = probabilities(predictor.logits(predictor.tokenized(pairs.select(some)), answerer))
        (column,) = run.predictions([f"probability_{answerer}"])
        recorded = np.asarray(column)[some]
        # another CPU multiplies in another order, or in float32: a pair on the edge may fall to the other side
        clear = np.abs(recorded - 0.5) > 0.05
        assert np.count_nonzero(((measured > 0.5) != (recorded > 0.5)) & clear) <= 1
        assert np.mean(np.abs(measured - recorded)) < 0.02
