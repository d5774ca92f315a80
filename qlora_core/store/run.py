"""One run's directory: its only reader and writer. Everybody else asks the run and names no file.

    config.json           what was asked; written once
    environment.json      versions, device, threads, seed, fingerprint of the data
    status.json           state, phase, message, process, step; replaced as a whole
    events.jsonl          what happened, see ``events``; only ever appended to
    control               "pause" or "stop", looked at by the worker between steps; missing means go on
    checkpoint/           enough to go on exactly, while the run is not finished
    baseline_heads.safetensors   heads of the untrained and the linear-probe baseline
    predictions.parquet   one row a validation pair
    result.json           every number; written once, last
    adapter/              what peft loads
    owner                 SHA-256 of the secret of the visitor who started it, where one did
    estimate.json         time and memory expected before it started, where they were asked for
    worker.log            what its process printed, where a queue started it

A run whose process is gone, by whatever end, is "interrupted": that is read off, never written.
"""

import hashlib
import hmac
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import psutil
from pydantic import ValidationError

from qlora_core.config import RunConfig, load_config
from qlora_core.errors import ConfigError, RunError
from qlora_core.store.events import Event, EventLog
from qlora_core.store.files import replace_json, replace_text, storage_error
from qlora_core.store.predictions import read_columns, write_table
from qlora_core.store.process_identity import identify
from qlora_core.store.status import State, Status

Control = Literal["run", "pause", "stop"]
CONFIG, ENVIRONMENT, STATUS, RESULT = "config.json", "environment.json", "status.json", "result.json"
PREDICTIONS, HEADS = "predictions.parquet", "baseline_heads.safetensors"
ADAPTER_CONFIG = "adapter_config.json"  # of the adapter's files, PEFT's own name


class WeightsVersion(NamedTuple):
    """Which of its weights a run would be asked with; another value once they are written anew."""

    source: Literal["adapter", "checkpoint"]
    written: int  #: a file's time in nanoseconds, to be compared for equality only


