"""The tab "Results"."""

from collections.abc import Iterable, Sequence

from qlora_core.language import N_, ngettext, number
from qlora_core.language import gettext as _

# Which runs
RUN = N_("Run")
NO_RUNS_NAMED = N_("That request names no runs. Reload the page.")
NO_RUN_CHOSEN = N_("No run is chosen. Choose one above.")
RESULT_DAMAGED = N_("result damaged")
NOTHING_YET = N_(
    "## Nothing to show yet\n\nOpen the tab **Fine-tune** and press **Start**: what the run measures appears here."
)

# What a run came to
STOPPED_EARLY = N_("The run was stopped before its last epoch.")
#: What leads to the verdict against each baseline.
AGAINST = {
    "majority": N_("**Against the majority class**, which reads nothing: "),
    "untrained_head": N_("**Against the untrained head**, which has learned nothing: "),
    "linear_probe": N_("**Against the linear probe**, what the encoder knew before: "),
    "started_from": N_("**Against the earlier run** that it started from, before it learned these pairs: "),
}
#: What leads to each baseline's scores.
BASELINE_SCORES = {
    "majority": N_("Always the commoner label"),
    "untrained_head": N_("The same encoder with an untrained head"),
    "linear_probe": N_("The same encoder with only a linear probe"),
    "started_from": N_("The run it started from, before training"),
}
RELOAD = N_("Reload")
RELOAD_EXPLAINED = N_(
    "Adapter, classifier and tokenizer were saved. A fresh process, which shares nothing with training but the files, "
    "quantised the base model anew, loaded them with plain transformers and PEFT, and answered every validation pair."
)
#: Another process would have no part in a borrowed GPU.
RELOAD_EXPLAINED_ON_LOAN = N_(
    "Adapter, classifier and tokenizer were saved. On the borrowed GPU the base model was then quantised anew, the "
    "files were loaded with plain transformers and PEFT, and every validation pair was answered again."
)
#: Charts in the order they are shown.
CHARTS = {
    "scores": N_("Scores of every answerer"),
    "history": N_("Validation scores and loss by epoch"),
    "confusion": N_("Right and wrong answers by label"),
    "reliability": N_("Confidence against accuracy"),
    "loss": N_("Loss by training step"),
    "memory": N_("Memory by group of tensors"),
    "phenomenon": N_("Accuracy by phenomenon"),
}
ALL_NUMBERS = N_("All numbers")
EVERY_SETTING = N_("Every setting, versions and hardware")
SETTINGS = N_("Settings")
SETTING_HEADERS = (N_("Setting"), N_("Value"), N_("What it is"))
ENVIRONMENT = N_("Machine, versions, base model and pairs")
ENVIRONMENT_HEADERS = (N_("What"), N_("Value"))
DAMAGED_EVENTS = N_("damaged lines of events, left out")

# What can be taken home
ZIP = N_("Take the adapter home (zip)")
NOTEBOOK = N_("Take the run home as a notebook")
CSV = N_("All numbers as CSV")
WORKSHEET = N_("A worksheet to print (HTML)")
STEPS_UNIT, PAIRS_UNIT = N_("steps"), N_("pairs")  #: that progress counts
MERGED = N_("Take the whole model home (zip)")
PUSH = N_("Push to my account on Hugging Face")
PUSH_HELP = N_(
    "Makes a new repository in an account of your own and puts adapter, tokenizer, card, notebook and loading script "
    "there. You alone can see it, unless you choose otherwise. This page keeps nothing that lets it into your account."
)
SIGN_IN = N_("Sign in with Hugging Face")
SIGNED_IN = N_("Sign out ({})")
SIGN_IN_FIRST = N_("**Nothing was pushed.** Sign in first; after a long time it has to be done again.")
REPOSITORY, REPOSITORY_HELP = (
    N_("Name of the repository"),
    N_("Letters, digits, -, _ and .; empty: the name of the run."),
)
FOR_ALL = N_("Everybody may see it")
PUSH_NOW = N_("Push")

