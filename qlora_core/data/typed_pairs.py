"""What may be asked of two models, checked before any model sees it, and the form of what they answer."""

from dataclasses import dataclass

from qlora_core.data.sentences import is_empty
from qlora_core.errors import DataError
from qlora_core.language import N_, Figure, Message

MAX_SENTENCE_CHARACTERS = 5_000
#: An adapter's weights may be turned up to this share of what was trained.
MAX_SCALE = 1.5

Pair = tuple[str, str]


@dataclass(frozen=True)
class BothOrders:
    """Probability of "same meaning", between 0 and 1, for a pair in two orders."""

    given: float
    swapped: float


@dataclass(frozen=True)
class Answer:
    """What the base model and the adapter say of one pair."""

    base: BothOrders
    adapter: BothOrders
    truncated: bool  #: the pair has more tokens than the run's ``max_length``, so that its end was not read


@dataclass(frozen=True)
class BaseCheck:
    """How far the base model that answers is from the adapter turned to 0, and which weights were asked."""

    difference: float  #: the largest between two logits, over both orders of a pair
    base_sha256: str  #: of the base model's weights, as they were checked when it was loaded
    adapter_sha256: str | None  #: of the saved adapter that was loaded; None for a checkpoint


@dataclass(frozen=True)
class TokenScores:
    """What one answerer's answer rests on, see ``evaluation.attribution``."""

    scores: list[float]  #: one a token; 0 for [CLS] and [SEP], which the baseline keeps
    log_odds: float  #: f(pair)
    baseline_log_odds: float  #: f(baseline)
    delta: float  #: sum of the scores - (f(pair) - f(baseline)): the error of ``n_steps`` and of the number type


@dataclass(frozen=True)
class Attribution:
    """The word pieces of a pair and their scores for the base model (its untrained head) and for the adapter."""

    tokens: list[str]
    sentences: list[int | None]  #: 1 or 2, the sentence a token belongs to; None for [CLS] and [SEP]
    spans: list[tuple[int, int]]  #: first character of each in its sentence, and the one after its last
    base: TokenScores
    adapter: TokenScores
    truncated: bool  #: the pair has more tokens than the run's ``max_length``


def check_sentence(value: object, name: str | Message) -> str:
    """A sentence as the models read it: stripped, with half a surrogate pair replaced by "?".

    Args:
        name: what the message calls it, such as "Sentence 1".

    Raises:
        DataError: it is empty, too long or not text.
    """
    if isinstance(value, str) and len(value) > MAX_SENTENCE_CHARACTERS:
        raise DataError(
            N_("{name} has {n} characters; at most {most} are read. Shorten it."),
            name=name,
            n=Figure(len(value), ","),
            most=Figure(MAX_SENTENCE_CHARACTERS, ","),
        )
    sentence = value.strip().encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
    if is_empty(sentence):
        raise DataError(N_("{name} is empty. Write a sentence."), name=name)
    return sentence


def check_pair(first: object, second: object) -> Pair:
    """Both sentences of a pair, checked.

    Raises:
        DataError: see ``check_sentence``.
    """
    return check_sentence(first, Message(N_("Sentence 1"))), check_sentence(second, Message(N_("Sentence 2")))


def check_scale(value: object) -> float:
    """A share of the adapter between 0 and ``MAX_SCALE``.

    Raises:
        DataError: it is not, or is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SCALE:
        raise DataError(N_("The adapter's scale has to be a number between 0 and {most}."), most=Figure(MAX_SCALE, "g"))
    return float(value)
