"""What a class sends: guesses and judgements, checked, bounded in number and rate; and what it may be told.

Whoever takes part is known by their browser's secret alone.
"""

from dataclasses import dataclass, field
from typing import Any

from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.guesses import Guess, check_open, is_open
from qlora_core.classroom.judgements import Judge, Label
from qlora_core.classroom.outcome import course_of, guesses_report, outcome_of
from qlora_core.classroom.scores import answered_by, room_report
from qlora_core.errors import ConfigError, DataError, HubError, RunError
from qlora_core.evaluation.flips import Sentences
from qlora_core.language import N_
from qlora_core.server.participating.judged_pairs import JudgedPairs
from qlora_core.server.rate_limit import RateLimit
from qlora_core.server.who_may import may_be_secret
from qlora_core.store.feed import Feeds, RunFeed
from qlora_core.store.run import Run

#: Messages of a class behind one address, and of all: as many at once as a large one sends, and as many a second.
OF_ONE, OF_ALL = (600, 20.0), (3000, 60.0)
TOO_OFTEN = N_("So much comes from your address that this was not taken. Wait a minute, then send it again.")
NO_SECRET = N_("Your browser sent no usable key, by which it is told from others. Reload the page.")
NO_SENTENCES = N_("The sentences of this run are not on this machine, so nobody can judge them here.")
#: How long a request waits for sentences that are being read for the first time.
READING_SECONDS = 0.1


def _rate() -> RateLimit:
    return RateLimit(of_one=OF_ONE, of_all=OF_ALL, refusal=TOO_OFTEN)


@dataclass(frozen=True)
class Participation:
    """One server's class."""

    classroom: Classroom
    feeds: Feeds
    pairs: JudgedPairs
    rate: RateLimit = field(default_factory=_rate)

    def news(self, feed: RunFeed) -> dict[str, Any]:
        """Whether a run takes guesses, how many there are, and how many have judged its pairs: numbers alone."""
        run = feed.run
        return {
            "open": is_open(feed),
            "guesses": len(self.classroom.guesses(run)),
            "judges": len(self.classroom.judgements(run).judges()),
        }

    def guess(self, run: Run, secret: str, guess: Guess, address: str) -> dict[str, Any]:
        """Write a guess down, in place of an earlier one.

        Raises:
            ConfigError: the secret is none.
            RunError: training has begun.
            BookFull: too many others have guessed.
            RateLimitExceeded: too much comes from that address.
        """
        self._check(secret, address)
        check_open(self.feeds.of(run.id))
        return {"count": self.classroom.guesses(run).put(secret, guess), "mine": guess.model_dump(mode="json")}

    def guesses(self, run: Run, secret: str) -> dict[str, Any]:
        """One's own guess and the number of all; everybody's, and how close they came, once training has begun."""
        book, may_guess = self.classroom.guesses(run), is_open(self.feeds.of(run.id))
        own = book.of(secret) if secret else None
        told = {"run_id": run.id, "open": may_guess, "count": len(book), "mine": own and own.model_dump(mode="json")}
        if may_guess:
            return told
        outcome = outcome_of(run)
        course = course_of(self.feeds.of(run.id), outcome)
        return told | guesses_report(book.all(), own, outcome) | {"course": course}

    def ask(self, run: Run, secret: str, address: str, seconds: float = READING_SECONDS) -> dict[str, Any]:
        """The pair that a browser is to judge next, and how many there are; ``reading`` while they are being read.

        Raises:
            ConfigError: the secret is none.
            RunError: the run's sentences are not on this machine.
            BookFull: too many others have judged.
            RateLimitExceeded: too much comes from that address.
        """
        self._check(secret, address)
        pairs = self._pairs(run, seconds)
        if pairs is None:
            return {"reading": True}
        return _asked(self.classroom.judgements(run).begin(secret, pairs), pairs)

    def judge(self, run: Run, secret: str, pair: int, label: Label, address: str) -> dict[str, Any]:
        """Write down what a browser answers to the pair it is asked; returns the next one, as ``ask`` does.

        Raises:
            RunError: it is asked another pair, or none yet.
            ConfigError, RateLimitExceeded: as for ``ask``.
        """
        self._check(secret, address)
        pairs = self._pairs(run, READING_SECONDS)
        judge = self.classroom.judgements(run).answer(secret, pair, label)
        return {"reading": True} if pairs is None else _asked(judge, pairs)

    def room(self, run: Run, secret: str, seconds: float = READING_SECONDS) -> dict[str, Any]:
        """The room as one more answerer; without sentences and phenomena while those are being read."""
        book = self.classroom.judgements(run)
        judges, own, missing = book.judges(), book.of(secret) if secret else None, ""
        pairs: list[Sentences] | None = []
        if judges:
            try:
                pairs = self._pairs(run, seconds)
            except RunError as error:
                missing = error.said()
        report = room_report(judges, own, answered_by(run), pairs or [])
        return {"run_id": run.id, **report, "reading": pairs is None, "missing": missing}

    def _pairs(self, run: Run, seconds: float) -> list[Sentences] | None:
        try:
            return self.pairs.get(run.config, seconds)
        except (DataError, HubError) as error:
            raise RunError(NO_SENTENCES) from error

    def _check(self, secret: str, address: str) -> None:
        if not may_be_secret(secret):
            raise ConfigError(NO_SECRET)
        self.rate.take(address)


def _asked(judge: Judge, pairs: list[Sentences]) -> dict[str, Any]:
    done = {"done": len(judge.answers), "of": len(judge.given)}
    if judge.next is None:
        return done
    pair = pairs[judge.next]
    return {**done, "pair": judge.next, "sentence1": pair.sentence1, "sentence2": pair.sentence2}
