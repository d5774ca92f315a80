"""A book: lines of many, each kept, whatever happens to the file."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qlora_core.classroom import books as module
from qlora_core.classroom.books import Book, Page
from qlora_core.classroom.folder import Classroom
from qlora_core.classroom.guesses import Guess
from qlora_core.classroom.judgements import Judge
from qlora_core.config import RunConfig
from qlora_core.errors import StorageError
from qlora_core.store.runs import RunStore

GUESS, OTHER = Guess(before=0.5, after=0.9), Guess(before=0.4, after=0.8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a book is to be."""
    return tmp_path / "books" / "one.json"


def opened(path: Path) -> Book[Guess]:
    """A book of guesses, as another process opens it."""
    return Book(path, Page[Guess])


def put(book: Book[Guess], name: str, guess: Guess = GUESS) -> None:
    book.change(lambda page: page.with_entry(name, guess))


def test_a_change_is_one_more_line_and_the_last_one_counts(path: Path) -> None:
    book = opened(path)
    for name, guess in (("one", GUESS), ("two", GUESS), ("one", OTHER)):
        put(book, name, guess)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [list(line["entries"]) for line in lines] == [["one"], ["two"], ["one"]]
    assert book.read().entries == opened(path).read().entries == {"one": OTHER, "two": GUESS}


def test_the_same_said_again_writes_nothing(path: Path) -> None:
    book = opened(path)
    put(book, "one")
    before = path.read_bytes()
    put(book, "one")
    assert path.read_bytes() == before


def test_what_another_process_writes_is_seen_and_kept(path: Path) -> None:
    ours, theirs = opened(path), opened(path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: put((ours, theirs)[number % 2], f"browser {number}"), range(60)))
    assert len(ours.read().entries) == len(theirs.read().entries) == len(opened(path).read().entries) == 60


def test_half_a_line_is_left_out_and_the_next_begins_anew(path: Path) -> None:
    book = opened(path)
    put(book, "one")
    with path.open("a") as file:
        file.write('{"entries": {"torn": {"before"')
    assert book.read().entries == {"one": GUESS}
    put(book, "two")
    assert book.read().entries == opened(path).read().entries == {"one": GUESS, "two": GUESS}


def test_a_damaged_line_hides_itself_alone(path: Path) -> None:
    book = opened(path)
    put(book, "one")
    with path.open("ab") as file:
        file.write(b'\xff\x00\n[]\n{"entries": {"three": {"before": 7, "after": 1}}}\n')
    put(book, "two")
    assert opened(path).read().entries == {"one": GUESS, "two": GUESS}


@pytest.mark.parametrize("how", ["deleted", "emptied", "replaced"])
def test_a_file_that_is_another_one_is_read_from_its_beginning(how: str, path: Path) -> None:
    book = opened(path)
    put(book, "one")
    if how == "deleted":
        path.unlink()
    elif how == "emptied":
        path.write_text("")
    else:
        other = opened(path.with_name("other.json"))
        put(other, "two")
        other.path.replace(path)
    expected = {"two": GUESS} if how == "replaced" else {}
    assert book.read().entries == expected
    put(book, "three")
    assert opened(path).read().entries == expected | {"three": GUESS}


def test_what_is_about_something_else_begins_the_book_anew(path: Path) -> None:
    book = Book(path, Page[Guess])
    book.change(lambda _: Page[Guess](about="these", entries={"one": GUESS}))
    book.change(lambda _: Page[Guess](about="those", entries={"two": GUESS}))
    assert len(path.read_text().splitlines()) == 1
    assert (book.read().about, book.read().entries) == ("those", {"two": GUESS})


def test_a_line_about_something_else_voids_those_before_it(path: Path) -> None:
    path.parent.mkdir()
    pages = [Page[Guess](about=about, entries={about: GUESS}) for about in ("these", "those")]
    path.write_text("".join(page.model_dump_json() + "\n" for page in pages))
    assert opened(path).read() == pages[1]


def test_whoever_is_taken_out_is_in_no_line(path: Path) -> None:
    book = opened(path)
    for name in ("one", "two"):
        put(book, name)
    book.change(lambda _: Page[Guess](entries={"two": GUESS}))
    assert "one" not in path.read_text()
    assert opened(path).read().entries == {"two": GUESS}


def test_a_book_does_not_grow_with_every_change(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINES", 5)
    book = opened(path)
    for number in range(40):
        put(book, "one", Guess(before=0.5, after=number / 40))
        assert len(path.read_text().splitlines()) <= 6
    assert opened(path).read().entries["one"].after == pytest.approx(39 / 40)


def test_a_full_disk_is_told_and_costs_nothing_that_was_there(path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    book = opened(path)
    put(book, "one")
    book.path = path.with_name("full.json")
    book.path.symlink_to(full)
    with pytest.raises(StorageError, match="full or not writable"):
        put(book, "two")
    assert opened(path).read().entries == {"one": GUESS}


def test_books_of_earlier_versions_are_read_and_written_on(store: RunStore) -> None:
    run, classroom = store.create(RunConfig()), Classroom(store)
    guesses, judgements = classroom.guesses(run), classroom.judgements(run)
    judge = Judge(given=(1, 2), answers=(1,), at=0)
    for path, content in (
        (classroom.folder / "guesses" / f"{run.id}.json", {"guesses": {"a": GUESS.model_dump()}}),
        (
            classroom.folder / "judgements" / f"{judgements.key}.json",
            {"sentences": "digest", "judges": {"a": judge.model_dump()}},
        ),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content) + "\n")
    assert guesses.all() == [GUESS]
    assert guesses.put("secret", OTHER) == 2
    assert judgements.judges() == [judge]


def test_a_book_stays_open_even_where_nobody_has_written_into_it(store: RunStore) -> None:
    run, classroom = store.create(RunConfig()), Classroom(store)
    assert classroom.guesses(run) is classroom.guesses(run)
