"""Several runs, on the tabs "Results" and "Fine-tune"."""

from collections.abc import Sequence

from qlora_core.language import N_, duration, ngettext
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

# A grid of settings
VARY = N_("Vary settings")
VARY_HELP = N_(
    "Each combination of these values becomes a run, all else as this run has it. What they come to stands under "
    '"Which setting mattered".'
)
VARIED = (N_("Setting"), N_("Second setting"), N_("Third setting"))
NO_SETTING = N_("no other setting")
VALUES = N_("Values, with commas between them")
LISTS = N_("Values, with semicolons between them; names within one with commas")
GRID_SEEDS = N_("Seeds of each combination")
START_THESE = N_("Start these runs")
WATCH_THEM = N_("Watch them")
NOT_MEASURED = N_("How long they take altogether is not known yet: it was not measured.")
CHOOSE = N_("Choose a setting, and write two values of it or more.")

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


def waiting(runs: Sequence[tuple[str, str, str]]) -> str:
    """What tells runs from each other that have not finished, their states and ids, as Markdown."""
    return "\n".join(f"- {what}: {state} ({run})" for what, state, run in runs)


def queued(count: int) -> str:
    """What a visitor is told whose runs have been put into the queue."""
    words = ngettext(
        "{n} run is in the queue. You can follow it in the tab Fine-tune.",
        "{n} runs are in the queue, one after the other; single runs of others go before all but the first.",
        count,
    )
    return words.format(n=count)


def planned(new: int, known: int) -> str:
    """How many runs a grid comes to, as Markdown."""
    said = ngettext("That is **{n} run**.", "These are **{n} runs**, one after the other.", new).format(n=new)
    if not known:
        return said
    here = ngettext(
        "{n} more is on this server already and is not carried out again.",
        "{n} more are on this server already and are not carried out again.",
        known,
    )
    return f"{said} {here.format(n=known)}"


def altogether(seconds: tuple[float, float]) -> str:
    """How long runs take, from least to most, as Markdown."""
    low, high = map(duration, seconds)
    return _("Altogether they take **{low} to {high}**, as measured on this machine.").format(low=low, high=high)


def took(seconds: float, device: str) -> str:
    """How long the run took that is varied."""
    return _("This run took {time} on {device}.").format(time=duration(seconds), device=device)


def not_started(error: str) -> str:
    """As Markdown."""
    return _("**Nothing was started.** {error}").format(error=error)


def flipped(fixed: int, broken: int) -> str:
    """What the other run changed of the first one's answers."""
    words = _("The other run is right on {fixed} pairs that the first gets wrong, and wrong on {broken} it gets right.")
    return words.format(fixed=fixed, broken=broken)
