"""The sentences that judges are asked about: read once, waited for no longer than somebody says."""

from collections.abc import Iterator
from threading import Event

import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import DataError
from qlora_core.evaluation.flips import Sentences, ValidationPairs
from qlora_core.server.participating.judged_pairs import MAX_KEPT, JudgedPairs

PAIRS = [Sentences("one", "other")]


class Reader:
    """Reads when it is let."""

    def __init__(self) -> None:
        self.let, self.read, self.fault = Event(), 0, False

    def __call__(self, _: RunConfig) -> ValidationPairs:
        self.read += 1
        assert self.let.wait(60)
        if self.fault:
            raise DataError("They are gone.")
        return ValidationPairs("fingerprint", PAIRS)


@pytest.fixture
def reader() -> Iterator[Reader]:
    """One that waits until the test lets it read."""
    reader = Reader()
    yield reader
    reader.let.set()


def test_nobody_waits_longer_than_they_say_and_all_share_one_reading(reader: Reader) -> None:
    pairs = JudgedPairs(reader)
    assert [pairs.get(RunConfig(seed=seed), 0.0) for seed in range(30)] == [None] * 30
    reader.let.set()
    assert pairs.get(RunConfig(), 60.0) == PAIRS
    assert reader.read == 1


def test_what_could_not_be_read_is_read_again(reader: Reader) -> None:
    pairs = JudgedPairs(reader)
    reader.let.set()
    reader.fault = True
    with pytest.raises(DataError):
        pairs.get(RunConfig(), 60.0)
    reader.fault = False
    assert pairs.get(RunConfig(), 60.0) == PAIRS


def test_a_bounded_number_is_kept(reader: Reader) -> None:
    pairs = JudgedPairs(reader)
    reader.let.set()
    for number in range(MAX_KEPT + 1):
        pairs.get(RunConfig(max_eval_samples=50 + number), 60.0)
    assert reader.read == MAX_KEPT + 1
    pairs.get(RunConfig(max_eval_samples=50), 60.0)
    assert reader.read == MAX_KEPT + 2
