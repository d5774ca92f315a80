"""What each command does: options in, a JSON-able report and a text for people out.

Heavy libraries are imported inside the commands that need them, so that ``runs`` and ``--help`` answer at once.
"""

import argparse
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qlora_core.assets import RECORDED_RUNS
from qlora_core.choices import LABELS, TRACKERS, either
from qlora_core.classroom.folder import Classroom
from qlora_core.cli import doctor_report
from qlora_core.cli.assignments import parse_assignments
from qlora_core.cli.several import train_several
from qlora_core.config import RunConfig, make_config
from qlora_core.data.columns import Columns
from qlora_core.data.look import facts, shared_words
from qlora_core.data.sentences import is_empty
from qlora_core.errors import ConfigError, RunError
from qlora_core.evaluation.answerers import ASKABLE, borrowed_baselines_words, label_of
from qlora_core.evaluation.comparison import recorded_comparisons
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.scores import finetuned_values, recorded_scores
from qlora_core.evaluation.truncation import some_truncated_words, truncation_words
from qlora_core.fields import column_names
from qlora_core.language import speaking
from qlora_core.presets import DEFAULT_PRESET
from qlora_core.settings import check_trackers, read_settings, tracker_names
from qlora_core.store.feed import RunFeed
from qlora_core.store.files import check_writable
from qlora_core.store.packed.mark import brought
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from qlora_core.training.start import adopted_settings, find_run, started_words

Report = tuple[dict[str, Any], str]
#: Settings that have options of their own.
NAMED_OPTIONS = (
    "base_model",
    "dataset",
    "data_dir",
    "columns",
    "validation_file",
    "init_from",
    "measure_baselines_again",
)


def train(options: argparse.Namespace) -> Report:
    """Start a run, or go on with one, and report its result."""
    config = _asked_for(options)
    if options.seeds or options.grid:
        return train_several(options, config)
    check_writable(options.runs_dir, "Name another folder with --runs-dir.")
    store = RunStore(options.runs_dir)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from qlora_core.cli.progress_bar import ProgressBar
    from qlora_core.training.run_process import resume_run, start_run

    report_to = read_settings().report_to if options.report_to is None else _trackers(options.report_to)
    check_trackers(report_to)
    if config is None:
        run = resume_run(options.resume, store, ProgressBar(), report_to)
    else:
        run = start_run(config, store, ProgressBar(), report_to)
    result = run.result
    if result is None:
        return {"run_id": run.id, "state": run.status.state, "message": run.status.message}, run.status.message
    return result, _summary(result)


def _trackers(text: str) -> tuple[str, ...]:
    """What --report-to names."""
    try:
        return tracker_names(text)
    except ValueError as error:
        raise ConfigError(f"There is no tracker '{text[:80]}'. Choose {either(TRACKERS)}.") from error


def _asked_for(options: argparse.Namespace) -> RunConfig | None:
    """The settings of a new run; None where one is to be resumed."""
    changes = _changes(options)
    if options.resume:
        if changes or options.preset:
            raise ConfigError("A resumed run keeps the settings it was started with; give --resume alone.")
        return None
    if source := changes.get("init_from"):
        changes = adopted_settings(find_run(str(source), RunStore(options.runs_dir))) | changes
    return make_config(options.preset or DEFAULT_PRESET, **changes)


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that differ from a preset's."""
    named = {name: getattr(options, name, None) for name in NAMED_OPTIONS}  # not every command has all of them
    return parse_assignments(options.set) | {name: value for name, value in named.items() if value is not None}


def data(options: argparse.Namespace) -> Report:
    """Look at pairs as a run would find them, without starting one."""
    from qlora_core.cli.progress_bar import ProgressBar
    from qlora_core.training.look import look_at_run_pairs

    config = make_config(**_changes(options))
    look = look_at_run_pairs(config, ProgressBar().pairs)
    said = list(facts(look, config.max_length))
    first = [f"  {LABELS[pair.label]}: {pair.sentence1} | {pair.sentence2}" for pair in look.first]
    report = {"max_length": config.max_length, "facts": said, **look.model_dump(mode="json")}
    return report, "\n".join([*said, "The first pairs to learn from:", *first])


