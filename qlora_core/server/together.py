"""Several runs that a visitor asks for at once: a run again with other seeds, or each combination of some settings."""

from collections.abc import Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

from qlora_core.config import SETTINGS, RunConfig
from qlora_core.data.catalog import DATASETS
from qlora_core.errors import ConfigError
from qlora_core.evaluation.several.alike import FREE, SUBJECT, Alike, alike
from qlora_core.evaluation.several.claims import claims_of_effects, claims_of_spread
from qlora_core.evaluation.several.effects import effects_of
from qlora_core.evaluation.several.plan import MAX_SETTINGS
from qlora_core.evaluation.several.spread import spread_of
from qlora_core.language import N_
from qlora_core.models.catalog import offered_base_models
from qlora_core.server.services import Services
from qlora_core.server.who_may import may_be_secret
from qlora_core.store.run import Run
from qlora_core.training.start import prepare_start

MAX_TOGETHER = 12  #: runs
HOW_MANY = N_("At least 1 and at most {most} runs can be asked for together.")
NO_SECRET = N_("That request has no key of a browser. Reload the page.")
NO_MODEL = N_(
    "The page does not offer this run's base model. Whoever runs the server can repeat it on the command line, with "
    "--seeds."
)
NO_PAIRS = N_(
    "The page does not have this run's pairs. Whoever runs the server can repeat it on the command line, with --seeds."
)


def runs_alike(services: Services, run: Run, looked_at: Sequence[str] = ()) -> Alike:
    """The runs of this server that belong to ``run``, see ``alike``."""
    return alike(run, services.all_runs(), looked_at)


def said_together(services: Services, run: Run, settings: Sequence[str]) -> dict[str, Any]:
    """What a run and those that belong to it say, for programs.

    Raises:
        ConfigError: settings are none that can be looked at.
        RunError: there is nothing to say yet.
    """
    if len(settings) > MAX_SETTINGS or not set(settings) <= set(SETTINGS) - {*FREE, *SUBJECT}:
        raise ConfigError(N_("Name at most {most} settings in which runs may differ."), most=MAX_SETTINGS)
    known = runs_alike(services, run, settings)
    names = {"done": known.done, "going_on": known.going_on, "fell_short": known.fell_short}
    standing = {name: [one.id for one in runs] for name, runs in names.items()}
    if settings:
        effects = effects_of(known.done, settings)
        return {**standing, "effects": effects.as_dict(), "claims": claims_of_effects(effects)}
    if len(known.done) < 2:
        return {**standing, "spread": None, "claims": []}
    spread = spread_of(known.done)
    return {**standing, "spread": spread.as_dict(), "claims": claims_of_spread(spread)}


def with_other_seeds(services: Services, run: Run, how_many: int) -> list[RunConfig]:
    """The settings of ``run`` with the lowest seeds that no run of its kind has, or is about to have.

    Raises:
        ConfigError: it is none that a visitor may start, or that is no number of runs to ask for.
    """
    if not 1 <= how_many <= MAX_TOGETHER:
        raise ConfigError(HOW_MANY, most=MAX_TOGETHER)
    config, known = run.config, runs_alike(services, run)
    check_repeatable(services, config)
    taken = {config.seed, *(one.config.seed for one in (*known.done, *known.going_on))}
    seeds = islice((seed for seed in count() if seed not in taken), how_many)
    return [config.model_copy(update={"seed": seed}) for seed in seeds]


def check_repeatable(services: Services, config: RunConfig) -> None:
    """Refuse what a visitor could not have started: a run that was brought, or one of the command line, may name any
    file or folder of the machine.

    Raises:
        ConfigError: the base model or the pairs are none that this page offers, or that were uploaded to it.
    """
    if config.base_model not in offered_base_models():
        raise ConfigError(NO_MODEL)
    uploads = services.store.uploads.folder.resolve()
    files = [] if config.dataset in DATASETS else [config.dataset]
    files += [config.validation_file] if config.validation_file else []
    here = [Path(file).is_file() and Path(file).resolve().parent == uploads for file in files]
    if config.data_dir is not None or not all(here):
        raise ConfigError(NO_PAIRS)


def submit_together(services: Services, configs: Sequence[RunConfig], secret: str, address: str = "") -> list[Run]:
    """Put runs into the queue, all or none, with what was expected of each if that was measured.

    Raises:
        ConfigError: the secret is none, or there are too many.
        RunError: the run that they are to start from was deleted, or is damaged.
        QueueError: the visitor has a run in the queue already, or it has no room for all.
        StorageError: the store takes as much room as it may.
    """
    if not isinstance(secret, str) or (secret and not may_be_secret(secret)):
        raise ConfigError(NO_SECRET)
    if not 1 <= len(configs) <= MAX_TOGETHER:
        raise ConfigError(HOW_MANY, most=MAX_TOGETHER)
    fill = prepare_start(configs[0], services.run)
    runs = services.queue.submit_together(configs, secret, address=address, fill=fill)
    for run in runs:
        if (estimate := services.estimates.known(run.config)) is not None and run.estimate is None:
            run.write_estimate(estimate)
    return runs
