"""Where a run stands: the states, what each means and allows, and ``status.json``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic import ValidatorFunctionWrapHandler as Handler

from qlora_core.choices import Choice, OneOf, table
from qlora_core.errors import RunError
from qlora_core.language import N_, Message
from qlora_core.store.files import read_json
from qlora_core.store.process_identity import is_running

Action = Literal["pause", "resume", "stop"]


@dataclass(frozen=True)
class RunState(Choice):
    """One of the states that a run may be in; sentences have its name, in the language of whoever reads them."""

    actions: tuple[Action, ...] = ()  #: what may be asked of a run that is in it
    waits: bool = False
    has_process: bool = False


#: Every state. This is the only list of them; the sets below are made from it.
STATES = table(
    RunState(
        N_("queued"),
        N_("Waiting in the queue"),
        N_("it starts when the runs before it have ended"),
        actions=("pause", "stop"),
        waits=True,
    ),
    RunState(
        N_("borrowing"),
        N_("Waiting for a GPU"),
        N_("a GPU was asked for, and it starts when one is lent"),
        actions=("stop",),
        has_process=True,
    ),
    RunState(
        N_("running"),
        N_("Running"),
        N_("a process is at work on it"),
        actions=("pause", "stop"),
        has_process=True,
    ),
    RunState(
        N_("paused"),
        N_("Paused"),
        N_("its process rests and goes on from where it is"),
        actions=("resume", "stop"),
        has_process=True,
    ),
    RunState(
        N_("interrupted"),
        N_("Interrupted"),
        N_("its process ended before the run did; it can go on from its last checkpoint"),
        actions=("resume",),
    ),
    RunState(N_("stopped"), N_("Stopped"), N_("it was asked to end early; what it had learned until then is kept")),
    RunState(
        N_("failed"),
        N_("Failed"),
        N_("an error ended it; its message says what to try before it goes on"),
        actions=("resume",),
    ),
    RunState(N_("finished"), N_("Finished"), N_("every phase is done and its result is complete")),
)
WAITING = frozenset(name for name, state in STATES.items() if state.waits)
LIVE = frozenset(name for name, state in STATES.items() if state.has_process)
GOING_ON = WAITING | LIVE
ENDED = frozenset(STATES) - GOING_ON
RESUMABLE = frozenset(name for name in ENDED if "resume" in STATES[name].actions)

State = Annotated[str, OneOf(STATES)]

#: Beyond these, a number stands for damage: the last moment that Python can name, and what a system may call a process.
MAX_TIME, MAX_STEPS, MAX_PID = 253_402_300_799.0, 10**12, 2**31 - 1
MAX_CHARACTERS = 2_000
MAX_GROUP = 100  #: runs that are asked for together; no server takes as many
Moment = Annotated[float, Field(ge=0, le=MAX_TIME)]  #: seconds since 1970
Steps = Annotated[int, Field(ge=0, le=MAX_STEPS)]


def _fit_to_write(text: str) -> str:
    """An error's message may be of any length, and name a file whose name is no text."""
    return text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")


Text = Annotated[str, AfterValidator(_fit_to_write)]


def _unless_damaged(value: object, read: Handler) -> Message | None:
    """What cannot be read, or said, is as if it were not there: the English message is."""
    try:
        message: Message | None = read(value)
        return message if message and message.in_english() else None
    except (ValueError, ArithmeticError, RecursionError):
        return None


def message_of(message: str | Message) -> Mapping[str, Any]:
    """What a status has of a message."""
    if isinstance(message, str):
        message = Message(message)
    return {"message": message.in_english(), "message_parts": message.writable() if message.values else None}


class Status(BaseModel):
    """The content of ``status.json``."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    state: State
    phase: Text = "queued"
    message: Text = N_("Waiting to start")  #: in English
    #: The same before its values were put in, for other languages; None where it has none, and in earlier versions.
    message_parts: Annotated[Message | None, WrapValidator(_unless_damaged)] = None
    progress: float | None = Field(None, ge=0, le=1)  #: share of the phase that is done, where it is known
    step: Steps = 0
    total_steps: Steps = 0
    pid: int | None = Field(None, ge=1, le=MAX_PID)
    pid_identity: str | None = None  #: what tells its process from another of that number, see ``process_identity``
    pid_started: Moment | None = None  #: when its process started; all that earlier versions have of its identity
    created: Moment
    queued: Moment = 0.0  #: when it last began to wait for its turn
    ticket: Steps = 0  #: its place in the queue: whoever came earlier has a smaller one
    round: Steps = 0  #: of runs that were asked for together, how many go before it; single runs of others pass these
    group: tuple[Text, ...] = Field((), max_length=MAX_GROUP)  #: ids of these runs, its own too; none of a single run
    updated: Moment
    on_loan: bool = False  #: carried out on a borrowed GPU, asked for by its visitor: no queue starts it
    held_until: Moment = 0.0  #: while it is held for a class to guess: when it begins all the same; else 0
    loan_end: Text = ""  #: how its last loan ended, a ``LoanEnd``; "" where it had none, or has one

    @property
    def said(self) -> str:
        """The message in the language of whoever reads it; in English where an earlier version put values into it."""
        return (self.message_parts or Message(self.message)).said()

    @property
    def in_words(self) -> Message:
        """The state, as a sentence has it."""
        return Message(self.state)

    @property
    def is_waiting(self) -> bool:
        """It waits for its turn."""
        return self.state in WAITING

    @property
    def is_live(self) -> bool:
        """A process is at work on it, or rests."""
        return self.state in LIVE

    @property
    def is_going_on(self) -> bool:
        """It waits or is live."""
        return self.state in GOING_ON

    @property
    def is_resumable(self) -> bool:
        """It has ended and can go on."""
        return self.state in RESUMABLE

    @property
    def process_runs(self) -> bool:
        """Whether the process that is noted here runs now."""
        if self.pid is None:
            return False
        if self.pid_identity is not None:
            return is_running(self.pid, self.pid_identity)
        return self.pid_started is not None and _runs_since(self.pid, self.pid_started)


def _runs_since(pid: int, started: float) -> bool:
    """The same for a status that an earlier version wrote: right as long as the wall clock is not set."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 1
    except psutil.Error:  # there is none, or it is somebody else's, which a run's never is
        return False


def read_status(path: Path) -> Status:
    """The content of a run's ``status.json``.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return Status.model_validate(read_json(path))
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, item["loc"])) for item in error.errors())
        raise RunError(
            N_("The status of run {run} cannot be read: {wrong} makes no sense."), run=path.parent.name, wrong=wrong
        ) from error