def _summary(result: dict[str, Any]) -> str:
    reload = result["reload"]
    lines = [f"run {result['run_id']}, best epoch {result['best_epoch']:g}", *scores_table(result), ""]
    truncation = truncation_words(result["dataset"], result["config"]["max_length"])
    shared = shared_words(result["dataset"].get("shared", 0))
    said = [started_words(result), borrowed_baselines_words(result), truncation, shared]
    lines += [*verdicts(result), result["selection_note"], *filter(None, said)]
    verified = "verified" if reload["verified"] else "NOT verified"
    lines.append(f"Reload {verified}: largest logit difference {reload['max_abs_logit_difference']:.2g}.")
    return "\n".join(lines)


def verdicts(report: dict[str, Any]) -> list[str]:
    """What fine-tuning came to against each baseline, the strongest first."""
    return [comparison["verdict"] for comparison in recorded_comparisons(report).values()]


def scores_table(report: dict[str, Any]) -> list[str]:
    """Every answerer's scores, and their intervals where they have one."""
    heads = [f"{metric.label:>8}" + "  [95 % interval] " * metric.has_interval for metric in METRICS.values()]
    lines = [" ".join([" " * 22, *heads]).rstrip()]
    for answerer, scores in recorded_scores(report).items():
        cells = []
        for name, metric in METRICS.items():
            interval = scores.interval(name)
            ends = f"[{shown(interval[0])}, {shown(interval[1])}]" if interval else ""
            cells.append(f"{shown(scores.value(name)):>8}" + f"  {ends:16}" * metric.has_interval)
        lines.append(" ".join([f"{label_of(answerer):22}", *cells]).rstrip())
    return lines


def evaluate(options: argparse.Namespace) -> Report:
    """Measure a run's baselines and adapter on any pairs."""
    from qlora_core.cli.progress_bar import ProgressBar
    from qlora_core.evaluation.asked_again import evaluate_run

    run = RunStore(options.runs_dir).open(options.run_id)
    data_dir = Path(options.data_dir) if options.data_dir else None
    columns = _columns(options.columns, 3)
    report = evaluate_run(run, options.dataset, data_dir, options.split, ProgressBar().pairs, columns)
    truncation = some_truncated_words(report["truncated"], report["n"], run.config.max_length)
    notes = [*_one_label_words(report["labels"]), "", *verdicts(report), *filter(None, [truncation])]
    return report, "\n".join([*scores_table(report), *notes])


def _one_label_words(counts: dict[str, int]) -> list[str]:
    """Why some scores are missing, where all pairs have one label."""
    (label, count), (_, other) = sorted(counts.items(), key=lambda entry: -entry[1])
    if other:
        return []
    missing = [metric.label for metric in METRICS.values() if metric.needs_both_labels]
    return [f"{', '.join(missing)} and ECE do not exist here: all {count} pairs have the label {label}."]


def predict(options: argparse.Namespace) -> Report:
    """Answer pairs with the base model and with the adapter."""
    from datasets import Dataset

    from qlora_core.cli.progress_bar import ProgressBar
    from qlora_core.data.files import read_pairs_file
    from qlora_core.evaluation.asked_again import predict_pairs

    run = RunStore(options.runs_dir).open(options.run_id)
    if options.pair:
        _check_sentences(options.pair)
        pairs = Dataset.from_dict({"sentence1": [options.pair[0]], "sentence2": [options.pair[1]]})
    else:
        pairs = read_pairs_file(options.file, labels=False, columns=_columns(options.columns, 2))
    report = predict_pairs(run, pairs, ProgressBar().pairs)
    columns = {name: label_of(name) for name in ASKABLE}
    lines = [f"{'  '.join(columns.values())}   (probability that both say the same)"]
    for row in report["pairs"]:
        cells = [f"{shown(row[name]['probability']):>{len(label)}}" for name, label in columns.items()]
        lines.append(f"{'  '.join(cells)}   {row['sentence1']} | {row['sentence2']}")
    truncated = sum(row["truncated"] for row in report["pairs"])
    lines += filter(None, [some_truncated_words(truncated, len(report["pairs"]), run.config.max_length)])
    return report, "\n".join(lines)


def _columns(text: str | None, fewest: int) -> Columns | None:
    """What --columns names; where labels are not read, two of them are enough."""
    names = column_names(text or "")
    if fewest <= len(names) <= 3 and all(names):
        return Columns(*names)
    if text is not None:
        raise ConfigError(f"'{text[:200]}' does not name {fewest} columns. Write them with commas between them.")
    return None


def _check_sentences(sentences: list[str]) -> None:
    if any(map(is_empty, sentences)):
        raise ConfigError("A sentence is empty. Give two sentences: --pair 'First one.' 'Second one.'")


