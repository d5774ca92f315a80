"""Guessing and judging: what the server says; the rest stands in ``assets/class/words.js``."""

from qlora_core.language import N_
from qlora_core.language import gettext as _

WAIT_FOR_GUESSES = N_("Wait for guesses")
UNREADABLE = N_("That cannot be read as a guess or an answer. Reload the page, then send it again.")
ALL_DELETED = N_("Every guess and every judgement on this server is deleted.")
OWNERS_ONLY = N_("Only the owner of this server may delete what a class has left behind.")
#: Told to programs, in English.
BAD_GUESS = "An accuracy is a number from 0 to 1; between are three of them, or none."
BAD_ANSWER = "An answer is 'same' or 'different'."


def wait_help(minutes: int) -> str:
    """Beside the choice to hold a run."""
    return _(
        "The run is held, and others pass it by, until you press Begin training in the live view; after {minutes} "
        "minutes it begins by itself."
    ).format(minutes=minutes)


def held(minutes: int) -> str:
    """What a visitor is told whose run waits for guesses, as Markdown."""
    return _(
        "**Waiting for guesses.** Press **Begin training** in the live view once everybody has guessed; after "
        "{minutes} minutes it begins by itself."
    ).format(minutes=minutes)
