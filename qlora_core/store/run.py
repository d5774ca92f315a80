"""One run's directory: its only reader and writer. Everybody else asks the run and names no file; see ``directory``.

A run whose process is gone, by whatever end, is "interrupted": that is read off, never written. What is damaged hides
itself alone: without a status or a configuration there is no run to show; anything else is as if it were not there.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

import psutil

from qlora_core.config import RunConfig, load_config
from qlora_core.errors import ConfigError, RunError
from qlora_core.language import N_, Message
from qlora_core.store import directory
from qlora_core.store.events import Event, EventLog
from qlora_core.store.files import read_json, read_word, replace_json, replace_text, storage_error
from qlora_core.store.kept import Kept
from qlora_core.store.lock import alone_in
from qlora_core.store.ownership import digest, is_owner
from qlora_core.store.predictions import read_columns, write_table
from qlora_core.store.process_identity import noted
from qlora_core.store.status import State, Status, message_of, read_status

T = TypeVar("T")
Find = Callable[[dict[str, Any]], Any]
Control = Literal["run", "pause", "stop"]
LOST = N_("Its process ended at step {step} without a word. It can be resumed.")


class Run:
    """One run directory."""

    def __init__(self, path: Path) -> None:
        self.path, self.id = path, path.name
        self.adapter_dir = path / directory.ADAPTER
        self.heads_path = path / directory.HEADS
        self.start_dir = path / directory.START
        self.checkpoint_path = path / directory.CHECKPOINT
        self.event_log = EventLog(path / directory.EVENTS)
        self._status = Kept(path / directory.STATUS, read_status)
        self._estimate = Kept(path / directory.ESTIMATE, read_json)
        self._found: dict[Find, Kept[Any]] = {}  # in the result, by what looked for it

    @cached_property
    def config(self) -> RunConfig:
        """What was asked; read once, as it is written once.

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            return load_config(read_json(self.path / directory.CONFIG))
        except ConfigError as error:
            raise RunError(
                N_("The configuration of run {run} cannot be read: {error}"), run=self.id, error=error.message
            ) from error

    @property
    def status(self) -> Status:
        """Where the run stands; "interrupted" if it should be alive and its process is gone.

        Raises:
            RunError: the status is missing or damaged.
        """
        status = self._status.get()
        if status.is_live and not status.process_runs:
            return status.model_copy(
                update={"state": "interrupted", **message_of(Message(LOST, {"step": status.step}))}
            )
        return status

    @property
    def environment(self) -> dict[str, Any]:
        """Versions and device of the machine it runs on; empty before the worker has looked, or where damaged."""
        return self._read_unless_damaged(directory.ENVIRONMENT) or {}

    @property
    def result(self) -> dict[str, Any] | None:
        """Every number, once the run has finished.

        Raises:
            RunError: it is damaged.
        """
        return read_json(self.path / directory.RESULT) if self.has_result else None

    def require_result(self) -> dict[str, Any]:
        """The result of a run that has one.

        Raises:
            RunError: it has none yet, or it cannot be read.
        """
        result = self.result
        if result is None:
            raise RunError(N_("Run {run} has no result: it is {state}."), run=self.id, state=self.status.in_words)
        return result

    def from_result(self, find: Callable[[dict[str, Any]], T]) -> T:
        """What ``find``, a function of a module, finds in the result; looked for once, as long as the file is the same.

        Raises:
            RunError: there is no result, or it is damaged.
        """
        kept = self._found.get(find)
        if kept is None:
            kept = self._found[find] = Kept(self.path / directory.RESULT, lambda _: find(self.require_result()))
        with self.explaining_damage():
            found: T = kept.get()
        return found

    def explaining_damage(self) -> AbstractContextManager[None]:
        """While the result is looked at: see ``directory.explained``."""
        return directory.explained(self.id)

    def damage(self, find: Find) -> list[str]:
        """What of the run cannot be read, a sentence each; its result is looked at with ``find``."""
        found = []
        for read in (lambda: self.status, lambda: self.config, lambda: self.has_result and self.from_result(find)):
            try:
                read()
            except RunError as error:
                found.append(error.said())
        return found + directory.damaged_parts(self.path)

    @property
    def estimate(self) -> dict[str, Any] | None:
        """Time and memory that were expected, where they were asked for; None where that is damaged."""
        with suppress(RunError):
            return self._estimate.get()
        return None

    def _read_unless_damaged(self, name: str) -> dict[str, Any] | None:
        with suppress(RunError):
            return read_json(self.path / name)
        return None

    @property
    def exists(self) -> bool:
        """False once it was deleted; a damaged run exists."""
        return (self.path / directory.STATUS).is_file()

    @property
    def has_adapter(self) -> bool:
        """Whether the run has come as far as saving its adapter."""
        return (self.adapter_dir / directory.ADAPTER_CONFIG).is_file()

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
        return os.path.lexists(self.path / directory.RESULT)

    def weights_version(self) -> directory.WeightsVersion | None:
        """Its saved adapter, else its newest checkpoint, else None."""
        return directory.weights_version(self.path)

    def predictions(self, columns: list[str]) -> list[list[Any]]:
        """Columns of its answers on validation, one entry a pair, see ``write_predictions``.

        Raises:
            RunError: it has recorded none, or they are damaged.
        """
        return read_columns(self.path / directory.PREDICTIONS, columns)

    def files_to_export(self) -> Iterator[tuple[str, Path]]:
        """What a user takes home as it is: names within the run's folder, and files."""
        records = [self.path / name for name in (directory.ENVIRONMENT, directory.PREDICTIONS, directory.HEADS)]
        start = sorted(self.start_dir.glob("*"))  # none where it started from scratch
        for file in (*sorted(self.adapter_dir.iterdir()), *start, *records):
            yield str(file.relative_to(self.path)), file

    def claim(self) -> None:
        """Make this process the run's worker, unless it was handed over to it already.

        Raises:
            RunError: another process is at work on it.
        """
        before = self.status
        if not before.is_live or before.pid != os.getpid():
            self.hand_over(os.getpid())

    def hand_over(self, pid: int) -> None:
        """Make another process, which has just started, the run's worker; earlier requests are forgotten.

        Raises:
            RunError: another process is at work on it, or the one named has ended.
            StorageError: the disk is full or refuses to be written to.
        """
        with alone_in(self.path):  # of two servers' workers, or a server's and a command's, one comes too late
            before = self.status
            is_lent = before.state == "borrowing"
            if before.is_live and before.pid != pid and not is_lent:
                raise RunError(
                    N_("Run {run} is already {state} in another process."), run=self.id, state=before.in_words
                )
            try:
                process = {**noted(pid), "on_loan": is_lent, "loan_end": ""}
            except psutil.NoSuchProcess as error:
                raise RunError(N_("The process of run {run} ended as soon as it began."), run=self.id) from error
            if not is_lent:  # there, what was asked of it since then is asked of it still
                self.request("run")
            self.set_status(state="running", phase="loading", message=N_("Starting"), held_until=0.0, **process)

    def set_status(self, **changes: Any) -> None:
        """Replace some fields of the status; its message may be a ``Message``.

        Raises:
            StorageError: the disk is full or refuses to be written to.
        """
        if "message" in changes:
            changes |= message_of(changes["message"])
        before = read_status(self.path / directory.STATUS).model_dump()
        status = Status.model_validate({**before, **changes, "updated": time.time()})
        replace_json(self.path / directory.STATUS, status.model_dump())

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
        return (self.path / directory.WORKER_LOG).open("ab")

    def begin(self, config: RunConfig, status: Status, owner: str) -> None:
        """Write what a new run has; the status last, because without it there is no run."""
        replace_json(self.path / directory.CONFIG, config.model_dump(mode="json"))
        if owner:
            self.set_owner(owner)
        replace_json(self.path / directory.STATUS, status.model_dump())

    def write_environment(self, description: dict[str, Any]) -> None:
        """Record the machine the run happens on."""
        replace_json(self.path / directory.ENVIRONMENT, description)

    def write_predictions(self, columns: dict[str, Any]) -> None:
        """Record every answer on validation: idx, label and one probability column for each model."""
        write_table(self.path / directory.PREDICTIONS, columns)

    def write_estimate(self, estimate: dict[str, Any]) -> None:
        """Record what was expected of the run before it started."""
        replace_json(self.path / directory.ESTIMATE, estimate)

    def finish(self, result: dict[str, Any], *, state: State, message: str) -> None:
        """Write the result, then say so in the status; the checkpoint has served."""
        replace_json(self.path / directory.RESULT, result)
        self.set_status(state=state, phase="done", message=message)
        self.checkpoint_path.unlink(missing_ok=True)

    def request(self, control: Control) -> None:
        """Ask the worker to pause, to stop and keep what was learned, or to go on."""
        path = self.path / directory.CONTROL
        if control != "run":
            replace_text(path, control)
        elif not path.is_dir():  # a folder asks for nothing
            path.unlink(missing_ok=True)

    def requested(self) -> Control:
        """What was asked of the worker last; nothing where that is damaged."""
        words: dict[bytes, Control] = {b"stop": "stop", b"pause": "pause"}
        return words.get(read_word(self.path / directory.CONTROL), "run")

    def set_owner(self, secret: str) -> None:
        """Remember who started the run, by a digest of the secret that only they know."""
        replace_text(self.path / directory.OWNER, digest(secret))

    def is_owned_by(self, secret: str) -> bool:
        """Whether ``secret`` is that of the visitor who started the run; False when no owner can be read."""
        return is_owner(self.path / directory.OWNER, secret)

    def delete(self) -> None:
        """Remove the run and everything in it; of a run that lies elsewhere and is linked to, the link alone.

        Raises:
            RunError: a process is at work on it.
            StorageError: the folder cannot be removed.
        """
        status = self.status
        if status.is_live:
            raise RunError(N_("Run {run} is {state}. Stop it first."), run=self.id, state=status.in_words)
        try:
            if self.path.is_symlink():
                self.path.unlink()
                return
            # The status goes first: a run half removed is then none, whatever happens to the rest.
            (self.path / directory.STATUS).unlink()
            shutil.rmtree(self.path)
        except OSError as error:
            raise storage_error(error, self.path) from error