def runs(options: argparse.Namespace) -> Report:
    """List the runs, newest first."""
    store = RunStore(options.runs_dir)
    rows, damage = [], store.damage(finetuned_values)
    for run in store.runs():
        with suppress(RunError):  # it was deleted this moment
            rows.append(_describe_run(run))
    lines = [f"{row['run_id']:44} {row['state']:12} {row['message']}" for row in rows] or ["No runs yet."]
    lines += [f"Damaged: {' '.join(sentences)}" for sentences in damage.values()]
    return {"runs": rows, "damaged": store.damaged(), "damage": damage}, "\n".join(lines)


def _describe_run(run: Run) -> dict[str, Any]:
    values: dict[str, float | None] = dict.fromkeys(METRICS)
    with suppress(RunError):  # there is no result, or it is damaged
        values = run.from_result(finetuned_values)
    return {
        "run_id": run.id,
        "base_model": run.config.base_model,
        "dataset": run.config.dataset,
        "init_from": run.config.init_from,
        **run.status.model_dump(include={"state", "phase", "message", "step", "total_steps", "created", "updated"}),
        **values,
    }


def export(options: argparse.Namespace) -> Report:
    """Write a run's adapter and records to a zip."""
    from qlora_core.export.archive import export_run

    run = RunStore(options.runs_dir).open(options.run_id)
    path = export_run(run, options.to)
    size = path.stat().st_size
    return {"run_id": run.id, "file": str(options.to), "bytes": size}, f"Wrote {options.to} ({size:,} bytes)."


def worksheet(options: argparse.Namespace) -> Report:
    """Write a run's worksheet, a page to print, in the language that is asked for."""
    from qlora_core.evaluation.flips import read_validation_pairs
    from qlora_core.export.worksheet.material import material_of
    from qlora_core.export.worksheet.sheet import export_worksheet

    store = RunStore(options.runs_dir)
    run, others = find_run(options.run_id, store), [*store.runs(), *RunStore(RECORDED_RUNS).runs()]
    with speaking(options.lang):
        material = material_of(run, RunFeed(run), Classroom(store), others, read_validation_pairs)
        size = export_worksheet(run, options.file, material).stat().st_size
    return {"run_id": run.id, "file": str(options.file), "bytes": size}, f"Wrote {options.file} ({size:,} bytes)."


def merge(options: argparse.Namespace) -> Report:
    """Write a run's base model and adapter as one model."""
    from qlora_core.cli.progress_bar import ProgressBar
    from qlora_core.export.merged.card import NOT_COMPARED
    from qlora_core.export.merged.model import merge_run

    run = RunStore(options.runs_dir).open(options.run_id)
    bar = ProgressBar()
    merged = merge_run(run, options.folder, bar, onnx=options.onnx)
    bar.close()
    report = {"run_id": run.id, "folder": str(options.folder), **merged.as_dict()}
    words = [merged.agreement.words if merged.agreement else NOT_COMPARED]
    words += [f"ONNX: {merged.onnx.words}"] if merged.onnx else []
    return report, "\n".join([f"Wrote {options.folder} ({report['bytes']:,} bytes).", *words])


def push(options: argparse.Namespace) -> Report:
    """Put a run into a new repository on the hub, with the user's own token."""
    from huggingface_hub import get_token

    from qlora_core.cli.progress_bar import ProgressBar
    from qlora_core.export.hub.push import push_run

    run = RunStore(options.runs_dir).open(options.run_id)
    bar = ProgressBar()
    pushed = push_run(run, options.repository, get_token(), bar, merged=options.merged, private=not options.public)
    bar.close()
    seen = "the account alone can see it" if pushed.private else "everybody can see it"
    return asdict(pushed), f"Pushed {pushed.bytes / 1e6:.1f} MB to {pushed.url}; {seen}."


def bring(options: argparse.Namespace) -> Report:
    """Take in a run that the export command or Results wrote to a zip."""
    from qlora_core.server.visitor_files.brought_runs import bring_run

    if not options.zip.is_file():
        raise ConfigError(f"There is no file '{options.zip}'.")
    check_writable(options.runs_dir, "Name another folder with --runs-dir.")
    run = bring_run(RunStore(options.runs_dir), options.zip)
    mark = brought(run)
    device = mark.device if mark else ""
    return {"run_id": run.id, "device": device}, f"Brought run {run.id}, trained, as its zip says, on {device}."


def doctor(options: argparse.Namespace) -> Report:
    """Show what this machine offers."""
    from qlora_core.server.doctor import examine

    del options
    examination = examine()
    return doctor_report.as_json(examination), doctor_report.as_text(examination)
