"""Borrowed GPUs: how long a run may have one, and every way in which a loan ends, with the sentence that says so."""

import time
from dataclasses import dataclass
from enum import StrEnum

from qlora_core.choices import Choice, table

#: A loan's length. Whoever is not signed in has two minutes a day, and some cards count one and a half times.
MIN_LOAN_SECONDS, MAX_LOAN_SECONDS = 20, 75
#: The end of a loan that is kept free: for a last batch, a checkpoint, and the GPU's own start, which counts as well.
RESERVE_SECONDS = 8.0
#: What the name of a borrowed device begins with.
BORROWED = "borrowed: "
#: Of what the platform says itself, so many characters are passed on.
MAX_TOLD = 300


class LoanEnd(StrEnum):
    """Why a run has no borrowed GPU any more, or got none."""

    USED_UP = "used_up"
    GIVEN_BACK = "given_back"
    LEFT = "left"
    QUOTA = "quota"
    PENDING = "pending"
    DURATION = "duration"
    QUEUE = "queue"
    NONE_FREE = "none_free"
    EXPIRED = "expired"
    ABORTED = "aborted"
    FAILED = "failed"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True)
class Ending(Choice):
    """One way in which a loan ends; its help says what happened, ``then`` what to do."""

    then: str = "Borrow again to go on."


#: ``{at}`` is where the run stands.
ENDINGS = table(
    Ending(LoanEnd.USED_UP, "time used up", "The borrowed GPU time is used up{at}"),
    Ending(LoanEnd.GIVEN_BACK, "given back", "The borrowed GPU was given back{at}"),
    Ending(LoanEnd.LEFT, "page closed", "The page was closed, so the borrowed GPU was given back{at}"),
    Ending(
        LoanEnd.QUOTA,
        "quota used up",
        "Your GPU quota is used up, and nothing was lent{at}",
        "Borrow again when it returns, or go on on the CPU.",
    ),
    Ending(
        LoanEnd.PENDING,
        "quota set aside",
        "Your GPU quota is set aside for other tasks of yours, and nothing was lent{at}",
        "Borrow again when they have ended, or go on on the CPU.",
    ),
    Ending(
        LoanEnd.DURATION,
        "longer than allowed",
        "The GPU was asked for longer than it may be lent to you, and nothing was lent{at}",
        "Sign in to Hugging Face and borrow again, or go on on the CPU.",
    ),
    Ending(
        LoanEnd.QUEUE,
        "none in time",
        "No GPU became free in time{at}",
        "Borrow again later, or go on on the CPU.",
    ),
    Ending(LoanEnd.NONE_FREE, "none free", "No GPU is free{at}", "Borrow again later, or go on on the CPU."),
    Ending(
        LoanEnd.EXPIRED,
        "pass expired",
        "The pass that this page had for borrowing has expired{at}",
        "Reload the page, then borrow again.",
    ),
    Ending(
        LoanEnd.ABORTED,
        "taken away",
        "The borrowed GPU was taken away{at}",
        "It goes on from its last checkpoint: borrow again.",
    ),
    Ending(LoanEnd.FAILED, "failed", "Borrowing failed{at}", "Borrow again, or go on on the CPU."),
    Ending(
        LoanEnd.NO_ANSWER,
        "no answer",
        "The service that lends GPUs does not answer{at}",
        "Borrow again in a moment, or go on on the CPU.",
    ),
)


class Suspended(Exception):
    """A run has written its checkpoint because its loan is over; it goes on with the next one."""


class Loan:
    """What a run on a borrowed GPU has to keep to."""

    def __init__(self, seconds: float, share: str = "") -> None:
        """A loan of so many seconds that begins now; ``share`` is how much of the GPU it is, as the lender says."""
        self.share = share
        self._until = time.monotonic() + seconds - RESERVE_SECONDS
        self._given_back: LoanEnd | None = None

    def give_back(self, end: LoanEnd) -> None:
        """End it before its time; the first reason counts."""
        self._given_back = self._given_back or end

    @property
    def end(self) -> LoanEnd | None:
        """Why the run has to end; None while it may go on."""
        if self._given_back is not None:
            return self._given_back
        return LoanEnd.USED_UP if time.monotonic() >= self._until else None

    def device_name(self, name: str) -> str:
        """What a result calls the borrowed device that torch calls ``name``."""
        return f"{BORROWED}{', '.join(filter(None, (name, self.share)))}"


def end_words(end: str, step: int, total_steps: int, told: str = "") -> str:
    """How a loan ended, in a sentence or two, and what to do.

    Args:
        step: that the run goes on from.
        told: what the platform itself said, made harmless; it says, for one, when a quota returns.
    """
    at = f" at step {step:,} of {total_steps:,}" if step and total_steps else " before the first step"
    ending = ENDINGS[end]
    return " ".join(filter(None, (f"{ending.help.format(at=at)}.", told[:MAX_TOLD], ending.then)))
