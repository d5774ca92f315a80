"""Borrowed GPUs: how long a run may have one, and every way in which a loan ends, with the sentence that says so."""

import time
from dataclasses import dataclass
from enum import StrEnum

from qlora_core.language import N_, Figure, Message

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
class Ending:
    """One way in which a loan ends."""

    what: str  #: what happened; ``{at}`` is where the run stands
    then: str = N_("Borrow again to go on.")  #: what to do


ENDINGS = {
    LoanEnd.USED_UP: Ending(N_("The borrowed GPU time is used up{at}.")),
    LoanEnd.GIVEN_BACK: Ending(N_("The borrowed GPU was given back{at}.")),
    LoanEnd.LEFT: Ending(N_("The page was closed, so the borrowed GPU was given back{at}.")),
    LoanEnd.QUOTA: Ending(
        N_("Your GPU quota is used up, and nothing was lent{at}."),
        N_("Borrow again when it returns, or go on on the CPU."),
    ),
    LoanEnd.PENDING: Ending(
        N_("Your GPU quota is set aside for other tasks of yours, and nothing was lent{at}."),
        N_("Borrow again when they have ended, or go on on the CPU."),
    ),
    LoanEnd.DURATION: Ending(
        N_("The GPU was asked for longer than it may be lent to you, and nothing was lent{at}."),
        N_("Sign in to Hugging Face and borrow again, or go on on the CPU."),
    ),
    LoanEnd.QUEUE: Ending(N_("No GPU became free in time{at}."), N_("Borrow again later, or go on on the CPU.")),
    LoanEnd.NONE_FREE: Ending(N_("No GPU is free{at}."), N_("Borrow again later, or go on on the CPU.")),
    LoanEnd.EXPIRED: Ending(
        N_("The pass that this page had for borrowing has expired{at}."), N_("Reload the page, then borrow again.")
    ),
    LoanEnd.ABORTED: Ending(
        N_("The borrowed GPU was taken away{at}."), N_("It goes on from its last checkpoint: borrow again.")
    ),
    LoanEnd.FAILED: Ending(N_("Borrowing failed{at}."), N_("Borrow again, or go on on the CPU.")),
    LoanEnd.NO_ANSWER: Ending(
        N_("The service that lends GPUs does not answer{at}."),
        N_("Borrow again in a moment, or go on on the CPU."),
    ),
}
ENDED, ENDED_AND_TOLD = N_("{what} {then}"), N_("{what} {told} {then}")
AT_STEP, AT_NO_STEP = N_(" at step {step} of {total}"), N_(" before the first step")


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


def end_message(end: str, step: int, total_steps: int, told: str | Message = "") -> Message:
    """How a loan ended, in a sentence or two, and what to do.

    Args:
        step: that the run goes on from.
        told: what the platform itself said, made harmless, such as when a quota returns; or what else kept the run
            from having a GPU.
    """
    at = Message(AT_STEP, {"step": Figure(step), "total": Figure(total_steps)})
    ending = ENDINGS[LoanEnd(end)]
    what = Message(ending.what, {"at": at if step and total_steps else Message(AT_NO_STEP)})
    then = Message(ending.then)
    if not told:
        return Message(ENDED, {"what": what, "then": then})
    said = told[:MAX_TOLD] if isinstance(told, str) else told
    return Message(ENDED_AND_TOLD, {"what": what, "told": said, "then": then})
