"""Asking reloaded runs: one process answers for the whole page, started when it is first asked. Imports no torch."""

import logging
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from itertools import count
from threading import Lock, Thread
from typing import Any, Protocol

from qlora_core.config import RunConfig
from qlora_core.data.typed_pairs import Attribution, BaseCheck, Pair, check_pair, check_scale
from qlora_core.errors import RunFailure
from qlora_core.evaluation.flips import ValidationPairs
from qlora_core.inspection.questions import InsideQuestion
from qlora_core.language import N_, Message
from qlora_core.server.answering.questions import (
    ANSWER,
    ATTRIBUTION,
    BASE_CHECK,
    VALIDATION_PAIRS,
    Answered,
    AskBaseCheck,
    Asked,
    AskInside,
    AskPairs,
    AskTokens,
    AskValidationPairs,
    LetGo,
    Question,
    Reply,
)
from qlora_core.server.processes.forking import ForkServer, start_program
from qlora_core.store.run import Run

log = logging.getLogger(__name__)

PROGRAM = "qlora_core.server.answering.answering_process"
#: For an answer: a run may have to be loaded, after others, while training has the machine; its base model downloaded.
MAX_SECONDS = 300.0
#: For a question to be taken; the process does nothing else meanwhile.
SEND_SECONDS = 10
#: For a killed process to be gone.
END_SECONDS = 10.0
#: Validation pairs of so many configurations are kept here, because every look at what flipped needs them.
MAX_VALIDATION_PAIRS = 4
ENDED = N_("The process that answers has ended; there may not be enough memory. Ask again: another one is started.")
TOO_SLOW = Message(
    N_("There was no answer within {n} seconds, so this question was given up. Ask again later."),
    {"n": int(MAX_SECONDS)},
)
CLOSED = N_("The server is being ended. Ask again when it is back.")


class Process(Protocol):
    """As much of a process as is needed here."""

    pid: int

    def kill(self) -> None: ...

    def wait(self) -> int: ...


Start = Callable[[socket.socket], Process]


class NotTaken(Exception):
    """The process was gone before it was asked."""


