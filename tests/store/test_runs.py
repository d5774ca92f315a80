"""Runs are found only by a safe name, and what is damaged is listed apart."""

import os
import secrets
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import RunError
from qlora_core.store.run import Run
from qlora_core.store.runs import NEW, RUN_ID, RunStore
from tests.store.test_run import change_json

HOSTILE = [
    "../../etc/passwd",
    "/",
    "..",
    "a b\n.csv",
    "-rf",
    "C:\\x.csv",
    "ünïcode.csv",
    "x" * 4000,
    "CON",
    "$(id)",
    ".",
]


@pytest.fixture
def run(store: RunStore) -> Run:
    """A new run."""
    return store.create(make_config())


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["dataset", "base_model"])
def test_a_run_id_is_a_safe_folder_name_whatever_was_named(field: str, name: str, store: RunStore) -> None:
    run = store.create(make_config(**{field: name}))
    assert RUN_ID.fullmatch(run.id)
    assert [path.name for path in store.folder.iterdir()] == [run.id]
    assert store.open(run.id).config.model_dump()[field] == name


@settings(deadline=None)
@given(name=st.text(min_size=1))
def test_any_text_makes_an_id_that_can_be_opened(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = RunStore(tmp_path_factory.getbasetemp() / "any")
    assert store.open(store.create(RunConfig(dataset=name)).id).config.dataset == name


def test_ids_never_repeat_and_say_what_was_trained_on_what(store: RunStore) -> None:
    ids = {store.create(make_config(dataset="my/Pairs.v2.csv", base_model="bert-base-cased")).id for _ in range(10)}
    assert len(ids) == 10
    assert all("-bert-base-cased-pairs-v2-" in run_id for run_id in ids)


@pytest.mark.parametrize(
    "run_id", ["../x", "..", ".", "", "/", "a/b", "A", "-a", "a\n", "a\0", "x" * 81, "runs/../x", "é"]
)
def test_no_name_leads_out_of_the_store(run_id: str, store: RunStore, run: Run) -> None:
    outside = store.folder.parent / "x"
    outside.mkdir()
    (outside / "status.json").write_bytes((run.path / "status.json").read_bytes())
    with pytest.raises(RunError, match=r"^There is no run '"):
        store.open(run_id)


def test_an_unknown_run_is_refused_with_how_to_list_them(store: RunStore) -> None:
    with pytest.raises(RunError, match=r"^There is no run 'abc'\. List them with: python -m qlora_core runs\.$"):
        store.open("abc")


def test_runs_are_listed_newest_first(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    for moment, model in ((1e9, "z"), (1e9 + 1, "m"), (1e9 + 86400, "a")):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        runs.append(store.create(make_config(base_model=model)).id)
    assert [run.id for run in store.runs()] == runs[::-1]
    assert [run.id for run in store.runs(2)] == runs[:0:-1]


def test_only_as_many_runs_are_read_as_are_asked_for(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        store.create(make_config())
    read = []

    def note(run: Run) -> str:
        read.append(run.id)
        return run.id

    monkeypatch.setattr(Run, "status", property(note))
    assert len(store.runs(2)) == len(read) == 2


def test_a_store_without_a_folder_is_empty(store: RunStore) -> None:
    assert (store.runs(), store.damaged()) == ([], [])


@pytest.mark.parametrize("name", ["status.json", "config.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}x", b'{"state": "dancing"}', b'{"rank": 8}', b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "half", "list", "null", "more", "state", "field", "bytes", "deep"],
)
def test_a_damaged_run_is_listed_apart(name: str, content: bytes, store: RunStore, run: Run) -> None:
    whole = store.create(make_config())
    (run.path / name).write_bytes(content)
    assert [found.id for found in store.runs()] == [whole.id]
    assert store.damaged() == [run.id]
    with pytest.raises(RunError):
        _ = run.status if name == "status.json" else run.config


@pytest.mark.parametrize("name", ["status.json", "config.json"])
def test_a_run_that_lacks_a_file_is_listed_apart(name: str, store: RunStore, run: Run) -> None:
    (run.path / name).unlink()
    assert (store.runs(), store.damaged()) == ([], [run.id])


@pytest.mark.parametrize("pid", [-1, 0, "me", 2**31, 2**70])
def test_a_process_number_that_cannot_be_is_damage(pid: object, store: RunStore, run: Run) -> None:
    change_json(run.path / "status.json", state="running", pid=pid, pid_started=1.0)
    assert (store.runs(), store.damaged()) == ([], [run.id])


def test_what_is_no_run_is_not_listed(store: RunStore, run: Run) -> None:
    (store.folder / "notes.txt").write_text("", encoding="utf-8")
    (store.folder / ".hidden").mkdir()
    (store.folder / "README").mkdir()
    assert [found.id for found in store.runs()] == [run.id]
    assert store.damaged() == []


def test_a_new_run_is_seen_as_a_whole_or_not_at_all(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, seen = Run.begin, []

    def look(run: Run, *arguments: Any) -> None:
        begin(run, *arguments)
        seen.append((store.runs(), store.damaged(), len(list(store.folder.iterdir()))))

    monkeypatch.setattr(Run, "begin", look)
    run = store.create(make_config(), "mine")
    assert seen == [([], [], 1)]
    assert [path.name for path in store.folder.iterdir()] == [run.id]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, UnicodeEncodeError])
def test_nothing_is_left_of_a_run_that_could_not_be_made(
    error: type[BaseException], store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Run, secret: str) -> None:
        raise error("utf-8", secret, 0, 1, "") if error is UnicodeEncodeError else error

    monkeypatch.setattr(Run, "set_owner", fail)
    with pytest.raises(error):
        store.create(make_config(), "\ud800")
    assert list(store.folder.iterdir()) == []


def test_a_secret_may_be_any_text(store: RunStore) -> None:
    run = store.create(make_config(), "\ud800")
    assert run.is_owned_by("\ud800")
    assert not run.is_owned_by("\ud801")


def test_what_a_killed_process_left_of_a_new_run_is_swept_later(store: RunStore, run: Run) -> None:
    old, new = (store.folder / f"{NEW}{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
        (folder / "config.json").touch()
    os.utime(old, (0, 0))
    assert ([found.id for found in store.runs()], store.damaged()) == ([run.id], [])
    store.sweep()
    assert sorted(path.name for path in store.folder.iterdir()) == [new.name, run.id]


def test_a_run_that_is_made_by_its_worker_never_waits(store: RunStore) -> None:
    run = store.create(make_config(), worker=os.getpid())
    assert (run.status.state, run.status.pid) == ("running", os.getpid())
    run.claim()


def test_a_name_that_a_run_has_already_is_given_to_no_other(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["aaaa", "aaaa", "bbbb"])
    draw = secrets.token_hex
    monkeypatch.setattr(time, "time", lambda: 1.8e9)
    monkeypatch.setattr(secrets, "token_hex", lambda size: next(drawn) if size == 2 else draw(size))
    first, second = store.create(make_config(seed=1)), store.create(make_config(seed=2))
    assert (first.id[-4:], second.id[-4:]) == ("aaaa", "bbbb")
    assert (store.open(first.id).config.seed, store.open(second.id).config.seed) == (1, 2)
