"""From what a visitor chose to a run in the queue: every check of a request to train is here, whoever sends it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from qlora_core.choices import Choice
from qlora_core.config import SETTINGS, RunConfig
from qlora_core.data.catalog import DATASETS, OWN_FILE
from qlora_core.data.formats import format_of
from qlora_core.errors import ConfigError
from qlora_core.evaluation.answerers import baselines_words
from qlora_core.language import gettext as _
from qlora_core.loans import BORROWED
from qlora_core.models.catalog import offered_base_models
from qlora_core.server.services import Services
from qlora_core.server.turns import HELD_SECONDS, hold
from qlora_core.server.who_may import may_be_secret
from qlora_core.server.zerogpu.pace import Pace, known_pace
from qlora_core.store.run import Run
from qlora_core.store.runs import Fill
from qlora_core.training.start import check_fit, prepare_start
from qlora_core.ui.safe_text import MAX_MESSAGE, plain
from qlora_core.ui.train.form import FIELD_NAMES, config_from
from qlora_core.ui.words import classroom as class_words
from qlora_core.ui.words import train as words
from qlora_core.ui.words.availability import why_not

#: What the page's list of sentence pairs offers.
DATASET_CHOICES = {**DATASETS, OWN_FILE.name: OWN_FILE}


class OwnFile(NamedTuple):
    """What a visitor gives where the dataset is a file of their own."""

    pairs: str | None  #: where it was uploaded to
    validation: str | None = None  #: the same of a file to validate on
    columns: str = ""  #: FIRST,SECOND,LABEL; "" where they have well-known names


NO_FILES = OwnFile(None)


class StartFrom(NamedTuple):
    """What a visitor's run starts from."""

    run: str = ""  #: an id; "" from scratch
    classifier: str = SETTINGS["init_classifier"].default

    @property
    def settings(self) -> dict[str, object]:
        """As ``RunConfig`` has it; from scratch there is no classifier to choose."""
        return {"init_from": self.run, "init_classifier": self.classifier} if self.run else {}


FROM_SCRATCH = StartFrom()


def chosen_config(
    services: Services,
    base_model: str,
    dataset: str,
    own: OwnFile,
    values: list[object],
    start: StartFrom = FROM_SCRATCH,
) -> RunConfig:
    """The configuration a visitor asks for: base models, datasets and runs by name, files where they were uploaded to.

    No file of pairs is read.

    Raises:
        ConfigError: a name is unknown, cannot work here, or a value is out of range; a run to start from does not fit.
        RunError: there is no such run to start from.
        DataError: an uploaded file is of another kind.
    """
    if base_model not in (offered := offered_base_models()):
        raise ConfigError(words.no_such(_("base model"), offered))
    if dataset not in DATASET_CHOICES:
        raise ConfigError(words.no_such(_("dataset"), DATASET_CHOICES))
    if dataset == OWN_FILE.name:
        config = _config_of_own(base_model, own, values, start)
    else:
        config = config_from(base_model, dataset, values, **start.settings)
    for kind, name in (("base_model", base_model), ("dataset", dataset), ("quantization", config.quantization)):
        if found := services.availability.obstacle(kind, name):
            raise ConfigError(why_not(found))
    if config.init_from is not None:
        check_fit(config, services.run(config.init_from))
    return config


def chosen_from(services: Services, chosen: Sequence[Any]) -> RunConfig:
    """The same from the values of the page's controls: base model, dataset, ``OwnFile``, the settings, ``StartFrom``.

    Raises:
        ConfigError, DataError, RunError: as ``chosen_config``.
    """
    base_model, dataset, *rest = chosen
    files, settings = len(OwnFile._fields), len(OwnFile._fields) + len(FIELD_NAMES)
    own, start = OwnFile(*rest[:files]), StartFrom(*rest[settings:])
    return chosen_config(services, base_model, dataset, own, rest[files:settings], start)


def _config_of_own(base_model: str, own: OwnFile, values: list[object], start: StartFrom) -> RunConfig:
    if not own.pairs:
        raise ConfigError(_(words.NO_FILE))
    for upload in filter(None, (own.pairs, own.validation)):
        format_of(Path(upload))
    files = {"columns": own.columns, "validation_file": own.validation or None}
    return config_from(base_model, own.pairs, values, **files, **start.settings)


