"""Finished runs outlive the disk of a server: kept one by one, read back, removed when they are deleted."""

import errno
import logging
import shutil
from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.errors import ArchiveError
from qlora_core.server.archive import keeper as keeper_module
from qlora_core.server.archive.folder import ArchiveFolder
from qlora_core.server.archive.keeper import ArchiveKeeper
from qlora_core.store.packed.mark import is_brought, mark_brought
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import wait_until
from tests.packed_run import RUN


class BadFolder(ArchiveFolder):
    """A mounted bucket that refuses what it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.refused: set[str] = set()

    def _check(self, what: str) -> None:
        if what in self.refused:
            raise OSError(errno.EIO, "the bucket does not answer")

    def run_ids(self) -> set[str]:
        self._check("list")
        return super().run_ids()

    def put(self, run_id: str, file: Path) -> None:
        self._check("write")
        super().put(run_id, file)

    def remove(self, run_id: str) -> None:
        self._check("write")
        super().remove(run_id)


@pytest.fixture
def folder(tmp_path: Path) -> BadFolder:
    return BadFolder(tmp_path / "bucket")


@pytest.fixture
def keeper(store: RunStore, folder: BadFolder) -> ArchiveKeeper:
    return ArchiveKeeper(store, folder)


@pytest.fixture
def run(store: RunStore) -> Run:
    """A finished run of a visitor's, started on this server."""
    shutil.copytree(RUN.path, store.folder / RUN.id)
    run = store.open(RUN.id)
    run.set_owner("mine")
    return run


@pytest.fixture
def other(tmp_path: Path) -> RunStore:
    """The disk of the same server after a restart: empty."""
    return RunStore(tmp_path / "runs-after")


def test_a_finished_run_is_read_back_as_it_was_and_is_still_its_visitors(
    keeper: ArchiveKeeper, folder: BadFolder, run: Run, other: RunStore
) -> None:
    mark_brought(run, run.require_result())
    assert keeper.turn()
    assert ArchiveKeeper(other, folder).turn()
    again = other.open(run.id)
    assert (again.config, again.result, list(again.events())) == (run.config, run.result, list(run.events()))
    assert again.status.created == run.status.created
    assert again.is_owned_by("mine")
    assert is_brought(again)


def test_runs_that_have_not_finished_stay_where_they_are(
    store: RunStore, keeper: ArchiveKeeper, folder: BadFolder
) -> None:
    store.create(make_config())
    assert keeper.turn()
    assert list(folder.path.iterdir()) == []


def test_a_deleted_run_is_deleted_there_too_as_soon_as_that_can_be(
    keeper: ArchiveKeeper, folder: BadFolder, run: Run, other: RunStore
) -> None:
    keeper.turn()
    run.delete()
    folder.refused = {"write"}
    keeper.forget(run)
    assert not keeper.turn()
    assert folder.run_ids() == {run.id}
    folder.refused = set()
    assert keeper.turn()
    assert keeper.turn()
    assert folder.run_ids() == set()
    assert ArchiveKeeper(other, folder).turn()
    assert other.everything() == []


def test_a_folder_that_refuses_is_said_once_and_tried_again(
    keeper: ArchiveKeeper, folder: BadFolder, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    for refused in ("list", "write"):
        folder.refused = {refused}
        with caplog.at_level(logging.WARNING):
            assert [keeper.turn(), keeper.turn()] == [False, False]
    assert [record.getMessage().count("the bucket does not answer") for record in caplog.records] == [1]
    folder.refused = set()
    assert keeper.turn()
    assert folder.run_ids() == {run.id}


def test_what_cannot_be_written_is_read_back_all_the_same(
    keeper: ArchiveKeeper, folder: BadFolder, run: Run, other: RunStore
) -> None:
    keeper.turn()
    folder.refused = {"write"}
    shutil.copytree(RUN.path, other.folder / "20261130-000000-another")
    after = ArchiveKeeper(other, folder)
    assert [after.turn(), after.turn()] == [False, False]
    assert other.open(run.id).result == run.result


def test_one_that_cannot_be_read_now_waits_behind_the_others(
    keeper: ArchiveKeeper, folder: BadFolder, run: Run, other: RunStore
) -> None:
    keeper.turn()
    (folder.path / "zzz.zip").mkdir()
    after = ArchiveKeeper(other, folder)
    assert [after.turn(), after.turn()] == [False, False]
    assert [each.id for each in other.everything()] == [run.id]


def test_a_damaged_zip_is_left_out_with_a_sentence_and_hides_no_other(
    keeper: ArchiveKeeper, folder: BadFolder, run: Run, other: RunStore, caplog: pytest.LogCaptureFixture
) -> None:
    keeper.turn()
    whole = (folder.path / f"{run.id}.zip").read_bytes()
    for name, content in (("zzz", whole[:-500]), ("yyy", b""), ("another", whole)):
        (folder.path / f"{name}.zip").write_bytes(content)
    (folder.path / "README.txt").write_text("x", encoding="utf-8")
    assert ArchiveKeeper(other, folder).turn()
    assert [each.id for each in other.everything()] == [run.id]
    left_out = [record.getMessage() for record in caplog.records]
    assert [message.split()[1] for message in left_out] == ["zzz", "yyy", "another"]
    assert "no zip, or it is damaged" in left_out[0]


def test_without_renaming_it_is_written_all_the_same(
    keeper: ArchiveKeeper, folder: BadFolder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if path.suffix == ".part":
            raise OSError(errno.ENOTSUP, "no renaming")
        return whole(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    assert keeper.turn()
    assert [file.name for file in folder.path.iterdir()] == [f"{run.id}.zip"]


def test_nobody_brings_a_run_under_the_name_of_one_that_is_kept(
    keeper: ArchiveKeeper, run: Run, store: RunStore
) -> None:
    with pytest.raises(ArchiveError, match="Try again"):
        keeper.check_free("20261130-000000-x")
    keeper.turn()
    keeper.check_free("20261130-000000-x")
    with pytest.raises(ArchiveError, match="Try again"):
        keeper.check_free(run.id)
    ArchiveKeeper(store, None).check_free(run.id)


def test_it_works_beside_the_server_and_keeps_what_finishes(
    store: RunStore, folder: BadFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "LOOK_SECONDS", 0.01)
    keeper = ArchiveKeeper(store, folder)
    keeper.start()
    wait_until(folder.path.exists)
    shutil.copytree(RUN.path, store.folder / ".copy")
    (store.folder / ".copy").rename(store.folder / RUN.id)
    wait_until(lambda: folder.run_ids() == {RUN.id})
    run = store.open(RUN.id)
    run.delete()
    keeper.forget(run)
    wait_until(lambda: folder.run_ids() == set())
    keeper.close()


def test_without_a_folder_there_is_nothing_to_do(store: RunStore, run: Run) -> None:
    keeper = ArchiveKeeper(store, None)
    keeper.start()
    keeper.forget(run)
    assert keeper.turn()
    keeper.close()
