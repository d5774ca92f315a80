"""The tab "Compare"."""

from collections.abc import Iterable, Sequence

from qlora_core.data.formats import ANY_FORMAT
from qlora_core.language import N_, ngettext
from qlora_core.language import gettext as _
from qlora_core.language import number as local

SAME, DIFFERENT = N_("same"), N_("different")
LITTLE, MUCH = 0.02, 0.1  #: differences of a probability that are worth no word, and a strong one

# The two who are asked
FIRST, SECOND = N_("First"), N_("Second")
BASE_CHOICE = N_("base model, untrained head")
BASE_MODEL = N_("Base model, untrained head")
TRAINING_NOW = N_("training now: latest checkpoint")
RESULT_DAMAGED = N_("result damaged")
NO_RUN_CHOSEN = N_("No run is chosen. Choose one, or train one in the tab Fine-tune.")
SCALE = N_("Scale of the second one's adapter")
SCALE_HELP = N_(
    "0 is the base model, 1 the adapter as trained; what lies between or beyond is base + scale × (trained − base), "
    "which is called task arithmetic."
)

# One pair
COMPARE = N_("Compare")
NOT_YET = N_("## Press Compare\n\nBoth models answer here, side by side; which tokens moved them follows.")
EXAMPLES = {1: N_("Examples that mean the same"), 0: N_("Examples that mean something different")}
NO_SUCH_EXAMPLE = N_("There is no such example.")
FROM_RESULTS = N_("From the tab Results.")
LOADING = N_("Loading the run's model, once")
MODEL_UNIT, PAIRS_UNIT = N_("model"), N_("pairs")  #: that progress counts
HOW_TO_READ = N_("The number is the probability of “same”; above 0.5 the answer is same.")
AS_GIVEN, SWAPPED = N_("As given"), N_("Swapped")
BASE_CHECK_HELP = N_(
    "Measured on this pair just now, in the process that answers, in both orders: base and adapter are the same frozen "
    "matrices, and the adapter turned to 0 has to be the base model to the last digit."
)
ORDER_MATTERS = N_("Does the order matter to it?")

# Which words mattered
TOKENS = N_("Which words mattered")
TOKENS_HELP = N_(
    "Green over a straight line: the word spoke for **same**. Orange over a wavy line: it spoke for **different**. The "
    "stronger, the more; point at a word, or go to it with Tab, for its number. Integrated gradients: every word's "
    "share in the log odds of the answer, against the same pair with all words blanked. It explains the model, not the "
    "language, and the adapter as trained, whatever its scale above."
)
AS_TABLE = N_("The same as a table")
PUSH_UNKNOWN = N_("not known")
TOKEN_TABLE = N_("Score of every token")
TOKEN_HEADERS = [N_("Model"), N_("Sentence"), N_("Token"), N_("Score")]
BASE, ADAPTER = N_("Base model"), N_("Adapter")

# Many pairs
MANY_PAIRS = N_("Many pairs at once, from a file or pasted")
FILE = N_("A file of pairs")
PASTED = N_("Or pasted lines")
PASTED_EXAMPLE = N_("A first sentence. | A second sentence.")
ANSWER_PAIRS = N_("Answer these pairs")
ANSWERING = N_("Answering")
ANSWERS = N_("Answers")
DOWNLOAD = N_("Download as CSV")
FILE_AND_LINES = N_("There is a file and there are lines. Take one of them away.")
NO_PAIRS = N_("There are no pairs. Choose a file, or paste lines.")
THE_TEXT = N_("The text")
NO_SEPARATOR = N_("There is no separator.")
YES, NO = N_("yes"), N_("no")


def label(same: bool) -> str:
    """An answer, or a pair's label, in a word."""
    return _(SAME) if same else _(DIFFERENT)


def number(probability: float) -> str:
    """A probability in two digits that never claims certainty."""
    if probability < 0.005:
        return _("under {share}").format(share=local(0.01, ".2f"))
    return _("over {share}").format(share=local(0.99, ".2f")) if probability > 0.995 else local(probability, ".2f")


def sentence(place: int) -> str:
    """What the box for a sentence is called."""
    return _("Sentence {place}").format(place=place)


