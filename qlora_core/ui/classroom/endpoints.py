"""The endpoints with which a class guesses and judges, for ``ui.api``, which checks the types of what is sent."""

import secrets
from collections.abc import Callable
from typing import Any

import gradio as gr
from pydantic import ValidationError

from qlora_core.choices import LABELS
from qlora_core.classroom.guesses import Guess
from qlora_core.errors import ConfigError
from qlora_core.server.services import Services
from qlora_core.ui.classroom.questions import Judged, judged, shown_room
from qlora_core.ui.events import address_of
from qlora_core.ui.words import classroom as words

#: A program waits for sentences that are being read; a page asks again.
READING_SECONDS = 60.0


def class_endpoints(services: Services) -> tuple[Callable[..., dict[str, Any]], ...]:
    """Named as they are called."""
    participation = services.participation

    def guess(
        run_id: str,
        before: float,
        after: float,
        between: list[float] | None = None,
        secret: str = "",
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Write down the accuracy that you expect of a run; you may change it until training begins.

        Args:
            before: of the base model before it is trained, from 0 to 1.
            after: of the fine-tuned model.
            between: after a quarter, half and three quarters of the training; empty means that you drew no curve.
            secret: by which you are told from others; empty means that one is made for you.

        Returns:
            count (how many have guessed), mine (your guess), and the secret.
        """
        secret = secret or secrets.token_urlsafe(24)
        written = _guess(before, after, between)
        return participation.guess(services.run(run_id), secret, written, address_of(request)) | {"secret": secret}

    def guesses(run_id: str, secret: str = "") -> dict[str, Any]:
        """How many have guessed a run, and your own guess; all of them, median, outcome once training has begun."""
        return participation.guesses(services.run(run_id), secret)

    def judge_next(run_id: str, secret: str = "", request: gr.Request | None = None) -> dict[str, Any]:
        """The validation pair of a run that you are to judge now: pair, sentence1, sentence2, done, of.

        Args:
            secret: by which you are told from others; empty means that one is made for you.
        """
        secret = secret or secrets.token_urlsafe(24)
        asked = Judged(run=run_id, secret=secret)
        return judged(services, asked, address_of(request), READING_SECONDS) | {"secret": secret}

    def judge(run_id: str, pair: int, answer: str, secret: str, request: gr.Request | None = None) -> dict[str, Any]:
        """Answer the pair that judge_next gave you, same or different; returns the next one."""
        if answer not in LABELS:
            raise ConfigError(words.BAD_ANSWER)
        asked = _judged(run_id, secret, pair, LABELS.index(answer))
        return judged(services, asked, address_of(request))

    def room(run_id: str, secret: str = "") -> dict[str, Any]:
        """What people answer to a run's validation pairs: accuracy, agreement, by phenomenon, where they disagree."""
        return shown_room(services, run_id, secret, READING_SECONDS)

    return guess, guesses, judge_next, judge, room


def _guess(before: float, after: float, between: list[float] | None) -> Guess:
    try:
        return Guess.model_validate({"before": before, "after": after, "between": between or None})
    except ValidationError as error:
        raise ConfigError(words.BAD_GUESS) from error


def _judged(run_id: str, secret: str, pair: int, label: int) -> Judged:
    try:
        return Judged.model_validate({"run": run_id, "secret": secret, "pair": pair, "label": label})
    except ValidationError as error:
        raise ConfigError(words.UNREADABLE) from error
