"""The batches that a run's passes are made of, and how many tokens those have."""

from collections.abc import Iterable, Iterator

from qlora_core.data.batching import TokenizedPairs, epoch_batches, evaluation_batches, padded
from qlora_core.training.passes import Pass
from qlora_core.training.setup import Setup


def epochs(setup: Setup) -> Iterator[list[list[int]]]:
    """The batches of each epoch; the later ones differ from the first in order and, hardly, in padding."""
    config = setup.config
    for epoch in range(config.num_train_epochs):
        yield epoch_batches(setup.train, config.train_batch_size, config.seed, epoch)


def shapes(pairs: TokenizedPairs, batches: Iterable[list[int]]) -> set[tuple[int, int]]:
    """The different (pairs, tokens of the longest) among batches."""
    return {(len(batch), tokens(pairs, batch) // len(batch)) for batch in batches}


def tokens_of_pass(setup: Setup, each: Pass) -> int:
    """Padded tokens of all the batches in which a pass goes over its pairs once."""
    pairs = setup.train if each.pairs == "train" else setup.validation
    batches = next(epochs(setup)) if each.learns else evaluation_batches(pairs, setup.config.eval_batch_size)
    return sum(tokens(pairs, batch) for batch in batches)


def tokens(pairs: TokenizedPairs, indices: list[int]) -> int:
    """Tokens of a batch with its padding."""
    longest = max(len(pairs.rows[index][0]) for index in indices)
    return len(indices) * padded(longest, pairs.max_length)