# What flipped
FLIPS = N_(
    "### What flipped\n\n"
    "Validation pairs on which fine-tuned model and baseline disagree. **Select a row to take its pair to Compare.** "
    "Before and After are the probability of “same”; Change is how much the probability of the right answer rose."
)
FROM_TO = N_("From → to")
BASELINES = {
    "linear_probe": N_("linear probe → fine-tuned"),
    "untrained_head": N_("untrained head → fine-tuned"),
    "majority": N_("majority class → fine-tuned"),
    "started_from": N_("earlier run → fine-tuned"),
}
SHOW = N_("Show")
KINDS = {"": N_("fixed and broken"), "fixed": N_("fixed only"), "broken": N_("broken only")}
FLIP_KINDS = {"fixed": N_("fixed"), "broken": N_("broken")}
PHENOMENON = N_("Phenomenon")
ANY_PHENOMENON = N_("any phenomenon")
SORT = N_("Sort")
FLIP_ORDERS = {
    "change": N_("largest change first"),
    "gain": N_("most helped first"),
    "loss": N_("most harmed first"),
    "idx": N_("in the data's order"),
}
FIND = N_("Find in the sentences")
FLIPPED_PAIRS = N_("Pairs that flipped")
FLIP_HEADERS = (
    N_("Flip"),
    N_("Sentence 1"),
    N_("Sentence 2"),
    N_("Label"),
    N_("Before"),
    N_("After"),
    N_("Change"),
    N_("Phenomenon"),
    "idx",
)
NO_SENTENCE = N_("The sentences of this pair are not on this machine.")
BAD_CHOICE = N_("That choice cannot be read. Reload the page.")

# All runs
ALL_RUNS = N_("All runs")
ALL_RUNS_HELP = N_(
    "Select a row to pick its run, or pick runs below: to see which settings differ, to show them above, or to delete. "
    "Gain is over the strongest baseline, in points of accuracy."
)
SORT_BY = N_("Sort by")
FILTER, FILTER_EXAMPLE = N_("Filter"), N_("finished mrpc")
NEWEST, LARGEST_GAIN, LONGEST_TRAINING = N_("newest first"), N_("gain over the strongest baseline"), N_("training time")
STATE, CREATED, BASE_MODEL, PAIRS = N_("State"), N_("Created (UTC)"), N_("Base model"), N_("Pairs")
GAIN, OVER, TRAINING_SECONDS = N_("Gain"), N_("Over"), N_("Training (s)")
RECORDED, BROUGHT = N_("recorded"), N_("brought")
DIFFERING = N_("Settings that differ")
SETTING = N_("Setting")
SHOW_PICKED = N_("Show picked runs above")
DELETE_PICKED = N_("Delete picked runs")
REALLY_DELETE, KEEP_THEM = N_("Really delete"), N_("Keep them")
PICK_ANOTHER = N_("Pick another run to see which settings differ.")
SAME_SETTINGS = N_("These runs have the same settings.")


def accuracy(value: float) -> str:
    """What a run came to, in a list."""
    return _("accuracy {value}").format(value=number(value, ".3f"))


def add_others(most: int) -> str:
    """How runs are laid over each other."""
    return _("Add others, {most} in all, to lay their scores and curves over each other.").format(most=most)


def too_many(most: int) -> str:
    """More runs were chosen than fit."""
    return _("At most {most} runs can be looked at together. Take some away.").format(most=most)


def run_choice(what: str, dataset: str, outcome: str, when: str, run_id: str, origin: str) -> str:
    """A run in the list that it is chosen from; ``origin`` is "" for one of this server's own."""
    said = _("{model} on {dataset}, {outcome}, {when} UTC ({run})")
    known = said.format(model=what, dataset=dataset, outcome=outcome, when=when, run=run_id[-4:])
    return f"{known}, {origin}" if origin else known


