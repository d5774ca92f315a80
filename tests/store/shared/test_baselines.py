"""Baselines are kept by all that they depend on, within bounds, and whatever is damaged is as if it were not there."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from qlora_core.config import RunConfig
from qlora_core.store.runs import RunStore
from qlora_core.store.shared import baselines as module
from qlora_core.store.shared.baselines import BASELINE_SETTINGS, KeptBaselines, Provenance

CONFIG = RunConfig()
SOURCE = Provenance("20261129-101500-minilm-pairs-abcd", 1_795_000_000.0)


@pytest.fixture
def kept(store: RunStore) -> KeptBaselines:
    store.folder.mkdir()
    return store.baselines


def file_of(tmp_path: Path, provenance: Provenance = SOURCE, more: int = 0) -> Path:
    """A file as safetensors writes it, without tensors; ``more`` bytes behind its header."""
    header = json.dumps({"__metadata__": provenance.as_metadata()}).encode()
    path = tmp_path / "measured.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"x" * more)
    return path


def names(kept: KeptBaselines) -> list[str]:
    return sorted(path.name for path in kept.folder.iterdir())


def grow_old(path: Path, seconds: float) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_what_was_kept_is_found_again_by_the_same_key_alone(kept: KeptBaselines, tmp_path: Path) -> None:
    file = file_of(tmp_path)
    assert kept.find(CONFIG, "key") is None
    assert kept.known(CONFIG) is None
    kept.keep(CONFIG, "key", file)
    found = kept.find(CONFIG, "key")
    assert found is not None
    assert found.read_bytes() == file.read_bytes()
    assert kept.find(CONFIG, "another machine") is None
    assert kept.known(CONFIG) == SOURCE


@pytest.mark.parametrize("probe_pairs", [None, 2000])
def test_a_file_says_how_many_pairs_its_probe_saw(probe_pairs: int | None) -> None:
    provenance = replace(SOURCE, probe_pairs=probe_pairs)
    assert Provenance.read(provenance.as_metadata()) == provenance


@pytest.mark.parametrize("name", BASELINE_SETTINGS)
def test_other_settings_that_baselines_depend_on_are_other_baselines(
    kept: KeptBaselines, tmp_path: Path, name: str
) -> None:
    kept.keep(CONFIG, "key", file_of(tmp_path))
    values = {"quantization": "fp4", "bnb_4bit_use_double_quant": False, "bnb_4bit_compute_dtype": "bfloat16"}
    values |= {"columns": ("a", "b", "c"), "base_model": "other", "dataset": "mrpc"}
    numbers = {"max_train_samples": 9, "max_eval_samples": 9, "max_length": 9, "eval_batch_size": 9, "seed": 9}
    other = CONFIG.model_copy(update={name: (values | numbers).get(name, "other")})
    assert kept.known(other) is None
    assert kept.find(other, "key") is None


def test_settings_of_the_training_change_no_baseline(kept: KeptBaselines, tmp_path: Path) -> None:
    kept.keep(CONFIG, "key", file_of(tmp_path))
    assert kept.known(RunConfig(learning_rate=1e-3, r=4, num_train_epochs=9)) == SOURCE


def test_a_run_that_measures_again_has_none_to_take_over(kept: KeptBaselines, tmp_path: Path) -> None:
    kept.keep(CONFIG, "key", file_of(tmp_path))
    assert kept.known(RunConfig(measure_baselines_again=True)) is None


def test_they_are_no_run_and_stay_when_runs_are_deleted(store: RunStore, tmp_path: Path) -> None:
    run = store.create(CONFIG)
    store.baselines.keep(CONFIG, "key", file_of(tmp_path, Provenance(run.id, 0.0)))
    assert [one.id for one in store.everything()] == [run.id]
    assert store.damaged() == []
    run.delete()
    store.sweep()
    assert store.everything() == []
    assert store.baselines.known(CONFIG) == Provenance(run.id, 0.0)


def test_those_that_were_used_longest_ago_give_way(
    kept: KeptBaselines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    for number in (1, 2):
        kept.keep(CONFIG, f"key{number}", file_of(tmp_path))
    for path in kept.folder.iterdir():
        grow_old(path, 100)
    assert kept.find(CONFIG, "key1") is not None  # it was used just now
    kept.keep(CONFIG, "key3", file_of(tmp_path))
    assert [kept.find(CONFIG, f"key{number}") is not None for number in (1, 2, 3)] == [True, False, True]


def test_they_take_no_more_room_than_they_may(
    kept: KeptBaselines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KEPT_BYTES", 1000)
    kept.keep(CONFIG, "small", file_of(tmp_path))
    (small,) = kept.folder.iterdir()
    grow_old(small, 100)
    kept.keep(CONFIG, "large", file_of(tmp_path, more=850))
    assert [kept.find(CONFIG, key) is not None for key in ("small", "large")] == [False, True]
    kept.keep(CONFIG, "too large", file_of(tmp_path, more=1000))
    assert kept.find(CONFIG, "too large") is None


def test_what_an_ended_process_left_half_written_is_never_found_and_goes(kept: KeptBaselines, tmp_path: Path) -> None:
    kept.keep(CONFIG, "key", file_of(tmp_path))
    fresh, old = (kept.folder / f"{name}.tmp" for name in ("fresh", "old"))
    for path in (fresh, old):
        path.write_bytes(b"half")
    grow_old(old, module.LEFT_OVER_SECONDS + 1)
    kept.sweep()
    assert fresh.exists()
    assert not old.exists()
    assert kept.known(CONFIG) == SOURCE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        (10**15).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{}",
        *(
            len(text).to_bytes(8, "little") + text
            for text in (b'{"__metadata__": 5}', b'{"__metadata__": {"run_id": "a", "measured_at": "1e99"}}')
        ),
    ],
    ids=str,
)
def test_a_damaged_file_is_as_if_it_were_not_there(kept: KeptBaselines, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "damaged").write_bytes(content)
    kept.keep(CONFIG, "key", tmp_path / "damaged")
    assert kept.known(CONFIG) is None


def test_where_the_disk_refuses_nothing_is_kept_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("a file")
    kept = KeptBaselines(tmp_path / "in-the-way")
    kept.keep(CONFIG, "key", file_of(tmp_path))
    assert kept.find(CONFIG, "key") is None
    assert kept.known(CONFIG) is None
