"""A mean over seeds and pairs, where every seed answered every pair: its interval and its test.

Both seeds and pairs are a sample of those that might have been. What is asked for is what another seed on other pairs
would come to, so that neither may be taken as given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean

import numpy as np

from qlora_core.evaluation.comparison import DEFAULT_SAMPLING, Outcome, outcome_from
from qlora_core.evaluation.scores import PERCENTILES, Interval

#: Below so many seeds, the interval is mostly the price of having few.
FEW_SEEDS = 5


@dataclass(frozen=True)
class Gain:
    """A mean difference of two shares of right answers, over seeds and pairs."""

    value: float
    ci95: Interval
    p: float  #: two-sided, of no difference
    seeds: int
    pairs: int

    @property
    def outcome(self) -> Outcome:
        """A difference only where interval and test both exclude chance."""
        return outcome_from(self.value, self.ci95, self.p)


def gain_of(differences: np.ndarray) -> Gain:
    """What ``differences``, shape (seeds, pairs), come to: after minus before, each -1, 0 or 1, or means of such.

    The interval is a bootstrap that draws seeds and pairs anew, each by itself (the pigeonhole bootstrap, Owen 2007,
    Annals of Applied Statistics 1(2), 386-411). Few seeds, drawn anew, differ less from each other than seeds do, by
    sqrt((k - 1) / k), and percentiles that fit the normal distribution lie too near for them: both are corrected as
    Hesterberg (2015, The American Statistician 69(4), 371-386) does it for one sample, with the degrees of freedom of
    the test. The test is that of readers and cases (Obuchowski & Rockette 1995) with the degrees of freedom of Hillis
    (2007, Statistics in Medicine 26, 596-619), where the seeds are the readers. Of one seed, it is Student's over the
    pairs.
    """
    seeds, pairs = differences.shape
    variance, freedom = _of_mean(differences)
    value = float(differences.mean())
    return Gain(value, _drawn(differences, freedom), _p_of(value, variance, freedom), seeds, pairs)


def repeated_splits(splits: Sequence[np.ndarray], train: int) -> Gain:
    """The same of seeds that have each set aside validation pairs of their own, and trained on ``train`` others.

    Such splits overlap, which the corrected resampled t-test allows for (Nadeau & Bengio 2003, Machine Learning 52,
    239-281). ``splits`` are each seed's differences, shape (its pairs,).
    """
    seeds, pairs = len(splits), fmean(map(len, splits))
    gains = np.array([split.mean() for split in splits])
    of_pairs = fmean(float(split.var(ddof=1)) / len(split) for split in splits)
    spread = max(float(gains.var(ddof=1)), of_pairs)  # seeds that lie nearer by luck than their pairs allow
    value, variance = float(gains.mean()), spread * (1 / seeds + pairs / train)
    half = _t_quantile(seeds - 1) * sqrt(variance)
    ends = max(value - half, -1.0), min(value + half, 1.0)  # a share gains no more
    return Gain(value, ends, _p_of(value, variance, seeds - 1), seeds, round(pairs))


def _of_mean(differences: np.ndarray) -> tuple[float, float]:
    """The variance of the mean of all, and its degrees of freedom."""
    seeds, pairs = differences.shape
    mean, by_seed, by_pair = differences.mean(), differences.mean(axis=1), differences.mean(axis=0)
    if seeds == 1:
        return float(by_pair.var(ddof=1)) / pairs, pairs - 1
    rest = differences - by_seed[:, None] - by_pair[None, :] + mean
    of_seeds = pairs * float(by_seed.var(ddof=1))
    of_pairs = seeds * float(by_pair.var(ddof=1))
    of_both = float((rest**2).sum()) / ((seeds - 1) * (pairs - 1))
    of_seeds = max(of_seeds, of_both)  # seeds that lie nearer by luck than the rest allows
    total = of_seeds + max(of_pairs - of_both, 0.0)
    freedom = inf if of_seeds == 0 else total**2 / (of_seeds**2 / (seeds - 1))
    return total / (seeds * pairs), freedom


def _drawn(differences: np.ndarray, freedom: float) -> Interval:
    """The interval between the percentiles of the draws.

    Pairs with the same differences are exchangeable: drawing pairs is drawing how many of each kind there are.
    """
    from scipy.special import ndtr

    seeds, pairs = differences.shape
    samples, seed = DEFAULT_SAMPLING
    generator = np.random.default_rng(seed)
    kinds, counts = np.unique(differences, axis=1, return_counts=True)
    shares = generator.multinomial(pairs, counts / pairs, size=samples) / pairs
    weights = np.full((samples, seeds), 1 / seeds)
    if seeds > 1:
        drawn = generator.multinomial(seeds, weights[0], size=samples) / seeds
        weights = weights + (drawn - weights) * sqrt(seeds / (seeds - 1))
    tail = 100 * float(ndtr(-_t_quantile(freedom))) if seeds > 1 else PERCENTILES[0]
    low, high = np.percentile(((weights @ kinds) * shares).sum(axis=1), (tail, 100 - tail))
    return float(low), float(high)


def _t_quantile(freedom: float) -> float:
    """What 97.5 % of Student's t lie below; of the normal distribution where the freedom is infinite."""
    from scipy.special import ndtri, stdtrit  # scipy.stats, which has both, costs a second of CPU to import

    return float(ndtri(0.975) if freedom == inf else stdtrit(freedom, 0.975))


def _p_of(value: float, variance: float, freedom: float) -> float:
    from scipy.special import ndtr, stdtr

    if variance == 0:
        return 1.0 if value == 0 else 0.0
    t = -abs(value) / sqrt(variance)
    return min(1.0, 2 * float(ndtr(t) if freedom == inf else stdtr(freedom, t)))


def holm(p: list[float]) -> list[float]:
    """Each p corrected for how often was looked (Holm 1979, Scandinavian Journal of Statistics 6(2), 65-70)."""
    order, corrected, largest = sorted(range(len(p)), key=lambda place: p[place]), [1.0] * len(p), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = largest
    return corrected
