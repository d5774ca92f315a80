"""The command ``class``: what was guessed of a run, what people answer to its pairs, and deleting all of it."""

import argparse
from typing import Any

from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.guesses import is_open
from qlora_core.classroom.outcome import guesses_report, outcome_of
from qlora_core.classroom.scores import answered_by, room_report
from qlora_core.errors import ConfigError, DataError, HubError
from qlora_core.evaluation.answerers import label_of
from qlora_core.evaluation.flips import Sentences
from qlora_core.evaluation.metrics import shown
from qlora_core.store.feed import RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

Report = tuple[dict[str, Any], str]


def classroom(options: argparse.Namespace) -> Report:
    """Show what a class has left behind of one run, or of all, or delete it.

    Raises:
        ConfigError: one run's alone is to be deleted.
        RunError: there is no such run.
    """
    store = RunStore(options.runs_dir)
    books = Classroom(store)
    if options.delete:
        if options.run_id:
            raise ConfigError("All of it is deleted at once. Leave out the run.")
        left = books.left()
        books.delete()
        return {"deleted": left._asdict()}, f"Deleted {left.guesses} guesses, and the judgements of {left.judges}."
    if options.run_id:
        return _of_run(books, store.open(options.run_id))
    left = books.left()
    runs = {run.id: len(books.guesses(run)) for run in store.runs()}
    lines = [f"{run_id:44} guesses: {count}" for run_id, count in runs.items()]
    return {**left._asdict(), "guesses_by_run": runs}, "\n".join([*lines, f"judges of all pairs: {left.judges}"])


def _of_run(books: Classroom, run: Run) -> Report:
    book, judgements = books.guesses(run), books.judgements(run)
    judges, may_guess = judgements.judges(), is_open(RunFeed(run))
    guessed: dict[str, Any] = {"open": may_guess, "count": len(book)}
    if not may_guess:
        guessed |= guesses_report(book.all(), None, outcome_of(run))
    room = room_report(judges, None, answered_by(run), _sentences(run) if judges else [])
    return {"run_id": run.id, "guesses": guessed, "room": room}, "\n".join([*_guess_lines(guessed), *_room_lines(room)])


def _sentences(run: Run) -> list[Sentences]:
    """The run's validation pairs; none where they are not on this machine."""
    from qlora_core.evaluation.flips import read_validation_pairs

    try:
        return read_validation_pairs(run.config).sentences
    except (DataError, HubError):
        return []


def _guess_lines(guessed: dict[str, Any]) -> list[str]:
    lines = [f"guesses: {guessed['count']}"]
    if middle := guessed.get("median"):
        lines.append(f"median: {shown(middle['before'])} before, {shown(middle['after'])} after")
    if outcome := guessed.get("outcome"):
        lines.append(f"outcome: {shown(outcome['before'])} before, {shown(outcome['after'])} after")
    return lines


def _room_lines(room: dict[str, Any]) -> list[str]:
    lines = [f"judges: {room['judges']}, judgements: {room['judgements']}, pairs: {room['pairs']}"]
    scores, least = room["scores"], room["least"]
    if scores is None:
        few = f"Too few to speak of a room: {least['judgements']} judgements by {least['judges']} judges are needed."
        return lines if room["enough"] else [*lines, few]
    low, high = scores["accuracy_ci95"]
    lines.append(f"this room: {shown(scores['accuracy'])} [{shown(low)}, {shown(high)}], judged pairs drawn again")
    lines += [f"{label_of(name)} on the same pairs: {shown(share)}" for name, share in scores["models"].items()]
    return [*lines, f"Fleiss' kappa: {shown(scores['kappa'], 2)} over {scores['kappa_pairs']} pairs"]