def headline(baseline: str, gain: float, interval: tuple[float, float], *, may_be_luck: bool) -> str:
    """One line about fine-tuning against a baseline; shares of 1."""
    points, low, high = (number(100 * share, "+.1f") for share in (gain, *interval))
    said = (
        _("{points} points of accuracy against the {baseline}, which may be luck (95 % interval {low} to {high})")
        if may_be_luck
        else _("{points} points of accuracy against the {baseline}, more than luck (95 % interval {low} to {high})")
    )
    return said.format(points=points, baseline=baseline, low=low, high=high)


def same_answers(baseline: str) -> str:
    """The same line where fine-tuning and the baseline answer every pair alike."""
    return _("No gain: the same answers as the {baseline}, to every pair").format(baseline=baseline)


def scores(n: int, after: tuple[str, str], others: Sequence[tuple[str, str, str]]) -> str:
    """What fine-tuning and others got right, each with its other scores, as Markdown."""
    listed = "".join(f" {who}: {right} ({rest})." for who, right, rest in others)
    said = _("Of {n} validation pairs, fine-tuning answers **{share}** right ({others}).")
    return said.format(n=n, share=after[0], others=after[1]) + listed


def started_from(run_id: str, dataset: str, accuracy: str, n: int, *, kept: bool) -> str:
    """What a run was started from, as Markdown."""
    said = (
        _("Started from run {run} ({dataset}, accuracy {accuracy} on {n} pairs there), and kept its classifier.")
        if kept
        else _("Started from run {run} ({dataset}, accuracy {accuracy} on {n} pairs there), with a fresh classifier.")
    )
    return said.format(run=run_id, dataset=dataset, accuracy=accuracy, n=n)


def started_from_run(run_id: str, classifier: str) -> str:
    """The same among a run's settings in a table."""
    said = _("from {run}, its classifier kept") if classifier == "keep" else _("from {run}")
    return said.format(run=run_id)


def started_label(run_id: str, start: str) -> str:
    """A run in a figure with several, by what it started from."""
    return _("{run} from {start}").format(run=run_id[-4:], start=start[-4:])


def started_outcome(outcome: str, start: str) -> str:
    """What a run came to, in a list, and what it started from."""
    return _("{outcome}, from {start}").format(outcome=outcome, start=start[-4:])


def show_start(run_id: str) -> str:
    """The button that leads to the run that another one started from."""
    return _("Show run {run}, which it started from").format(run=run_id[-4:])


def facts(
    run_id: str, model: str, dataset: str, *, origin: str, pairs: tuple[int, int], seconds: float, machine: str
) -> list[str]:
    """What belongs beside every number; ``model`` and ``machine`` are said already."""
    which = _("{origin} run {run}").format(origin=origin, run=run_id) if origin else _("Run {run}").format(run=run_id)
    train, validation = pairs
    return [
        which[:1].upper() + which[1:],
        model,
        _("{train} training and {validation} validation pairs ({dataset})").format(
            train=train, validation=validation, dataset=dataset
        ),
        _("trained {seconds} s on {machine}").format(seconds=number(seconds, ".0f"), machine=machine),
    ]


def model(name: str, stored: str, r: int, seed: int) -> str:
    """What was trained; ``stored`` is how a scheme holds the weights."""
    return _("{name}, {stored}, LoRA r {r}, seed {seed}").format(name=name, stored=stored, r=r, seed=seed)


def machine(device: str, threads: int, dtype: str) -> str:
    """What it was trained on."""
    cores = ngettext("{n} thread", "{n} threads", threads).format(n=threads)
    return f"{device}, {cores}, {dtype}"


def badge(difference: float, *, verified: bool) -> str:
    """Whether the saved adapter answered as the trained one did: a mark and words."""
    said = (
        _("✓ Reload verified, largest logit difference {difference}")
        if verified
        else _("✗ Reload not verified, largest logit difference {difference}")
    )
    return said.format(difference=number(difference, ".3g"))


