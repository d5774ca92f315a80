"""What a run would learn from and be measured on, in numbers that can be read before it starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from qlora_core.data.readers.table import SkippedCode, printable
from qlora_core.language import Message, ngettext, number
from qlora_core.language import gettext as _

if TYPE_CHECKING:  # the page reads looks, and has not loaded the libraries that make them
    from datasets import Dataset

    from qlora_core.data.files import FileContents
    from qlora_core.data.sources import PairData

MAX_FIRST_PAIRS = 3
MAX_SHOWN_CHARACTERS = 140
#: Longer pairs are counted as of this many tokens: no ``max_length`` is larger.
MAX_COUNTED_TOKENS = 513


class PairShown(BaseModel):
    """A pair as it is shown, its sentences shortened."""

    model_config = ConfigDict(frozen=True)

    sentence1: str = Field(max_length=MAX_SHOWN_CHARACTERS)
    sentence2: str = Field(max_length=MAX_SHOWN_CHARACTERS)
    label: int


class SplitLook(BaseModel):
    """The pairs of one split."""

    model_config = ConfigDict(frozen=True)

    pairs: int
    same: int  #: of them with label 1
    by_tokens: tuple[int, ...]  #: how many pairs have so many tokens, from 0 to ``MAX_COUNTED_TOKENS``

    @classmethod
    def of(cls, pairs: Dataset, lengths: list[int]) -> Self:
        """Count pairs whose numbers of tokens are ``lengths``."""
        clipped = np.minimum(np.asarray(lengths, dtype=np.int64), MAX_COUNTED_TOKENS)
        counts = np.bincount(clipped, minlength=MAX_COUNTED_TOKENS + 1)
        return cls(pairs=len(pairs), same=int(sum(pairs["label"])), by_tokens=tuple(counts.tolist()))

    def longer_than(self, max_length: int) -> int:
        """Pairs of more than ``max_length`` tokens, whose ends are not read."""
        return sum(self.by_tokens[max_length + 1 :])

    def tokens_of(self, share: float) -> int:
        """The number of tokens that ``share`` of the pairs do not exceed."""
        reached = np.cumsum(self.by_tokens) >= share * self.pairs
        return int(np.argmax(reached))


class FileLook(BaseModel):
    """How a user's file was understood."""

    model_config = ConfigDict(frozen=True)

    sentence1: str  #: the columns that were taken
    sentence2: str
    label: str
    same: str  #: what the file calls the label 1
    different: str
    blank_lines: int
    first_blank_line: Message | None  #: where it is, such as "line 7"; None where there is none

    @classmethod
    def of(cls, contents: FileContents) -> Self:
        """Of a file that has labels."""
        blank = next((skipped for skipped in contents.skipped if skipped.code == SkippedCode.BLANK_LINE), None)
        return cls(
            **{name: printable(column) for name, column in contents.taken._asdict().items()},
            **{name: printable(word) for name, word in contents.label_meaning._asdict().items()},
            blank_lines=blank.count if blank else 0,
            first_blank_line=blank.first if blank else None,
        )


class PairsLook(BaseModel):
    """A look at the pairs of a run."""

    model_config = ConfigDict(frozen=True)

    origin: Message
    file: FileLook | None  #: None where the pairs are no user's
    train: SplitLook
    validation: SplitLook
    repeated: int  #: pairs that stand there again with the same label
    contradictory: int  #: pairs that stand there with either label
    shared: int  #: validation pairs a sentence of which is trained on
    first: tuple[PairShown, ...] = Field(max_length=MAX_FIRST_PAIRS)


def look_at(data: PairData, train_lengths: list[int], validation_lengths: list[int]) -> PairsLook:
    """Count what can be said of pairs whose numbers of tokens, special ones among them, are known."""
    from qlora_core.data.splits import count_shared

    repeated, contradictory = _repetitions(data.train, data.validation)
    first = data.train.select(range(min(MAX_FIRST_PAIRS, len(data.train))))
    return PairsLook(
        origin=data.origin,
        file=None if data.contents is None else FileLook.of(data.contents),
        train=SplitLook.of(data.train, train_lengths),
        validation=SplitLook.of(data.validation, validation_lengths),
        repeated=repeated,
        contradictory=contradictory,
        shared=count_shared(data.train, data.validation),
        first=tuple(_shown(row) for row in first),
    )


