"""The tab "Results"."""

from collections.abc import Iterable, Sequence

# Which runs
RUN = "Run"
NO_RUNS_NAMED = "That request names no runs. Reload the page."
NO_RUN_CHOSEN = "No run is chosen. Choose one above."
RESULT_DAMAGED = "result damaged"
NOTHING_YET = (
    "## Nothing to show yet\n\nOpen the tab **Fine-tune** and press **Start**: what the run measures appears here."
)

# What a run came to
STOPPED_EARLY = "The run was stopped before its last epoch."
#: What leads to the verdict against each baseline.
AGAINST = {
    "majority": "**Against the majority class**, which reads nothing: ",
    "untrained_head": "**Against the untrained head**, which has learned nothing: ",
    "linear_probe": "**Against the linear probe**, what the encoder knew before: ",
    "started_from": "**Against the earlier run** that it started from, before it learned these pairs: ",
}
#: What leads to each baseline's scores.
BASELINE_SCORES = {
    "majority": "Always the commoner label",
    "untrained_head": "The same encoder with an untrained head",
    "linear_probe": "The same encoder with only a linear probe",
    "started_from": "The run it started from, before training",
}
RELOAD = "Reload"
RELOAD_EXPLAINED = (
    "Adapter, classifier and tokenizer were saved. A fresh process, which shares nothing with training but the files, "
    "quantised the base model anew, loaded them with plain transformers and PEFT, and answered every validation pair."
)
#: Another process would have no part in a borrowed GPU.
RELOAD_EXPLAINED_ON_LOAN = (
    "Adapter, classifier and tokenizer were saved. On the borrowed GPU the base model was then quantised anew, the "
    "files were loaded with plain transformers and PEFT, and every validation pair was answered again."
)
#: Charts in the order they are shown.
CHARTS = {
    "scores": "Scores of every answerer",
    "history": "Validation scores and loss by epoch",
    "confusion": "Right and wrong answers by label",
    "reliability": "Confidence against accuracy",
    "loss": "Loss by training step",
    "memory": "Memory by group of tensors",
    "phenomenon": "Accuracy by phenomenon",
}
ALL_NUMBERS = "All numbers"
EVERY_SETTING = "Every setting, versions and hardware"
SETTINGS = "Settings"
SETTING_HEADERS = ["Setting", "Value", "What it is"]
ENVIRONMENT = "Machine, versions, base model and pairs"
ENVIRONMENT_HEADERS = ["What", "Value"]
DAMAGED_EVENTS = "damaged lines of events, left out"

# What can be taken home
ZIP = "Take the adapter home (zip)"
NOTEBOOK = "Take the run home as a notebook"
CSV = "All numbers as CSV"
WORKSHEET = "A worksheet to print (HTML)"
MERGED = "Take the whole model home (zip)"
PUSH = "Push to my account on Hugging Face"
PUSH_HELP = (
    "Makes a new repository in an account of your own and puts adapter, tokenizer, card, notebook and loading script "
    "there. You alone can see it, unless you choose otherwise. This page keeps nothing that lets it into your account."
)
SIGN_IN = "Sign in with Hugging Face"
SIGNED_IN = "Sign out ({})"
SIGN_IN_FIRST = "**Nothing was pushed.** Sign in first; after a long time it has to be done again."
REPOSITORY, REPOSITORY_HELP = "Name of the repository", "Letters, digits, -, _ and .; empty: the name of the run."
FOR_ALL = "Everybody may see it"
PUSH_NOW = "Push"

# What flipped
FLIPS = (
    "### What flipped\n\n"
    "Validation pairs on which fine-tuned model and baseline disagree. **Select a row to take its pair to Compare.** "
    "Before and After are the probability of “same”; Change is how much the probability of the right answer rose."
)
FROM_TO = "From → to"
BASELINES = {
    "linear_probe": "linear probe → fine-tuned",
    "untrained_head": "untrained head → fine-tuned",
    "majority": "majority class → fine-tuned",
    "started_from": "earlier run → fine-tuned",
}
SHOW = "Show"
KINDS = {"": "fixed and broken", "fixed": "fixed only", "broken": "broken only"}
PHENOMENON = "Phenomenon"
ANY_PHENOMENON = "any phenomenon"
SORT = "Sort"
FLIP_ORDERS = {
    "change": "largest change first",
    "gain": "most helped first",
    "loss": "most harmed first",
    "idx": "in the data's order",
}
FIND = "Find in the sentences"
FLIPPED_PAIRS = "Pairs that flipped"
FLIP_HEADERS = ["Flip", "Sentence 1", "Sentence 2", "Label", "Before", "After", "Change", "Phenomenon", "idx"]
NO_SENTENCE = "The sentences of this pair are not on this machine."
BAD_CHOICE = "That choice cannot be read. Reload the page."

