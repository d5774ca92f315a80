"""Runs that visitors bring: unpacked by a process of its own, theirs, marked, and within what a server may hold."""

from pathlib import Path

import pytest

from qlora_core.errors import ArchiveError, RunError, StorageError
from qlora_core.server.visitor_files import brought_runs
from qlora_core.server.visitor_files.brought_runs import BroughtRuns, bring_run
from qlora_core.store.packed.mark import brought, is_brought
from qlora_core.store.runs import RunStore
from tests.packed_run import RUN, WRONG_FILES, files_of, packed_recorded, without, zip_of


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed_recorded(tmp_path_factory.mktemp("packed") / "run.zip")


def anything(run_id: str) -> None:
    """Every name is free."""


@pytest.fixture
def runs(store: RunStore, tmp_path: Path) -> BroughtRuns:
    return BroughtRuns(store, RunStore(tmp_path / "recorded"), anything)


@pytest.mark.process
@pytest.mark.usefixtures("working_apart")
def test_a_zip_is_unpacked_by_a_process_of_its_own(runs: BroughtRuns, packed: Path, tmp_path: Path) -> None:
    run = runs.bring(packed, "mine")
    assert run.result == RUN.result
    assert (run.is_owned_by("mine"), run.is_owned_by("other")) == (True, False)
    assert is_brought(run)
    run.delete()
    change, words = WRONG_FILES["a pickle for an adapter"]
    wrong = zip_of(tmp_path / "wrong.zip", without(change(files_of(packed)), "sha256.json"))
    with pytest.raises(ArchiveError, match=words):
        runs.bring(wrong, "mine")
    assert list(runs.store.folder.iterdir()) == []


@pytest.mark.process
@pytest.mark.usefixtures("working_apart")
def test_one_that_takes_too_long_is_ended(runs: BroughtRuns, packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brought_runs, "MAX_SECONDS", 0.0)
    with pytest.raises(ArchiveError, match="takes longer"):
        runs.bring(packed, "")
    assert list(runs.store.folder.iterdir()) == []


def test_nobody_owns_a_run_that_was_brought_without_a_secret(runs: BroughtRuns, packed: Path) -> None:
    assert not runs.bring(packed, "").is_owned_by("")


def test_a_run_that_came_with_the_program_cannot_be_brought(store: RunStore, packed: Path) -> None:
    runs = BroughtRuns(store, RunStore(RUN.path.parent), anything)
    with pytest.raises(ArchiveError, match="came with the program"):
        runs.bring(packed, "mine")
    assert store.everything() == []


def test_a_store_holds_so_many_that_were_brought(store: RunStore, packed: Path, tmp_path: Path) -> None:
    runs = BroughtRuns(store, RunStore(tmp_path / "recorded"), anything, max_brought=1)
    run = runs.bring(packed, "")
    with pytest.raises(StorageError, match="keeps 1 runs that were brought here"):
        runs.bring(packed, "")
    run.delete()
    runs.bring(packed, "")


def test_the_command_takes_one_in_too(store: RunStore, packed: Path) -> None:
    run = bring_run(store, packed)
    assert brought(run) is not None
    with pytest.raises(RunError, match="is here already"):
        bring_run(store, packed)
