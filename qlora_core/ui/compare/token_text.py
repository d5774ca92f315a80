"""A pair that can be read, every word tinted and underlined by how it pushed a model's answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, isfinite

from qlora_core.data.typed_pairs import MAX_SENTENCE_CHARACTERS, Pair
from qlora_core.language import gettext as _
from qlora_core.ui.compare.tokens import Explanation
from qlora_core.ui.safe_text import plain
from qlora_core.ui.words import compare as words

#: What begins a word piece that goes on with the word before it, in BERT's vocabularies.
CONTINUES = "##"
STRENGTHS = 4  #: of tint and underline that can be told apart
VISIBLE_SHARE = 0.02  #: of the strongest push of both models, below which a word is left as it is


@dataclass(frozen=True)
class Word:
    """Part of a sentence, all its word pieces together."""

    start: int  #: its place among the sentence's characters
    end: int
    score: float  #: the sum of its word pieces'; positive speaks for "same"


def words_of(one: Explanation, place: int) -> list[Word]:
    """The words of sentence 1 or 2 that the model has read, in their order."""
    found: list[Word] = []
    for token, sentence, (start, end), score in zip(
        one.tokens, one.sentences, one.spans, one.scores.scores, strict=True
    ):
        if sentence != place:
            continue
        if token.startswith(CONTINUES) and found:
            before = found.pop()
            start, score = before.start, before.score + score
        found.append(Word(start, end, score))
    return found


def token_text(explained: list[Explanation], pair: Pair) -> str:
    """Both sentences once for each model, as Markdown with HTML in it; visitors' text is escaped."""
    found = [[words_of(one, place) for place in (1, 2)] for one in explained]
    pushes = [abs(word.score) for sides in found for side in sides for word in side if isfinite(word.score)]
    strongest = max(pushes, default=0.0)
    models = []
    for one, sides in zip(explained, found, strict=True):
        lines = "".join(_line(sentence, side, strongest) for sentence, side in zip(pair, sides, strict=True))
        models.append(f'<section class="push-model"><h4>{plain(one.name)}</h4>{lines}</section>')
    return f'<div class="push-models">{"".join(models)}</div>'


def _line(sentence: str, side: list[Word], strongest: float) -> str:
    return f'<p class="push-line" dir="auto">{"".join(_parts(sentence, side, strongest))}</p>'


def _parts(sentence: str, side: list[Word], strongest: float) -> Iterable[str]:
    """The words, what stands between them, and the end that was not read."""
    before = 0
    for word in side:
        yield _between(sentence[before : word.start])
        yield _word(sentence[word.start : word.end], word.score, strongest)
        before = word.end
    if rest := sentence[before:].strip():
        yield f' <span class="push-unread">{_escaped(rest)}</span>'


def _between(text: str) -> str:
    """Blanks; and what the model reads nothing of, such as a lone joiner."""
    return f" {rest} " if (rest := _escaped(text).strip()) else " " if text else ""


def _word(text: str, score: float, strongest: float) -> str:
    share = abs(score) / strongest if strongest and isfinite(score) else 0.0
    if share < VISIBLE_SHARE:
        looks = "push-word"
    else:
        looks = f"push-word push-{'same' if score > 0 else 'different'} push-{ceil(STRENGTHS * share)}"
    number = f'<span class="push-number">{words.push(score) if isfinite(score) else _(words.PUSH_UNKNOWN)}</span>'
    return f'<span class="{looks}" tabindex="0">{_escaped(text)}{number}</span>'


def _escaped(text: str) -> str:
    return plain(text, MAX_SENTENCE_CHARACTERS + 1)