# All runs
ALL_RUNS = "All runs"
ALL_RUNS_HELP = (
    "Select a row to pick its run, or pick runs below: to see which settings differ, to show them above, or to delete. "
    "Gain is over the strongest baseline, in points of accuracy."
)
SORT_BY = "Sort by"
FILTER, FILTER_EXAMPLE = "Filter", "finished mrpc"
NEWEST, LARGEST_GAIN, LONGEST_TRAINING = "newest first", "gain over the strongest baseline", "training time"
STATE, CREATED, BASE_MODEL, PAIRS = "State", "Created (UTC)", "Base model", "Pairs"
GAIN, OVER, TRAINING_SECONDS = "Gain", "Over", "Training (s)"
RECORDED, BROUGHT = "recorded", "brought"
DIFFERING = "Settings that differ"
SETTING = "Setting"
SHOW_PICKED = "Show picked runs above"
DELETE_PICKED = "Delete picked runs"
REALLY_DELETE, KEEP_THEM = "Really delete", "Keep them"
PICK_ANOTHER = "Pick another run to see which settings differ."
SAME_SETTINGS = "These runs have the same settings."


def add_others(most: int) -> str:
    """How runs are laid over each other."""
    return f"Add others, {most} in all, to lay their scores and curves over each other."


def too_many(most: int) -> str:
    """More runs were chosen than fit."""
    return f"At most {most} runs can be looked at together. Take some away."


def run_choice(what: str, dataset: str, outcome: str, when: str, run_id: str, origin: str) -> str:
    """A run in the list that it is chosen from; ``origin`` is "" for one of this server's own."""
    return f"{what} on {dataset}, {outcome}, {when} UTC ({run_id[-4:]}){f', {origin}' if origin else ''}"


def headline(baseline: str, gain: float, interval: tuple[float, float], *, may_be_luck: bool) -> str:
    """One line about fine-tuning against a baseline; shares of 1."""
    points, low, high = (f"{100 * share:+.1f}" for share in (gain, *interval))
    luck = "which may be luck" if may_be_luck else "more than luck"
    return f"{points} points of accuracy against the {baseline}, {luck} (95 % interval {low} to {high})"


def same_answers(baseline: str) -> str:
    """The same line where fine-tuning and the baseline answer every pair alike."""
    return f"No gain: the same answers as the {baseline}, to every pair"


def scores(n: int, after: tuple[str, str], others: Sequence[tuple[str, str, str]]) -> str:
    """What fine-tuning and others got right, each with its other scores, as Markdown."""
    listed = "".join(f" {who}: {right} ({rest})." for who, right, rest in others)
    return f"Of {n:d} validation pairs, fine-tuning answers **{after[0]}** right ({after[1]}).{listed}"


def started_from(run_id: str, dataset: str, accuracy: str, n: int, *, kept: bool) -> str:
    """What a run was started from, as Markdown."""
    classifier = "and kept its classifier" if kept else "with a fresh classifier"
    return f"Started from run {run_id} ({dataset}, accuracy {accuracy} on {n} pairs there), {classifier}."


def started_from_run(run_id: str, classifier: str) -> str:
    """The same among a run's settings in a table."""
    return f"from {run_id}" + (", its classifier kept" if classifier == "keep" else "")


def started_label(run_id: str, start: str) -> str:
    """A run in a figure with several, by what it started from."""
    return f"{run_id[-4:]} from {start[-4:]}"


def started_outcome(outcome: str, start: str) -> str:
    """What a run came to, in a list, and what it started from."""
    return f"{outcome}, from {start[-4:]}"


def show_start(run_id: str) -> str:
    """The button that leads to the run that another one started from."""
    return f"Show run {run_id[-4:]}, which it started from"


