"""Guesses of a run: one a browser, changeable until it learns, bounded; and how they stand beside the outcome."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from qlora_core.classroom import guesses as module
from qlora_core.classroom.books import BookFull
from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.guesses import Guess, GuessBook, check_open, is_open
from qlora_core.classroom.outcome import Outcome, course_of, guesses_report, median_of, outcome_of
from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.store.feed import RunFeed
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.recorded import recorded_run

SECRET = "a-browser's-own"


@pytest.fixture
def book(tmp_path: Path) -> GuessBook:
    """An empty one."""
    return GuessBook(tmp_path / "classroom" / "guesses" / "a-run.json")


@pytest.fixture
def run(store: RunStore) -> Run:
    """One that waits."""
    return store.create(RunConfig())


def test_a_browser_has_one_guess_which_it_may_change(book: GuessBook) -> None:
    assert book.of(SECRET) is None
    assert book.put(SECRET, Guess(before=0.5, after=0.9)) == 1
    assert book.put(SECRET, Guess(before=0.4, after=0.8, between=(0.5, 0.6, 0.7))) == 1
    assert book.put("another", Guess(before=0.5, after=0.7)) == 2
    assert book.of(SECRET) == Guess(before=0.4, after=0.8, between=(0.5, 0.6, 0.7))
    assert [guess.after for guess in book.all()] == [0.7, 0.8]


def test_guesses_are_there_after_a_restart_and_name_nobody(book: GuessBook, tmp_path: Path) -> None:
    book.put(SECRET, Guess(before=0.5, after=0.9))
    (file,) = tmp_path.rglob("*.json")
    again = GuessBook(file)
    assert again.of(SECRET) == Guess(before=0.5, after=0.9)
    assert SECRET not in file.read_text()
    (name,) = json.loads(file.read_text())["entries"]
    other = GuessBook(file.with_name("other-run.json"))
    other.put(SECRET, Guess(before=0.5, after=0.9))
    (elsewhere,) = json.loads((file.parent / "other-run.json").read_text())["entries"]
    assert name != elsewhere, "nobody can tell that both are one browser's"


def test_thirty_guesses_at_once_are_all_kept(book: GuessBook) -> None:
    with ThreadPoolExecutor(30) as threads:
        list(threads.map(lambda number: book.put(f"browser {number}", Guess(before=0.5, after=number / 30)), range(30)))
    assert len(book) == 30


def test_a_run_takes_a_bounded_number_of_guesses(book: GuessBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GUESSES", 2)
    for name in ("one", "two"):
        book.put(name, Guess(before=0.5, after=0.9))
    with pytest.raises(BookFull):
        book.put("three", Guess(before=0.5, after=0.9))
    book.put("one", Guess(before=0.5, after=0.8))
    assert [guess.after for guess in book.all()] == [0.8, 0.9]


@pytest.mark.parametrize(
    "wrong",
    [
        {"before": -0.1, "after": 0.5},
        {"before": 0.5, "after": 1.1},
        {"before": 0.5, "after": float("nan")},
        {"before": 0.5, "after": 0.5, "between": [0.5]},
        {"before": 0.5, "after": 0.5, "name": "Ann"},
    ],
    ids=str,
)
def test_what_is_no_accuracy_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Guess.model_validate(wrong)


@pytest.mark.parametrize("content", ["", "[]", '{"guesses": {"x": {"before": 7, "after": 1}}}', "\x00"])
def test_a_damaged_book_is_as_if_it_were_empty(content: str, book: GuessBook, tmp_path: Path) -> None:
    book.put(SECRET, Guess(before=0.5, after=0.9))
    (file,) = tmp_path.rglob("*.json")
    file.write_text(content)
    again = GuessBook(file)
    assert again.all() == []
    assert again.put(SECRET, Guess(before=0.5, after=0.9)) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"state": "interrupted", "on_loan": True}, True),
        ({"state": "failed", "phase": "baselines"}, True),
        ({"phase": "training"}, False),
        ({"phase": "evaluating"}, False),
        ({"state": "stopped", "phase": "done"}, False),
        ({"state": "finished", "phase": "done"}, False),
    ],
    ids=str,
)
def test_a_run_takes_guesses_until_it_trains(changes: dict[str, object], expected: bool, run: Run) -> None:
    run.set_status(**changes)
    assert is_open(RunFeed(run)) is expected


def test_a_run_that_began_to_learn_takes_none_when_it_begins_anew(run: Run) -> None:
    step = {"step": 1, "total_steps": 9, "epoch": 0.1, "loss": 0.7, "learning_rate": 1e-4}
    run.append_event("step", **step)
    run.set_status(state="queued", phase="loading")
    with pytest.raises(RunError, match="Training has begun"):
        check_open(RunFeed(run))


def test_the_outcome_is_what_the_untrained_head_and_the_fine_tuned_model_came_to(run: Run) -> None:
    assert outcome_of(run) is None
    recorded = recorded_run("standard")
    result = recorded.require_result()
    outcome = outcome_of(recorded)
    assert outcome is not None
    assert outcome.before == result["metrics"]["untrained_head"]["accuracy"]
    assert outcome.after == result["metrics"]["finetuned"]["accuracy"]


def test_the_course_goes_from_before_training_to_the_last_measurement() -> None:
    recorded = recorded_run("standard")
    outcome, course = outcome_of(recorded), course_of(RunFeed(recorded), outcome_of(recorded))
    assert outcome is not None
    assert course[0] == [0.0, outcome.before]
    shares = [share for share, _ in course]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert max(accuracy for _, accuracy in course) == pytest.approx(outcome.after)


def test_ones_own_and_the_closest_guesses_are_marked() -> None:
    guesses = [Guess(before=0.5, after=after) for after in (0.6, 0.78, 0.82, 0.82, 0.9)]
    report = guesses_report(guesses, Guess(before=0.5, after=0.82), Outcome(before=0.5, after=0.8))
    assert [entry["mine"] for entry in report["guesses"]] == [False, False, True, False, False]
    assert [entry["closest"] for entry in report["guesses"]] == [False, True, True, True, False]
    assert report["closest_off"] == pytest.approx(0.02)
    assert report["median"] == {"before": 0.5, "after": 0.82}
    assert guesses_report(guesses, None, None)["closest_off"] is None
    assert median_of([]) is None


def test_all_goes_at_once_and_what_no_run_needs_goes_by_itself(store: RunStore) -> None:
    first, second = store.create(RunConfig()), store.create(RunConfig(seed=1))
    classroom = Classroom(store)
    for run in (first, second):
        classroom.guesses(run).put(SECRET, Guess(before=0.5, after=0.9))
    first.delete()
    classroom.forget(first)
    assert classroom.left() == (1, 0)
    classroom.guesses(first).put(SECRET, Guess(before=0.5, after=0.9))
    classroom.sweep(store.runs())
    assert (len(classroom.guesses(first)), len(classroom.guesses(second))) == (0, 1)
    assert classroom.left() == (1, 0)
    classroom.delete()
    assert classroom.left() == (0, 0)
    classroom.delete()
    assert [run.id for run in store.everything()] == [second.id]
