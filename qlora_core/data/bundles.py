"""Which pairs belong together: those that share a sentence, directly or through other pairs."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def shared_sentence_bundles(first: list[str], second: list[str]) -> np.ndarray:
    """A number for each pair, shape (n,), from 0 on without gaps, equal for pairs linked by a common sentence.

    Upper and lower case are one. Kept on one side of a split, as a sentence known from training is half an answer; and
    kept in one batch, since a pair and its near twin of the other label differ in nothing but what matters, so that
    all that they have in common cancels out of the gradient (instance bundles: Dua et al. 2021, arXiv:2104.08735).
    """
    numbers: dict[str, int] = {}  # of each sentence
    left, right = (
        [numbers.setdefault(sentence.casefold(), len(numbers)) for sentence in sentences]
        for sentences in (first, second)
    )
    links = coo_array((np.ones(len(left)), (left, right)), shape=(len(numbers), len(numbers)))
    _, bundle_of_sentence = connected_components(links, directed=False)
    return bundle_of_sentence[left]
