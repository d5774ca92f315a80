"""The process that answers: python -m qlora_core.server.answering.answering_process is started by ``asker.Asker``.

Its standard input is a socket: questions come over it and replies go back, see ``questions``. It ends when nobody is
left to ask.
"""

import logging
import os
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Lock

import torch

from qlora_core.child_process import limit_memory
from qlora_core.evaluation.attribution import attribute
from qlora_core.evaluation.flips import read_validation_pairs
from qlora_core.inspection.answers import inside
from qlora_core.server.answering.model_cache import Predictors
from qlora_core.server.answering.questions import (
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
    Failure,
    LetGo,
    Question,
    Reply,
)
from qlora_core.store.run import Run

#: Questions at work at once, more than the page lets through; a run's model answers one after the other.
MAX_AT_ONCE = 16
#: What the reloaded runs and their answers may take beside the libraries, on a machine without a GPU: CUDA reserves
#: far more addresses than it uses memory.
MAX_BYTES = 6 * 2**30


class Answering:
    """Answers the questions that come over a socket, several at once."""

    def __init__(self, channel: socket.socket, predictors: Predictors | None = None) -> None:
        self._channel, self._sending = channel, Lock()
        self._predictors = predictors or Predictors()

    def serve(self) -> None:
        """Until the other end is closed; what is at work then is not waited for."""
        pool = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="answer", initializer=_use_half_of_the_cores)
        with self._channel.makefile("rb") as lines, suppress(ConnectionResetError):
            for line in lines:
                asked = Asked.model_validate_json(line)
                pool.submit(self._line, asked).add_done_callback(partial(self._send, asked.number))
        pool.shutdown(wait=False, cancel_futures=True)

    def _line(self, asked: Asked) -> bytes:
        """The reply as it is sent."""
        return _line(Reply(number=asked.number, answer=self._answer(asked.question)))

    def _answer(self, question: Question) -> object:
        """The answer as JSON has it."""
        match question:
            case AskPairs():
                predictor = self._predictors.get(Run(question.run))
                answers = predictor.answer(question.pairs, question.scale)
                return Answered(step=predictor.step, answers=answers).model_dump(mode="json")
            case AskBaseCheck():
                predictor = self._predictors.get(Run(question.run))
                return BASE_CHECK.dump_python(predictor.check_base(question.pair), mode="json")
            case AskTokens():
                predictor = self._predictors.get(Run(question.run))
                return ATTRIBUTION.dump_python(attribute(predictor.twin, *question.pair), mode="json")
            case AskInside():
                # its twin, because an adapter with fewer directions is another one for as long as it answers
                return inside(self._predictors.get(Run(question.run)).twin, question.question)
            case AskValidationPairs():
                return VALIDATION_PAIRS.dump_python(read_validation_pairs(question.config), mode="json")
            case LetGo():
                self._predictors.drop(Run(question.run))
                return None

    def _send(self, number: int, done: "Future[bytes]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        line = done.result() if error is None else _line(Reply(number=number, failure=Failure.of(error)))
        with self._sending, suppress(OSError):  # nobody is left to be told
            self._channel.sendall(line)


def _line(reply: Reply) -> bytes:
    return reply.model_dump_json().encode() + b"\n"


def _use_half_of_the_cores() -> None:
    """Training has the others, and threads that wait for each other on a busy core take several times as long as one.

    OpenMP counts by calling thread, so each says it.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


def main() -> None:
    """Serve the socket that is the standard input."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if not torch.accelerator.is_available():
        limit_memory(MAX_BYTES)
    Answering(socket.socket(fileno=os.dup(0))).serve()
    os._exit(0)  # whoever is still at work answers nobody


if __name__ == "__main__":
    main()
