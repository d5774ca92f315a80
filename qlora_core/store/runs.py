"""All runs below one folder."""

    config.json           what was asked; written once
    environment.json      versions, device, threads, seed, fingerprint of the data
    status.json           state, phase, message, process, step; replaced as a whole
    events.jsonl          what happened, one JSON object a line, ``seq`` growing by one, ``time`` by the wall clock,
                          ``elapsed`` in seconds since the first event of its process; only ever appended to
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
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Lock

from qlora_core.config import RunConfig
from qlora_core.errors import RunError, StorageError
from qlora_core.store.run import Run
from qlora_core.store.status import Status

RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


class Status(BaseModel):
    """Where a run stands."""

    model_config = ConfigDict(frozen=True)

    state: State
    phase: str = "queued"
    message: str = "Waiting to start"
    progress: float | None = Field(None, ge=0, le=1)  #: share of the phase that is done, where it is known
    step: int = 0
    total_steps: int = 0
    pid: int | None = Field(None, ge=1)
    pid_identity: str | None = None  #: what tells its process from another of that number, see ``process_identity``
    pid_started: float | None = None  #: when its process started; all that earlier versions have of its identity
    created: float  #: seconds since 1970
    queued: float = 0.0  #: when it last began to wait for its turn
    ticket: int = Field(0, ge=0)  #: its place in the queue: whoever came earlier has a smaller one
    updated: float


class Run:
    """One run directory."""

    def __init__(self, path: Path) -> None:
        self.path, self.id = path, path.name
        self.adapter_dir = path / "adapter"
        self.heads_path = path / "baseline_heads.safetensors"
        self.events_path = path / "events.jsonl"
        self.checkpoint_path = path / "checkpoint" / "training.safetensors"
        self._next_seq: int | None = None
        self._first_event: float | None = None  # time.monotonic()

    @property
    def config(self) -> RunConfig:
        """What was asked.

        Raises:
            RunError: config.json is missing or damaged.
        """
        try:
            return load_config(_read_json(self.path / "config.json"))
        except ConfigError as error:
            raise RunError(f"The configuration of run {self.id} cannot be read: {error}") from error

    @property
    def status(self) -> Status:
        """Where the run stands; "interrupted" if it should be alive and its process is gone.

        Raises:
            RunError: status.json is missing or damaged.
        """
        try:
            status = Status.model_validate(_read_json(self.path / "status.json"))
        except ValidationError as error:
            raise RunError(f"The status of run {self.id} cannot be read.") from error
        if status.state in LIVE_STATES and not _is_alive(status):
            message = f"Its process ended at step {status.step} without a word. It can be resumed."
            return status.model_copy(update={"state": "interrupted", "message": message})
        return status

    @property
    def environment(self) -> dict[str, Any]:
        """Versions and device of the machine it runs on; empty before the worker has looked."""
        path = self.path / "environment.json"
        return _read_json(path) if path.exists() else {}

    @property
    def result(self) -> dict[str, Any] | None:
        """Every number, once the run has finished."""
        path = self.path / "result.json"
        return _read_json(path) if path.exists() else None

    def events(self, since: int = 0) -> Iterator[dict[str, Any]]:
        """Events with ``seq`` >= ``since``, in order; a torn last line is left out."""
        if not self.events_path.exists():
            return
        with self.events_path.open("rb") as file:
            for seq, line in enumerate(file):
                if seq >= since and line.endswith(b"\n"):
                    yield json.loads(line)

    def claim(self) -> None:
        """Make this process the run's worker, unless it was handed over to it already.

        Raises:
            RunError: another process is at work on it.
        """
        before = self.status
        if before.state in LIVE_STATES and before.pid == os.getpid():
            return
        if before.state in LIVE_STATES:
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
        before = _read_json(self.path / "status.json")
        status = Status.model_validate({**before, **changes, "updated": time.time()})
        replace_json(self.path / "status.json", status.model_dump())

    def append_event(self, kind: str, **fields: object) -> None:
        """Add one event: ``time`` says when by the wall clock, ``elapsed`` how long after this process's first one.

        Raises:
            StorageError: the disk is full or refuses to be written to.
        """
        path = self.events_path
        try:
            if self._next_seq is None:
                self._next_seq = _count_whole_lines(path)
            now = time.monotonic()
            elapsed = 0.0 if self._first_event is None else round(now - self._first_event, 6)
            event = {"seq": self._next_seq, "time": time.time(), "elapsed": elapsed, "kind": kind, **fields}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n")
        except OSError as error:
            self._next_seq = None  # half a line may be there
            raise storage_error(error, path) from error
        self._next_seq += 1
        if self._first_event is None:
            self._first_event = now

    def write_environment(self, description: dict[str, Any]) -> None:
        """Record the machine the run happens on."""
        replace_json(self.path / "environment.json", description)

    def write_predictions(self, columns: dict[str, Any]) -> None:
        """Record every answer on validation: idx, label and one probability column for each model."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(columns)
        replace_file(self.path / "predictions.parquet", lambda path: pq.write_table(table, path))

    def finish(self, result: dict[str, Any], *, state: State, message: str) -> None:
        """Write the result, then say so in the status; the checkpoint has served."""
        replace_json(self.path / "result.json", result)
        self.set_status(state=state, phase="done", message=message)
        self.checkpoint_path.unlink(missing_ok=True)

    def request(self, control: Control) -> None:
        """Ask the worker to pause, to stop and keep what was learned, or to go on."""
        path = self.path / "control"
        if control == "run":
            path.unlink(missing_ok=True)
        else:
            replace_text(path, control)

    def set_owner(self, secret: str) -> None:
        """Remember who started the run, by a digest of the secret that only they know."""
        replace_text(self.path / "owner", _digest(secret))

    def is_owned_by(self, secret: str) -> bool:
        """Whether ``secret`` is that of the visitor who started the run; nobody's is where none was remembered."""
        path = self.path / "owner"
        return bool(secret) and path.exists() and hmac.compare_digest(path.read_text(encoding="utf-8"), _digest(secret))

    def write_estimate(self, estimate: dict[str, Any]) -> None:
        """Record what was expected of the run before it started."""
        replace_json(self.path / "estimate.json", estimate)

    @property
    def estimate(self) -> dict[str, Any] | None:
        """Time and memory that were expected, where they were asked for."""
        path = self.path / "estimate.json"
        return _read_json(path) if path.exists() else None

    def delete(self) -> None:
        """Remove the run and everything in it.

        Raises:
            RunError: a process is at work on it.
            StorageError: the folder cannot be removed.
        """
        if self.status.state in LIVE_STATES:
            raise RunError(f"Run {self.id} is {self.status.state}. Stop it first.")
        try:
            # The status goes first: a run half removed is then none, whatever happens to the rest.
            (self.path / "status.json").unlink()
            shutil.rmtree(self.path)
        except OSError as error:
            raise storage_error(error, self.path) from error

    def requested(self) -> Control:
        """What was asked of the worker last."""
        try:
            word = (self.path / "control").read_text(encoding="utf-8")
        except FileNotFoundError:
            return "run"
        return "stop" if word == "stop" else "pause"


