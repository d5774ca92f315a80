"""Files are replaced whole or not at all, and a full disk is told in plain words."""

import errno
import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from qlora_core.errors import ConfigError, StorageError
from qlora_core.store import files
from qlora_core.store.files import UNWRITABLE, check_writable, replace_file, replace_json, replace_text, storage_error

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is full")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that is to be replaced."""
    path = tmp_path / "old.json"
    path.write_text("old", encoding="utf-8")
    return path


def assert_untouched(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def fill_the_disk_for(path: Path) -> None:
    """Whatever is written in place of ``path`` ends up in a device without room."""
    path.with_name(f".{path.name}.tmp").symlink_to("/dev/full")


def test_a_folder_that_can_be_written_to_is_made_and_left_empty(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b", "")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def _below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("", encoding="utf-8")
    return folder / "file" / "runs"


def _dangling(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "gone")
    return folder / "link"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (_below_a_file, r"/file/runs: /\S+/file is a file\."),
        (lambda folder: _below_a_file(folder).parent, r"/file: /\S+/file is a file\."),
        (_dangling, r"/link: /\S+/link is a link to /\S+/gone, which is not there\."),
        (
            lambda folder: _dangling(folder) / "runs",
            r"/link/runs: /\S+/link is a link to /\S+/gone, which is not there\.",
        ),
    ],
    ids=["below a file", "a file", "dangling link", "below a dangling link"],
)
def test_a_folder_that_cannot_be_there_is_told_with_the_reason(
    place: Callable[[Path], Path], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"^Nothing can be written to the folder /\S+{reason} Name another\.$"):
        check_writable(place(tmp_path), "Name another.")


def test_a_folder_that_cannot_be_written_to_is_told_with_the_systems_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dir: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(dir))

    monkeypatch.setattr(files, "TemporaryFile", refuse)
    words = f"Nothing can be written to the folder {tmp_path}: Read-only file system. Name another."
    with pytest.raises(ConfigError, match=f"^{re.escape(words)}$"):
        check_writable(tmp_path, "Name another.")


def test_a_file_is_replaced_and_nothing_is_left_beside_it(old: Path) -> None:
    replace_text(old, "new é")
    assert old.read_text(encoding="utf-8") == "new é"
    assert list(old.parent.iterdir()) == [old]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    replace_json(tmp_path / "a" / "b" / "c.json", {"x": [1, "é"]})
    assert json.loads((tmp_path / "a" / "b" / "c.json").read_text(encoding="utf-8")) == {"x": [1, "é"]}


def test_a_reader_that_has_the_old_file_open_keeps_the_old_content(old: Path) -> None:
    with old.open(encoding="utf-8") as file:
        replace_text(old, "new")
        assert file.read() == "old"


@pytest.mark.parametrize("value", [math.nan, math.inf, {"loss": [1.0, math.nan]}])
def test_a_number_that_json_has_not_is_refused_and_the_old_file_stays(value: object, old: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace_json(old, value)
    assert_untouched(old)


@needs_dev_full
def test_a_full_disk_is_a_storage_error_and_the_old_file_stays(old: Path) -> None:
    fill_the_disk_for(old)
    with pytest.raises(StorageError, match=r"^old\.json could not be written: the disk is full or not writable\. Free"):
        replace_text(old, "new" * 10_000)
    assert_untouched(old)


@pytest.mark.parametrize("number", UNWRITABLE)
def test_every_way_of_a_disk_to_refuse_is_a_storage_error(number: int, old: Path) -> None:
    def refuse(temporary: Path) -> None:
        temporary.write_text("half", encoding="utf-8")
        raise OSError(number, os.strerror(number))

    with pytest.raises(StorageError):
        replace_file(old, refuse)
    assert_untouched(old)


def test_a_disk_that_refuses_to_clean_up_as_well_is_still_a_storage_error(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, f"{path} is on a read-only disk ({missing_ok})")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError):
        replace_file(old, refuse)


def test_an_error_that_is_not_about_room_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FileExistsError):
        replace_text(tmp_path / "file" / "below.json", "new")
    error = OSError(errno.EIO, "a broken disk")
    assert storage_error(error, tmp_path) is error


def test_a_large_tensor_file_takes_the_same_way(old: Path) -> None:
    replace_file(old, lambda temporary: save_file({"x": torch.zeros(1000)}, temporary))
    assert old.stat().st_size > 4000
    assert list(old.parent.iterdir()) == [old]


def test_a_process_killed_while_writing_leaves_the_old_file(old: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from qlora_core.store.files import replace_file\n"
        "def die(path): path.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "replace_file(Path(sys.argv[1]), die)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(old)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert old.read_text(encoding="utf-8") == "old"
    replace_text(old, "new")
    assert list(old.parent.iterdir()) == [old]
