"""A run among those of its kind, as its worksheet shows it: other seeds, and other settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qlora_core.assets import RECORDED_RUNS
from qlora_core.config import SETTINGS
from qlora_core.errors import RunError
from qlora_core.evaluation.answerers import label_of
from qlora_core.evaluation.metrics import METRICS, shown
from qlora_core.evaluation.several.alike import Alike, alike, settings_that_differ
from qlora_core.evaluation.several.claims import claims_of_effects, claims_of_spread, value_words
from qlora_core.evaluation.several.effects import Effects, effects_of
from qlora_core.evaluation.several.plan import MAX_SETTINGS
from qlora_core.evaluation.several.spread import Spread, spread_of
from qlora_core.export.worksheet.strips import Strip, around, strip
from qlora_core.language import date, ngettext
from qlora_core.language import gettext as _
from qlora_core.store.packed.mark import brought
from qlora_core.store.run import Run


@dataclass(frozen=True)
class Together:
    """What several runs say, in words and numbers; None or "" where there are none to speak."""

    seeds: Mapping[str, Any] | None
    settings: Mapping[str, Any] | None
    runs: Sequence[Mapping[str, str]]  #: where every number of theirs comes from
    missing: Sequence[str]  #: why something cannot be said, in words


def together(run: Run, others: Sequence[Run]) -> Together:
    """A finished run with those among ``others`` that differ from it in their seed, or in one setting each."""
    found: dict[str, Any] = {}
    used, missing = {run.id: run}, []
    for name, look in (("seeds", _over_seeds), ("settings", _over_settings)):
        try:
            found[name], taken = look(run, others)
            used |= {one.id: one for one in taken}
        except RunError as error:  # runs on other pairs, or damaged ones
            found[name] = None
            missing.append(error.said())
    return Together(found["seeds"], found["settings"], list(_sources(used.values())), missing)


def _over_seeds(run: Run, others: Sequence[Run]) -> tuple[Mapping[str, Any] | None, Sequence[Run]]:
    known = alike(run, others)
    if len(known.done) < 2:
        return None, []
    spread = spread_of(known.done)
    return {
        "progress": _progress(known),
        "metrics": [metric.heading for metric in METRICS.values()],
        "rows": [
            {"seed": one.seed, "run": one.run_id, "scores": [shown(one.values[name]) for name in METRICS]}
            for one in spread.runs
        ],
        "mean": [shown(spread.means.get(name)) for name in METRICS],
        "sd": [shown(spread.deviations.get(name)) for name in METRICS],
        "strip": _seeds_strip(spread),
        "claims": claims_of_spread(spread),
        "count": len(spread.runs),
    }, known.done


def _progress(known: Alike) -> str:
    """How many are done, where not all are."""
    if len(known.done) == known.count:
        return ""
    words = ngettext("{done} of {n} run done.", "{done} of {n} runs done.", known.count)
    return words.format(done=len(known.done), n=known.count)


def _seeds_strip(spread: Spread) -> Strip:
    """Accuracy of every seed, above that of the strongest baseline."""
    accuracies = [one.values["accuracy"] or 0.0 for one in spread.runs]
    rows: list[tuple[str, list[float], Mapping[str, float | None]]] = [
        (label_of("finetuned"), accuracies, {"median": spread.means.get("accuracy")})
    ]
    strongest = next(iter(spread.gains), None)
    if strongest is not None:
        of_it = [one.baselines[strongest] for one in spread.runs]
        rows.append((label_of(strongest), of_it, {"median": sum(of_it) / len(of_it)}))
    return strip(rows, *around([value for _label, values, _marks in rows for value in values]))


def _over_settings(run: Run, others: Sequence[Run]) -> tuple[Mapping[str, Any] | None, Sequence[Run]]:
    differing = settings_that_differ(run, others, 1)
    looked_at = differing[:MAX_SETTINGS]
    if not looked_at:
        return None, []
    runs = alike(run, others, looked_at).done
    effects = effects_of(runs, looked_at)
    return {
        "settings": [SETTINGS[name].label for name in looked_at],
        "not_looked_at": [SETTINGS[name].label for name in differing[MAX_SETTINGS:]],
        "rows": _setting_rows(effects, run),
        "claims": claims_of_effects(effects),
    }, runs


def _setting_rows(effects: Effects, run: Run) -> list[dict[str, Any]]:
    return [
        {
            "run": one.run_id,
            "own": one.run_id == run.id,
            "seed": one.seed,
            "values": [value_words(value) for value in one.values],
            "accuracy": shown(one.accuracy),
        }
        for one in effects.runs
    ]


def _sources(runs: Iterable[Run]) -> Iterable[Mapping[str, str]]:
    """Seed, day, machine and versions of each run."""
    for run in runs:
        try:
            with run.explaining_damage():
                machine = run.require_result()["environment"]
                versions = machine["versions"]
                yield {
                    "run": run.id,
                    "seed": str(run.config.seed),
                    "day": date(datetime.fromtimestamp(run.status.created, tz=UTC)),
                    "device": str(machine["device_name"]),
                    "torch": str(versions.get("torch", "–")),
                    "origin": _origin(run),
                }
        except RunError:  # such as that it does not say what it ran on
            yield {"run": run.id, "seed": "–", "day": "–", "device": "–", "torch": "–", "origin": _origin(run)}


def _origin(run: Run) -> str:
    if brought(run) is not None:
        return _("brought")
    return _("recorded") if is_recorded(run) else ""


def is_recorded(run: Run) -> bool:
    """Whether a run came with the program."""
    return run.path.resolve().parent == RECORDED_RUNS.resolve()
