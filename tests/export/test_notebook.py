"""The run as a notebook: it stands alone, is the engine's code, gets the run's own numbers, and runs no user's name."""

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from nbclient import NotebookClient

import qlora_core
from qlora_core.config import RunConfig, make_config
from qlora_core.data.catalog import PAIRS_FOLDER
from qlora_core.data.sources import load_run_pairs
from qlora_core.errors import RunError
from qlora_core.evaluation.metrics import METRICS, Metric
from qlora_core.export.engine_source import CONSTANTS, FUNCTIONS
from qlora_core.export.notebook import export_notebook, notebook_of, recorded_scores
from qlora_core.models.catalog import find_base_model
from qlora_core.settings import DATA_DIR_VARIABLE
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.reports.result import describe_file
from qlora_core.training.run_process import start_run
from tests.conftest import ignore, make_bert, make_rows
from tests.ready_processes import start_process

Notebook = nbformat.NotebookNode


def cell(notebook: Notebook, name: str) -> Notebook:
    return next(cell for cell in notebook.cells if cell.id == name)


def code_of(notebook: Notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def printed(notebook: Notebook, name: str) -> str:
    return "".join(output.text for output in cell(notebook, name).outputs if output.get("name") == "stdout")


def measured(notebook: Notebook) -> dict[str, dict[str, float]]:
    """The scores that the notebook itself arrived at, out of its last cell."""
    text = printed(notebook, "measured")
    return {name: json.loads(scores) for name, scores in re.findall(r"^(.+)\t(.+)$", text, re.MULTILINE)}


def asking(notebook: Notebook) -> Notebook:
    """The notebook, with a last cell that prints the scores it arrived at."""
    ask = 'for name, scores in measured.items():\n    print(name, json.dumps(scores), sep="\\t")'
    notebook.cells.append(nbformat.v4.new_code_cell(ask, id="measured"))
    return notebook


def execute_in_kernel(notebook: Notebook, folder: Path) -> Notebook:
    """Run all cells in a fresh kernel whose working folder is ``folder``."""
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(asking(notebook), timeout=300, kernel_name="python3", resources=resources).execute()
    return notebook


def execute(notebook: Notebook, folder: Path) -> Notebook:
    """Run all cells in a process of their own whose working folder is ``folder``, without a kernel."""
    cells = [(cell.id, cell.source) for cell in asking(notebook).cells if cell.cell_type == "code"]
    process = start_process(run_cells, cells, folder, output=folder / "cells")
    process.join()
    assert process.exitcode == 0, (folder / "cells.stderr").read_text(encoding="utf-8")
    printed = json.loads((folder / "printed.json").read_text(encoding="utf-8"))
    for cell in notebook.cells:
        if cell.id in printed:
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed[cell.id])]
    return notebook


def run_cells(cells: list[tuple[str, str]], folder: Path) -> None:
    """Run code cell by cell, and write down what each printed."""
    os.chdir(folder)
    names, printed = {"__name__": "__main__"}, {}
    for name, source in cells:
        with redirect_stdout(StringIO()) as output:
            exec(compile(source, name, "exec"), names)
        printed[name] = output.getvalue()
    Path("printed.json").write_text(json.dumps(printed), encoding="utf-8")


def place(run: Run, folder: Path) -> None:
    """Put the run's base model and file of pairs where its notebook looks for them: beside it."""
    for path in (Path(run.config.base_model), Path(run.config.dataset)):
        (folder / path.name).symlink_to(path)


#: What the result of a run that starts from another says of that one.
START = {
    "run_id": "an-earlier-run",
    "dataset": "pairs",
    "validation": 400,
    "metrics": {"accuracy": 0.8},
    "base_model": "minilm",
    "base_model_sha256": "a",
    "sha256": "b",
    "scaling": 1.0,
}


