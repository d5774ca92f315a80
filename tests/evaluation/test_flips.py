from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import RunError
from qlora_core.evaluation.flips import (
    NO_SENTENCES,
    OTHER_SENTENCES,
    Before,
    Flip,
    Order,
    Sentences,
    flips,
    in_order,
    read_validation_pairs,
    select,
)
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

LISTED = [
    Flip(0, 1, 0.4, 0.9, Sentences("A cat.", "Ein KATER.", "negation")),
    Flip(1, 1, 0.6, 0.3, Sentences("A dog.", "A hound.", "synonym")),
    Flip(2, 0, 0.9, 0.1, None),
]


@pytest.fixture
def copied_run(tiny_config: Callable[..., RunConfig], pairs_file: Path, finished_run: Run, tmp_path: Path) -> Run:
    """A finished run on a file of its own, which a test may change."""
    own_file = tmp_path / "own.jsonl"
    own_file.write_bytes(pairs_file.read_bytes())
    run = RunStore(tmp_path / "runs").create(tiny_config(dataset=str(own_file)))
    for name in ("result.json", "predictions.parquet"):
        (run.path / name).write_bytes((finished_run.path / name).read_bytes())
    return run


@pytest.mark.parametrize("before", ["untrained_head", "linear_probe", "majority"])
def test_flips_are_as_many_as_the_result_says(finished_run: Run, before: Before) -> None:
    found = flips(finished_run, before, read_validation_pairs)
    comparison = (finished_run.result or {})["comparison"][before]
    assert sum(pair.kind == "fixed" for pair in found.pairs) == comparison["fixed"]
    assert sum(pair.kind == "broken" for pair in found.pairs) == comparison["broken"]


def test_flips_bring_the_sentences_of_their_pair(finished_run: Run, pairs_file: Path) -> None:
    from qlora_core.data.files import read_pairs_file

    rows = {row["idx"]: row for row in read_pairs_file(pairs_file)}
    found = flips(finished_run, "untrained_head", read_validation_pairs)
    assert found.pairs
    assert found.missing == ""
    for pair in found.pairs:
        assert pair.sentences is not None
        assert pair.sentences.sentence1 == rows[pair.idx]["sentence1"]
        assert pair.label == rows[pair.idx]["label"]


def test_without_its_file_a_run_shows_numbers_only(copied_run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").unlink()
    found = flips(copied_run, "untrained_head", read_validation_pairs)
    assert found.missing == NO_SENTENCES
    assert found.pairs
    assert all(pair.sentences is None for pair in found.pairs)


def test_pairs_that_have_changed_are_not_taken_for_the_runs_own(copied_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("ferry", "tram", 1), encoding="utf-8")
    found = flips(copied_run, "untrained_head", read_validation_pairs)
    assert found.missing == OTHER_SENTENCES
    assert all(pair.sentences is None for pair in found.pairs)


def test_missing_or_damaged_predictions_are_a_plain_error(copied_run: Run) -> None:
    path = copied_run.path / "predictions.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["probability_finetuned"]), path)
    with pytest.raises(RunError, match="cannot be read"):
        flips(copied_run, "linear_probe", read_validation_pairs)
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(RunError, match="cannot be read"):
        flips(copied_run, "linear_probe", read_validation_pairs)
    path.unlink()
    with pytest.raises(RunError, match="no predictions"):
        flips(copied_run, "linear_probe", read_validation_pairs)


def test_kind_and_change_follow_the_label() -> None:
    assert [pair.kind for pair in LISTED] == ["fixed", "broken", "fixed"]
    assert [round(pair.change, 3) for pair in LISTED] == [0.5, -0.3, 0.8]


@pytest.mark.parametrize(
    ("order", "expected"), [("change", [2, 0, 1]), ("gain", [2, 0, 1]), ("loss", [1, 0, 2]), ("idx", [0, 1, 2])]
)
def test_order(order: Order, expected: list[int]) -> None:
    assert [pair.idx for pair in in_order(LISTED, order)] == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"kind": "broken"}, [1]),
        ({"phenomenon": "negation"}, [0]),
        ({"text": " kater "}, [0]),
        ({"text": "2"}, [2]),
        ({"kind": "fixed", "text": "dog"}, []),
    ],
)
def test_selection(choice: dict[str, str], expected: list[int]) -> None:
    assert [pair.idx for pair in select(LISTED, **choice)] == expected