def facts(
    run_id: str, model: str, dataset: str, *, origin: str, pairs: tuple[int, int], seconds: float, machine: str
) -> list[str]:
    """What belongs beside every number; ``model`` and ``machine`` are said already."""
    return [
        f"{origin} run {run_id}".strip().capitalize(),
        model,
        f"{pairs[0]} training and {pairs[1]} validation pairs ({dataset})",
        f"trained {seconds:.0f} s on {machine}",
    ]


def model(name: str, stored: str, r: int, seed: int) -> str:
    """What was trained; ``stored`` is how a scheme holds the weights."""
    return f"{name}, {stored}, LoRA r {r}, seed {seed}"


def machine(device: str, threads: int, dtype: str) -> str:
    """What it was trained on."""
    return f"{device}, {'1 thread' if threads == 1 else f'{threads} threads'}, {dtype}"


def badge(difference: float, *, verified: bool) -> str:
    """Whether the saved adapter answered as the trained one did: a mark and words."""
    mark = "✓ Reload verified" if verified else "✗ Reload not verified"
    return f"{mark}, largest logit difference {difference:.3g}"


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
        f"Pairs answered: {n:d}, two logits each",
        f"Largest difference between two logits: {difference:.3g}",
        f"Allowed: {tolerance:g}",
        f"Tensors trained but not found again: {missing or 'none'}",
        f"Accuracy reloaded: {reloaded:.4f}, trained: {trained:.4f}",
    ]
    explained = RELOAD_EXPLAINED if in_fresh_process else RELOAD_EXPLAINED_ON_LOAN
    return "\n".join([explained, "", *(f"- {point}" for point in points)])


def others(run_id: str, beside: Iterable[str]) -> str:
    """Several runs are on show, and the words are about one."""
    return f"This is about run {run_id}. Beside it, in the first two figures only: {', '.join(beside)}."


def cannot_be_shown(error: str) -> str:
    """In the place of what was to be shown, as Markdown."""
    return f"**That cannot be shown.** {error}"


def no_file(error: str) -> str:
    """In the place of a download, as Markdown."""
    return f"**That file cannot be made.** {error}"


def downloading(name: str) -> str:
    """A file is ready."""
    return f"{name} is being downloaded."


def pushed(address: str) -> str:
    """A run is in its new repository, as Markdown."""
    return f"Pushed: [{address}]({address})"


def not_pushed(error: str) -> str:
    """As Markdown."""
    return f"**That could not be pushed.** {error}"


def flipped(fixed: int, broken: int, fitting: int, shown: int, missing: str) -> str:
    """How many pairs flipped, how many of them fit a choice, and how many the table shows, as Markdown."""
    words = [f"Fine-tuning fixed **{fixed}** pairs and broke **{broken}**."]
    if fitting < fixed + broken:
        words.append(f"{fitting} of them fit your choice.")
    if shown < fitting:
        words.append(f"The first {shown} are shown.")
    return " ".join([*words, missing])


def picked_runs(most: int) -> str:
    """The label of the runs picked from the table."""
    return f"Picked runs, at most {most}"


def damaged_runs(lines: Iterable[str], others: int) -> str:
    """What of which runs is damaged, as Markdown, and how many are not named."""
    points = [*lines, *([f"and {others} more runs"] if others else [])]
    return "\n".join(["What is damaged is left as it is:", "", *(f"- {point}" for point in points)])


def not_compared(error: str) -> str:
    """Why settings are not laid beside each other, as Markdown."""
    return f"**These cannot be compared.** {error}"


def differing(count: int) -> str:
    """Above the table of settings that differ."""
    return f"{count} settings differ."


def nothing_to_delete(error: str) -> str:
    """As Markdown."""
    return f"**Nothing to delete.** {error}"


def delete_for_good(names: str) -> str:
    """The question before runs are deleted, as Markdown."""
    return f"**Delete {names} for good?** Adapter, results and records are lost."


def deleted(names: str) -> str:
    """Runs are gone."""
    return f"Deleted: {names}."


def not_deleted(error: str) -> str:
    """As Markdown."""
    return f"**Nothing was deleted.** {error}"


def stop_first(run_id: str, state: str) -> str:
    """A run that is at work or waits is not deleted."""
    return f"Run {run_id} is {state}. Stop it first, in the tab Fine-tune."