class RunStore:
    """Finds and makes runs. A run that was found is kept, so that its configuration is read once; threads share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Run] = {}
        self._lock = Lock()

    @property
    def uploads(self) -> Path:
        """Where the files of pairs are kept that visitors upload."""
        return self.folder / "uploads"

    def create(self, config: RunConfig, owner: str = "", ticket: int = 0) -> Run:
        """Make a new run that waits to be started, for the visitor whose secret is ``owner``.

        Args:
            ticket: its place in the queue, see ``Status``.

        Raises:
            StorageError: the folder cannot be written to; nothing is left of the run then.
        """
        now = time.time()
        run = Run(self.folder / _new_id(config, now))
        try:
            run.begin(config, Status(state="queued", created=now, queued=now, ticket=ticket, updated=now), owner)
        except StorageError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
        return run

    def open(self, run_id: str) -> Run:
        """The run with this id.

        Raises:
            RunError: there is none.
        """
        if RUN_ID.fullmatch(run_id):
            run = self._run(run_id)
            if run.exists:
                return run
            with self._lock:
                self._known.pop(run_id, None)
        raise RunError(f"There is no run '{run_id[:80]}'. List them with: python -m qlora_core runs.")

    def runs(self, most: int | None = None) -> list[Run]:
        """Every readable run, newest first, or the newest ``most`` of them, however many there are."""
        return list(islice(filter(_is_readable, self._all()), most))

    def damaged(self) -> list[str]:
        """Names of run folders whose status or configuration cannot be read."""
        return [run.id for run in self._all() if not _is_readable(run)]

    def holds(self, run: Run) -> bool:
        """Whether a run is one of this store's."""
        return run.path.parent == self.folder

    def _all(self) -> Iterator[Run]:
        if not self.folder.is_dir():
            return
        names = sorted((path.name for path in self.folder.iterdir() if RUN_ID.fullmatch(path.name)), reverse=True)
        self._forget_all_but(names)
        for name in names:
            if (self.folder / name).is_dir() and name != self.uploads.name:
                yield self._run(name)

    def _run(self, run_id: str) -> Run:
        with self._lock:
            return self._known.setdefault(run_id, Run(self.folder / run_id))

    def _forget_all_but(self, run_ids: list[str]) -> None:
        with self._lock:
            self._known = {run_id: self._known[run_id] for run_id in run_ids if run_id in self._known}


def _new_id(config: RunConfig, now: float) -> str:
    """Sorts by time, tells base model and dataset apart at a glance, and is safe as a folder's name."""
    moment = datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%d-%H%M%S")
    words = [_slug(name) for name in (config.base_model, config.dataset)]
    return "-".join([moment, *filter(None, words), secrets.token_hex(2)])


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", Path(name).stem.lower())[:20].strip("-")


def _is_readable(run: Run) -> bool:
    try:
        return bool(run.status and run.config)
    except RunError:
        return False
