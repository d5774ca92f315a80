"""The tab "Fine-tune"."""

from collections.abc import Iterable

from qlora_core.choices import Choice, table
from qlora_core.data.formats import FORMATS
from qlora_core.language import N_, number
from qlora_core.language import gettext as _

HOW_IT_WORKS_TITLE = "How it works"
HOW_IT_WORKS = """
1. **Baseline.** The pretrained encoder answers the validation pairs before it has learned anything: with a random head,
   and with a *linear probe* (only a classifier is fitted on top).
2. **QLoRA.** Its matrices are quantised to 4 bits and frozen; small LoRA matrices beside them learn.
3. **Verify.** Adapter and tokenizer are saved, reloaded in a fresh process, and have to give the same answers.
4. **Compare.** Before against after, with intervals, and on sentences of your own.
"""
PRESET = "Preset"
START = N_("Start")
START_HELP = "Press **Start**. Runs take turns; yours goes on when you close this page, and you can come back to it."
MEASURE = "Measure time and memory first"
MEASURE_AGAIN = "Measure the baselines again"
MEASURES_AGAIN = "The baselines will be measured again."
EVERY_SETTING = "Advanced: every setting"
OWN_FILE = (
    f"{', '.join(kind.label for kind in FORMATS.values())}: sentence1, sentence2, label. "
    "Everybody who uses this page may see it."
)

DEVICE = "Carry out on"
BORROWED_GPU, OWN_CPU = "gpu", "cpu"
#: What a run may be carried out on, where GPUs are lent.
DEVICES = table(
    Choice(BORROWED_GPU, "a borrowed GPU", "one loan takes at most 75 s of your own ZeroGPU quota for the day"),
    Choice(OWN_CPU, "this server's CPU", "takes what is said below, waits its turn, and costs you nothing"),
)
DEVICE_HELP = (
    "A run that is not done when a loan is over keeps what it has; it goes on when you borrow again, or on the CPU."
)
START_HELP_LENT = (
    "Press **Start**. A run with a borrowed GPU needs this page open; on the CPU it goes on when you close the page."
)
BORROWING = "**A GPU is asked for.** Keep this page open: closing it gives the GPU back."

LOOK = "A look at the pairs"
FIRST_PAIRS = "The first pairs to learn from:"

START_FROM = "Start from another run"
FROM_SCRATCH = ("from scratch", "")
SHAPE_FOLLOWS = "Choosing one sets rank, scaling and layers to those of its adapter."

VALIDATION_FILE = "Optional: to validate on. Else a fifth of the above."
COLUMNS_EXAMPLE = "first, second, label"

STARTED = "**Started.** You may close this page and come back: the run goes on."
NO_FILE = "Choose your file of pairs first, or other sentence pairs."
NO_KEY = "Your browser sent no usable key. Reload the page."


def queued(place: int) -> str:
    """What a visitor is told whose run has to wait, as Markdown."""
    return f"**In the queue at place {place}.** It starts by itself; you may close this page and come back."


def start_choice(run_id: str, dataset: str, accuracy: float, when: str, *, recorded: bool) -> str:
    """A run in the list that it is chosen from; narrow lists cut its end off."""
    return f"{run_id[-4:]}: {dataset}, accuracy {accuracy:.3f}{', recorded' if recorded else ''}, {when} UTC"


def refused(error: str) -> str:
    """Why no run is started, as Markdown; the error has to be plain already."""
    return f"**That cannot be started.** {error}"


def cannot_be_used(reason: str) -> str:
    """Why no run can learn from these pairs, as Markdown."""
    return f"**These pairs cannot be used.** {reason}"


def pair(label: str, sentence1: str, sentence2: str) -> str:
    """A pair and what its label means, as Markdown."""
    return f"**{label.capitalize()}:** {sentence1} **|** {sentence2}"


def no_such(kind: str, names: Iterable[str]) -> str:
    """A name is none of those there are; it is not repeated, because anybody may have sent it."""
    return f"There is no {kind} of that name. Choose one of: {', '.join(names)}."


def unavailable(label: str, reason: str) -> str:
    """A choice that does not work on this machine, in a list."""
    return f"{label}. {reason}"


def base_model(help: str, hub_id: str, licence: str, weights: str) -> str:
    """What stands below the choice of a base model; "" for a licence that is not known here."""
    return f"{help} {hub_id}, {licence or 'licence: see its page on the hub'}; {weights}."


def weights_here(size: int, sha256: str) -> str:
    """Weights on this server, measured."""
    return f"{size / 1e6:.0f} MB of weights here, SHA-256 {sha256[:12]}"


def weights_listed(megabytes: int) -> str:
    """Weights that are not here yet, or not known to be; 0 where nobody has said how large they are."""
    return f"{megabytes:,} MB of weights, as the hub lists it" if megabytes else "its size is known once it is here"


def preset(label: str, purpose: str, cost: str) -> str:
    """A preset in the list of them: what it is for and what it costs, "" where that is not known."""
    return f"{label}: {purpose}{f'; {cost}' if cost else ''}."


def measured_cost(low: float, high: float) -> str:
    """What a run with a preset takes, in seconds, by what was measured."""
    return f"{_time(low)} to {_time(high)} on this machine, as measured"


def trained_part(trainable: int, total: int, adapter_bytes: int) -> str:
    """How much of a model is trained, as Markdown."""
    return (
        f"Trains **{trainable:,}** of {total:,} parameters ({100 * trainable / total:.1f}\u00a0%); "
        f"the adapter takes {adapter_bytes / 1e6:.1f} MB."
    )


def expected(
    device_name: str, seconds: tuple[float, float], memory_bytes: tuple[float, float], memory_kind: str
) -> str:
    """What a run will take, each from least to most, as Markdown."""
    (low, high), (least, most) = seconds, memory_bytes
    return (
        f"Expected on {device_name}: **{_time(low)} to {_time(high)}**, "
        f"{least / 1e9:.1f} to {most / 1e9:.1f} GB of {memory_kind}, measured on a few batches."
    )


def expected_on_loan(device_name: str, examples_per_second: float, seconds: float | None, loans: int | None) -> str:
    """What a run takes on a borrowed GPU by the pace of an earlier one like it, as Markdown; None: it is not known."""
    if seconds is None:
        return _("A borrowed GPU trained **{pace} pairs a second** of a run like it ({device}).").format(
            pace=number(examples_per_second, ".0f"), device=device_name
        )
    return _(
        "A borrowed GPU takes about **{time}** to train it, by the pace of an earlier run like it ({device}). Loans "
        "that this takes: {loans}."
    ).format(time=_time(seconds), device=device_name, loans=loans)


def loan_not_known() -> str:
    """No pace is known for a borrowed GPU."""
    return _("How long it takes on a borrowed GPU is not known yet: no run like it has had one here.")


def cpu_not_measured() -> str:
    """Nothing was measured on this server's CPU, as Markdown."""
    return _("How long it takes on this server's CPU is not measured yet: press **{button}**.").format(
        button=_(MEASURE)
    )


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


#: A run's phases, as the live view calls them.
PHASES = {
    "queued": "Waiting",
    "loading": "Loading model and pairs",
    "baselines": "Measuring the baselines",
    "training": "Training",
    "evaluating": "Measuring on the validation pairs",
    "saving": "Saving the adapter",
    "verifying": "Reloading in a fresh process",
    "done": "Done",
}