def submit_run(
    services: Services,
    config: RunConfig,
    secret: str,
    address: str = "",
    device: str = words.OWN_CPU,
    *,
    wait_for_guesses: bool = False,
) -> Run:
    """Put a run into the queue, with what was expected of it if that was measured; its file is read, then kept.

    Args:
        address: where the request came from, if it brought no secret of the visitor's own.
        device: a name of ``DEVICES``; a run for a borrowed GPU waits until its visitor borrows one.
        wait_for_guesses: it is held in the queue for ``HELD_SECONDS`` at most, until its visitor begins it.

    Raises:
        ConfigError: the secret is none.
        RunError: the run that it is to start from was deleted, or is damaged.
        UserError: its file holds no pairs that can be trained on.
        QueueError: the visitor has a run in the queue already, or it is full.
        StorageError: the store, or the uploads in it, take as much room as they may.
    """
    if not isinstance(secret, str) or (secret and not may_be_secret(secret)):
        raise ConfigError(_(words.NO_KEY))
    if device not in words.DEVICES or (device == words.BORROWED_GPU and services.loans is None):
        raise ConfigError(words.no_such(_("device"), devices(services)))
    if config.dataset not in DATASETS:
        services.files.look(config)
        config = _with_kept_files(services, config)
    fill = prepare_start(config, services.run)
    if device == words.BORROWED_GPU and services.loans is not None:
        return services.loans.submit(config, secret, fill=fill)
    fill = _held(fill) if wait_for_guesses is True else fill
    run = services.queue.submit(config, secret, address=address, fill=fill)
    if (estimate := services.estimates.known(config)) is not None and run.estimate is None:
        run.write_estimate(estimate)
    return run


def _held(fill: Fill | None) -> Fill:
    def fill_and_hold(run: Run) -> None:
        if fill is not None:
            fill(run)
        hold(run, HELD_SECONDS)

    return fill_and_hold


def devices(services: Services) -> dict[str, Choice]:
    """What a run may be carried out on here; the first is what the page opens with."""
    return {name: device for name, device in words.DEVICES.items() if services.loans or name == words.OWN_CPU}


def _with_kept_files(services: Services, config: RunConfig) -> RunConfig:
    """The same run on copies that stay when the uploads go; what no run needs makes room for them."""
    services.store.sweep()
    kept = {}
    for name in ("dataset", "validation_file"):
        if upload := getattr(config, name):
            kept[name] = str(services.store.uploads.keep(Path(upload), format_of(Path(upload)).name))
    return config.model_copy(update=kept)


def started_words(services: Services, run_id: str) -> str:
    """What a visitor is told whose run has just been put into the queue, as Markdown."""
    if services.store.open(run_id).status.held_until:
        return class_words.held(round(HELD_SECONDS / 60))
    place = services.queue.place(run_id)
    if place and (place > 1 or services.queue.at_work()):
        return words.queued(place)
    return _(words.STARTED)


def expectation(services: Services, config: RunConfig) -> str:
    """What will be trained, and the time and memory it takes as far as that is known, as Markdown."""
    said = [_(words.MEASURES_AGAIN)] if config.measure_baselines_again else []
    if (provenance := services.store.baselines.known(config)) is not None:
        said.append(plain(baselines_words(asdict(provenance)), MAX_MESSAGE))
    if (counts := services.estimates.counts(config)) is not None:
        said.append(words.trained_part(counts.trainable, counts.total, counts.adapter_bytes))
    if (estimate := services.estimates.known(config)) is not None:
        facts = ("device_name", "seconds", "memory_bytes", "memory_kind")
        said.append(words.expected(*(estimate[fact] for fact in facts)))
    elif services.loans is not None:
        said.append(words.cpu_not_measured())
    if services.loans is not None:
        said.append(_expected_on_loan(known_pace(services.store, config)))
    return " ".join(said)


def _expected_on_loan(pace: Pace | None) -> str:
    if pace is None:
        return words.loan_not_known()
    device = plain(pace.device_name.removeprefix(BORROWED), MAX_MESSAGE)
    return words.expected_on_loan(device, pace.examples_per_second, pace.seconds, pace.loans)
