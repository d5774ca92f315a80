"""The tab "Compare"."""

from collections.abc import Iterable, Sequence

from qlora_core.data.formats import ANY_FORMAT

SAME, DIFFERENT = "same", "different"
LITTLE, MUCH = 0.02, 0.1  #: differences of a probability that are worth no word, and a strong one

# The two who are asked
FIRST, SECOND = "First", "Second"
BASE_CHOICE = "base model, untrained head"
BASE_MODEL = "Base model, untrained head"
TRAINING_NOW = "training now: latest checkpoint"
RESULT_DAMAGED = "result damaged"
NO_RUN_CHOSEN = "No run is chosen. Choose one, or train one in the tab Fine-tune."
SCALE = "Scale of the second one's adapter"
SCALE_HELP = (
    "0 is the base model, 1 the adapter as trained; what lies between or beyond is base + scale × (trained − base), "
    "which is called task arithmetic."
)

# One pair
COMPARE = "Compare"
NOT_YET = "## Press Compare\n\nBoth models answer here, side by side; which tokens moved them follows."
EXAMPLES = {1: "Examples that mean the same", 0: "Examples that mean something different"}
NO_SUCH_EXAMPLE = "There is no such example."
FROM_RESULTS = "From the tab Results."
LOADING = "Loading the run's model, once"
HOW_TO_READ = "The number is the probability of “same”; above 0.5 the answer is same."
AS_GIVEN, SWAPPED = "As given", "Swapped"
BASE_CHECK_HELP = (
    "Measured on this pair just now, in the process that answers, in both orders: base and adapter are the same frozen "
    "matrices, and the adapter turned to 0 has to be the base model to the last digit."
)
ORDER_MATTERS = "Does the order matter to it?"

# Which words mattered
TOKENS = "Which words mattered"
TOKENS_HELP = (
    "Green over a straight line: the word spoke for **same**. Orange over a wavy line: it spoke for **different**. The "
    "stronger, the more; point at a word, or go to it with Tab, for its number. Integrated gradients: every word's "
    "share in the log odds of the answer, against the same pair with all words blanked. It explains the model, not the "
    "language, and the adapter as trained, whatever its scale above."
)
AS_TABLE = "The same as a table"
PUSH_UNKNOWN = "not known"
TOKEN_TABLE = "Score of every token"
TOKEN_HEADERS = ["Model", "Sentence", "Token", "Score"]
BASE, ADAPTER = "Base model", "Adapter"

# Many pairs
MANY_PAIRS = "Many pairs at once, from a file or pasted"
FILE = "A file of pairs"
PASTED = "Or pasted lines"
PASTED_EXAMPLE = "A first sentence. | A second sentence."
ANSWER_PAIRS = "Answer these pairs"
ANSWERING = "Answering"
ANSWERS = "Answers"
DOWNLOAD = "Download as CSV"
FILE_AND_LINES = "There is a file and there are lines. Take one of them away."
NO_PAIRS = "There are no pairs. Choose a file, or paste lines."
THE_TEXT = "The text"
NO_SEPARATOR = "There is no separator."
YES, NO = "yes", "no"


def label(same: bool) -> str:
    """An answer, or a pair's label, in a word."""
    return SAME if same else DIFFERENT


def number(probability: float) -> str:
    """A probability in two digits that never claims certainty."""
    if probability < 0.005:
        return "under 0.01"
    return "over 0.99" if probability > 0.995 else f"{probability:.2f}"


def sentence(place: int) -> str:
    """What the box for a sentence is called."""
    return f"Sentence {place}"


def run_name(run_id: str, scale: float = 1.0) -> str:
    """What a run is called where two are compared."""
    return f"Run {run_id[-4:]}{_scaled(scale)}"


def adapter_name(run_id: str, scale: float) -> str:
    """What a run's adapter is called beside its own base model."""
    return f"Adapter of run {run_id[-4:]}{_scaled(scale)}"


def _scaled(scale: float) -> str:
    return "" if scale == 1 else f", scaled by {scale:g}"


def run_choice(run_id: str, base_model: str, dataset: str, outcome: str, recorded: bool, created: str) -> str:
    """A run in a list; begins with what the answers call it, because narrow lists cut the end off."""
    return f"{run_id[-4:]}: {base_model} on {dataset}, {outcome}{', recorded' if recorded else ''}, {created} UTC"


def accuracy(value: float) -> str:
    """What a finished run came to."""
    return f"accuracy {value:.3f}"


def checkpoint_of(state: str) -> str:
    """What of an unfinished run can be asked."""
    return f"{state}: latest checkpoint"


def example_note(phenomenon: str, same: bool) -> str:
    """What an example is, as Markdown."""
    return f"Example: {phenomenon}. Its label is **{label(same)}**."


def not_finished(run_id: str, step: int) -> str:
    """A note on a run that still trains."""
    return f"Run {run_id[-4:]} is not finished: its weights of step {step} answered."


def too_long(max_length: int) -> str:
    """A note on a pair that was not read to its end."""
    return f"The pair has more than {max_length} tokens; only its beginning was read."


