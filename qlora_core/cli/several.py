"""The commands about several runs: train some that differ in their seed or in a few settings, and compare two."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from qlora_core.child_process import child_environment, module_command
from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError, RunError
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.scores import finetuned_values
from qlora_core.evaluation.several.alike import MAX_RUNS
from qlora_core.evaluation.several.claims import claim_of_two, claims_of_effects, claims_of_spread, signed
from qlora_core.evaluation.several.effects import effects_of
from qlora_core.evaluation.several.plan import Planned, plan, read_grid, read_seeds
from qlora_core.evaluation.several.spread import spread_of
from qlora_core.evaluation.several.two_runs import TwoRuns
from qlora_core.settings import read_settings
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

Report = tuple[dict[str, Any], str]
#: Options of ``train`` that every one of its runs has.
SHARED_OPTIONS = ("preset", "base_model", "dataset", "data_dir", "columns", "validation_file", "init_from", "report_to")
#: The state of one of them that never became a run.
REFUSED = "refused"
#: What a child gets to come to an end of its own after Ctrl-C, which the terminal has told it too.
END_SECONDS = 60.0


@dataclass(frozen=True)
class CarriedOut:
    """What became of one of the planned runs."""

    planned: Planned
    run: Run | None  #: None where it was refused before there was one
    status: int  #: the exit status of the process that was to carry it out

    @property
    def is_finished(self) -> bool:
        """Whether it came to its end."""
        return self.run is not None and self.run.status.state == "finished"


def train_several(options: argparse.Namespace, config: RunConfig | None) -> Report:
    """Carry out a run for each seed and each combination of settings, in turn; one that fails ends no other.

    Each is a process of its own, so that its memory is its own, too.

    Args:
        config: what they have in common; None where a run is to be resumed.
    """
    if config is None:
        raise ConfigError("A run is resumed alone. Leave out --seeds and --grid.")
    if read_settings().world_size > 1:
        raise ConfigError("--seeds and --grid start processes of their own, which accelerate launch cannot share out.")
    grid = read_grid(options.grid)
    seeds = read_seeds(options.seeds) if options.seeds else [config.seed]
    planned = plan(config, grid, seeds, MAX_RUNS)
    store, carried_out = RunStore(options.runs_dir), []
    for number, one in enumerate(planned, start=1):
        changes = ", ".join(f"{name} {text}" for name, text in one.changes.items())
        print(f"Run {number} of {len(planned)}: {changes}", file=sys.stderr)
        carried_out.append(_carried_out(options, one, store))
    return _report([*grid], carried_out)


def _carried_out(options: argparse.Namespace, planned: Planned, store: RunStore) -> CarriedOut:
    """What a child made of it."""
    before = {run.id for run in store.everything()}
    status = run_child(_arguments(options, planned))
    new = (run for run in store.runs() if run.id not in before and run.config == planned.config)
    return CarriedOut(planned, next(new, None), status)


def _arguments(options: argparse.Namespace, planned: Planned) -> list[str]:
    """The command that carries out one of the runs."""
    arguments = ["train", "--json", "--runs-dir", str(options.runs_dir)]
    for name in SHARED_OPTIONS:
        value = getattr(options, name)
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    arguments += ["--measure-baselines-again"] if options.measure_baselines_again else []
    changed = [f"{name}={text}" for name, text in planned.changes.items()]
    return arguments + [part for text in [*options.set, *changed] for part in ("--set", text)]


def run_child(arguments: Sequence[str]) -> int:
    """Run a command of this program; its progress is shown, its report is read from the store. Returns its status."""
    command = module_command("qlora_core", *arguments)
    with _ending_on_sigterm(), subprocess.Popen(command, env=child_environment(), stdout=subprocess.DEVNULL) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                child.wait(END_SECONDS / 10)
            child.terminate()
            child.wait(END_SECONDS)
            raise


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """SIGTERM ends the child as Ctrl-C does."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _report(settings: list[str], carried_out: Sequence[CarriedOut]) -> Report:
    """What all of them came to, as far as they finished; ``fell_short`` has the seed and settings of the others."""
    done = [one.run for one in carried_out if one.run is not None and one.is_finished]
    rows = [_described(one, settings) for one in carried_out]
    failed = [dict(one.planned.changes) for one in carried_out if not one.is_finished]
    report: dict[str, Any] = {"planned": len(rows), "finished": len(done), "fell_short": failed, "runs": rows}
    lines = _table(rows, settings)
    try:
        if settings:
            effects = effects_of(done, settings)
            report["effects"], claims = effects.as_dict(), claims_of_effects(effects)
        else:
            spread = spread_of(done)
            report["spread"], claims = spread.as_dict(), claims_of_spread(spread)
            lines += [_row("mean", spread.means), _row("sd", spread.deviations)]
    except RunError as error:  # such as that too few have finished
        claims = [str(error)]
    report["claims"] = claims
    if failed:
        claims.append(f"{len(done)} of {len(rows)} runs finished.")
    return report, "\n".join([*lines, "", *claims])


