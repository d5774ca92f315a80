"""A metric that is added to the table appears wherever there are scores, with nothing else changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCardData

from qlora_core.cli.commands import scores_table
from qlora_core.cli.progress_bar import ProgressBar
from qlora_core.config import make_config
from qlora_core.evaluation.metrics import METRICS, Metric, probabilities
from qlora_core.evaluation.report import measure_all
from qlora_core.evaluation.scores import score
from qlora_core.export.notebook import notebook_of
from qlora_core.export.numbers import numbers_table
from qlora_core.export.spreadsheet import csv_text
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.reports.model_card import model_card
from qlora_core.training.reports.reporter import Reporter
from qlora_core.ui.results.finished_run import headline
from qlora_core.ui.results.history_table import columns, history_row, orders
from qlora_core.ui.train.live_tables import tables
from tests.conftest import ignore
from tests.recorded import recorded_run

ROOT = Path(__file__).resolve().parent.parent


def specificity(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """Share of the negative pairs that are answered right."""
    del tp, fn
    return tn / np.maximum(tn + fp, 1)


def brier_score(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance of probability and label."""
    return float(((probabilities(logits) - labels) ** 2).mean())


ADDED = {
    "from the counts": Metric(
        "specificity", "TNR", "the share of different pairs found", "Yerushalmy 1947", of_counts=specificity
    ),
    "from the logits": Metric(
        "brier_score", "Brier", "the mean squared error of a probability", "Brier 1950", of_logits=brier_score
    ),
}


@pytest.fixture(params=list(ADDED.values()), ids=list(ADDED))
def added(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Metric:
    """A metric that the table has for one test."""
    metric: Metric = request.param
    monkeypatch.setitem(METRICS, metric.name, metric)
    return metric


@pytest.fixture
def run(store: RunStore) -> Run:
    """The run that comes with the program, measured again with made-up answers of the table's metrics."""
    recorded = recorded_run("standard")
    shutil.copytree(recorded.path, store.folder / recorded.id)
    return store.open(recorded.id)


@pytest.fixture
def result(run: Run, added: Metric) -> dict[str, Any]:
    """Its result as a run of today writes it."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, size=60)
    older = run.result or {}
    logits = {name: generator.normal(size=(60, 2)) for name in older["metrics"]}
    measured = measure_all(logits, labels, make_config(bootstrap_samples=100), None)
    history = [{"step": 1, "epoch": 1.0, **score(logits["finetuned"], labels).values}]
    result: dict[str, Any] = json.loads(json.dumps(older | measured | {"history": history}))
    assert added.name in result["metrics"]["finetuned"]
    (run.path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return result


def test_it_is_in_the_result_with_its_interval_and_its_gain(result: dict[str, Any], added: Metric) -> None:
    for scores in result["metrics"].values():
        assert (added.interval in scores) == added.has_interval
    assert (f"{added.name}_gain" in result["comparison"]["linear_probe"]) == added.has_interval


def test_it_is_among_the_events_and_is_sent_to_who_watches(store: RunStore, added: Metric) -> None:
    run = store.create(make_config())
    logits, labels = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 1])
    Reporter(run, ignore).baseline("majority", logits, labels)
    (event,) = run.events()
    (sent,) = RunFeed(run).since(Cursor())["baselines"]
    assert event[added.name] == sent[added.name] == score(logits, labels).values[added.name]


@pytest.mark.parametrize(
    "written",
    [
        lambda result: csv_text(*numbers_table(result)),
        lambda result: str(model_card(result)),
        lambda result: "\n".join(scores_table(result)),
    ],
    ids=["CSV and the table of all numbers", "model card", "command line"],
)
def test_it_is_in_what_is_written(
    written: Callable[[dict[str, Any]], str], result: dict[str, Any], added: Metric
) -> None:
    text, value = written(result), result["metrics"]["finetuned"][added.name]
    assert added.label in text
    assert f"{value:.3f}" in text or str(round(value, 4)) in text


def test_the_card_lists_it_for_the_hub_where_it_can_be_told_how_sure_it_is(
    result: dict[str, Any], added: Metric
) -> None:
    data = model_card(result).data
    assert isinstance(data, ModelCardData)
    listed = {each.metric_type for each in data.eval_results or ()}
    assert (added.name in listed) == added.has_interval


def test_it_is_in_the_history_and_in_the_headline(run: Run, result: dict[str, Any], added: Metric) -> None:
    headers = [column.header for column in columns()]
    assert (added.heading in headers) == (added.name in orders()) == added.has_interval
    assert (f"{added.label} " in headline(result)) == added.has_interval
    if added.has_interval:
        row = dict(zip(headers, history_row(run, ""), strict=True))
        assert row[added.heading] == round(result["metrics"]["finetuned"][added.name], 4)


def test_it_is_computed_and_compared_in_the_notebook(run: Run, result: dict[str, Any], added: Metric) -> None:
    text = "\n".join(cell.source for cell in notebook_of(run).cells)
    assert f"def {added.name}(" in text
    assert repr(result["metrics"]["finetuned"][added.name]) in text


def test_it_is_in_the_lines_of_progress(capsys: pytest.CaptureFixture[str], added: Metric) -> None:
    ProgressBar()("evaluation", {"epoch": 1, added.name: 0.1234})
    assert f"{added.label} 0.123" in capsys.readouterr().err


def test_it_is_told_for_the_live_view(added: Metric) -> None:
    (told,) = [metric for metric in tables()["metrics"] if metric["name"] == added.name]
    assert (told["label"], told["text"], told["charted"]) == (added.heading, added.label, False)


@pytest.mark.parametrize("name", METRICS)
def test_the_api_documents_every_metric(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
