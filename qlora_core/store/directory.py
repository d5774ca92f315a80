"""A run's directory, ``runs/<run_id>/``: what its files are called, and what of them is damaged.

config.json           what was asked; written once
start/                the adapter that it starts from, where it starts from another run, and what is known of that one
environment.json      versions, device, threads, seed, fingerprint of the data
status.json           state, phase, message, process, step; replaced as a whole
events.jsonl          what happened, see ``events``; only ever appended to
control               "pause" or "stop", looked at by the worker between steps; missing means go on
checkpoint/           enough to go on exactly, while the run is not finished
baseline_heads.safetensors   heads and answers of the baselines, and which run measured them
predictions.parquet   one row a validation pair
result.json           every number; written once, last
adapter/              what peft loads
owner                 SHA-256 of the secret of the visitor who started it, where one did
estimate.json         time and memory expected before it started, where they were asked for
worker.log            what its process printed, where a queue started it
tensorboard/          what TensorBoard draws, where the run was told to report to it
brought.json          that it was carried out elsewhere, and brought here as a zip
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple

from qlora_core.errors import RunError
from qlora_core.language import N_
from qlora_core.language import gettext as _
from qlora_core.store.files import open_file, read_json, read_word

CONFIG, ENVIRONMENT, STATUS, RESULT = "config.json", "environment.json", "status.json", "result.json"
ESTIMATE, OWNER, CONTROL, EVENTS, WORKER_LOG = "estimate.json", "owner", "control", "events.jsonl", "worker.log"
BROUGHT = "brought.json"
TENSORBOARD = "tensorboard"
PREDICTIONS, HEADS = "predictions.parquet", "baseline_heads.safetensors"
ADAPTER, CHECKPOINT, START = "adapter", "checkpoint/training.safetensors", "start"
ADAPTER_CONFIG = "adapter_config.json"  # of the adapter's files, PEFT's own name
#: A folder that has none of these is no run, damaged or not.
SIGNS = (CONFIG, STATUS, RESULT, EVENTS, ADAPTER)

#: What looking at a damaged result raises: something lacks, is of another kind, or is beyond all measure.
DAMAGE = (
    *(LookupError, TypeError, ValueError, AttributeError, ArithmeticError),
    *(FileNotFoundError, IsADirectoryError, NotADirectoryError),
)
DAMAGED = N_("The result of run {run} is damaged and cannot be shown. Its files are left as they are.")
LACKING = N_(
    "The result of run {run} is damaged and cannot be shown. It has no {part}. Its files are left as they are."
)
MISSING, UNREADABLE = N_("{file} is missing."), N_("{file} cannot be read.")


class WeightsVersion(NamedTuple):
    """Which of its weights a run would be asked with; another value once they are written anew."""

    source: Literal["adapter", "checkpoint"]
    written: int  #: a file's time in nanoseconds, to be compared for equality only


def weights_version(folder: Path) -> WeightsVersion | None:
    """A run's saved adapter, else its newest checkpoint, else None."""
    with suppress(OSError):
        return WeightsVersion("adapter", (folder / ADAPTER / ADAPTER_CONFIG).stat().st_mtime_ns)
    with suppress(OSError):
        return WeightsVersion("checkpoint", (folder / CHECKPOINT).stat().st_mtime_ns)
    return None


@contextmanager
def explained(run_id: str) -> Iterator[None]:
    """While a result is looked at: what is missing in a damaged one, or of the wrong kind, is one plain error.

    Raises:
        RunError: the result is damaged.
    """
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, KeyError):
            raise RunError(LACKING, run=run_id, part=repr(error.args[0])) from error
        raise RunError(DAMAGED, run=run_id) from error


def damaged_parts(folder: Path) -> list[str]:
    """A sentence for each of the smaller files that cannot be read, and for each part of a finished run that lacks."""
    found = []
    for name in (ENVIRONMENT, ESTIMATE):
        if os.path.lexists(folder / name):
            try:
                read_json(folder / name)
            except RunError as error:
                found.append(error.said())
    if os.path.lexists(folder / RESULT):  # it is written last, so that these were there
        gone = [name for name in (f"{ADAPTER}/{ADAPTER_CONFIG}", PREDICTIONS) if not os.path.lexists(folder / name)]
        found += [_(MISSING).format(file=f"{folder.name}/{name}") for name in gone]
    for name, is_whole in ((OWNER, _is_digest), (CONTROL, _is_request), (EVENTS, _is_anything)):
        if os.path.lexists(folder / name) and not (_is_file(folder / name) and is_whole(read_word(folder / name))):
            found.append(_(UNREADABLE).format(file=f"{folder.name}/{name}"))
    return found


def _is_file(path: Path) -> bool:
    with suppress(OSError), open_file(path):
        return True
    return False


def _is_digest(word: bytes) -> bool:
    return len(word) == 64 and word.isalnum()


def _is_request(word: bytes) -> bool:
    return word in (b"pause", b"stop")


def _is_anything(word: bytes) -> bool:
    del word
    return True
