"""From what a visitor chose to a run in the queue: every check of a request to train is here, whoever sends it."""

import hashlib
import shutil
from pathlib import Path

from qlora_core.config import RunConfig
from qlora_core.data.formats import FORMATS
from qlora_core.errors import ConfigError
from qlora_core.heavy_libraries import load_libraries
from qlora_core.models import catalog
from qlora_core.server.services import MOST_SECRET_CHARACTERS, Services
from qlora_core.store.runs import Run
from qlora_core.ui.train.form import config_from

OWN_FILE = "file"
DATASETS = ("pairs", "mrpc", OWN_FILE)


def chosen_config(
    services: Services, base_model: str, dataset: str, own_file: str | None, values: list[object]
) -> RunConfig:
    """The configuration a visitor asks for: base models and datasets by name, files only by their content.

    Raises:
        ConfigError: a name is unknown, cannot work here, or a value is out of range.
        DataError: the uploaded file is not one of pairs.
    """
    if base_model not in catalog.NAMES:
        raise ConfigError(f"There is no base model of that name. Choose one of: {', '.join(catalog.NAMES)}.")
    if dataset not in DATASETS:
        raise ConfigError(f"There is no dataset of that name. Choose one of: {', '.join(DATASETS)}.")
    if dataset == OWN_FILE:
        if not own_file:
            raise ConfigError("Choose your file of pairs first, or other sentence pairs.")
        dataset = str(keep_file(services.store.folder / "uploads", Path(own_file)))
    config = config_from(base_model, dataset, values)
    for kind, name in (("base_model", base_model), ("dataset", dataset), ("quantization", config.quantization)):
        if reason := services.availability.reason(kind, name):
            raise ConfigError(reason)
    return config


def keep_file(folder: Path, upload: Path) -> Path:
    """Copy an uploaded file to where runs find it; its name there is its digest, and nothing of the visitor's.

    Raises:
        DataError: it is not a readable file of pairs.
    """
    load_libraries()
    from qlora_core.data.files import read_pairs_file

    suffix = upload.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigError(f"A file of pairs ends in one of {', '.join(FORMATS)}.")
    read_pairs_file(upload)
    with upload.open("rb") as file:
        name = hashlib.file_digest(file, "sha256").hexdigest()[:20]
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"pairs-{name}{suffix}"
    if not kept.exists():
        shutil.copyfile(upload, kept)
    return kept


def submit_run(services: Services, config: RunConfig, secret: str) -> Run:
    """Put a run into the queue, with what was expected of it if that was measured.

    Raises:
        ConfigError: the secret is too long to be one.
        QueueError: the visitor has a run in the queue already.
    """
    if not isinstance(secret, str) or len(secret) > MOST_SECRET_CHARACTERS:
        raise ConfigError("Your browser sent no usable key. Reload the page.")
    run = services.queue.submit(config, secret)
    if (estimate := services.estimates.known(config)) is not None and run.estimate is None:
        run.write_estimate(estimate)
    return run


def started_words(services: Services, run_id: str) -> str:
    """What a visitor is told whose run has just been put into the queue, as Markdown."""
    place = services.queue.place(run_id)
    if place and (place > 1 or services.queue.at_work()):
        return f"**In the queue at place {place}.** It starts by itself; you may close this page and come back."
    return "**Started.** You may close this page and come back: the run goes on."


def expectation(services: Services, config: RunConfig) -> str:
    """What will be trained, and the time and memory it takes where that was measured, as Markdown."""
    counts = services.estimates.counts(config)
    words = []
    if counts is not None:
        share = 100 * counts.trainable / counts.total
        words.append(
            f"Trains **{counts.trainable:,}** of {counts.total:,} parameters ({share:.1f}\u00a0%); "
            f"the adapter takes {counts.adapter_bytes / 1e6:.1f} MB."
        )
    estimate = services.estimates.known(config)
    if estimate is not None:
        (low, high), (least, most) = estimate["seconds"], estimate["memory_bytes"]
        words.append(
            f"Expected on {estimate['device_name']}: **{_time(low)} to {_time(high)}**, "
            f"{least / 1e9:.1f} to {most / 1e9:.1f} GB of {estimate['memory_kind']}, measured on a few batches."
        )
    return " ".join(words)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