def run_name(run_id: str, scale: float = 1.0) -> str:
    """What a run is called where two are compared."""
    if scale == 1:
        return _("Run {run}").format(run=run_id[-4:])
    return _("Run {run}, scaled by {scale}").format(run=run_id[-4:], scale=local(scale, "g"))


def adapter_name(run_id: str, scale: float) -> str:
    """What a run's adapter is called beside its own base model."""
    if scale == 1:
        return _("Adapter of run {run}").format(run=run_id[-4:])
    return _("Adapter of run {run}, scaled by {scale}").format(run=run_id[-4:], scale=local(scale, "g"))


def run_choice(run_id: str, base_model: str, dataset: str, outcome: str, recorded: bool, created: str) -> str:
    """A run in a list; begins with what the answers call it, because narrow lists cut the end off."""
    said = (
        _("{run}: {base_model} on {dataset}, {outcome}, recorded, {created} UTC")
        if recorded
        else _("{run}: {base_model} on {dataset}, {outcome}, {created} UTC")
    )
    return said.format(run=run_id[-4:], base_model=base_model, dataset=dataset, outcome=outcome, created=created)


def accuracy(value: float) -> str:
    """What a finished run came to."""
    return _("accuracy {value}").format(value=local(value, ".3f"))


def checkpoint_of(state: str) -> str:
    """What of an unfinished run can be asked."""
    return _("{state}: latest checkpoint").format(state=state)


def example_note(phenomenon: str, same: bool) -> str:
    """What an example is, as Markdown."""
    return _("Example: {phenomenon}. Its label is **{same}**.").format(phenomenon=phenomenon, same=label(same))


def not_finished(run_id: str, step: int) -> str:
    """A note on a run that still trains."""
    return _("Run {run_id} is not finished: its weights of step {step} answered.").format(run_id=run_id[-4:], step=step)


def too_long(max_length: int) -> str:
    """A note on a pair that was not read to its end."""
    return _("The pair has more than {max_length} tokens; only its beginning was read.").format(max_length=max_length)


def adapter_against_base(before: float, after: float) -> str:
    """Whether an adapter changed its base model's answer, from both probabilities of "same"."""
    one, other = label(before > 0.5), label(after > 0.5)
    if one != other:
        return _("The adapter changed its answer from **{one}** ({before}) to **{other}** ({after}).").format(
            one=one, before=number(before), other=other, after=number(after)
        )
    return _("The adapter keeps the answer **{one}**: {before} before, {after} with it.").format(
        one=one, before=number(before), after=number(after)
    )


def run_against_run(names: Sequence[str], first: float, second: float) -> str:
    """Whether two runs agree, from both probabilities of "same"."""
    one, other = label(first > 0.5), label(second > 0.5)
    if one != other:
        return _("They disagree: {name1} says **{one}** ({first}), {name2} **{other}** ({second}).").format(
            name1=names[0], one=one, first=number(first), name2=names[1], other=other, second=number(second)
        )
    return _("Both say **{one}**: {name1} with {first}, {name2} with {second}.").format(
        one=one, name1=names[0], first=number(first), name2=names[1], second=number(second)
    )


def order_matters(given: float, swapped: float) -> str:
    """Whether the order of the sentences matters to a model, from its probabilities of "same" in both."""
    one, other = label(given > 0.5), label(swapped > 0.5)
    if one != other:
        return _("Yes: swapped, it says {other} ({swapped}), not {one} ({given}).").format(
            other=other, swapped=number(swapped), one=one, given=number(given)
        )
    difference = abs(given - swapped)
    degree = _("No") if difference < LITTLE else _("A little") if difference < MUCH else _("Somewhat")
    before, after = number(given), number(swapped)
    if after == before:
        return _("{degree}: swapped, it stays with {one} ({after}).").format(degree=degree, one=one, after=after)
    said = _("{degree}: swapped, it stays with {one} ({after}, not {before}).")
    return said.format(degree=degree, one=one, after=after, before=before)


def refused(error: str) -> str:
    """Why a pair is not answered, as Markdown."""
    return _("**That cannot be compared.** {error}").format(error=error)


