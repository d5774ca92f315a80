"""Easy pairs, shown beside the first batches: whoever tells them apart has begun to compare the two sentences.

A pair and its near twin of the other label pull a model in opposite directions as long as it does not compare, so that
it learns nothing from either for a long time. Sentences of different families differ in everything, which is soon seen.
"""

import numpy as np

from qlora_core.data.batching import TokenizedPairs

#: Of their mean loss, beside the batch's own.
EASY_PAIRS_WEIGHT = 0.5


def easy_pairs(pairs: TokenizedPairs, count: int, seed: int, step: int) -> TokenizedPairs:
    """``count`` pairs: one half means the same and is taken from ``pairs``, the other is made of unrelated sentences.

    Unrelated are the first sentence of one pair and the second of another, where the two pairs are in different
    bundles. Their labels are 1 and 0. ``pairs`` must have a pair of label 1 and more than one bundle.
    """
    generator = np.random.default_rng([seed, step, 1])
    same = generator.choice(np.flatnonzero(pairs.labels == 1), count - count // 2)
    rows = [pairs.rows[index] for index in same]
    while len(rows) < count:
        first, second = generator.integers(len(pairs), size=2)
        if pairs.bundles[first] != pairs.bundles[second]:
            rows.append(recombined(pairs.rows[first], pairs.rows[second], pairs.max_length))
    return TokenizedPairs(
        rows=rows,
        swapped=None,
        labels=(np.arange(count) < len(same)).astype(np.int64),
        bundles=np.arange(count),
        truncated=np.zeros(count, dtype=bool),
        pad_token_id=pairs.pad_token_id,
        max_length=pairs.max_length,
    )


def recombined(
    first: tuple[list[int], list[int]], second: tuple[list[int], list[int]], max_length: int
) -> tuple[list[int], list[int]]:
    """The first sentence of one tokenised pair with the second of another, cut before its [SEP] if it is too long."""
    length = first[1].index(1)  # of [CLS] and the first sentence with its [SEP]
    head, tail = first[0][:length], second[0][second[1].index(1) :]
    room = max_length - length
    tail = [*tail[: room - 1], tail[-1]] if len(tail) > room else tail
    return [*head, *tail], [0] * length + [1] * len(tail)
