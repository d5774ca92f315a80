"""The tab "Fine-tune"."""

from collections.abc import Iterable

from qlora_core.choices import Choice, table
from qlora_core.data.formats import FORMATS
from qlora_core.language import N_, duration, number
from qlora_core.language import gettext as _

HOW_IT_WORKS_TITLE = N_("How it works")
HOW_IT_WORKS = N_("""
1. **Baseline.** The pretrained encoder answers the validation pairs before it has learned anything: with a random head,
   and with a *linear probe* (only a classifier is fitted on top).
2. **QLoRA.** Its matrices are quantised to 4 bits and frozen; small LoRA matrices beside them learn.
3. **Verify.** Adapter and tokenizer are saved, reloaded in a fresh process, and have to give the same answers.
4. **Compare.** Before against after, with intervals, and on sentences of your own.
""")
PRESET = N_("Preset")
START = N_("Start")
START_HELP = N_(
    "Press **Start**. Runs take turns; yours goes on when you close this page, and you can come back to it."
)
MEASURE = N_("Measure time and memory first")
MEASURE_AGAIN = N_("Measure the baselines again")
MEASURES_AGAIN = N_("The baselines will be measured again.")
EVERY_SETTING = N_("Advanced: every setting")

DEVICE = N_("Carry out on")
BORROWED_GPU, OWN_CPU = "gpu", "cpu"
#: What a run may be carried out on, where GPUs are lent.
DEVICES = table(
    Choice(BORROWED_GPU, N_("a borrowed GPU"), N_("one loan takes at most 75 s of your own ZeroGPU quota for the day")),
    Choice(OWN_CPU, N_("this server's CPU"), N_("takes what is said below, waits its turn, and costs you nothing")),
)
DEVICE_HELP = N_(
    "A run that is not done when a loan is over keeps what it has; it goes on when you borrow again, or on the CPU."
)
START_HELP_LENT = N_(
    "Press **Start**. A run with a borrowed GPU needs this page open; on the CPU it goes on when you close the page."
)
BORROWING = N_("**A GPU is asked for.** Keep this page open: closing it gives the GPU back.")

LOOK = N_("A look at the pairs")
FIRST_PAIRS = N_("The first pairs to learn from:")

START_FROM = N_("Start from another run")
FROM_SCRATCH = N_("from scratch")
SHAPE_FOLLOWS = N_("Choosing one sets rank, scaling and layers to those of its adapter.")

VALIDATION_FILE = N_("Optional: to validate on. Else a fifth of the above.")
COLUMNS_EXAMPLE = N_("first, second, label")

STARTED = N_("**Started.** You may close this page and come back: the run goes on.")
NO_FILE = N_("Choose your file of pairs first, or other sentence pairs.")
NO_KEY = N_("Your browser sent no usable key. Reload the page.")


def own_file() -> str:
    """What a file of one's own has to be."""
    kinds = ", ".join(kind.label for kind in FORMATS.values())
    return _("{kinds}: sentence1, sentence2, label. Everybody who uses this page may see it.").format(kinds=kinds)


def queued(place: int) -> str:
    """What a visitor is told whose run has to wait, as Markdown."""
    return _("**In the queue at place {place}.** It starts by itself; you may close this page and come back.").format(
        place=place
    )


def start_choice(run_id: str, dataset: str, accuracy: float, when: str, *, recorded: bool) -> str:
    """A run in the list that it is chosen from; narrow lists cut its end off."""
    said = (
        _("{run}: {dataset}, accuracy {accuracy}, recorded, {when} UTC")
        if recorded
        else _("{run}: {dataset}, accuracy {accuracy}, {when} UTC")
    )
    return said.format(run=run_id[-4:], dataset=dataset, accuracy=number(accuracy, ".3f"), when=when)


def refused(error: str) -> str:
    """Why no run is started, as Markdown; the error has to be plain already."""
    return _("**That cannot be started.** {error}").format(error=error)


