"""Answers made up for the tests of what is measured of them."""

import numpy as np

#: What two bootstraps of this many resamples may differ by, on scores whose standard deviation is near 0.03.
RESAMPLES, MONTE_CARLO_ERROR = 4000, 0.006


def logits_for(answers: np.ndarray) -> np.ndarray:
    """Logits, shape (n, 2), of a model that is rather sure of ``answers``, shape (n,)."""
    return np.stack([1.0 - answers, answers], axis=1).astype(np.float32)


def noisy(labels: np.ndarray, wrong: float, seed: int) -> np.ndarray:
    """Labels of which a share is flipped."""
    return np.where(np.random.default_rng(seed).random(len(labels)) < wrong, 1 - labels, labels)


def naive_interval(values: list[float]) -> tuple[float, float]:
    values = sorted(values)
    return values[int(0.025 * len(values))], values[int(0.975 * len(values))]
