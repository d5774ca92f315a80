"""A grid of settings that a visitor asks for: which runs it comes to, and how long they take."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice

from qlora_core.config import RunConfig
from qlora_core.errors import ConfigError, RunError
from qlora_core.evaluation.several.alike import recipe
from qlora_core.evaluation.several.plan import plan, read_grid
from qlora_core.language import N_
from qlora_core.server.services import Services
from qlora_core.server.together import MAX_TOGETHER, check_repeatable
from qlora_core.store.run import Run
from qlora_core.training.start import check_fit

MAX_SEEDS = 5  #: of each combination


@dataclass(frozen=True)
class Grid:
    """Runs with each combination of some settings' values."""

    settings: Sequence[str]  #: that are varied
    new: Sequence[RunConfig]  #: the runs that are to be carried out
    known: int  #: how many more are on this server already, finished or on their way


def grid_of(services: Services, run: Run, assignments: Sequence[str], seeds: int) -> Grid:
    """Each combination of the values in ``assignments``, all else as ``run`` has it.

    Args:
        assignments: each as FIELD=VALUE,VALUE, see ``read_grid``.
        seeds: of each combination: the run's own, then the lowest others.

    Raises:
        ConfigError: it is no grid that can be carried out here, or none of its runs is new.
        RunError: the run that they are to start from was deleted, or is damaged.
    """
    check_repeatable(services, run.config)
    if not 1 <= seeds <= MAX_SEEDS:
        raise ConfigError(N_("A grid has at least 1 and at most {most} seeds."), most=MAX_SEEDS)
    grid, own = read_grid(assignments), run.config.seed
    if not grid:
        raise ConfigError(N_("Name a setting, and two values of it or more."))
    others = islice((seed for seed in count() if seed != own), seeds - 1)
    configs = [one.config for one in plan(run.config, grid, [own, *others], MAX_TOGETHER)]
    for config in configs:
        services.estimates.counts(config)  # refuses layers that the base model does not have, and longer pairs
        if config.init_from is not None:
            check_fit(config, services.run(config.init_from))
    known = _known(services)
    new = [config for config in configs if _key(config) not in known]
    if not new:
        raise ConfigError(N_("All of these runs are on this server already. Name another value, or more seeds."))
    return Grid([*grid], new, len(configs) - len(new))


def _known(services: Services) -> set[RunConfig]:
    """What runs of this server were asked that have finished, or are on their way."""
    known = set()
    for run in services.all_runs():
        with suppress(RunError):  # it was deleted this moment
            if run.status.is_going_on or run.status.state == "finished":
                known.add(_key(run.config))
    return known


def _key(config: RunConfig) -> RunConfig:
    """The same for runs that come to the same result."""
    return recipe(config).model_copy(update={"seed": config.seed})


def expected_seconds(services: Services, configs: Sequence[RunConfig]) -> tuple[float, float] | None:
    """How long runs take one after the other, from least to most; None where that was not measured of all."""
    low = high = 0.0
    for config in configs:
        estimate = services.estimates.known(config)
        if estimate is None:
            return None
        low, high = low + estimate["seconds"][0], high + estimate["seconds"][1]
    return low, high
