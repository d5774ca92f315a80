"""What visitors upload is kept while a run needs it, and a store holds no more than it may."""

import os
import time
from pathlib import Path

import pytest

from qlora_core.config import make_config
from qlora_core.errors import StorageError
from qlora_core.store.runs import RunStore
from qlora_core.store.shared import uploads as uploads_module
from qlora_core.store.shared.uploads import KEPT_SECONDS, UPLOADS_SHARE, Room, Uploads, folder_bytes


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A file of 1,000 bytes with a visitor's name."""
    path = tmp_path / "my <file>.csv"
    path.write_bytes(b"x" * 1000)
    return path


def names(uploads: Uploads) -> list[str]:
    return sorted(path.name for path in uploads.folder.iterdir())


def grow_old(path: Path) -> None:
    old = time.time() - KEPT_SECONDS - 1
    os.utime(path, (old, old))


def test_a_file_is_kept_once_under_its_digest(store: RunStore, upload: Path) -> None:
    first, second = (store.uploads.keep(upload, ".csv") for _ in range(2))
    assert first == second
    assert names(store.uploads) == [first.name]
    assert first.read_bytes() == upload.read_bytes()
    assert first.name.startswith("pairs-")
    assert "my" not in first.name


def test_an_upload_that_no_run_needs_is_swept_once_it_is_old(store: RunStore, upload: Path, tmp_path: Path) -> None:
    needed = store.uploads.keep(upload, ".csv")
    store.create(make_config(dataset=str(needed)))
    (tmp_path / "to validate on").write_bytes(b"v")
    validation = store.uploads.keep(tmp_path / "to validate on", ".csv")
    store.create(make_config(dataset=str(needed), validation_file=str(validation)))
    (tmp_path / "other").write_bytes(b"y")
    unneeded = store.uploads.keep(tmp_path / "other", ".csv")
    (tmp_path / "new").write_bytes(b"z")
    fresh = store.uploads.keep(tmp_path / "new", ".csv")
    for path in (needed, validation, unneeded):
        grow_old(path)
    store.sweep()
    assert names(store.uploads) == sorted([needed.name, validation.name, fresh.name])


def test_what_is_kept_again_is_young_again(store: RunStore, upload: Path) -> None:
    kept = store.uploads.keep(upload, ".csv")
    grow_old(kept)
    store.uploads.keep(upload, ".csv")
    store.sweep()
    assert kept.is_file()


def test_nothing_is_swept_while_a_run_cannot_be_read(store: RunStore, upload: Path) -> None:
    kept = store.uploads.keep(upload, ".csv")
    run = store.create(make_config(dataset=str(kept)))
    grow_old(kept)
    content = (run.path / "config.json").read_bytes()
    (run.path / "config.json").write_bytes(b"{")
    again = RunStore(store.folder)
    again.sweep()
    assert kept.is_file()
    (run.path / "config.json").write_bytes(content)
    again.sweep()
    assert kept.is_file()
    run.delete()
    again.sweep()
    assert not kept.exists()


def test_what_is_not_ours_in_the_folder_of_uploads_stops_no_sweep(store: RunStore, upload: Path) -> None:
    kept = store.uploads.keep(upload, ".csv")
    (store.uploads.folder / "a-folder").mkdir()
    (store.uploads.folder / "dangling").symlink_to("nowhere")
    for path in (kept, store.uploads.folder / "a-folder"):
        grow_old(path)
    store.sweep()
    assert names(store.uploads) == ["a-folder", "dangling"]


def test_uploads_take_a_tenth_of_the_store_at_most(upload: Path, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs", 1000 / UPLOADS_SHARE)
    kept = store.uploads.keep(upload, ".csv")
    (tmp_path / "one more").write_bytes(b"y")
    with pytest.raises(StorageError, match=r"^Uploaded files take 1e-06 GB already, as much as they may\."):
        store.uploads.keep(tmp_path / "one more", ".csv")
    assert names(store.uploads) == [kept.name]
    assert store.uploads.keep(upload, ".csv") == kept


def test_a_store_that_holds_what_it_may_takes_no_further_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(tmp_path / "runs", 5000)
    run = store.create(make_config())
    (run.path / "large").write_bytes(bytes(5000))
    monkeypatch.setattr(uploads_module, "MEASURED_SECONDS", -1.0)
    with pytest.raises(StorageError, match=r"^The runs on this server take 5e-06 GB, as much as they may\."):
        store.create(make_config())
    assert [path.name for path in store.folder.iterdir()] == [run.id]
    run.delete()
    store.create(make_config())


def test_a_full_store_is_measured_anew_and_one_with_room_once_in_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []
    monkeypatch.setattr(uploads_module, "folder_bytes", lambda _: measured.append(1) or len(measured))  # type: ignore[func-returns-value]
    room = Room(tmp_path, 2)
    room.check()
    room.check()
    assert len(measured) == 1
    monkeypatch.setattr(uploads_module, "MEASURED_SECONDS", -1.0)
    for count in (2, 3):
        with pytest.raises(StorageError):
            room.check()
        assert len(measured) == count


def test_links_are_not_followed_when_a_folder_is_measured(tmp_path: Path) -> None:
    (tmp_path / "inside" / "deep").mkdir(parents=True)
    (tmp_path / "inside" / "deep" / "file").write_bytes(bytes(70))
    (tmp_path / "inside" / "loop").symlink_to(tmp_path)
    assert 70 <= folder_bytes(tmp_path / "inside") < 200
    assert folder_bytes(tmp_path / "nowhere") == 0