class Asker:
    """One server's."""

    def __init__(self, fork_server: ForkServer | None = None, start: Start | None = None) -> None:
        self._start = start or (lambda channel: start_process(channel, fork_server))
        self._lock = Lock()
        self._connection: Connection | None = None
        self._is_closed = False
        self.validation_pairs = lru_cache(MAX_VALIDATION_PAIRS)(self._validation_pairs)

    def answer(self, run: Run, pairs: list[Pair], scale: float = 1.0) -> Answered:
        """What a run's base model and adapter say of pairs; it is loaded first where it has not been asked lately.

        Raises:
            RunError, ModelError, HubError: it cannot be loaded.
            DataError: a sentence is empty or too long, or the scale is out of range.
            RunFailure: the process that answers has ended, or takes too long.
        """
        checked = [check_pair(*pair) for pair in pairs]
        question = AskPairs(run=run.path.resolve(), pairs=checked, scale=check_scale(scale))
        return ANSWER.validate_python(self._ask(question))

    def check_base(self, run: Run, pair: Pair) -> BaseCheck:
        """How far a run's base model is from its adapter at scale 0, on one pair, and which weights were asked.

        Raises:
            QLoRAError: see ``answer``.
        """
        return BASE_CHECK.validate_python(self._ask(AskBaseCheck(run=run.path.resolve(), pair=check_pair(*pair))))

    def attribute(self, run: Run, pair: Pair) -> Attribution:
        """Which tokens of a pair move a run's answers, see ``evaluation.attribution``.

        Raises:
            QLoRAError: see ``answer``.
        """
        return ATTRIBUTION.validate_python(self._ask(AskTokens(run=run.path.resolve(), pair=check_pair(*pair))))

    def inside(self, run: Run, question: InsideQuestion) -> Any:
        """What is inside a run, see ``inspection.answers``.

        Raises:
            QLoRAError: see ``answer``; or there is no such matrix.
        """
        return self._ask(AskInside(run=run.path.resolve(), question=question))

    def let_go(self, run: Run) -> None:
        """Free what is kept of a run, because it is being deleted; returns at once."""
        with self._lock, suppress(NotTaken):
            if self._connection is not None:
                self._connection.ask(LetGo(run=run.path.resolve()))

    def close(self) -> None:
        """End the process; whoever waits for an answer is told."""
        with self._lock:
            self._is_closed = True
            connection = self._connection
        if connection is not None:
            connection.end()

    @property
    def pid(self) -> int | None:
        """The process that answers; None before anybody asked."""
        return None if self._connection is None else self._connection.process.pid

    def _validation_pairs(self, config: RunConfig) -> ValidationPairs:
        """The pairs that a run of these settings is validated on; nothing is downloaded.

        Raises:
            DataError, HubError: they are not on this machine any more.
            RunFailure: see ``answer``.
        """
        return VALIDATION_PAIRS.validate_python(self._ask(AskValidationPairs(config=config)))

    def _ask(self, question: Question) -> object:
        try:
            connection = self._connected()
            waiting = connection.ask(question)
        except NotTaken:  # it ended after the last answer; a new one is asked once
            connection = self._connected()
            try:
                waiting = connection.ask(question)
            except NotTaken as error:
                raise RunFailure(ENDED) from error
        try:
            reply = waiting.result(MAX_SECONDS)
        except TimeoutError as error:
            connection.end()  # what hangs would keep everybody waiting
            raise RunFailure(TOO_SLOW) from error
        if reply is None:
            raise RunFailure(CLOSED if self._is_closed else ENDED)
        if reply.failure is not None:
            raise reply.failure.as_error()
        return reply.answer

    def _connected(self) -> "Connection":
        with self._lock:
            if self._is_closed:
                raise RunFailure(CLOSED)
            if self._connection is None or self._connection.has_ended:
                self._connection = Connection(self._start)
            return self._connection


class Connection:
    """One process, and who waits for its replies."""

    def __init__(self, start: Start) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self.process = start(theirs)
        # a process that is stopped takes no questions
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        self._lock, self._numbers = Lock(), count()
        self._waiting: dict[int, Future[Reply | None]] = {}
        self.has_ended = False
        self._thread = Thread(target=self._read, name="answers", daemon=True)
        self._thread.start()

    def ask(self, question: Question) -> "Future[Reply | None]":
        """What will be the reply; None if the process ends before there is one.

        Raises:
            NotTaken: it has ended already.
        """
        waiting: Future[Reply | None] = Future()
        with self._lock:
            if self.has_ended:
                raise NotTaken
            number = next(self._numbers)
            line = Asked(number=number, question=question).model_dump_json().encode() + b"\n"
            try:
                self._channel.sendall(line)
            except OSError as error:
                self.has_ended = True
                self.process.kill()
                raise NotTaken from error
            self._waiting[number] = waiting
        return waiting

    def end(self) -> None:
        """End the process, whatever it is doing, and tell those who wait."""
        self.process.kill()
        self._thread.join(END_SECONDS)

    def _read(self) -> None:
        """Hand out replies until the process ends."""
        with self._channel, self._channel.makefile("rb") as lines, suppress(OSError):
            for line in lines:
                reply = Reply.model_validate_json(line)
                with self._lock:
                    waiting = self._waiting.pop(reply.number)
                waiting.set_result(reply)
        self.process.wait()
        with self._lock:
            self.has_ended = True
            left = list(self._waiting.values())
        for waiting in left:
            waiting.set_result(None)


def start_process(channel: socket.socket, fork_server: ForkServer | None) -> Process:
    """Start the process that answers; ``channel`` is its standard input, and the server's log has what it prints."""
    with os.fdopen(os.dup(2), "wb") as output:
        return start_program(fork_server, PROGRAM, output=output, channel=channel)
