"""A finished run as a Jupyter notebook that does it again with transformers, PEFT and bitsandbytes alone.

The cells hold the engine's own functions (``engine_source``) and what calls them, which is written out in
``assets/notebook.md.jinja``. Every value is put into them as a Python literal, so that no name a user chose can become
code.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from safetensors import safe_open

from qlora_core.assets import ASSETS
from qlora_core.choices import COMPUTE_DTYPES
from qlora_core.config import RunConfig
from qlora_core.data.catalog import DATASETS
from qlora_core.evaluation.answerers import label_of
from qlora_core.evaluation.comparison import only_answer_words, strongest_first
from qlora_core.evaluation.metrics import METRICS, Metric
from qlora_core.evaluation.scores import RecordedScores
from qlora_core.export.engine_source import Verbatim, engine, source_of
from qlora_core.export.file_to_write import check_is_no_folder
from qlora_core.fields import file_name
from qlora_core.models.base.folder import WEIGHTS_FILE
from qlora_core.models.limits import NOT_QUANTIZED
from qlora_core.settings import DATA_DIR_VARIABLE
from qlora_core.store.files import replace_text
from qlora_core.store.run import Run
from qlora_core.training.start import Start, lora_scaling

TEMPLATE = "notebook.md.jinja"
#: A fenced block of the template, and the name of its cell.
CODE_BLOCK = re.compile(r"^```python (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What a notebook needs to be installed; its versions are named in the introduction.
PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "datasets", "numpy", "tokenizers")

INTRODUCTION = """# QLoRA on sentence pairs: run {run_id}

This notebook does one run again, step by step, with transformers, PEFT and bitsandbytes alone: it reads the pairs,
measures what has to be beaten, trains an adapter, saves it, loads it again, and compares every number with the one the
run recorded. {outcome}

{facts}

It needs `pip install transformers peft bitsandbytes accelerate datasets scikit-learn`.{remark}
"""


def export_notebook(run: Run, path: Path) -> Path:
    """Write ``run`` to ``path`` as an .ipynb file.

    Raises:
        RunError: the run has no result yet, or ``path`` is a folder.
        StorageError: the file cannot be written.
    """
    notebook = notebook_of(run)
    check_is_no_folder(path, run.id, ".ipynb")
    replace_text(path, nbformat.writes(notebook))
    return path


def notebook_of(run: Run) -> nbformat.NotebookNode:
    """The run as cells that reproduce its scores; code cells are named by their ``id``, such as "training".

    Raises:
        RunError: the run has no result yet.
    """
    result = run.require_result()
    cells = [new_markdown_cell(_introduction(run.id, result), id="introduction"), *_cells(_render(run, result))]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def _cells(text: str) -> Iterator[nbformat.NotebookNode]:
    """Each fenced block as a code cell, with what stands before it as its explanation."""
    words, *rest = CODE_BLOCK.split(text)
    for name, code, words_after in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        yield new_markdown_cell(words.strip(), id=f"about-{name}")
        yield new_code_cell(re.sub(r"\n{4,}", "\n\n\n", code).strip(), id=name)
        words = words_after


def _render(run: Run, result: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        finalize=_literal,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # it is Python, not HTML
    )
    return environment.get_template(TEMPLATE).render(
        **_data_values(run, result),
        **_model_values(run, result),
        engine=engine,
        metrics=[_metric_values(metric) for metric in METRICS.values()],
        recorded=recorded_scores(result),
    )


def _literal(value: object) -> str:
    return value if isinstance(value, Verbatim) else repr(value)


def _metric_values(metric: Metric) -> dict[str, Any]:
    """A metric's words, and its function with what it is called with."""
    (function,) = (function for function in (metric.of_counts, metric.of_logits) if function is not None)
    return {
        "name": metric.name,
        "label": Verbatim(metric.label),
        "help": Verbatim(metric.help),
        "source": Verbatim(metric.source),
        "code": source_of(function),
        "call": Verbatim(f"{function.__name__}({'*counts' if metric.of_counts else 'logits, labels'})"),
    }


def _data_values(run: Run, result: dict[str, Any]) -> dict[str, Any]:
    """Where the pairs come from; of a path on this machine only its last part is passed on."""
    dataset, file = run.config.dataset, Path(run.config.dataset)
    described, validation_file = result["dataset"], run.config.validation_file
    different, same = described.get("labels", ("0", "1"))
    return {
        "dataset": dataset if dataset in DATASETS else "file",
        "file_name": file.name,
        "file_kind": file.suffix.lower(),
        "validation_name": Path(validation_file).name if validation_file and dataset not in DATASETS else None,
        "columns": tuple(name.strip() for name in described.get("columns", ("sentence1", "sentence2", "label"))),
        "label_names": {} if different.isdigit() else {different: 0, same: 1},
        "delimiter": described.get("delimiter", "\t" if file.suffix.lower() == ".tsv" else ","),
        "quoted": described.get("quoted", True),
        "limited": run.config.max_train_samples is not None or run.config.max_eval_samples is not None,
        "data_sha256": result["dataset"]["fingerprint"],
        "data_dir_variable": DATA_DIR_VARIABLE,
        "mrpc_repository": DATASETS["mrpc"].hub_id,
        "mrpc_revision": DATASETS["mrpc"].revision,
    }


