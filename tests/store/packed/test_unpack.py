"""A run that somebody brings: taken in whole, or refused in a sentence with nothing left of it."""

import json
import warnings
import zipfile
from pathlib import Path

import pytest

from qlora_core.errors import ArchiveError, RunError, StorageError
from qlora_core.evaluation.scores import finetuned_values
from qlora_core.store.packed.layout import Bounds
from qlora_core.store.packed.mark import brought, is_brought, mark_brought
from qlora_core.store.packed.pack import parts_to_keep, parts_to_take_home, write_packed
from qlora_core.store.packed.unpack import Unpacking
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore
from tests.conftest import largest_file
from tests.packed_run import NEW, RUN, WRONG_FILES, WRONG_ZIPS, files_of, json_with, packed_recorded, without, zip_of

KNOWN = {"minilm", "pairs", "mrpc"}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed_recorded(tmp_path_factory.mktemp("packed") / "run.zip")


def bring(store: RunStore, path: Path, **changes: object) -> Run:
    unpacking = Unpacking(finetuned_values, KNOWN, store.uploads, **changes)  # type: ignore[arg-type]
    return store.add(lambda folder: unpacking.run_of(path, folder))


def is_empty(store: RunStore) -> bool:
    """Nothing was taken in, and nothing of it lies about."""
    return names_in(store.folder) == set()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_a_run_is_brought_with_all_that_is_shown_of_it(store: RunStore, packed: Path) -> None:
    run = bring(store, packed)
    assert (run.id, run.config, run.result) == (RUN.id, RUN.config, RUN.result)
    assert run.status.model_dump() | {"pid": 0} == {
        **RUN.status.model_dump(),
        **{"pid": 0, "pid_identity": None, "pid_started": None, "progress": None, "queued": 0.0},
    }
    assert list(run.events()) == list(RUN.events())
    columns = ["idx", "label", "probability_finetuned"]
    assert run.predictions(columns) == RUN.predictions(columns)
    assert store.damage(finetuned_values) == {}


def test_it_can_be_taken_home_again_and_is_the_same(store: RunStore, packed: Path, tmp_path: Path) -> None:
    write_packed(tmp_path / "again.zip", RUN.id, parts_to_take_home(bring(store, packed)))
    assert files_of(tmp_path / "again.zip") == files_of(packed)


def test_a_zip_of_an_earlier_version_is_taken_in_too(store: RunStore, packed: Path, tmp_path: Path) -> None:
    run = bring(store, zip_of(tmp_path / "old.zip", without(files_of(packed), *NEW)))
    assert run.status.state == "finished"
    assert run.status.created == pytest.approx(RUN.status.created, abs=7200)
    assert run.result == RUN.result
    assert list(run.events()) == []


def test_a_folder_that_somebody_packed_is_taken_in_without_what_is_no_part_of_a_run(
    store: RunStore, packed: Path, tmp_path: Path
) -> None:
    extra = {"owner": b"0" * 64, "control": b"stop", "brought.json": b"{}", "adapter/evil.py": b"1", "evil.pkl": b"1"}
    path = zip_of(tmp_path / "mine.zip", without(files_of(packed), "sha256.json") | extra)
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("__MACOSX/._x", b"")
    run = bring(store, path)
    names = {str(file.relative_to(run.path)) for file in run.path.rglob("*")}
    assert not names & extra.keys()
    assert not run.is_owned_by("0")


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_a_run_that_is_not_whole_is_refused(wrong: str, store: RunStore, packed: Path, tmp_path: Path) -> None:
    change, words = WRONG_FILES[wrong]
    files = files_of(packed)
    changed = change(files) if "was changed" in wrong else without(change(files), "sha256.json")
    with pytest.raises(ArchiveError, match=words):
        bring(store, zip_of(tmp_path / "wrong.zip", changed))
    assert is_empty(store)
    assert not Path("pwned").exists()