def adapter_against_base(before: float, after: float) -> str:
    """Whether an adapter changed its base model's answer, from both probabilities of "same"."""
    one, other = label(before > 0.5), label(after > 0.5)
    if one != other:
        return f"The adapter changed its answer from **{one}** ({number(before)}) to **{other}** ({number(after)})."
    return f"The adapter keeps the answer **{one}**: {number(before)} before, {number(after)} with it."


def run_against_run(names: Sequence[str], first: float, second: float) -> str:
    """Whether two runs agree, from both probabilities of "same"."""
    one, other = label(first > 0.5), label(second > 0.5)
    if one != other:
        return f"They disagree: {names[0]} says **{one}** ({number(first)}), {names[1]} **{other}** ({number(second)})."
    return f"Both say **{one}**: {names[0]} with {number(first)}, {names[1]} with {number(second)}."


def order_matters(given: float, swapped: float) -> str:
    """Whether the order of the sentences matters to a model, from its probabilities of "same" in both."""
    one, other = label(given > 0.5), label(swapped > 0.5)
    if one != other:
        return f"Yes: swapped, it says {other} ({number(swapped)}), not {one} ({number(given)})."
    difference = abs(given - swapped)
    degree = "No" if difference < LITTLE else "A little" if difference < MUCH else "Somewhat"
    before, after = number(given), number(swapped)
    return f"{degree}: swapped, it stays with {one} ({after if after == before else f'{after}, not {before}'})."


def refused(error: str) -> str:
    """Why a pair is not answered, as Markdown."""
    return f"**That cannot be compared.** {error}"


def base_check(difference: float) -> str:
    """Whether the base model answers as the adapter at scale 0 does."""
    found = f"adapter at 0 and base: largest difference {difference if difference else 0.0:.3g}"
    if difference == 0:
        return "Is the base really the base? ✓ Adapter at 0 and base: largest difference 0.0"
    return f"Is the base really the base? ✗ Not here: {found}. Load the run anew, or train again."


def weights(base: str, adapter: str) -> str:
    """Which weights answered, by their SHA-256; of a checkpoint's adapter there is none."""
    said = f"SHA-256 of the base model's weights, checked when they were loaded: <code>{base}</code>."
    if not adapter:
        return f"{said} The adapter is a checkpoint of a run that is not finished."
    return f"{said} Of the adapter's (adapter_model.safetensors): <code>{adapter}</code>."


def push(score: float) -> str:
    """How far a word pushed an answer, and where to; in log odds."""
    return f"{score:+.2f} {label(score > 0)}" if round(score, 2) else "0.00"


def sum_of_scores(name: str, total: float, difference: float) -> str:
    """How well the scores add up to what they explain, which is the method's own check."""
    return (
        f"{name}: the scores add up to {total:+.2f}; log odds of the pair minus those of the blanked one are "
        f"{difference:+.2f}."
    )


def many_help(limit: int) -> str:
    """What many pairs may be, as Markdown."""
    return (
        f"A {ANY_FORMAT} file with the columns sentence1 and sentence2, or lines with two sentences and a tab "
        f'or " | " between them; at most {limit} pairs. The two models above answer; nothing is kept.'
    )


def many_refused(error: str) -> str:
    """Why many pairs are not answered, as Markdown."""
    return f"**These cannot be answered.** {error}"


def many_answered(flipped: int, pairs: int, truncated: int) -> str:
    """How many answers differ, as Markdown."""
    said = f"**{flipped} of {pairs}** pairs are answered differently. Numbers are the probability of “same”."
    return said + (f" Of {truncated} long ones, only the beginning was read." if truncated else "")


def columns(one: str, other: str) -> list[str]:
    """The headers of the table of answers, given the names of the two who answered."""
    return [sentence(1), sentence(2), one, f"{one}, swapped", other, f"{other}, swapped", "Change", "Flipped"]


def short_names(first_run: str | None, second_run: str) -> tuple[str, str]:
    """What the two are called above a column; no first run means the base model."""
    if first_run is None:
        return "Base", ADAPTER
    return f"{FIRST} ({first_run[-4:]})", f"{SECOND} ({second_run[-4:]})"


def bad_lines(faults: Iterable[tuple[int, str]]) -> str:
    """Which of the pasted lines are no pairs, by their numbers."""
    return 'Correct or remove these lines; a line is two sentences with a tab or " | " between them. ' + " ".join(
        f"Line {place}: {fault}" for place, fault in faults
    )


def parts(count: int) -> str:
    """What is wrong with a line of several separators."""
    return f"It has {count} parts."


def long_sentences(file: str, limit: int, pairs: Iterable[int]) -> str:
    """Which pairs of a file have a sentence that is too long, by their numbers."""
    return f"{file}: a sentence has more than {limit:,} characters in pair {', '.join(map(str, pairs))}. Shorten it."


def without_pairs(name: str) -> str:
    """A file or text is empty."""
    return f'{name} has no pairs. Write two sentences a line, with a tab or " | " between them.'


def too_many_pairs(name: str, count: int, limit: int) -> str:
    """A file or text has more pairs than are answered at once."""
    return f"{name} has {count:,} pairs; at most {limit} are answered at once. Keep a part of it."