def _model_values(run: Run, result: dict[str, Any]) -> dict[str, Any]:
    config, base, machine = run.config, result["base_model"], result["environment"]
    with safe_open(run.heads_path, framework="numpy") as heads:
        pooler_is_new = any(name.startswith("pooler.") for name in heads.keys())  # noqa: SIM118
    return {
        "config": config,
        "hub_id": base["hub_id"],
        "model_folder": f"./{base['id']}",  # with "./" no name is looked for on the hub
        "revision": base["revision"],
        "weights_sha256": base.get("files", {WEIGHTS_FILE: base["sha256"]}),
        "pooler_is_new": pooler_is_new,
        "quantized": config.scheme.bits is not None,
        "four_bit": config.scheme.bits == 4,
        "not_quantized": NOT_QUANTIZED,
        "compute_dtype": Verbatim(dtype if (dtype := machine["compute_dtype"]) in COMPUTE_DTYPES else "float32"),
        "device": machine["device"],
        "attn_implementation": machine["attn_implementation"],
        "threads": machine["threads"],
        "start": _start_values(config, result),
        "stop_after": result["steps"] if result["stopped_early"] else None,
        "max_probe_pairs": result.get("probe_pairs", result["dataset"]["train"]),  # all, in earlier versions
        "adapter_folder": f"adapter-{run.id}",
    }


def _start_values(config: RunConfig, result: dict[str, Any]) -> dict[str, Any] | None:
    """The adapter that the run started from; None from scratch."""
    if result.get("started_from") is None:
        return None
    start = Start.model_validate(result["started_from"])
    folder, scale = f"adapter-{file_name(start.run_id)}", start.scaling / lora_scaling(config)
    return {"folder": folder, "sha256": start.sha256, "scale": scale}


def recorded_scores(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The scores of every baseline, evaluation and final model, by the names the notebook gives them.

    A run of an earlier version knew fewer metrics.
    """
    baselines = {name: scores for name, scores in result["metrics"].items() if name not in ("finetuned", "reloaded")}
    evaluations = {f"step {entry['step']} (epoch {entry['epoch']:.2f})": entry for entry in result["history"]}
    final = {name: result["metrics"][name] for name in ("finetuned", "reloaded")}
    return {
        name: {metric: float(scores[metric]) for metric in METRICS if metric in scores}
        for name, scores in (baselines | evaluations | final).items()
    }


def _introduction(run_id: str, result: dict[str, Any]) -> str:
    machine = result["environment"]
    versions = ", ".join(f"{name} {machine['versions'].get(name, 'unknown')}" for name in PACKAGES)
    facts = {
        "Base model": result["base_model"]["id"],
        "Pairs": result["dataset"]["source"],
        "Machine": f"{machine['device_name']}, {machine['platform']}, {machine['threads']} threads",
        "Versions": f"python {machine['python']}, {versions}",
        "Computed in": f"{machine['compute_dtype']}: {machine['compute_dtype_reason']}",
    }
    remark = ""
    if machine["processes"] > 1:
        remark = f" The run was shared by {machine['processes']} processes: its last digits may differ from one's."
    return INTRODUCTION.format(
        run_id=run_id,
        outcome=_outcome(result["metrics"], result["dataset"]["validation"]),
        facts="\n".join(f"- {name}: {_as_code(text)}" for name, text in facts.items()),
        remark=remark,
    )


def _outcome(metrics: dict[str, Any], n: int) -> str:
    """What fine-tuning came to, against the strongest baseline."""
    strongest, *_ = strongest_first(metrics)
    before, after = (f"{metrics[name]['accuracy']:.4f}" for name in (strongest, "finetuned"))
    confusion = RecordedScores(metrics["finetuned"], {}).confusion
    only_answer = only_answer_words(confusion.only_answer, n) if confusion else ""
    return (
        f"On its {n} validation pairs fine-tuning reached an accuracy of {after}, against {before} of the strongest "
        f"baseline, the {label_of(strongest)}.{only_answer}"
    )


def _as_code(text: object) -> str:
    """Text as a Markdown code span, in which nothing is Markdown or HTML."""
    return f"`{' '.join(str(text).replace('`', chr(39)).split())}`"