def evidence(
    n: int,
    difference: float,
    tolerance: float,
    missing: str,
    reloaded: float,
    trained: float,
    *,
    in_fresh_process: bool = True,
) -> str:
    """What the badge rests on, as Markdown; ``reloaded`` and ``trained`` are accuracies."""
    points = [
        _("Pairs answered: {n}, two logits each").format(n=n),
        _("Largest difference between two logits: {difference}").format(difference=number(difference, ".3g")),
        _("Allowed: {tolerance}").format(tolerance=number(tolerance, "g")),
        _("Tensors trained but not found again: {names}").format(names=missing or _("none")),
        _("Accuracy reloaded: {reloaded}, trained: {trained}").format(
            reloaded=number(reloaded, ".4f"), trained=number(trained, ".4f")
        ),
    ]
    explained = _(RELOAD_EXPLAINED) if in_fresh_process else _(RELOAD_EXPLAINED_ON_LOAN)
    return "\n".join([explained, "", *(f"- {point}" for point in points)])


def others(run_id: str, beside: Iterable[str]) -> str:
    """Several runs are on show, and the words are about one."""
    return _("This is about run {run_id}. Beside it, in the first two figures only: {beside}.").format(
        run_id=run_id, beside=", ".join(beside)
    )


def cannot_be_shown(error: str) -> str:
    """In the place of what was to be shown, as Markdown."""
    return _("**That cannot be shown.** {error}").format(error=error)


def no_file(error: str) -> str:
    """In the place of a download, as Markdown."""
    return _("**That file cannot be made.** {error}").format(error=error)


def downloading(name: str) -> str:
    """A file is ready."""
    return _("{name} is being downloaded.").format(name=name)


def pushed(address: str) -> str:
    """A run is in its new repository, as Markdown."""
    return _("Pushed: [{address}]({address})").format(address=address)


def not_pushed(error: str) -> str:
    """As Markdown."""
    return _("**That could not be pushed.** {error}").format(error=error)


def flipped(fixed: int, broken: int, fitting: int, shown: int, missing: str) -> str:
    """How many pairs flipped, how many of them fit a choice, and how many the table shows, as Markdown."""
    words = [_("Fine-tuning fixed **{fixed}** pairs and broke **{broken}**.").format(fixed=fixed, broken=broken)]
    if fitting < fixed + broken:
        words.append(_("{fitting} of them fit your choice.").format(fitting=fitting))
    if shown < fitting:
        words.append(_("The first {shown} are shown.").format(shown=shown))
    return " ".join([*words, missing])


def picked_runs(most: int) -> str:
    """The label of the runs picked from the table."""
    return _("Picked runs, at most {most}").format(most=most)


def damaged_runs(lines: Iterable[str], others: int) -> str:
    """What of which runs is damaged, as Markdown, and how many are not named."""
    points = [*lines, *([ngettext("and {n} more run", "and {n} more runs", others).format(n=others)] if others else [])]
    return "\n".join([_("What is damaged is left as it is:"), "", *(f"- {point}" for point in points)])


def not_compared(error: str) -> str:
    """Why settings are not laid beside each other, as Markdown."""
    return _("**These cannot be compared.** {error}").format(error=error)


def differing(count: int) -> str:
    """Above the table of settings that differ."""
    return ngettext("{n} setting differs.", "{n} settings differ.", count).format(n=count)


def nothing_to_delete(error: str) -> str:
    """As Markdown."""
    return _("**Nothing to delete.** {error}").format(error=error)


def delete_for_good(names: str) -> str:
    """The question before runs are deleted, as Markdown."""
    return _("**Delete {names} for good?** Adapter, results and records are lost.").format(names=names)


def deleted(names: str) -> str:
    """Runs are gone."""
    return _("Deleted: {names}.").format(names=names)


def not_deleted(error: str) -> str:
    """As Markdown."""
    return _("**Nothing was deleted.** {error}").format(error=error)


def stop_first(run_id: str, state: str) -> str:
    """A run that is at work or waits is not deleted."""
    return _("Run {run_id} is {state}. Stop it first, in the tab Fine-tune.").format(run_id=run_id, state=state)