def altered(run: Run, folder: Path, *, result: dict[str, dict[str, Any]] | None = None, **settings: Any) -> Run:
    """A copy of ``run`` that says it was asked for other settings, and came to other results."""
    copy = Run(shutil.copytree(run.path, folder / "runs" / run.id))
    (copy.path / "config.json").write_text(run.config.model_copy(update=settings).model_dump_json(), encoding="utf-8")
    record = json.loads((copy.path / "result.json").read_text(encoding="utf-8"))
    if "init_from" in settings:
        record["started_from"] = START
    for part, changes in (result or {}).items():
        record[part] |= changes
    (copy.path / "result.json").write_text(json.dumps(record), encoding="utf-8")
    return copy


def test_the_notebook_is_valid_and_explains_every_step(finished_run: Run, tmp_path: Path) -> None:
    path = export_notebook(finished_run, tmp_path / "run.ipynb")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["markdown", *["markdown", "code"] * 17]
    assert all(cell.source.strip() for cell in notebook.cells)


def test_the_introduction_compares_with_the_strongest_baseline(finished_run: Run, tmp_path: Path) -> None:
    metrics = (finished_run.result or {})["metrics"]
    strongest = {"linear_probe": {**metrics["linear_probe"], "accuracy": 0.99}}
    words = cell(notebook_of(altered(finished_run, tmp_path, result={"metrics": strongest})), "introduction").source
    reached = f"an accuracy of {metrics['finetuned']['accuracy']:.4f}, against 0.9900 of the strongest baseline"
    assert f"{reached}, the linear probe." in words
    assert "gives the same answer" not in words


def test_the_introduction_says_where_all_answers_are_the_same(finished_run: Run, tmp_path: Path) -> None:
    scores = (finished_run.result or {})["metrics"]["finetuned"]
    counts = {"true_positive": 0, "false_positive": 0, "false_negative": 8, "true_negative": 8}
    always = {"finetuned": {**scores, "confusion": counts}}
    words = cell(notebook_of(altered(finished_run, tmp_path, result={"metrics": always})), "introduction").source
    assert "Fine-tuning gives the same answer, different, to all 16 pairs." in words


def test_the_introduction_names_versions_and_hardware(finished_run: Run) -> None:
    words = cell(notebook_of(finished_run), "introduction").source
    machine = finished_run.environment
    for text in (machine["device_name"], f"torch {machine['versions']['torch']}", machine["compute_dtype"], "threads"):
        assert text in words


def test_the_same_run_gives_the_same_notebook(finished_run: Run) -> None:
    assert nbformat.writes(notebook_of(finished_run)) == nbformat.writes(notebook_of(finished_run))


def test_it_imports_nothing_of_this_package_and_names_no_path_of_this_machine(finished_run: Run) -> None:
    text = nbformat.writes(notebook_of(finished_run))
    folders = (finished_run.config.base_model, str(finished_run.path.parent), str(Path.home()), sys.prefix)
    assert [word for word in ("qlora_core", *folders) if word in text] == []


MANY_SETTINGS: list[dict[str, Any]] = [
    {"quantization": "fp4", "lr_scheduler_type": "cosine", "warmup_ratio": 0.0, "dataset": "pairs"},
    {"quantization": "int8", "lr_scheduler_type": "constant", "dataset": "mrpc", "max_eval_samples": 8},
    {"quantization": "none", "lr_scheduler_type": "constant", "warmup_ratio": 0.0, "dataset": "a.tsv"},
    {"lora_dropout": 0.1, "swap_probability": 0.5, "label_smoothing_factor": 0.1, "dataset": "a.parquet"},
    {"hidden_dropout_prob": 0.1, "evaluations_per_epoch": 2, "use_rslora": True, "max_train_samples": 8},
    {"train_batch_size": 17, "label_smoothing_factor": 0.1, "easy_pairs_steps": 2},
    {"dataset": "a.csv", "validation_file": "b.csv"},
    {"init_from": "an-earlier-run"},
    {"init_from": "an-earlier-run", "init_classifier": "keep", "quantization": "none"},
]