def _described(one: CarriedOut, settings: Sequence[str]) -> dict[str, Any]:
    values: dict[str, float | None] = dict.fromkeys(METRICS)
    run, config = one.run, one.planned.config.model_dump(mode="json")
    state, message = REFUSED, f"exit status {one.status} before there was a run; the reason stands above"
    if run is not None:
        state, message = run.status.state, run.status.message
        with suppress(RunError):  # it has no result
            values = run.from_result(finetuned_values)
    return {
        "run_id": run and run.id,
        "seed": config["seed"],
        "settings": {name: config[name] for name in settings},
        "state": state,
        "message": message,
        **values,
    }


def _table(rows: Sequence[dict[str, Any]], settings: Sequence[str]) -> list[str]:
    heads = " ".join(f"{metric.label:>8}" for metric in METRICS.values())
    lines = [f"{'seed':>12} {heads}  run"]
    for row in rows:
        varied = "".join(f", {name}={row['settings'][name]}" for name in settings)
        state = "" if row["state"] == "finished" else f", {row['state']}: {row['message']}"
        lines.append(f"{_row(str(row['seed']), row)}  {row['run_id'] or 'no run'}{varied}{state}")
    return lines


def _row(name: str, values: Any) -> str:
    return f"{name:>12} " + " ".join(f"{shown(values.get(metric)):>8}" for metric in METRICS)


def compare(options: argparse.Namespace) -> Report:
    """Hold two runs against each other, pair by pair."""
    from qlora_core.evaluation.flips import read_validation_pairs
    from qlora_core.evaluation.several.two_runs import compare_runs
    from qlora_core.training.start import find_run

    store = RunStore(options.runs_dir)
    first, second = (find_run(run_id, store) for run_id in (options.first, options.second))
    two = compare_runs(first, second, read_validation_pairs)
    claim = claim_of_two(two)
    return {**two.as_dict(), "verdict": claim}, "\n".join([*_two_table(two), "", claim, *_changes(two)])


def _two_table(two: TwoRuns) -> list[str]:
    lines = [f"accuracy {shown(two.accuracies[0])}  {two.first}", f"accuracy {shown(two.accuracies[1])}  {two.second}"]
    for name, interval in two.intervals.items():
        gain, (low, high) = two.compared.gains[name], interval
        lines.append(f"{METRICS[name].label:>8} {gain:+.3f}  [{low:+.3f}, {high:+.3f}]")
    return lines


def _changes(two: TwoRuns) -> list[str]:
    lines = [f"The second run fixed {two.compared.fixed} pairs and broke {two.compared.broken}."]
    for name, group in two.by_phenomenon.items():
        p = "< 0.0001" if group.p < 0.0001 else f"= {group.p:.4f}"
        gain = signed(group.second - group.first)
        lines.append(f"  {name}: {gain} points, fixed {group.fixed}, broke {group.broken} of {group.n} (p {p}, Holm)")
    return lines
