"""Visitors' files are read by a process that may take so much memory and time, and each content once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qlora_core.config import RunConfig, make_config
from qlora_core.errors import UserError
from qlora_core.server.visitor_files import reader as reading
from qlora_core.server.visitor_files import reading_program
from qlora_core.server.visitor_files.reader import BUSY, OUT_OF_MEMORY, FileReader, Request


class Counted(FileReader):
    """Reads in this process, and counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def _ask(self, request: Request) -> Any:
        self.times += 1
        return super()._ask(request)


@pytest.fixture
def reader() -> Counted:
    return Counted()


def test_a_file_is_read_once_whatever_else_is_changed(reader: Counted, tiny_config: Callable[..., RunConfig]) -> None:
    first = reader.look(tiny_config())
    assert reader.look(tiny_config(learning_rate=1e-4, r=4, max_length=64)) == first
    assert reader.times == 1
    reader.look(tiny_config(seed=5))
    assert reader.times == 2


def test_the_same_content_elsewhere_is_not_read_again(
    reader: Counted, tiny_config: Callable[..., RunConfig], pairs_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "copy.jsonl").write_bytes(pairs_file.read_bytes())
    reader.look(tiny_config())
    reader.look(tiny_config(dataset=str(tmp_path / "copy.jsonl")))
    assert reader.times == 1
    (tmp_path / "copy.jsonl").write_bytes(pairs_file.read_bytes() + b"\n")
    reader.look(tiny_config(dataset=str(tmp_path / "copy.jsonl")))
    assert reader.times == 2


def test_what_is_wrong_with_a_file_is_found_once_too(
    reader: Counted, tiny_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    for _ in range(3):
        with pytest.raises(UserError, match=r"bad\.csv"):
            reader.look(tiny_config(dataset=str(tmp_path / "bad.csv")))
    assert reader.times == 1


def test_what_may_pass_is_not_remembered(
    reader: Counted, tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as busy:
        busy.setattr(reading, "MAX_SECONDS", 0.01)
        for _ in range(reading.MAX_AT_ONCE):
            assert reader._places.acquire(timeout=1)
        with pytest.raises(UserError) as raised:
            reader.look(tiny_config())
        assert str(raised.value) == BUSY
    for _ in range(reading.MAX_AT_ONCE):
        reader._places.release()
    assert reader.look(tiny_config()).train.pairs == 64


def test_sentences_alone_are_counted_and_the_first_handed_over(reader: Counted, tmp_path: Path) -> None:
    rows = [{"sentence1": f"one {number}", "sentence2": "two"} for number in range(9)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert reader.pairs(tmp_path / "pairs.jsonl", 2) == (9, [("one 0", "two"), ("one 1", "two")])


@pytest.mark.process
@pytest.mark.usefixtures("working_apart")
def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SECONDS", 0.01)
    with pytest.raises(UserError, match="takes longer"):
        FileReader().look(make_config())


def test_files_wait_for_each_other_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SECONDS", 0.01)
    reader = FileReader()
    for _ in range(reading.MAX_AT_ONCE):
        assert reader._places.acquire(timeout=1)
    with pytest.raises(UserError) as raised:
        reader.look(make_config())
    assert str(raised.value) == BUSY


def test_a_lack_of_memory_while_reading_is_told(
    reader: Counted, tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(config: RunConfig) -> None:
        raise MemoryError(config)

    monkeypatch.setattr(reading_program, "look_at_run_pairs", too_much)
    with pytest.raises(UserError) as raised:
        reader.look(tiny_config())
    assert str(raised.value) == OUT_OF_MEMORY


@pytest.mark.process
@pytest.mark.usefixtures("working_apart")
def test_the_real_process_looks(tiny_config: Callable[..., RunConfig]) -> None:
    assert FileReader().look(tiny_config()).train.pairs == 64
