"""The batches that a run's passes are made of, and how many tokens those have."""

from collections.abc import Iterable, Iterator

from qlora_core.data.batching import TokenizedPairs, epoch_batches, evaluation_batches, padded
from qlora_core.training.loop.easy_pairs import easy_pairs
from qlora_core.training.passes import Pass, steps_per_epoch
from qlora_core.training.setup import Setup


def epochs(setup: Setup) -> Iterator[list[list[int]]]:
    """The batches of each epoch; the later ones differ from the first in order and, hardly, in padding."""
    config = setup.config
    for epoch in range(config.num_train_epochs):
        yield epoch_batches(setup.train, config.train_batch_size, config.seed, epoch)


def batches_of_easy_pairs(setup: Setup) -> Iterator[TokenizedPairs]:
    """The easy pairs beside each of the first steps."""
    config = setup.config
    steps = steps_per_epoch(config, len(setup.train)) * config.num_train_epochs
    for step in range(min(config.easy_pairs_steps, steps)):
        yield easy_pairs(setup.train, config.train_batch_size, config.seed, step)


def shapes(pairs: TokenizedPairs, batches: Iterable[list[int]]) -> set[tuple[int, int]]:
    """The different (pairs, tokens of the longest) among batches."""
    return {(len(batch), tokens(pairs, batch) // len(batch)) for batch in batches}


def tokens_of_pass(setup: Setup, each: Pass) -> int:
    """Padded tokens of all the batches in which a pass goes over its pairs once."""
    if each.pairs == "easy":
        return sum(tokens(pairs, list(range(len(pairs)))) for pairs in batches_of_easy_pairs(setup))
    pairs: TokenizedPairs = getattr(setup, each.pairs)
    batches = next(epochs(setup)) if each.learns else evaluation_batches(pairs, setup.config.eval_batch_size)
    return sum(tokens(pairs, batch) for batch in batches)


def tokens(pairs: TokenizedPairs, indices: list[int]) -> int:
    """Tokens of a batch with its padding."""
    longest = max(len(pairs.rows[index][0]) for index in indices)
    return len(indices) * padded(longest, pairs.max_length)