def cannot_be_used(reason: str) -> str:
    """Why no run can learn from these pairs, as Markdown."""
    return _("**These pairs cannot be used.** {reason}").format(reason=reason)


def pair(label: str, sentence1: str, sentence2: str) -> str:
    """A pair and what its label means, as Markdown."""
    return f"**{label[:1].upper()}{label[1:]}:** {sentence1} **|** {sentence2}"


def no_such(kind: str, names: Iterable[str]) -> str:
    """A name is none of those there are; it is not repeated, because anybody may have sent it."""
    return _("There is no {kind} of that name. Choose one of: {names}.").format(kind=kind, names=", ".join(names))


def unavailable(label: str, reason: str) -> str:
    """A choice that does not work on this machine, in a list."""
    return f"{label}. {reason}"


def base_model(help: str, hub_id: str, licence: str, weights: str) -> str:
    """What stands below the choice of a base model; "" for a licence that is not known here."""
    known = licence or _("licence: see its page on the hub")
    return f"{help} {hub_id}, {known}; {weights}."


def weights_here(size: int, sha256: str) -> str:
    """Weights on this server, measured."""
    return _("{size} MB of weights here, SHA-256 {sha256}").format(size=number(size / 1e6, ".0f"), sha256=sha256[:12])


def weights_listed(megabytes: int) -> str:
    """Weights that are not here yet, or not known to be; 0 where nobody has said how large they are."""
    if not megabytes:
        return _("its size is known once it is here")
    return _("{megabytes} MB of weights, as the hub lists it").format(megabytes=number(megabytes, ","))


def preset(label: str, purpose: str, cost: str) -> str:
    """A preset in the list of them: what it is for and what it costs, "" where that is not known."""
    if not cost:
        return _("{label}: {purpose}.").format(label=label, purpose=purpose)
    return _("{label}: {purpose}; {cost}.").format(label=label, purpose=purpose, cost=cost)


def measured_cost(low: float, high: float) -> str:
    """What a run with a preset takes, in seconds, by what was measured."""
    return _("{low} to {high} on this machine, as measured").format(low=duration(low), high=duration(high))


def trained_part(trainable: int, total: int, adapter_bytes: int) -> str:
    """How much of a model is trained, as Markdown."""
    return _("Trains **{trainable}** of {total} parameters ({percent}\u00a0%); the adapter takes {size} MB.").format(
        trainable=number(trainable, ","),
        total=number(total, ","),
        percent=number(100 * trainable / total, ".1f"),
        size=number(adapter_bytes / 1e6, ".1f"),
    )


def expected(
    device_name: str, seconds: tuple[float, float], memory_bytes: tuple[float, float], memory_kind: str
) -> str:
    """What a run will take, each from least to most, as Markdown."""
    (low, high), (least, most) = seconds, memory_bytes
    return _(
        "Expected on {device}: **{low} to {high}**, {least} to {most} GB of {kind}, measured on a few batches."
    ).format(
        device=device_name,
        low=duration(low),
        high=duration(high),
        least=number(least / 1e9, ".1f"),
        most=number(most / 1e9, ".1f"),
        kind=_(memory_kind),
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
    ).format(time=duration(seconds), device=device_name, loans=loans)


def loan_not_known() -> str:
    """No pace is known for a borrowed GPU."""
    return _("How long it takes on a borrowed GPU is not known yet: no run like it has had one here.")


def cpu_not_measured() -> str:
    """Nothing was measured on this server's CPU, as Markdown."""
    return _("How long it takes on this server's CPU is not measured yet: press **{button}**.").format(
        button=_(MEASURE)
    )


#: A run's phases, as the live view calls them.
PHASES = {
    "queued": N_("Waiting"),
    "loading": N_("Loading model and pairs"),
    "baselines": N_("Measuring the baselines"),
    "training": N_("Training"),
    "evaluating": N_("Measuring on the validation pairs"),
    "saving": N_("Saving the adapter"),
    "verifying": N_("Reloading in a fresh process"),
    "done": N_("Done"),
}
