"""Several runs, on the tabs "Results" and "Fine-tune"."""

from collections.abc import Sequence

from qlora_core.language import N_, ngettext
from qlora_core.language import gettext as _

# Run against run
AGAINST = N_("Run against run")
GAIN_HEADERS = (N_("What"), N_("First run"), N_("Other run"), N_("Gain"), N_("95 % interval or p"))
CHANGED = N_("Pairs on which the first two runs differ")
CHANGED_HEADERS = (N_("Right by"), N_("Sentence 1"), N_("Sentence 2"), N_("Label"), N_("Phenomenon"), "idx")
FIRST, SECOND = N_("first run"), N_("other run")

# Other seeds
SEEDS = N_("Other seeds")
SEEDS_HELP = N_(
    "One run is one draw: another seed gives other weights to begin with, another order of the pairs, another result."
)
HOW_MANY = N_("How many more seeds")
AGAIN = N_("Run again with other seeds")
LOOK_AGAIN = N_("Look again")
ONE_SO_FAR = N_("This run is the only finished one of its kind, so that nothing is known of how far seeds lie apart.")

# Settings
SETTINGS = N_("Which setting mattered")
SETTINGS_HELP = N_(
    "Choose settings: every finished run that differs from this one in these alone, and in its seed, is taken."
)
LOOKED_AT = N_("Settings to look at")
NO_OTHERS = N_("No finished run differs from this one in a few settings alone.")


def of_seed(seed: int) -> str:
    """What one of several runs is called that differ in their seed."""
    return _("seed {seed}").format(seed=seed)


def progress(done: int, count: int) -> str:
    """How far the runs of one kind have come."""
    return ngettext("{done} of {n} run done.", "{done} of {n} runs done.", count).format(done=done, n=count)


def waiting(runs: Sequence[tuple[int, str, str]]) -> str:
    """Seed, state and id of runs that have not finished, as Markdown."""
    line = _("- seed {seed}: {state} ({run})")
    return "\n".join(line.format(seed=seed, state=state, run=run) for seed, state, run in runs)


def queued(count: int) -> str:
    """What a visitor is told whose runs have been put into the queue."""
    words = ngettext(
        "{n} run is in the queue. You can follow it in the tab Fine-tune.",
        "{n} runs are in the queue, one after the other; single runs of others go before all but the first.",
        count,
    )
    return words.format(n=count)


def not_started(error: str) -> str:
    """As Markdown."""
    return _("**Nothing was started.** {error}").format(error=error)


def flipped(fixed: int, broken: int) -> str:
    """What the other run changed of the first one's answers."""
    words = _("The other run is right on {fixed} pairs that the first gets wrong, and wrong on {broken} it gets right.")
    return words.format(fixed=fixed, broken=broken)