@pytest.fixture(scope="module")
def many_codes(finished_run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The code of notebooks of many kinds of runs, each under a name of its own."""
    kinds = [
        (f"{dtype}_{number}", dtype, settings)
        for dtype in ("bfloat16", "float16", "float32")
        for number, settings in enumerate([{}, *MANY_SETTINGS])
    ]
    folder = tmp_path_factory.mktemp("many")
    return {
        name: code_of(
            notebook_of(
                altered(finished_run, folder / name, result={"environment": {"compute_dtype": dtype}}, **settings)
            )
        )
        for name, dtype, settings in kinds
    }


def test_no_name_is_missing_or_left_over(many_codes: dict[str, str], tmp_path: Path) -> None:
    for name, code in many_codes.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E9,F", "--line-length", "120", "."]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    for name, code in many_codes.items():
        tree = ast.parse(code)
        constants = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id.isupper()}
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        assert constants - read - {"F"} == set(), name


@pytest.mark.parametrize(
    "words", ["STOP_AFTER", "MAX_TRAIN", "MAX_EVAL", "load_dataset", "parquet", "csv", "DATA_DIR", "EASY"]
)
def test_what_the_run_did_not_use_is_not_there(finished_run: Run, words: str) -> None:
    assert words not in code_of(notebook_of(finished_run))


def test_what_the_run_could_have_used_is_off(finished_run: Run, tmp_path: Path) -> None:
    run = altered(finished_run, tmp_path, result={"environment": {"compute_dtype": "float32"}})
    names: dict[str, Any] = {}
    exec(cell(notebook_of(run), "settings").source, names)
    off = ("SWAP_PROBABILITY", "LABEL_SMOOTHING_FACTOR", "LORA_DROPOUT", "HIDDEN_DROPOUT_PROB", "USE_RSLORA")
    assert {name: names[name] for name in off} == dict.fromkeys(off, 0)
    assert names["EVALUATIONS_PER_EPOCH"] == 1
    assert names["COMPUTE_DTYPE"] == torch.float32


@pytest.mark.parametrize("words", ["bnb", "BitsAndBytes", "BNB_4BIT", 'untrained_head_unquantized"'])
def test_an_unquantised_run_s_notebook_has_nothing_of_quantisation(
    finished_run: Run, tmp_path: Path, words: str
) -> None:
    run = altered(finished_run, tmp_path, quantization="none")
    assert words in code_of(notebook_of(finished_run))
    assert words not in code_of(notebook_of(run))


def test_a_run_of_an_earlier_version_is_compared_in_the_metrics_that_it_knew(finished_run: Run, tmp_path: Path) -> None:
    run = altered(finished_run, tmp_path)
    record = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
    for scores in (*record["metrics"].values(), *record["history"]):
        del scores["matthews_correlation"]
    (run.path / "result.json").write_text(json.dumps(record), encoding="utf-8")
    recorded = cell(notebook_of(run), "compare").source
    assert "'finetuned': {'accuracy': " in recorded
    assert "matthews_correlation" not in recorded


def definitions(code: str) -> dict[str, str]:
    """Functions and classes at the top of some code, each with its decorators, by name."""
    lines = code.splitlines()
    return {
        node.name: "\n".join(lines[min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1 : node.end_lineno])
        for node in ast.parse(code).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


#: What a notebook defines itself: what reads its own files, and what calls the engine's functions with its settings.
ITS_OWN = {"read_pairs", "read_rows", "tidy", "load_base", "answers", "note_scores", "train_step"}


@pytest.mark.parametrize("settings", [{}, *MANY_SETTINGS])
def test_its_functions_are_the_engine_s_to_the_letter(
    finished_run: Run, tmp_path: Path, settings: dict[str, Any]
) -> None:
    found = definitions(code_of(notebook_of(altered(finished_run, tmp_path, **settings))))
    metrics = [function for metric in METRICS.values() for function in (metric.of_counts, metric.of_logits) if function]
    known = {function.__name__: inspect.getsource(function).strip() for function in (*FUNCTIONS, *metrics)}
    assert {name: found[name] for name in found.keys() - ITS_OWN} == {
        name: known.get(name, "not of the engine") for name in found.keys() - ITS_OWN
    }


def test_what_a_notebook_defines_itself_has_no_namesake_in_the_engine() -> None:
    names = {
        node.name: str(file)
        for file in Path(qlora_core.__file__).parent.rglob("*.py")
        if "ui" not in file.parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert {name: names[name] for name in ITS_OWN & names.keys()} == {}


def test_every_function_and_constant_listed_is_used_by_some_notebook(finished_run: Run, tmp_path: Path) -> None:
    code = "\n".join(
        code_of(notebook_of(altered(finished_run, tmp_path / str(number), **settings)))
        for number, settings in enumerate(MANY_SETTINGS)
    )
    listed = [*(function.__name__ for function in FUNCTIONS), *(name for _, name in CONSTANTS)]
    assert [name for name in listed if not re.search(rf"^(def|class) {name}\b|^{name} = ", code, re.MULTILINE)] == []


def precision(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """Share of right answers among those that say "same"."""
    del fn, tn
    return tp / np.maximum(tp + fp, 1)


def test_a_metric_that_is_added_to_the_table_is_in_the_notebook(
    finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = Metric("precision", "precision", "the share of right ones", "a book", of_counts=precision)
    monkeypatch.setitem(METRICS, "precision", metric)
    notebook = notebook_of(finished_run)
    assert "- **precision**: the share of right ones (a book)" in cell(notebook, "about-scores").source
    assert inspect.getsource(precision).strip() in cell(notebook, "scores").source
    assert "'precision': float(precision(*counts))," in cell(notebook, "scores").source


NASTY = "a'\"\\ {{ 7 * 7 }} {% raise %} `<script>alert(1)</script>` \n```\nimport os; os.abort() #\u202e"


def test_no_name_a_user_chose_becomes_code(finished_run: Run, tmp_path: Path) -> None:
    changes: dict[str, dict[str, Any]] = {
        "base_model": {"id": NASTY, "sha256": NASTY},
        "dataset": {"columns": [NASTY, "b", "c"]},
        "environment": {"device": NASTY, "device_name": NASTY, "compute_dtype": NASTY},
    }
    run = altered(finished_run, tmp_path, result=changes, dataset=f"{NASTY}.jsonl")
    nasty, plain = notebook_of(run), notebook_of(finished_run)
    nbformat.validate(nasty)
    assigned = {
        node.targets[0].id: node.value.value
        for node in ast.walk(ast.parse(code_of(nasty)))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    expected = {"BASE_MODEL": f"./{NASTY}", "PAIRS_FILE": Path(f"{NASTY}.jsonl").name, "DEVICE": NASTY}
    assert {name: assigned[name] for name in expected} == expected
    assert len(nasty.cells) == len(plain.cells)
    for one, other in zip(nasty.cells[2:], plain.cells[2:], strict=True):
        assert one.cell_type == other.cell_type
        if one.id != "settings":
            assert one.source == other.source


def test_no_name_a_user_chose_becomes_markdown(finished_run: Run, tmp_path: Path) -> None:
    changes = {"base_model": {"id": NASTY}, "dataset": {"source": NASTY}, "environment": {"device_name": NASTY}}
    run = altered(finished_run, tmp_path, result=changes)
    words = [cell.source for cell in notebook_of(run).cells if cell.cell_type == "markdown"]
    outside_of_code = re.sub(r"`[^`\n]*`", "", "\n".join(words))
    assert "<" not in outside_of_code
    assert "`" not in outside_of_code
    assert "abort" not in outside_of_code


def test_a_run_without_a_result_has_no_notebook(
    tiny_config: Callable[..., RunConfig], store: RunStore, tmp_path: Path
) -> None:
    run = store.create(tiny_config())
    with pytest.raises(RunError, match=f"Run {run.id} has no result: it is queued"):
        export_notebook(run, tmp_path / "run.ipynb")
    assert list(tmp_path.glob("*.ipynb")) == []


def test_a_folder_is_no_place_for_a_notebook(finished_run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is a folder\. Name the file to write, for example .*\.ipynb"):
        export_notebook(finished_run, tmp_path)


def write_pairs(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Pairs in the format that the file's name ends in."""
    frame = pd.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("\n\n".join(json.dumps(row) for row in rows), encoding="utf-8-sig")
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",", encoding="utf-8-sig")
    return path


