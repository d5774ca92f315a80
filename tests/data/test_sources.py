"""Pairs of a run: bundled, MRPC or a file; split without leaks, limited at random, fingerprinted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qlora_core.config import make_config
from qlora_core.data.bundles import shared_sentence_bundles
from qlora_core.data.columns import Columns
from qlora_core.data.sources import PairData, load_pairs, load_run_pairs
from qlora_core.errors import DataError, HubError
from qlora_core.settings import DATA_DIR_VARIABLE

Rows = list[dict[str, Any]]
WriteRows = Callable[[Rows], str]


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    """Writes rows to a file and returns its name."""

    def write(rows: Rows) -> str:
        path = tmp_path / "mine.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        return str(path)

    return write


def make_rows(count: int, *, hub: int = 0) -> Rows:
    """Pairs that share no sentence, but for the first ``hub``, which all share one."""
    return [
        {
            "sentence1": "hub" if number < hub else f"first {number}",
            "sentence2": f"second {number}",
            "label": number % 2,
        }
        for number in range(count)
    ]


def sentences(split: Any) -> set[str]:
    return {sentence.casefold() for name in ("sentence1", "sentence2") for sentence in split[name]}


def contents(data: PairData) -> tuple[Rows, Rows]:
    return data.train.to_list(), data.validation.to_list()


def test_the_bundled_pairs_are_there_with_both_labels() -> None:
    data = load_pairs("pairs")
    assert data.id == "pairs"
    assert set(data.train["label"]) == set(data.validation["label"]) == {0, 1}
    assert not sentences(data.train) & sentences(data.validation)


@pytest.mark.mrpc
def test_mrpc_in_a_folder_has_the_known_size_and_shares(mrpc_dir: Path) -> None:
    data = load_pairs("mrpc", data_dir=mrpc_dir)
    assert (len(data.train), len(data.validation)) == (3668, 408)
    assert sum(data.train["label"]) / 3668 == pytest.approx(0.674, abs=5e-4)
    assert sum(data.validation["label"]) / 408 == pytest.approx(0.684, abs=5e-4)
    assert data.train.column_names == ["idx", "sentence1", "sentence2", "label"]


@pytest.mark.mrpc
def test_mrpc_is_found_by_the_variable_and_by_its_own_folder(mrpc_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(mrpc_dir))
    by_variable = load_pairs("mrpc")
    monkeypatch.setenv(DATA_DIR_VARIABLE, "/nowhere")
    assert load_pairs("mrpc", data_dir=mrpc_dir / "mrpc").fingerprint == by_variable.fingerprint


def test_a_folder_without_mrpc_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no mrpc/train-00000-of-00001\.parquet\..* --data-dir or QLORA_DATA_DIR"):
        load_pairs("mrpc", data_dir=tmp_path)


@pytest.mark.parametrize("download", [True, False])
def test_mrpc_without_folder_and_hub_says_what_to_do(download: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATA_DIR_VARIABLE, raising=False)
    with pytest.raises(HubError, match=r"--data-dir or QLORA_DATA_DIR, or use --dataset pairs\.$"):
        load_pairs("mrpc", download=download)


def test_a_fifth_of_a_file_is_validation_with_the_same_share_of_labels(write_rows: WriteRows) -> None:
    rows = [{**row, "label": int(number % 4 == 0)} for number, row in enumerate(make_rows(200))]
    data = load_pairs(write_rows(rows))
    assert (data.id, len(data.train), len(data.validation)) == ("mine", 160, 40)
    assert (sum(data.train["label"]), sum(data.validation["label"])) == (40, 10)


def test_the_same_seed_splits_the_same_and_another_differently(write_rows: WriteRows) -> None:
    name = write_rows(make_rows(100))
    assert contents(load_pairs(name, seed=3)) == contents(load_pairs(name, seed=3))
    assert contents(load_pairs(name, seed=3)) != contents(load_pairs(name, seed=4))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    numbers=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=40, max_size=80),
    seed=st.integers(0, 2**31 - 1),
)
def test_linked_pairs_stay_on_one_side(numbers: list[tuple[int, int]], seed: int, write_rows: WriteRows) -> None:
    linked = [{"sentence1": f"S {a}", "sentence2": f"s {b}", "label": a % 2} for a, b in numbers]
    alone = make_rows(40)
    data = load_pairs(write_rows([*linked, *alone]), seed=seed)
    assert not sentences(data.train) & sentences(data.validation)
    assert sorted([*data.train["idx"], *data.validation["idx"]]) == list(range(len(linked) + len(alone)))


@pytest.mark.parametrize("hub", [30, 60, 80])
def test_pairs_that_hang_together_do_not_make_validation_the_larger_part(hub: int, write_rows: WriteRows) -> None:
    data = load_pairs(write_rows(make_rows(100, hub=hub)))
    assert 4 <= len(data.validation) <= 25


def test_pairs_that_all_hang_together_cannot_be_split(write_rows: WriteRows) -> None:
    with pytest.raises(DataError, match="share so many sentences"):
        load_pairs(write_rows(make_rows(40, hub=40)))


def test_pairs_that_all_hang_together_can_be_validated_on_a_file_of_its_own(
    write_rows: WriteRows, tmp_path: Path
) -> None:
    name = write_rows(make_rows(40, hub=40))
    with pytest.raises(DataError, match=r"^The pairs of mine\.jsonl share .*--validation-file\); all of these"):
        load_pairs(name)
    validation = tmp_path / "held-out.csv"
    validation.write_text("sentence1,sentence2,label\nHUB,other,1\na,b,0\n", encoding="utf-8")
    data = load_pairs(name, validation_file=str(validation))
    assert (len(data.train), len(data.validation), data.shared) == (40, 2, 1)
    assert (data.id, data.source) == ("mine", "file mine.jsonl, validated on held-out.csv")


def test_validation_pairs_that_are_trained_on_are_counted_in_either_order_and_as_a_whole(
    write_rows: WriteRows, tmp_path: Path
) -> None:
    rows = make_rows(40)
    (one, other), third = [(row["sentence1"], row["sentence2"]) for row in rows[:2]]
    held_out = tmp_path / "held-out.csv"
    held_out.write_text(
        f'sentence1,sentence2,label\n"{other}","{one.upper()}",1\n"{third[0]}","new",0\n', encoding="utf-8"
    )
    data = load_pairs(write_rows(rows), validation_file=str(held_out))
    assert (data.in_both, data.shared) == (1, 2)


def test_a_catalogued_dataset_may_be_validated_on_a_file(write_rows: WriteRows) -> None:
    data = load_pairs("pairs", validation_file=write_rows(make_rows(10)), max_eval_samples=8, max_train_samples=100)
    assert (len(data.train), len(data.validation)) == (100, 8)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([{**row, "label": 1} for row in make_rows(8)], "The validation pairs of file mine"),
        ([{**row, "label": 2} for row in make_rows(8)], r"held-out\.jsonl, line 1: the label"),
    ],
)
def test_a_validation_file_is_checked_as_any_other(
    rows: Rows, fault: str, write_rows: WriteRows, tmp_path: Path
) -> None:
    held_out = tmp_path / "held-out.jsonl"
    held_out.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    with pytest.raises(DataError, match=fault):
        load_pairs(write_rows(make_rows(40)), validation_file=str(held_out))


def test_few_pairs_are_not_trained_on_even_without_a_split(write_rows: WriteRows) -> None:
    name = write_rows(make_rows(19))
    with pytest.raises(DataError, match=r"^mine\.jsonl has 19 pairs\. At least 20"):
        load_pairs(name, validation_file=name)


def test_a_runs_columns_and_validation_file_are_used(tmp_path: Path) -> None:
    for name, count in (("train.csv", 40), ("test.csv", 10)):
        rows = [f"first {number},second {number} of {name},{number % 2}" for number in range(count)]
        (tmp_path / name).write_text("\n".join(["a,b,c", *rows]), encoding="utf-8")
    files = {"dataset": str(tmp_path / "train.csv"), "validation_file": str(tmp_path / "test.csv")}
    data = load_run_pairs(make_config(**files, columns="a, b, c"))
    assert (len(data.train), len(data.validation), data.shared) == (40, 10, 10)
    assert data.contents is not None
    assert data.contents.taken == ("a", "b", "c")


def test_the_columns_of_a_catalogued_dataset_are_its_own() -> None:
    with pytest.raises(DataError, match=r"^The columns of pairs are known\."):
        load_pairs("pairs", columns=Columns("a", "b", "c"))


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only_is_refused(label: int, write_rows: WriteRows) -> None:
    with pytest.raises(DataError, match=rf"^mine\.jsonl: every pair has the label {label}\. Training needs both"):
        load_pairs(write_rows([{**row, "label": label} for row in make_rows(40)]))


@pytest.mark.parametrize(("count", "positive"), [(19, 9), (40, 4), (40, 36)])
def test_too_few_pairs_are_refused_with_what_is_needed(count: int, positive: int, write_rows: WriteRows) -> None:
    rows = [{**row, "label": int(number < positive)} for number, row in enumerate(make_rows(count))]
    with pytest.raises(DataError, match=rf"has {count} pairs, {positive} of them with label 1\. At least 20 .* 5 of"):
        load_pairs(write_rows(rows))


def test_a_fault_in_a_file_is_told_by_its_row(write_rows: WriteRows) -> None:
    rows = make_rows(30)
    rows[17]["label"] = 2
    with pytest.raises(DataError, match=r"^mine\.jsonl, line 18: the label is '2'"):
        load_pairs(write_rows(rows))


@pytest.mark.parametrize("name", ["quora", "x" * 400, "~nobody-of-this-name", "../.."])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(
        DataError, match=r"^There is no dataset '.*'\. Choose pairs or mrpc, or name a file of pairs\.$"
    ):
        load_pairs(name)


@pytest.mark.parametrize("name", ["absent.csv", "x" * 400 + ".csv", "~nobody-of-this-name/pairs.csv"])
def test_a_file_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"^There is no file '"):
        load_pairs(name)


def test_a_home_folder_may_be_written_as_a_tilde(
    write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(make_rows(40))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_pairs("~/mine.jsonl").id == "mine"


@pytest.mark.parametrize(("most_train", "most_eval"), [(8, 8), (50, 39), (159, 20)])
def test_a_limit_keeps_a_part_of_each_split_in_order(most_train: int, most_eval: int, write_rows: WriteRows) -> None:
    name = write_rows(make_rows(200))
    limited, whole = load_pairs(name, max_train_samples=most_train, max_eval_samples=most_eval), load_pairs(name)
    assert (len(limited.train), len(limited.validation)) == (most_train, most_eval)
    assert list(limited.train["idx"]) == sorted(set(limited.train["idx"]) & set(whole.train["idx"]))
    assert set(limited.validation["idx"]) <= set(whole.validation["idx"])


def test_a_limited_part_is_drawn_by_the_seed() -> None:
    drawn = [list(load_pairs("pairs", seed=seed, max_train_samples=50).train["idx"]) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("most", [8, 50, 1203])
def test_a_limited_part_takes_whole_families(most: int) -> None:
    limited = load_pairs("pairs", max_train_samples=most, seed=2).train
    families = np.bincount(shared_sentence_bundles(list(limited["sentence1"]), list(limited["sentence2"])))
    assert len(limited) == most
    assert sorted(families, reverse=True)[: most // 4] == [4] * (most // 4)


def test_a_limit_smaller_than_a_family_takes_a_part_of_it(write_rows: WriteRows) -> None:
    rows = [{**row, "sentence1": f"Shared {number // 100}"} for number, row in enumerate(make_rows(200))]
    drawn = load_pairs("pairs", validation_file=write_rows(rows), max_eval_samples=30)
    assert len(drawn.validation) == 30
    assert len(set(drawn.validation["sentence1"])) == 1
    assert np.ptp(drawn.validation["idx"]) > 30  # not its first ones


def test_a_limit_above_the_number_of_pairs_keeps_them_all(pairs_file: Path) -> None:
    data = load_pairs(str(pairs_file), max_train_samples=1000, max_eval_samples=1000)
    assert len(data.train) + len(data.validation) == 80


def test_a_limit_that_leaves_one_class_is_refused(write_rows: WriteRows) -> None:
    rows = [{**row, "label": int(number < 5)} for number, row in enumerate(make_rows(200))]
    with pytest.raises(DataError, match=r"^The training pairs of file mine\.jsonl do not have both labels"):
        load_pairs(write_rows(rows), max_train_samples=8, seed=1)


def test_the_fingerprint_changes_with_any_sentence_label_or_order(write_rows: WriteRows) -> None:
    rows = make_rows(40)
    variants = [rows, rows[::-1], [{**rows[0], "sentence2": "Second 0"}, *rows[1:]]]
    flipped = [{**row, "label": 1 - row["label"]} for row in rows]
    fingerprints = {load_pairs(write_rows(variant)).fingerprint for variant in [*variants, flipped]}
    assert len(fingerprints) == 4
    assert load_pairs(write_rows(rows)).fingerprint in fingerprints
