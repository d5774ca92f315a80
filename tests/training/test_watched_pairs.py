"""The pairs that are looked at while a model learns: the same for every run on the same pairs, both labels in turn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from datasets import Dataset

from qlora_core.evaluation.metrics import probabilities
from qlora_core.models.inference import predict_logits
from qlora_core.training.passes import LOOKS_PER_RUN, steps_between_looks
from qlora_core.training.watched_pairs import WATCHED_OF_EACH_LABEL, choose_watched
from tests.conftest import Bench, make_rows


@pytest.fixture
def validation() -> Dataset:
    """The two dozen pairs that a bench has tokenised."""
    return Dataset.from_list(make_rows(24))


def test_three_pairs_of_each_label_are_drawn_in_turn(bench: Callable[..., Bench], validation: Dataset) -> None:
    watched = choose_watched(validation, bench().pairs, 0)
    assert [row["label"] for row in watched.rows] == [1, 0] * WATCHED_OF_EACH_LABEL
    assert watched.tokenized.labels.tolist() == [1, 0] * WATCHED_OF_EACH_LABEL
    assert len({row["sentence1"] for row in watched.rows}) == 2 * WATCHED_OF_EACH_LABEL
    assert all(row in make_rows(24) for row in watched.rows)


def test_the_seed_decides_which(bench: Callable[..., Bench], validation: Dataset) -> None:
    pairs = bench().pairs
    first, again, other = (choose_watched(validation, pairs, seed).rows for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_few_pairs_of_a_label_are_watched_as_far_as_they_go(bench: Callable[..., Bench], validation: Dataset) -> None:
    indices = [0, 1, 2, 4, 6]  # one of them has the label 1
    watched = choose_watched(validation.select(indices), bench().pairs.select(indices), 0)
    assert [row["label"] for row in watched.rows] == [1, 0]


def test_a_look_is_what_the_model_says_of_them_among_all(bench: Callable[..., Bench], validation: Dataset) -> None:
    loaded = bench()
    watched = choose_watched(validation, loaded.pairs, 0)
    look = watched.look(loaded.model, loaded.accelerator)
    everything = probabilities(predict_logits(loaded.model, loaded.pairs, loaded.accelerator, 24))
    places = [make_rows(24).index(row) for row in watched.rows]
    np.testing.assert_allclose(look, everything[places], atol=2e-4)


@pytest.mark.parametrize("training", [True, False])
def test_a_look_leaves_the_model_as_it_was(training: bool, bench: Callable[..., Bench], validation: Dataset) -> None:
    loaded = bench()
    loaded.model.train(training)
    before = torch.random.get_rng_state()
    choose_watched(validation, loaded.pairs, 0).look(loaded.model, loaded.accelerator)
    assert loaded.model.training is training
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(("total", "expected"), [(1, 1), (59, 1), (60, 1), (120, 2), (600, 10), (100_000, 1666)])
def test_looks_are_spread_over_the_run(total: int, expected: int) -> None:
    assert steps_between_looks(total) == expected
    assert total // expected < 2 * LOOKS_PER_RUN