def base_check(difference: float) -> str:
    """Whether the base model answers as the adapter at scale 0 does."""
    if difference == 0:
        said = _("Is the base really the base? ✓ Adapter at 0 and base: largest difference {difference}")
        return said.format(difference=local(0.0, ".1f"))
    return _(
        "Is the base really the base? ✗ Not here: adapter at 0 and base: largest difference {difference}. "
        "Load the run anew, or train again."
    ).format(difference=local(difference, ".3g"))


def weights(base: str, adapter: str) -> str:
    """Which weights answered, by their SHA-256; of a checkpoint's adapter there is none."""
    said = _("SHA-256 of the base model's weights, checked when they were loaded: <code>{digest}</code>.")
    of_adapter = (
        _("Of the adapter's (adapter_model.safetensors): <code>{digest}</code>.").format(digest=adapter)
        if adapter
        else _("The adapter is a checkpoint of a run that is not finished.")
    )
    return f"{said.format(digest=base)} {of_adapter}"


def push(score: float) -> str:
    """How far a word pushed an answer, and where to; in log odds."""
    return f"{local(score, '+.2f')} {label(score > 0)}" if round(score, 2) else local(0, ".2f")


def sum_of_scores(name: str, total: float, difference: float) -> str:
    """How well the scores add up to what they explain, which is the method's own check."""
    return _(
        "{name}: the scores add up to {total}; log odds of the pair minus those of the blanked one are {difference}."
    ).format(name=name, total=local(total, "+.2f"), difference=local(difference, "+.2f"))


def many_help(limit: int) -> str:
    """What many pairs may be, as Markdown."""
    return _(
        "A {formats} file with the columns sentence1 and sentence2, or lines with two sentences and a tab "
        'or " | " between them; at most {limit} pairs. The two models above answer; nothing is kept.'
    ).format(formats=ANY_FORMAT, limit=limit)


def many_refused(error: str) -> str:
    """Why many pairs are not answered, as Markdown."""
    return _("**These cannot be answered.** {error}").format(error=error)


def many_answered(flipped: int, pairs: int, truncated: int) -> str:
    """How many answers differ, as Markdown."""
    said = _("**{flipped} of {pairs}** pairs are answered differently. Numbers are the probability of “same”.").format(
        flipped=flipped, pairs=pairs
    )
    if not truncated:
        return said
    cut = ngettext(
        "Of {n} long one, only the beginning was read.", "Of {n} long ones, only the beginning was read.", truncated
    )
    return f"{said} {cut.format(n=truncated)}"


def columns(one: str, other: str) -> list[str]:
    """The headers of the table of answers, given the names of the two who answered."""
    return [
        sentence(1),
        sentence(2),
        one,
        _("{model}, swapped").format(model=one),
        other,
        _("{model}, swapped").format(model=other),
        _("Change"),
        _("Flipped"),
    ]


def short_names(first_run: str | None, second_run: str) -> tuple[str, str]:
    """What the two are called above a column; no first run means the base model."""
    if first_run is None:
        return _("Base"), _(ADAPTER)
    return f"{_(FIRST)} ({first_run[-4:]})", f"{_(SECOND)} ({second_run[-4:]})"


def bad_lines(faults: Iterable[tuple[int, str]]) -> str:
    """Which of the pasted lines are no pairs, by their numbers."""
    todo = _('Correct or remove these lines; a line is two sentences with a tab or " | " between them.')
    return " ".join([todo, *(_("Line {place}: {fault}").format(place=place, fault=fault) for place, fault in faults)])


def parts(count: int) -> str:
    """What is wrong with a line of several separators."""
    return ngettext("It has {n} part.", "It has {n} parts.", count).format(n=count)


def long_sentences(file: str, limit: int, pairs: Iterable[int]) -> str:
    """Which pairs of a file have a sentence that is too long, by their numbers."""
    return _("{file}: a sentence has more than {limit} characters in pair {pairs}. Shorten it.").format(
        file=file, limit=local(limit, ","), pairs=", ".join(map(str, pairs))
    )


def without_pairs(name: str) -> str:
    """A file or text is empty."""
    return _('{name} has no pairs. Write two sentences a line, with a tab or " | " between them.').format(name=name)


def too_many_pairs(name: str, count: int, limit: int) -> str:
    """A file or text has more pairs than are answered at once."""
    return _("{name} has {count} pairs; at most {limit} are answered at once. Keep a part of it.").format(
        name=name, count=local(count, ","), limit=limit
    )
