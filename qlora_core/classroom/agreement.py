"""How far raters agree beyond chance, where a pair may have any number of them."""

from collections.abc import Iterable


def fleiss_kappa(votes: Iterable[tuple[int, int]]) -> float | None:
    """Fleiss' kappa for two answers and unequal numbers of raters (Fleiss & Cuzick 1979,
    doi:10.1177/014662167900300410): 1 is full agreement, 0 what chance comes to. With equal numbers it is that of
    Fleiss 1971 (doi:10.1037/h0031619).

    Args:
        votes: how many raters gave either answer to a pair; pairs with one rater tell nothing and are left out.

    Returns:
        None where no pair has two raters, or all give one answer.
    """
    several = [(one, other) for one, other in votes if one + other >= 2]
    raters = sum(one + other for one, other in several)
    share = sum(one for one, _ in several) / raters if raters else 0.0
    if share in (0.0, 1.0):
        return None
    within = sum(one * other / (one + other) for one, other in several)
    return 1 - within / ((raters - len(several)) * share * (1 - share))
