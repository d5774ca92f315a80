"""Which runs belong together: those whose settings are the same but for the seed, or but for those that are looked at.

Nothing is noted of that anywhere: it follows from the configurations, so that it holds for runs of a server and of the
command line, recorded ones and brought ones alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.store.run import Run

#: Settings that make no other recipe: the seed, and those that change time and no result.
FREE = ("seed", "eval_batch_size", "measure_baselines_again", "bootstrap_samples")
#: Settings that may not be looked at as if they were part of a recipe.
SUBJECT = ("dataset", "data_dir", "columns", "validation_file", "max_eval_samples")
MAX_RUNS = 60  #: looked at together; the newest


@dataclass(frozen=True)
class Alike:
    """Runs that belong together, by what became of them; of several with the same settings and seed, the first."""

    done: Sequence[Run]  #: finished, as asked
    going_on: Sequence[Run]  #: they wait or are at work
    fell_short: Sequence[Run]  #: failed, interrupted, or stopped before their end

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.done) + len(self.going_on) + len(self.fell_short)


def recipe(config: RunConfig, looked_at: Iterable[str] = ()) -> RunConfig:
    """A configuration that is the same for all runs that belong together."""
    usual = {name: RunConfig.model_fields[name].default for name in (*FREE, *looked_at)}
    return config.model_copy(update=usual)


def alike(run: Run, runs: Iterable[Run], looked_at: Sequence[str] = ()) -> Alike:
    """The runs among ``runs`` that belong to ``run``, itself first where it is among them.

    Args:
        looked_at: settings in which they may differ, beside the seed.

    Raises:
        RunError: the configuration of ``run`` cannot be read.
    """
    wanted, found = recipe(run.config, looked_at), Sorted()
    for other in (run, *(other for other in runs if other.id != run.id)):
        try:
            if recipe(other.config, looked_at) == wanted:
                found.take(other, looked_at)
        except RunError:  # it was deleted this moment, or is damaged
            continue
    return found.alike()


def settings_that_differ(run: Run, runs: Iterable[Run], most: int) -> list[str]:
    """The settings in which a run among ``runs`` that finished or goes on differs from ``run``, if at most ``most``.

    Raises:
        RunError: the configuration of ``run`` cannot be read.
    """
    config, found = run.config, set[str]()
    names = [name for name in RunConfig.model_fields if name not in FREE]
    for other in runs:
        try:
            differing = {name for name in names if getattr(other.config, name) != getattr(config, name)}
            counts = other.status.state == "finished" or other.status.is_going_on
            if counts and len(differing) <= most and not differing & set(SUBJECT):
                found |= differing
        except RunError:  # it was deleted this moment, or is damaged
            continue
    return [name for name in names if name in found]


class Sorted:
    """Runs put in their places, one by one."""

    def __init__(self) -> None:
        self._done: dict[tuple[Any, ...], Run] = {}
        self._others: list[tuple[tuple[Any, ...], Run, bool]] = []

    def take(self, run: Run, looked_at: Sequence[str]) -> None:
        """Put one more in its place."""
        key, status = (run.config.seed, *(getattr(run.config, name) for name in looked_at)), run.status
        if status.state == "finished" and run.has_result:
            if len(self._done) < MAX_RUNS:
                self._done.setdefault(key, run)
        else:
            self._others.append((key, run, status.is_going_on))

    def alike(self) -> Alike:
        """All that were taken; one that fell short and was carried out again is not named."""
        others = [(run, goes_on) for key, run, goes_on in self._others if key not in self._done][:MAX_RUNS]
        done = sorted(self._done.values(), key=lambda run: run.config.seed)
        return Alike(done, [run for run, goes_on in others if goes_on], [run for run, goes_on in others if not goes_on])
