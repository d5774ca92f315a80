"""Guesses beside what a run came to: the median, and who was closest."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from qlora_core.classroom.guesses import Guess
from qlora_core.errors import RunError
from qlora_core.evaluation.scores import Result, finetuned_accuracy, recorded_scores
from qlora_core.store.feed import Cursor, RunFeed
from qlora_core.store.run import Run

#: What a run is before it learns: the run that it starts from, else its untrained head.
BEFORE = ("started_from", "untrained_head")


@dataclass(frozen=True)
class Outcome:
    """The accuracies that were guessed at, as they were measured."""

    before: float | None  #: None in results that do not have it
    after: float


@dataclass(frozen=True)
class Median:
    """The middle of all guesses."""

    before: float
    after: float


def outcome_of(run: Run) -> Outcome | None:
    """What a finished run came to; None while it has no result, or where that is damaged."""
    if not run.has_result:
        return None
    try:
        return run.from_result(_outcome)
    except RunError:
        return None


def _outcome(result: Result) -> Outcome:
    scores = recorded_scores(result)
    known = (scores[name].value("accuracy") for name in BEFORE if name in scores)
    return Outcome(next(known, None), finetuned_accuracy(result))


def median_of(guesses: list[Guess]) -> Median | None:
    """The median of what is expected before and after; None where nobody has guessed."""
    if not guesses:
        return None
    return Median(*(median(values) for values in ([g.before for g in guesses], [g.after for g in guesses])))


def off(guess: Guess, outcome: Outcome) -> float:
    """How far a guess is from the accuracy after training; that before may have been on the screen already."""
    return round(abs(guess.after - outcome.after), 6)


def course_of(feed: RunFeed, outcome: Outcome | None) -> list[list[float]]:
    """How the accuracy really went: shares of training and accuracies, from before it to what was measured last."""
    news = feed.since(Cursor())
    before = [entry["accuracy"] for entry in news["baselines"] for name in BEFORE if entry["name"] == name]
    start = [outcome.before] if outcome and outcome.before is not None else before[:1]
    total = max(news["total_steps"], 1)
    measured = [[min(1.0, entry["step"] / total), entry["accuracy"]] for entry in news["evaluations"]]
    return [*([0.0, accuracy] for accuracy in start), *measured]


def guesses_report(guesses: list[Guess], own: Guess | None, outcome: Outcome | None) -> dict[str, Any]:
    """Guesses, median, outcome and distance of the closest, as JSON has them.

    ``mine`` marks one's own among equal ones, ``closest`` everybody who was as close as anybody.
    """
    least = min((off(guess, outcome) for guess in guesses), default=None) if outcome else None
    middle, entries, unmarked = median_of(guesses), [], own
    for guess in guesses:
        is_mine = guess == unmarked
        unmarked = None if is_mine else unmarked
        is_closest = outcome is not None and off(guess, outcome) == least
        entries.append({**guess.model_dump(mode="json"), "mine": is_mine, "closest": is_closest})
    return {
        "guesses": entries,
        "median": middle and {"before": middle.before, "after": middle.after},
        "outcome": outcome and {"before": outcome.before, "after": outcome.after},
        "closest_off": least,
    }