def odd_rows(kind: str = "") -> list[dict[str, Any]]:
    """Pairs with what trips a reader: quotes, separators, line breaks, blanks around, a shared sentence, NA.

    A TSV file has each pair on one line, without tabs in it.
    """
    odd = ['say "so", they did', "a\tb, c", "two\nlines", "  blanks  ", "NA", "ÄÖ é", "NULL", "1"]
    odd = [text for text in odd if kind != ".tsv" or not {"\t", "\n"} & set(text)]
    more = [{"sentence1": text, "sentence2": f"{text} again", "label": number % 2} for number, text in enumerate(odd)]
    return [*more, {"sentence1": "NA", "sentence2": "na", "label": 1}, *make_rows(40)]


@pytest.mark.parametrize("dataset", ["pairs", "mrpc", "x.csv", "x.tsv", "x.jsonl", "x.parquet"])
def test_the_data_cell_reads_the_pairs_of_the_run(
    finished_run: Run, dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if dataset == "mrpc":
        (tmp_path / "mrpc").mkdir()
        for split in ("train", "validation"):
            write_pairs(tmp_path / "mrpc" / f"{split}-00000-of-00001.parquet", odd_rows())
        monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    elif dataset == "pairs":
        Path("pairs").symlink_to(PAIRS_FOLDER)
    else:
        write_pairs(tmp_path / dataset, odd_rows(Path(dataset).suffix))
    run = altered(finished_run, tmp_path, dataset=dataset, seed=3, max_train_samples=20, max_eval_samples=9)
    pairs = load_run_pairs(run.config)
    run = altered(run, tmp_path / "again", result={"dataset": {"fingerprint": pairs.fingerprint}})
    notebook = notebook_of(run)
    names: dict[str, Any] = {}
    for name in ("settings", "data"):
        exec(cell(notebook, name).source, names)
    columns = ["sentence1", "sentence2", "label"]
    for split in ("train", "validation"):
        assert names[split].to_list() == getattr(pairs, split).select_columns(columns).to_list()
    assert names["same_data"]


@pytest.mark.parametrize("validation_file", [None, "held-out.tsv"])
def test_the_data_cell_reads_a_file_of_other_columns_as_the_run_did(
    finished_run: Run, validation_file: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.tsv", "held-out.tsv"):
        rows = [f'"{name} , {number}\tsecond " {number}\t{("Different", "Same")[number % 2]}' for number in range(40)]
        Path(name).write_text("\n".join(["#1;2\tb\tc", *rows]), encoding="utf-8")
    changes: dict[str, Any] = {"dataset": "mine.tsv", "validation_file": validation_file, "columns": ("#1;2", "b", "c")}
    run = altered(finished_run, tmp_path, **changes)
    pairs = load_run_pairs(run.config)
    assert pairs.contents is not None
    described = {"fingerprint": pairs.fingerprint, **describe_file(pairs.contents)}
    notebook = notebook_of(altered(run, tmp_path / "again", result={"dataset": described}))
    names: dict[str, Any] = {}
    for name in ("settings", "data"):
        exec(cell(notebook, name).source, names)
    assert names["same_data"]


def assert_same(notebook: Notebook, run: Run) -> None:
    assert run.result is not None
    expected = recorded_scores(run.result)
    assert printed(notebook, "compare").rstrip().endswith("Every number is the recorded one.")
    assert measured(notebook) == {name: pytest.approx(scores, abs=1e-9) for name, scores in expected.items()}


@pytest.mark.process
def test_it_gets_the_scores_of_the_run(finished_run: Run, tmp_path: Path) -> None:
    place(finished_run, tmp_path)
    assert_same(execute_in_kernel(notebook_of(finished_run), tmp_path), finished_run)
    saved = {path.name for path in (tmp_path / f"adapter-{finished_run.id}").iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= saved


@pytest.mark.process
@pytest.mark.parametrize(
    "settings",
    [
        {"lora_dropout": 0.1, "hidden_dropout_prob": 0.1, "swap_probability": 0.5, "label_smoothing_factor": 0.1},
        {"quantization": "int8", "bnb_4bit_compute_dtype": "float32", "lr_scheduler_type": "constant"},
        {"quantization": "none", "lr_scheduler_type": "cosine", "evaluations_per_epoch": 2, "use_rslora": True},
        {"train_batch_size": 20, "swap_probability": 0.5, "easy_pairs_steps": 3},
    ],
)
def test_it_gets_the_scores_of_other_runs(
    tiny_config: Callable[..., RunConfig], store: RunStore, tmp_path: Path, settings: dict[str, Any]
) -> None:
    run = start_run(tiny_config(seed=5, **settings), store, ignore)
    place(run, tmp_path)
    assert_same(execute(notebook_of(run), tmp_path), run)


@pytest.mark.process
@pytest.mark.parametrize("changes", [{}, {"init_classifier": "keep", "lora_alpha": 10, "quantization": "none"}])
def test_it_gets_the_scores_of_a_run_that_starts_from_another(
    changes: dict[str, Any],
    finished_run: Run,
    tiny_config: Callable[..., RunConfig],
    store: RunStore,
    tmp_path: Path,
) -> None:
    shutil.copytree(finished_run.path, store.folder / finished_run.id)
    run = start_run(tiny_config(num_train_epochs=1, init_from=finished_run.id, **changes), store, ignore)
    place(run, tmp_path)
    (tmp_path / f"adapter-{finished_run.id}").symlink_to(finished_run.adapter_dir)
    notebook = execute(notebook_of(run), tmp_path)
    assert_same(notebook, run)
    assert "the adapter that the run started from" in printed(notebook, "start")


@pytest.mark.process
def test_it_stops_where_the_run_was_stopped_and_draws_the_pooler_it_drew(
    tiny_config: Callable[..., RunConfig], store: RunStore, tmp_path: Path
) -> None:
    def stop(kind: str, fields: dict[str, Any]) -> None:
        if kind == "step" and fields["step"] == 6:
            store.runs()[0].request("stop")

    folder = make_bert(tmp_path / "models" / "poolerless", pooler=False)
    run = start_run(tiny_config(base_model=str(folder)), store, stop)
    assert run.result is not None
    assert run.result["steps"] < 8
    place(run, tmp_path)
    assert_same(execute(notebook_of(run), tmp_path), run)


@pytest.mark.process
def test_it_gets_the_scores_of_minilm(store: RunStore, tmp_path: Path) -> None:
    config = make_config(
        max_train_samples=48, max_eval_samples=32, num_train_epochs=2, lora_dropout=0.1, bootstrap_samples=100
    )
    run = start_run(config, store, ignore)
    notebook = notebook_of(run)
    settings = cell(notebook, "settings")
    assert "BASE_MODEL = 'sentence-transformers/all-MiniLM-L6-v2'" in settings.source
    folder = find_base_model("minilm").folder  # there is no network here
    settings.source = settings.source.replace("'sentence-transformers/all-MiniLM-L6-v2'", repr(str(folder)))
    (tmp_path / "pairs").symlink_to(PAIRS_FOLDER)
    assert_same(execute(notebook, tmp_path), run)
    assert "36 matrices are quantised" in printed(notebook, "base")
    assert "the weights of the run" in printed(notebook, "base")