def _repetitions(*splits: Dataset) -> tuple[int, int]:
    """Pairs that repeat an earlier one with its label, and pairs that occur with both; order and case do not matter."""
    times: dict[tuple[str, ...], Counter[int]] = {}
    for split in splits:
        for first, second, label in zip(split["sentence1"], split["sentence2"], split["label"], strict=True):
            pair = tuple(sorted((first.casefold(), second.casefold())))
            times.setdefault(pair, Counter())[label] += 1
    repeated = sum(count - 1 for labels in times.values() for count in labels.values())
    return repeated, sum(labels.total() for labels in times.values() if len(labels) > 1)


def _shown(row: dict[str, Any]) -> PairShown:
    first, second = (_shortened(row[name]) for name in ("sentence1", "sentence2"))
    return PairShown(sentence1=first, sentence2=second, label=row["label"])


def _shortened(sentence: str) -> str:
    """On one line, without what does not print."""
    line = "".join(character if character.isprintable() else " " for character in sentence)
    return line if len(line) <= MAX_SHOWN_CHARACTERS else line[: MAX_SHOWN_CHARACTERS - 1] + "…"


def facts(look: PairsLook, max_length: int) -> Iterator[str]:
    """What the numbers say, a sentence each."""
    train, validation = look.train, look.validation
    yield ngettext(
        "{n} pair to learn from and {validation} to be measured on, from {source}.",
        "{n} pairs to learn from and {validation} to be measured on, from {source}.",
        train.pairs,
    ).format(n=number(train.pairs, ","), validation=number(validation.pairs, ","), source=look.origin.said())
    yield _(
        "Label 1, the same meaning: {train} % of those to learn from, {validation} % of those to be measured on."
    ).format(
        train=number(100 * train.same / train.pairs, ".0f"),
        validation=number(100 * validation.same / validation.pairs, ".0f"),
    )
    if look.file:
        yield from _file_facts(look.file)
    yield from _length_facts(train, validation, max_length)
    if look.repeated:
        yield ngettext(
            "{n} pair repeat an earlier one with the same label.",
            "{n} pairs repeat an earlier one with the same label.",
            look.repeated,
        ).format(n=number(look.repeated, ","))
    if look.contradictory:
        yield ngettext(
            "{n} pair contradict another: the same two sentences with the other label.",
            "{n} pairs contradict another: the same two sentences with the other label.",
            look.contradictory,
        ).format(n=number(look.contradictory, ","))
    yield from filter(None, [shared_words(look.shared)])
    if not (look.repeated or look.contradictory or look.shared):
        yield _("No pair occurs twice, and no sentence that is measured on is learned from.")


def shared_words(pairs: int) -> str:
    """What is said where sentences that are measured on are learned from; "" where none is."""
    if not pairs:
        return ""
    return ngettext(
        "{n} pair to be measured on share a sentence with those to learn from, which makes them easier.",
        "{n} pairs to be measured on share a sentence with those to learn from, which makes them easier.",
        pairs,
    ).format(n=number(pairs, ","))


def _file_facts(file: FileLook) -> Iterator[str]:
    yield _(
        "Columns taken: {sentence1}, {sentence2}; label: {label} ({same}: the same meaning, {different}: another)."
    ).format(**{name: getattr(file, name) for name in ("sentence1", "sentence2", "label", "same", "different")})
    if file.first_blank_line is not None:
        yield ngettext(
            "{n} blank line was passed over, the first of them {first}.",
            "{n} blank lines were passed over, the first of them {first}.",
            file.blank_lines,
        ).format(n=number(file.blank_lines, ","), first=file.first_blank_line.said())


def _length_facts(train: SplitLook, validation: SplitLook, max_length: int) -> Iterator[str]:
    half, most = train.tokens_of(0.5), train.tokens_of(0.95)
    yield _("Half of the pairs to learn from have up to {half} tokens, and 95 % have up to {most}.").format(
        half=half, most=most
    )
    cut = train.longer_than(max_length), validation.longer_than(max_length)
    if any(cut):
        yield _(
            "{train} of {all_train} training and {validation} of {all_validation} validation pairs are longer than "
            "{max_length} tokens (max_length); their ends are not read."
        ).format(
            train=number(cut[0], ","),
            all_train=number(train.pairs, ","),
            validation=number(cut[1], ","),
            all_validation=number(validation.pairs, ","),
            max_length=max_length,
        )
    else:
        said = _("Every pair is read whole: none is longer than {max_length} tokens (max_length).")
        yield said.format(max_length=max_length)
