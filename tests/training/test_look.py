"""A look at a run's pairs finds what the run finds, without a model."""

from collections.abc import Callable

import pytest

from qlora_core.config import RunConfig
from qlora_core.errors import DataError
from qlora_core.training.look import look_at_run_pairs
from qlora_core.training.setup import Setup


def test_it_counts_what_the_run_tokenises(tiny_config: Callable[..., RunConfig]) -> None:
    config = tiny_config(max_length=512, max_train_samples=32)
    setup, look = Setup.load(config), look_at_run_pairs(config)
    assert (look.train.pairs, look.validation.pairs) == (len(setup.train), len(setup.validation))
    for split, tokenized in ((look.train, setup.train), (look.validation, setup.validation)):
        lengths = tokenized.lengths()
        assert [split.by_tokens[length] for length in range(64)] == [lengths.count(length) for length in range(64)]


def test_whole_pairs_are_counted_whatever_is_cut_off_later(tiny_config: Callable[..., RunConfig]) -> None:
    look = look_at_run_pairs(tiny_config(max_length=8))
    assert look.train.longer_than(8) == look.train.pairs


def test_progress_is_told_to_the_end(tiny_config: Callable[..., RunConfig]) -> None:
    told: list[tuple[int, int]] = []
    look = look_at_run_pairs(tiny_config(), lambda done, total: told.append((done, total)))
    total = look.train.pairs + look.validation.pairs
    assert told[-1] == (total, total)


def test_pairs_that_cannot_be_used_are_refused_as_a_run_refuses_them(tiny_config: Callable[..., RunConfig]) -> None:
    with pytest.raises(DataError):
        look_at_run_pairs(tiny_config(dataset="nowhere.csv"))