@pytest.mark.parametrize("wrong", WRONG_ZIPS)
def test_a_zip_that_is_made_to_do_harm_is_refused(wrong: str, store: RunStore, tmp_path: Path) -> None:
    make, words = WRONG_ZIPS[wrong]
    with pytest.raises(ArchiveError, match=words):
        bring(store, make(tmp_path / "wrong.zip"))
    assert is_empty(store)
    assert names_in(tmp_path) == {"wrong.zip", "runs"}


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip", b"PK\x05\x06" + bytes(18), b"\x00" * 1000])
def test_what_is_no_zip_is_refused(content: bytes, store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(ArchiveError):
        bring(store, tmp_path / "x.zip")
    assert is_empty(store)


@pytest.mark.parametrize("place", [100, 20_000, -3000, -40])
def test_a_damaged_zip_is_refused(place: int, store: RunStore, packed: Path, tmp_path: Path) -> None:
    content = bytearray(packed.read_bytes())
    content[place] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(ArchiveError):
        bring(store, tmp_path / "x.zip")
    assert is_empty(store)


def test_a_cut_off_zip_is_refused(store: RunStore, packed: Path, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(packed.read_bytes()[:-1000])
    with pytest.raises(ArchiveError, match="no zip, or it is damaged"):
        bring(store, tmp_path / "x.zip")


def test_two_files_of_one_name_are_refused(store: RunStore, packed: Path, tmp_path: Path) -> None:
    path = zip_of(tmp_path / "two.zip", files_of(packed))
    with zipfile.ZipFile(path, "a") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        opened.writestr(f"{RUN.id}/config.json", b"{}")
    with pytest.raises(ArchiveError, match="two files of one name"):
        bring(store, path)


def test_all_files_together_have_a_bound(store: RunStore, packed: Path) -> None:
    with pytest.raises(ArchiveError, match="more than 1 MB"):
        bring(store, packed, bounds=Bounds(unpacked=2**20))
    assert is_empty(store)


def test_a_run_that_is_here_already_stays_as_it_is(store: RunStore, packed: Path, tmp_path: Path) -> None:
    run = bring(store, packed)
    other = zip_of(tmp_path / "x.zip", without(json_with(files_of(packed), "config.json", seed=7), "sha256.json"))
    for path in (packed, other):
        with pytest.raises(RunError, match=f"Run {run.id} is here already"):
            bring(store, path)
    assert run.config.seed == 0
    assert names_in(store.folder) == {run.id}


def test_a_full_store_takes_in_no_run(packed: Path, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs", max_bytes=10)
    store.folder.mkdir()
    (store.folder / "x").write_bytes(bytes(20))
    with pytest.raises(StorageError, match="as much as they may"):
        bring(store, packed)


def test_on_a_full_disk_nothing_is_left(store: RunStore, packed: Path) -> None:
    with largest_file(100_000), pytest.raises(StorageError):
        bring(store, packed)
    assert is_empty(store)


@pytest.mark.parametrize("value", ["/etc/passwd", "secret.csv", "../secret.csv", "C:\\pairs.csv", "~/x.csv"])
def test_a_strangers_run_can_name_no_file_of_this_machine(
    value: str, store: RunStore, packed: Path, tmp_path: Path
) -> None:
    names = ("base_model", "dataset", "validation_file", "data_dir")
    files = without(json_with(files_of(packed), "config.json", **dict.fromkeys(names, value)), "sha256.json")
    config = bring(store, zip_of(tmp_path / "x.zip", files)).config
    assert config.data_dir is None
    for name in ("base_model", "dataset", "validation_file"):
        path = Path(getattr(config, name))
        assert path.parent == store.uploads.folder
        assert not path.exists()


def test_where_the_same_upload_is_here_its_pairs_are_found(store: RunStore, packed: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sentence1,sentence2,label\n", encoding="utf-8")
    kept = store.uploads.keep(tmp_path / "a.csv", ".csv")
    files = without(json_with(files_of(packed), "config.json", dataset=f"/elsewhere/{kept.name}"), "sha256.json")
    assert bring(store, zip_of(tmp_path / "x.zip", files)).config.dataset == str(kept)


def test_what_a_server_keeps_for_itself_is_whole(tmp_path: Path, packed: Path) -> None:
    before, after = RunStore(tmp_path / "before"), RunStore(tmp_path / "after")
    (tmp_path / "a.csv").write_text("sentence1,sentence2,label\n", encoding="utf-8")
    kept = before.uploads.keep(tmp_path / "a.csv", ".csv")
    run = bring(before, packed)
    values = json.loads((run.path / "config.json").read_text()) | {"dataset": str(kept)}
    (run.path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    run = Run(run.path)
    run.set_owner("mine")
    mark_brought(run, run.require_result())
    write_packed(tmp_path / "own.zip", run.id, parts_to_keep(run, before.uploads.folder))
    again = bring(after, tmp_path / "own.zip", is_own=True)
    assert again.is_owned_by("mine")
    assert brought(again) == brought(run)
    assert again.config.dataset == str(after.uploads.folder / kept.name)
    assert Path(again.config.dataset).read_bytes() == kept.read_bytes()
    assert again.config.model_copy(update={"dataset": ""}) == run.config.model_copy(update={"dataset": ""})


def test_the_mark_says_where_its_zip_says_it_was_trained(store: RunStore, packed: Path) -> None:
    run = bring(store, packed)
    assert (is_brought(run), brought(run)) == (False, None)
    mark_brought(run, run.require_result())
    found = brought(run)
    assert found is not None
    assert found.device == RUN.require_result()["environment"]["device_name"]
    (run.path / "brought.json").write_text("{", encoding="utf-8")
    assert is_brought(run)
    assert brought(run) is not None


def test_of_a_run_that_once_failed_no_traceback_is_taken_along(store: RunStore, packed: Path, tmp_path: Path) -> None:
    run = bring(store, packed)
    run.append_event("end", state="failed", message="/home/me", traceback="File /home/me/x.py")
    write_packed(tmp_path / "x.zip", run.id, parts_to_take_home(run))
    assert b"/home/me" not in files_of(tmp_path / "x.zip")["events.jsonl"]
