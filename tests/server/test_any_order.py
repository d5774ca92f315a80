"""Queue and store under any order of what may happen: no run is lost, none is carried out twice, each is listed.

Processes are pretended: a table says which are alive, and each obeys the store when its turn in the test comes. The
clock of the wall is set back and forth, runs are damaged and repaired, servers are killed and started again.
"""

import itertools
import os
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import psutil
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from qlora_core.config import make_config
from qlora_core.errors import QLoRAError, RunError
from qlora_core.server import queue as job_queue
from qlora_core.server.processes import worker as worker_module
from qlora_core.server.processes.worker import Worker
from qlora_core.server.queue import JobQueue
from qlora_core.store import run as run_module
from qlora_core.store import status as status_module
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

VISITORS = ("ann", "bob", "cy", "")
MAX_WAITING = 4
DAMAGED_FILES = ("status.json", "config.json", "owner", "control")


class Process:
    """A pretended process that carries out a run; ``Popen``'s part that the queue uses."""

    def __init__(self, pid: int, run: Run, alive: set[int]) -> None:
        self.pid, self.run, self._alive = pid, run, alive

    def poll(self) -> int | None:
        return None if self.pid in self._alive else 0

    def wait(self, timeout: float | None = None) -> int:
        del timeout
        self._alive.discard(self.pid)
        return 0

    def terminate(self) -> None:
        """An orderly end: the run says that it was interrupted."""
        if self.pid in self._alive:
            if self.run.exists:
                with suppress(RunError):
                    self.run.set_status(state="interrupted", message="Interrupted")
            self._alive.discard(self.pid)

    def kill(self) -> None:
        self._alive.discard(self.pid)


@dataclass
class Machine:
    """The processes of a machine, and its wall clock."""

    alive: set[int]
    started: Counter[str]  #: how often a process began with each run
    ahead: float = 0.0  #: seconds that the wall clock is ahead