class Run:
    """One run directory."""

    def __init__(self, path: Path) -> None:
        self.path, self.id = path, path.name
        self.adapter_dir = path / "adapter"
        self.heads_path = path / HEADS
        self.checkpoint_path = path / "checkpoint" / "training.safetensors"
        self.event_log = EventLog(path / "events.jsonl")

    @cached_property
    def config(self) -> RunConfig:
        """What was asked; read once, as it is written once.

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            return load_config(_read_json(self.path / CONFIG))
        except ConfigError as error:
            raise RunError(f"The configuration of run {self.id} cannot be read: {error}") from error

    @property
    def status(self) -> Status:
        """Where the run stands; "interrupted" if it should be alive and its process is gone.

        Raises:
            RunError: the status is missing or damaged.
        """
        try:
            status = Status.model_validate(_read_json(self.path / STATUS))
        except ValidationError as error:
            raise RunError(f"The status of run {self.id} cannot be read.") from error
        if status.is_live and not status.process_runs:
            message = f"Its process ended at step {status.step} without a word. It can be resumed."
            return status.model_copy(update={"state": "interrupted", "message": message})
        return status

    @property
    def environment(self) -> dict[str, Any]:
        """Versions and device of the machine it runs on; empty before the worker has looked."""
        return _read_if_there(self.path / ENVIRONMENT) or {}

    @property
    def result(self) -> dict[str, Any] | None:
        """Every number, once the run has finished."""
        return _read_if_there(self.path / RESULT)

    def require_result(self) -> dict[str, Any]:
        """The result of a run that has one.

        Raises:
            RunError: it has none yet, or it cannot be read.
        """
        result = self.result
        if result is None:
            raise RunError(f"Run {self.id} has no result: it is {self.status.state}.")
        return result

    @contextmanager
    def explaining_damage(self) -> Iterator[None]:
        """While a result is looked at: what is missing in a damaged one, or of the wrong kind, is one plain error.

        Raises:
            RunError: the result is damaged.
        """
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, FileNotFoundError) as error:
            raise RunError(
                f"The result of run {self.id} is damaged and cannot be shown. Its files are left as they are."
            ) from error

    @property
    def estimate(self) -> dict[str, Any] | None:
        """Time and memory that were expected, where they were asked for."""
        return _read_if_there(self.path / "estimate.json")

    @property
    def exists(self) -> bool:
        """False once it was deleted; a damaged run exists."""
        return (self.path / STATUS).is_file()

    @property
    def has_adapter(self) -> bool:
        """Whether the run has come as far as saving its adapter."""
        return (self.adapter_dir / ADAPTER_CONFIG).is_file()

    @property
    def has_checkpoint(self) -> bool:
        """Whether it has a state of training to go on from."""
        return self.checkpoint_path.is_file()

    @property
    def has_weights(self) -> bool:
        """Whether it can be asked about a pair."""
        return self.has_adapter or self.has_checkpoint

    @property
    def has_result(self) -> bool:
        """Whether it has a result, which may be damaged."""
        return (self.path / RESULT).is_file()

    def weights_version(self) -> WeightsVersion | None:
        """Its saved adapter, else its newest checkpoint, else None."""
        with suppress(OSError):
            return WeightsVersion("adapter", (self.adapter_dir / ADAPTER_CONFIG).stat().st_mtime_ns)
        with suppress(OSError):
            return WeightsVersion("checkpoint", self.checkpoint_path.stat().st_mtime_ns)
        return None

    def predictions(self, columns: list[str]) -> list[list[Any]]:
        """Columns of its answers on validation, one entry a pair, see ``write_predictions``.

        Raises:
            RunError: it has recorded none, or they are damaged.
        """
        return read_columns(self.path / PREDICTIONS, columns)

    def files_to_export(self) -> Iterator[tuple[str, Path]]:
        """What a user takes home as it is: names within the run's folder, and files."""
        records = [self.path / name for name in (ENVIRONMENT, PREDICTIONS, HEADS)]
        for file in (*sorted(self.adapter_dir.iterdir()), *records):
            yield str(file.relative_to(self.path)), file

    def claim(self) -> None:
        """Make this process the run's worker, unless it was handed over to it already.

        Raises:
            RunError: another process is at work on it.
        """
        before = self.status
        if before.is_live and before.pid == os.getpid():
            return
        if before.is_live:
            raise RunError(f"Run {self.id} is already {before.state} in another process.")
        self.hand_over(os.getpid())

    def hand_over(self, pid: int) -> None:
        """Make another process, which has just started, the run's worker; earlier requests are forgotten."""
        self.request("run")
        process = {"pid": pid, "pid_identity": identify(pid), "pid_started": psutil.Process(pid).create_time()}
        self.set_status(state="running", phase="loading", message="Starting", **process)

    def set_status(self, **changes: object) -> None:
        """Replace some fields of the status.

        Raises:
            StorageError: the disk is full or refuses to be written to.
        """
        before = _read_json(self.path / STATUS)
        status = Status.model_validate({**before, **changes, "updated": time.time()})
        replace_json(self.path / STATUS, status.model_dump())

    def events(self, since: int = 0) -> Iterator[Event]:
        """Events with ``seq`` >= ``since``, in order; a torn last line is left out."""
        return self.event_log.read(since)

    def append_event(self, kind: str, **fields: object) -> None:
        """Add one event.

        Raises:
            StorageError: the disk is full or refuses to be written to.
        """
        self.event_log.append([{"kind": kind, **fields}])

    def open_worker_log(self) -> BinaryIO:
        """A file that takes what the run's process prints, after what an earlier one did."""
        return (self.path / "worker.log").open("ab")

    def begin(self, config: RunConfig, status: Status, owner: str) -> None:
        """Write what a new run has; the status last, because without it there is no run."""
        replace_json(self.path / CONFIG, config.model_dump(mode="json"))
        if owner:
            self.set_owner(owner)
        replace_json(self.path / STATUS, status.model_dump())

    def write_environment(self, description: dict[str, Any]) -> None:
        """Record the machine the run happens on."""
        replace_json(self.path / ENVIRONMENT, description)

    def write_predictions(self, columns: dict[str, Any]) -> None:
        """Record every answer on validation: idx, label and one probability column for each model."""
        write_table(self.path / PREDICTIONS, columns)

    def write_estimate(self, estimate: dict[str, Any]) -> None:
        """Record what was expected of the run before it started."""
        replace_json(self.path / "estimate.json", estimate)

    def finish(self, result: dict[str, Any], *, state: State, message: str) -> None:
        """Write the result, then say so in the status; the checkpoint has served."""
        replace_json(self.path / RESULT, result)
        self.set_status(state=state, phase="done", message=message)
        self.checkpoint_path.unlink(missing_ok=True)

    def request(self, control: Control) -> None:
        """Ask the worker to pause, to stop and keep what was learned, or to go on."""
        path = self.path / "control"
        if control == "run":
            path.unlink(missing_ok=True)
        else:
            replace_text(path, control)

    def requested(self) -> Control:
        """What was asked of the worker last."""
        try:
            word = (self.path / "control").read_text(encoding="utf-8")
        except FileNotFoundError:
            return "run"
        return "stop" if word == "stop" else "pause"

    def set_owner(self, secret: str) -> None:
        """Remember who started the run, by a digest of the secret that only they know."""
        replace_text(self.path / "owner", _digest(secret))

    def is_owned_by(self, secret: str) -> bool:
        """Whether ``secret`` is that of the visitor who started the run; False when it has no recorded owner."""
        path = self.path / "owner"
        return bool(secret) and path.exists() and hmac.compare_digest(path.read_text(encoding="utf-8"), _digest(secret))

    def delete(self) -> None:
        """Remove the run and everything in it.

        Raises:
            RunError: a process is at work on it.
            StorageError: the folder cannot be removed.
        """
        status = self.status
        if status.is_live:
            raise RunError(f"Run {self.id} is {status.state}. Stop it first.")
        try:
            # The status goes first: a run half removed is then none, whatever happens to the rest.
            (self.path / STATUS).unlink()
            shutil.rmtree(self.path)
        except OSError as error:
            raise storage_error(error, self.path) from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()


def _read_if_there(path: Path) -> dict[str, Any] | None:
    return _read_json(path) if path.exists() else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path.parent.name}/{path.name} cannot be read.") from error
    if not isinstance(value, dict):
        raise RunError(f"{path.parent.name}/{path.name} does not hold a JSON object.")
    return value
