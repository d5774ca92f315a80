"""What people answer to validation pairs, blind: who was given which, and what they said.

They belong to the pairs and not to a run: runs that are validated on the same ones have the same judges. Kept are the
numbers of the pairs, and no sentence.
"""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qlora_core.classroom.books import Book, BookFull, Page, participant
from qlora_core.classroom.draw import PAIRS_OF_A_JUDGE, count_given, draw
from qlora_core.config import RunConfig
from qlora_core.data.catalog import DATASETS
from qlora_core.errors import RunError
from qlora_core.evaluation.flips import Sentences
from qlora_core.language import N_
from qlora_core.store.shared.contents import by_content
from qlora_core.store.status import Moment

MAX_JUDGES = 500  #: of the same pairs
#: Pairs that were given and not answered within this time are counted as if nobody had them.
GIVEN_SECONDS = 900.0
KEY_DIGITS = 32
FULL = N_("As many browsers as may have judged these pairs. See in Results what they found.")
NOT_ASKED = N_("That is not the pair that you are asked now. Reload the page to go on where you are.")

Number = Annotated[int, Field(ge=0, le=10**9)]  #: a pair's row among the validation pairs
Label = Literal[0, 1]


class Judge(BaseModel):
    """One browser: the pairs it was given, in order, and its answers to the first of them."""

    model_config = ConfigDict(frozen=True)

    given: tuple[Number, ...] = Field(max_length=PAIRS_OF_A_JUDGE)
    answers: tuple[Label, ...] = Field((), max_length=PAIRS_OF_A_JUDGE)
    at: Moment  #: when it was given them

    @property
    def next(self) -> int | None:
        """The pair that is asked now; None once all are answered."""
        return self.given[len(self.answers)] if len(self.answers) < len(self.given) else None


class JudgementBook:
    """The judgements of one set of validation pairs: about sentences that have this digest."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.key, self._clock = path.stem, clock
        self._book = Book(path, Page[Judge])

    def judges(self) -> list[Judge]:
        """Everybody who has answered a pair."""
        return [judge for judge in self._book.read().entries.values() if judge.answers]

    def of(self, secret: str) -> Judge | None:
        """The browser with that secret, once it was given pairs."""
        return self._book.read().entries.get(self._name(secret))

    def begin(self, secret: str, pairs: Sequence[Sentences]) -> Judge:
        """The pairs that a browser is asked, drawn when it comes for the first time.

        Where the pairs are other ones than before, because somebody has changed their file, all begins anew.

        Raises:
            BookFull: too many others have judged.
            StorageError: the disk is full or refuses to be written to.
        """
        name, now, sentences = self._name(secret), self._clock(), digest_of(tuple(pairs))

        def with_them(before: Page[Judge]) -> Page[Judge]:
            judges = before.entries if before.about == sentences else {}
            if name in judges:
                return before
            if len(judges) >= MAX_JUDGES:
                judges = {known: judge for known, judge in judges.items() if judge.answers}
            if len(judges) >= MAX_JUDGES:
                raise BookFull(FULL)
            given = count_given(_counted(judge, now) for judge in judges.values())
            judge = Judge(given=tuple(draw([pair.phenomenon for pair in pairs], given, name)), at=now)
            return Page[Judge](about=sentences, entries={**judges, name: judge})

        return self._book.change(with_them).entries[name]

    def answer(self, secret: str, pair: int, label: Label) -> Judge:
        """Write down what a browser answers to the pair that it is asked; the same answer twice counts once.

        Raises:
            RunError: it is asked another one.
            StorageError: the disk is full or refuses to be written to.
        """
        name = self._name(secret)

        def with_it(before: Page[Judge]) -> Page[Judge]:
            judge = before.entries.get(name)
            if judge is not None and pair in judge.given[: len(judge.answers)]:
                return before
            if judge is None or judge.next != pair:
                raise RunError(NOT_ASKED)
            answered = judge.model_copy(update={"answers": (*judge.answers, label)})
            return before.with_entry(name, answered)

        return self._book.change(with_it).entries[name]

    def _name(self, secret: str) -> str:
        return participant(secret, f"judge {self.key}")


def _counted(judge: Judge, now: float) -> tuple[int, ...]:
    """The pairs that a judge has answered, or is about to."""
    is_here = abs(now - judge.at) < GIVEN_SECONDS
    return judge.given if is_here else judge.given[: len(judge.answers)]


@lru_cache(16)
def digest_of(pairs: tuple[Sentences, ...]) -> str:
    """Of the sentences, in their order."""
    digest = blake2b(digest_size=16)
    for pair in pairs:
        for sentence in (pair.sentence1, pair.sentence2):
            digest.update(sentence.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


@lru_cache(256)
def pairs_key(config: RunConfig) -> str:
    """The same for runs that are validated on the same pairs; what follows from their settings and files alone.

    The seed decides which pairs a file is validated on, and which a limited validation keeps.
    """
    same = by_content(config)
    is_whole = (config.dataset in DATASETS or same.validation_file) and config.max_eval_samples is None
    source = same.validation_file or same.dataset
    parts = (source, same.data_dir, same.columns, same.max_eval_samples, None if is_whole else same.seed)
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=KEY_DIGITS // 2).hexdigest()