class AnyOrder(RuleBasedStateMachine):
    """One store, one server after the other, and what visitors, machines and disks do."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.folder = Path(folder) / "runs"
        self.machine = Machine(set(), Counter())
        self.pids = itertools.count(1000)
        self.processes: dict[int, Process] = {}
        self.damaged: dict[tuple[str, str], bytes | None] = {}
        self.deleted: set[str] = set()
        self.made: set[str] = set()
        self.allowed: Counter[str] = Counter()  # how often a run may begin: once, and once for each resumption
        now = time.time
        alive = self.machine.alive
        for target, name, value in (
            (job_queue, "start_worker", self.start_worker),
            (job_queue, "kill", alive.discard),
            (worker_module, "kill", alive.discard),
            (run_module, "noted", lambda pid: {"pid": pid, "pid_identity": str(pid), "pid_started": 0.0}),
            (status_module, "is_running", lambda pid, identity: pid in alive and identity == str(pid)),
            (psutil, "Process", lambda pid: type("P", (), {"create_time": lambda _: 1.0, "pid": pid})()),
            (time, "time", lambda: now() + self.machine.ahead),
            (os, "fsync", lambda _: None),
        ):
            self.stack.enter_context(patch.object(target, name, value))
        self.open_server()

    def open_server(self) -> None:
        self.store = RunStore(self.folder)
        self.queue = JobQueue(self.store, max_waiting=MAX_WAITING)
        self.queue.read()

    def start_worker(self, run: Run, fork_server: object) -> Worker:
        """What the queue starts instead of a process."""
        del fork_server
        pid = next(self.pids)
        run.hand_over(pid)  # refused where another process is at work on it
        process = self.processes[pid] = Process(pid, run, self.machine.alive)
        self.machine.alive.add(pid)
        self.machine.started[run.id] += 1
        return Worker(run, process)  # type: ignore[arg-type]

    def state_of(self, run_id: str) -> str:
        """Where a run stands; "" where that cannot be read."""
        try:
            return Run(self.folder / run_id).status.state
        except RunError:
            return ""

    @initialize(target=runs)
    def first(self) -> str:
        """There is a run to begin with."""
        return self.submitted("ann", 0)

    def submitted(self, visitor: str, seed: int) -> str:
        run = self.queue.submit(make_config(seed=seed), visitor)
        self.made.add(run.id)
        self.allowed[run.id] = max(1, self.allowed[run.id])
        return run.id

    @rule(target=runs, visitor=st.sampled_from(VISITORS), seed=st.integers(0, 2))
    def submit(self, visitor: str, seed: int) -> str:
        """A visitor asks for a run, and may be refused."""
        waiting, known = len(self.queue.waiting()), set(self.made)
        try:
            run_id = self.submitted(visitor, seed)
        except QLoRAError:
            assert visitor or waiting >= MAX_WAITING
            return ""
        assert run_id in known or waiting < MAX_WAITING  # resumed and repaired runs come back to a full queue
        return run_id

    @rule(target=runs)
    def train_on_the_command_line(self) -> str:
        """A command carries out a run of its own in the same store."""
        pid = next(self.pids)
        self.machine.alive.add(pid)
        run = RunStore(self.folder).create(make_config(), worker=pid)
        self.made.add(run.id)
        self.allowed[run.id] += 1
        self.machine.started[run.id] += 1
        self.processes[pid] = Process(pid, run, self.machine.alive)
        return run.id

    @rule(times=st.integers(1, 3))
    def turn(self, times: int) -> None:
        """The queue does some turns."""
        for _ in range(times):
            self.queue._turn()

    @rule(run_id=runs, action=st.sampled_from(["pause", "stop", "resume"]))
    def ask(self, run_id: str, action: str) -> None:
        """Somebody pauses, stops or resumes a run."""
        before = self.state_of(run_id)
        try:
            getattr(self.queue, action)(run_id)
        except QLoRAError:
            return
        if action == "resume" and before in ("interrupted", "failed"):
            self.allowed[run_id] += 1

    @rule()
    def work(self) -> None:
        """Every process looks at what is asked of it, and goes on a little."""
        for process in [self.processes[pid] for pid in sorted(self.machine.alive)]:
            try:
                status, wanted = process.run.status, process.run.requested()
                if wanted == "stop":
                    process.run.set_status(state="stopped", phase="done")
                    process.kill()
                elif (wanted == "pause") != (status.state == "paused"):
                    process.run.set_status(state="paused" if wanted == "pause" else "running")
                else:
                    process.run.set_status(step=status.step + 1)
            except RunError:
                process.kill()  # a worker ends over a status that it cannot read

    @rule(data=st.data(), how=st.sampled_from(["finish", "kill", "fail"]))
    def end(self, data: st.DataObject, how: str) -> None:
        """A process ends: with its run, without a word, or with an error."""
        if not self.machine.alive:
            return
        process = self.processes[data.draw(st.sampled_from(sorted(self.machine.alive)))]
        if how != "kill":
            with suppress(RunError):
                process.run.set_status(state={"finish": "finished", "fail": "failed"}[how], phase="done")
        process.kill()

    @rule(seconds=st.sampled_from([-3600.0, -2.0, 2.0, 3600.0]))
    def set_clock(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self.machine.ahead += seconds

    @rule(in_order=st.booleans())
    def restart(self, in_order: bool) -> None:
        """The server ends in order, which interrupts its run, or is killed, which its worker outlives."""
        if in_order:
            self.queue.close()
        self.open_server()

    @rule(run_id=runs, name=st.sampled_from(DAMAGED_FILES), content=st.sampled_from([b"", b"{", b"\xff", b"[1]"]))
    def damage(self, run_id: str, name: str, content: bytes) -> None:
        """A file of a run is damaged."""
        path = self.folder / run_id / name
        if run_id and run_id not in self.deleted and (run_id, name) not in self.damaged:
            self.damaged[run_id, name] = path.read_bytes() if path.exists() else None
            path.write_bytes(content)

    @rule()
    def repair(self) -> None:
        """Every damaged file is as it was before."""
        for (run_id, name), content in self.damaged.items():
            path = self.folder / run_id / name
            if run_id not in self.deleted:
                path.unlink(missing_ok=True) if content is None else path.write_bytes(content)
        self.damaged.clear()

    @rule(run_id=consumes(runs))
    def delete(self, run_id: str) -> None:
        """A run is deleted, if it may be."""
        try:
            run = self.store.open(run_id)
            if run.status.is_going_on:
                return
            run.delete()
        except QLoRAError:
            return
        self.deleted.add(run_id)

    @invariant()
    def every_run_is_listed(self) -> None:
        """Each run that was made and not deleted is listed, or named as damaged; there are no others."""
        hidden = {run_id for run_id, name in self.damaged if name in ("status.json", "config.json")} - self.deleted
        there = self.made - self.deleted
        listed, damaged = {run.id for run in RunStore(self.folder).runs()}, set(RunStore(self.folder).damaged())
        assert listed | damaged == there
        assert listed & damaged == set()
        assert damaged <= hidden
        assert {run.id for run in self.store.runs()} >= listed

    @invariant()
    def none_is_carried_out_twice(self) -> None:
        """No run has two processes, none begins more often than it was asked to, and the queue's are one at a time."""
        at_work = Counter(self.processes[pid].run.id for pid in self.machine.alive)
        assert max(at_work.values(), default=0) <= 1
        assert all(count <= self.allowed[run_id] for run_id, count in self.machine.started.items())

    @invariant()
    def none_that_waits_is_lost(self) -> None:
        """Whatever stands there as waiting is in the queue, each once; what is damaged, once it is repaired."""
        places = [run.id for run in self.queue.waiting()]
        assert len(places) == len(set(places))
        waiting = {run_id for run_id in self.made - self.deleted if self.state_of(run_id) == "queued"}
        hidden = {run_id for run_id, name in self.damaged if name == "config.json"}
        assert waiting - hidden <= set(places) <= waiting

    def teardown(self) -> None:
        """After each example: let every process end, and see every run that waits carried out."""
        try:
            self.repair()
            self.machine.alive.clear()
            for run in RunStore(self.folder).runs():
                run.request("run")
            self.open_server()
            for _ in range(3 * len(self.made) + 3):
                self.queue._turn()
                for pid in list(self.machine.alive):
                    self.processes[pid].run.set_status(state="finished", phase="done")
                    self.processes[pid].kill()
            assert self.queue.waiting() == []
        finally:
            self.stack.close()


SETTINGS = settings(max_examples=25, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow])


def test_no_run_is_lost_or_carried_out_twice_in_any_order() -> None:
    run_state_machine_as_test(AnyOrder, settings=SETTINGS)
