"""What the scripts with which a class guesses and judges (``assets/class/``) ask.

What is new they learn from the live view's answers; they ask for themselves only when somebody has done something, or
when another run is on show.
"""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import Route

from qlora_core.classroom.guesses import Guess
from qlora_core.language import gettext as _
from qlora_core.server.participating.participation import READING_SECONDS
from qlora_core.server.services import Services
from qlora_core.server.who_may import MAX_SECRET_CHARACTERS, NotYours
from qlora_core.ui.answers import Answer, answered, asked_at
from qlora_core.ui.safe_text import MAX_NAME, one_line
from qlora_core.ui.words import classroom as words

MAX_SENTENCE = 2_000  #: characters that a judge is shown of a sentence


class Asked(BaseModel):
    """Who asks about which run."""

    model_config = ConfigDict(extra="forbid")

    run: str = Field(max_length=80)
    secret: str = Field("", max_length=MAX_SECRET_CHARACTERS)


class Guessed(Asked):
    """Somebody writes a guess down."""

    guess: Guess


class Judged(Asked):
    """Somebody answers a pair; without ``pair`` they ask for the first or the next."""

    pair: int | None = Field(None, ge=0, le=10**9)
    label: Literal[0, 1] = 0


class Deleted(BaseModel):
    """The server's owner wants everything gone."""

    model_config = ConfigDict(extra="forbid")

    owner: str = Field(max_length=MAX_SECRET_CHARACTERS)


def class_questions(services: Services) -> list[Route]:
    """Where the page asks: an address for each question."""
    return [asked_at(f"class/{name}", answer) for name, answer in answers_of(services).items()]


def answers_of(services: Services) -> dict[str, Callable[[bytes, str], Answer]]:
    """What may be asked, by name: each takes the question as JSON and the network address that it came from."""
    participation = services.participation

    def guess(request: bytes, address: str) -> Answer:
        """Write a guess down."""
        return answered(Guessed, request, lambda asked: participation.guess(
            services.run(asked.run), asked.secret, asked.guess, address
        ))  # fmt: skip

    def guesses(request: bytes, address: str) -> Answer:
        """One's own guess, and all of them once training has begun."""
        del address
        return answered(Asked, request, lambda asked: participation.guesses(services.run(asked.run), asked.secret))

    def judge(request: bytes, address: str) -> Answer:
        """Answer a pair, or ask for the one that is to be answered."""
        return answered(Judged, request, lambda asked: judged(services, asked, address))

    def room(request: bytes, address: str) -> Answer:
        """What the room answers."""
        del address
        return answered(Asked, request, lambda asked: shown_room(services, asked.run, asked.secret))

    def delete(request: bytes, address: str) -> Answer:
        """Delete every guess and every judgement."""
        del address
        return answered(Deleted, request, lambda asked: deleted(services, asked.owner))

    return {asked.__name__: asked for asked in (guess, guesses, judge, room, delete)}


def judged(services: Services, asked: Judged, address: str, seconds: float = READING_SECONDS) -> Answer:
    """The pair that is to be judged next, its sentences on one line each, once an answer that came along is kept.

    Raises:
        QLoRAError: see ``Participation``.
    """
    run, participation = services.run(asked.run), services.participation
    if asked.pair is not None:
        found = participation.judge(run, asked.secret, asked.pair, asked.label, address)
    else:
        found = participation.ask(run, asked.secret, address, seconds)
    return {name: one_line(value, MAX_SENTENCE) if isinstance(value, str) else value for name, value in found.items()}


def shown_room(services: Services, run_id: str, secret: str, seconds: float = READING_SECONDS) -> Answer:
    """The room's scores; texts of files are on one line and bounded.

    Raises:
        RunError: there is no such run.
    """
    report = services.participation.room(services.run(run_id), secret, seconds)
    if (scores := report["scores"]) is not None:
        for row in scores["phenomena"]:
            row["name"] = one_line(row["name"], MAX_NAME)
        for row in scores["disagreements"]:
            row |= {name: one_line(row[name], MAX_SENTENCE) for name in ("sentence1", "sentence2")}
    return report


def deleted(services: Services, owner_pass: str) -> Answer:
    """Delete what the class has left behind, for the server's owner.

    Raises:
        NotYours: somebody else asks.
        StorageError: it cannot be removed.
    """
    if not services.who_may.is_owner(owner_pass):
        raise NotYours(_(words.OWNERS_ONLY))
    services.participation.classroom.delete()
    return {"words": _(words.ALL_DELETED)}
