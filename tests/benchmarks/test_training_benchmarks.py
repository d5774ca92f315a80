"""The benchmarks of training: like is compared with like, and the table and its JSON say the same."""

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import scaling, time_to_quality, train_step
from benchmarks.harness import Row
from qlora_core.config import RunConfig
from qlora_core.evaluation.comparison import Outcome
from qlora_core.store.runs import RunStore
from qlora_core.training.run_process import start_run
from tests.conftest import ignore
from tests.loopback_hub import keep_below

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*MatMul8bitLt.*:UserWarning"),
]


def run(module: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What a benchmark prints for these arguments; what it would start as a process happens in this one."""

    def measure_here(_: str, *child_arguments: str) -> Row:
        row: Row = json.loads(run(module, monkeypatch, *child_arguments).splitlines()[-1])
        return row

    printed = StringIO()
    with monkeypatch.context() as patch, redirect_stdout(printed):
        patch.setattr(sys, "argv", [module.__name__, *arguments])
        if hasattr(module, "measure_in_child"):
            patch.setattr(module, "measure_in_child", measure_here)
        module.main()
    return printed.getvalue()


def table_and_json(printed: str) -> tuple[list[list[str]], dict[str, Any]]:
    lines = printed.strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return rows, json.loads(lines[-1])


@pytest.fixture(scope="module")
def names(tiny_bert: Path, pairs_file: Path) -> list[str]:
    return [f"--base-model={tiny_bert}", f"--dataset={pairs_file}"]


@pytest.mark.process
def test_train_step_compares_every_form_over_the_same_pairs(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    monkeypatch.setattr(train_step, "SIZES", (64,))
    sizes = ["--rounds=2", "--steps=2", "--batch-size=4"]
    rows, numbers = table_and_json(run(train_step, monkeypatch, *names, *sizes))
    forms = ["ours", "as pasted", "at its best", "at its best, no dropout"]
    assert [row[0] for row in rows[2:]] == forms
    for form in forms:
        assert len(numbers[form]["rounds"]) == 2
        assert numbers[form]["examples_per_second"] > 0
        assert numbers[form]["peak_mb"] > 50
    assert numbers["ours"]["ours_is_faster_by"] == 1
    assert numbers["as pasted"]["padding"] > 0.7  # to 128 tokens
    assert numbers["at its best"]["padding"] < 0.3
    by_form = {form: numbers[form]["flops_per_example"] for form in forms}
    assert by_form["as pasted"] > 2 * by_form["at its best"]


def test_the_matrix_products_of_a_step_are_all_counted(tiny_config: Callable[..., RunConfig]) -> None:
    config = tiny_config(train_batch_size=4, r=8, modules_to_save=("classifier",))
    # the fused attention of the last one works out its scores again on the way back
    for form, products in (("ours", 6), ("as pasted", 6), ("at its best, no dropout", 7)):
        counted = train_step.run_child(form, config, 1, counting=True)
        tokens = counted["cells"]
        # Of each layer's matrices, keys and values are of all tokens; the rest of ours in the last layer of 4 alone.
        keys_and_values, rest = 2 * 64 * 64, 2 * 64 * 64 + 2 * 64 * 128
        their_adapters, other_adapters = 8 * 2 * 2 * 64, 8 * (2 * 2 * 64 + 2 * (64 + 128))
        scores_and_use = 2 * (tokens // 4) * 64
        # Forward, and back through every matrix and product; adapters have a gradient too.
        everywhere = 4 * keys_and_values + 6 * their_adapters
        elsewhere = 4 * rest + 6 * other_adapters + products * scores_and_use
        # Nothing flows back into the embeddings, that is out of the first layer's queries, keys and values.
        saved = tokens * 3 * 2 * 64 * (64 + 8)
        in_last_layer = 4 if form == "ours" else tokens
        expected = 2 * tokens * everywhere + (tokens + in_last_layer) * elsewhere - saved
        assert counted["flops"] == pytest.approx(expected, rel=0.01), form


@pytest.fixture
def trained_here(monkeypatch: pytest.MonkeyPatch, tiny_config: Callable[..., RunConfig]) -> None:
    """Ours is a run on the tiny BERT in this process, instead of the command."""

    def train(_: RunConfig, __: str, store: RunStore) -> Any:
        return start_run(tiny_config(), store, ignore)

    monkeypatch.setattr(time_to_quality, "reach_with_ours", train)


@pytest.mark.process
@pytest.mark.usefixtures("trained_here")
@pytest.mark.parametrize(("outcome", "words"), [("BETTER", "1 of 1 seeds"), ("WORSE", "0 of 1 seeds, else never")])
def test_time_to_quality_ends_a_form_once_it_is_beyond_chance_and_counts_one_that_never_is(
    monkeypatch: pytest.MonkeyPatch, names: list[str], outcome: str, words: str
) -> None:
    found = SimpleNamespace(gains={"accuracy": 0.1}, outcome=Outcome[outcome])
    monkeypatch.setattr(time_to_quality, "compare", lambda *_: found)
    options = ["--seeds", "0", "--forms", "at its best"]
    rows, numbers = table_and_json(run(time_to_quality, monkeypatch, *names, *options))
    assert [row[0] for row in rows[2:]] == ["ours", "at its best"]
    assert rows[3][4] == words
    evaluations = time_to_quality.EVALUATIONS_PER_EPOCH * time_to_quality.AT_ITS_BEST["num_train_epochs"]
    ours, pasted = (row for (row,) in numbers["forms"].values())
    assert pasted["gains"] == [0.1] * (1 if outcome == "BETTER" else evaluations)
    assert 0 < ours["training_seconds"] < ours["seconds"]
    assert 0 < pasted["training_seconds"] < pasted["seconds"]


def test_scaling_measures_everything_that_grows_and_draws_it(
    monkeypatch: pytest.MonkeyPatch, tiny_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    monkeypatch.setattr(scaling, "make_config", tiny_config)
    monkeypatch.setattr(scaling, "PAIRS", 48)
    plot = tmp_path / "scaling.svg"
    rows, numbers = table_and_json(run(scaling, monkeypatch, "--rounds=1", "--most=100", f"--plot={plot}"))
    expected = {growth.title: [str(size) for size in growth.sizes if size <= 100] for growth in scaling.GROWTHS}
    assert {title: list(sizes) for title, sizes in numbers["medians"].items()} == expected
    assert len(rows) == 2 + sum(map(len, expected.values()))
    assert all(value > 0 for sizes in numbers["medians"].values() for value in sizes.values())
    assert plot.read_text(encoding="utf-8").count("Attaching to a run") == 1


def test_a_model_that_cannot_be_had_is_measured_as_random_weights_and_called_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_below(tmp_path, monkeypatch)
    monkeypatch.setattr(train_step, "write_bert_base", lambda folder: folder / "random")
    random = (str(tmp_path / "random"), "random weights of bert-base's shape")
    assert train_step.chosen_model("bert-base-cased", None, tmp_path) == random
    assert "Measured instead: random weights" in capsys.readouterr().err
    assert train_step.chosen_model("minilm", None, tmp_path) == ("minilm", "minilm")
