"""The tests and estimates of the gate: exact, of ranks, and of pairs with one seed.

Everything is one-sided: larger is worse. Whoever calls turns the values so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = [
    "MOST_PAIRS",
    "Interval",
    "Pairs",
    "benjamini_hochberg",
    "chances_of_u",
    "compare_pairs",
    "least_worse_u",
    "p_worse",
    "robust_scale",
    "shift_interval",
    "sign_flip_p",
]

MOST_PAIRS = 20
"""Of a sign-flip test: it goes through all 2**n choices of signs."""

_MAD_TO_SIGMA = 1.482602218505602
"""One over the 0.75 quantile of the standard normal distribution."""

Values = Sequence[float] | NDArray[np.float64]


class Interval(NamedTuple):
    """A shift, estimated.

    Attributes
    ----------
    low, estimate, high : float
    """

    low: float
    estimate: float
    high: float


class Pairs(NamedTuple):
    """Values with and without a change, compared seed by seed.

    Attributes
    ----------
    n : int
        Seeds that both have.
    estimate : float
        Median of the differences, new less old.
    low, high : float
        The smallest and the largest difference.
    p_worse : float
        Of an exact sign-flip test of their mean; 1 where all are equal.
    """

    n: int
    estimate: float
    low: float
    high: float
    p_worse: float

    @property
    def equal(self) -> bool:
        """Whether every pair is equal to the bit."""
        return self.low == self.high == 0


def p_worse(baseline: Values, new: Values) -> float:
    """Return the chance of ranks as bad as these, if `new` came from where `baseline` did.

    The exact Mann-Whitney test, one-sided. Equal values share their mean rank, and the chance is
    then that over all ways to deal out those very ranks (a permutation test, without sampling).

    Parameters
    ----------
    baseline, new : sequence of float
        Finite; at least one each.

    Raises
    ------
    ValueError
        If one is empty or not finite.
    """
    old, fresh = _checked(baseline), _checked(new)
    # Twice the mean rank is an integer, with ties too.
    doubled = np.rint(2 * rankdata(np.concatenate([old, fresh]))).astype(np.int64)
    chances = _chances_of_sums(tuple(int(rank) for rank in np.sort(doubled)), fresh.size)
    found = int(doubled[old.size :].sum())
    return min(1.0, float(chances[found:].sum()))


@cache
def chances_of_u(n_baseline: int, n_new: int) -> NDArray[np.float64]:
    """Return how likely each U is under no change and without ties, from 0 to their product.

    U counts the pairs in which a new value is the larger.
    """
    ranks = tuple(2 * rank for rank in range(1, n_baseline + n_new + 1))
    chances = _chances_of_sums(ranks, n_new)
    least = n_new * (n_new + 1)  # twice the smallest sum of ranks
    found = chances[least : least + 2 * n_baseline * n_new + 1 : 2]
    found.setflags(write=False)
    return found


def least_worse_u(n_baseline: int, n_new: int, p: float) -> int | None:
    """Return the smallest U that is at most as likely as `p`, or larger; None if none is."""
    tail = np.cumsum(chances_of_u(n_baseline, n_new)[::-1])[::-1]
    # A tail that is `p` but for rounding counts.
    enough = np.flatnonzero(tail <= p * (1 + 1e-12))
    return int(enough[0]) if enough.size else None


def _chances_of_sums(ranks: tuple[int, ...], n_chosen: int) -> NDArray[np.float64]:
    """Return how likely each sum of `n_chosen` of these ranks is, all choices alike.

    Ranks are taken one after the other: a row for each number chosen so far.
    """
    largest = sum(sorted(ranks)[len(ranks) - n_chosen :])
    ways = np.zeros((n_chosen + 1, largest + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        if rank <= largest:
            ways[1:, rank:] += ways[:-1, : largest + 1 - rank].copy()
    chances: NDArray[np.float64] = ways[n_chosen] / math.comb(len(ranks), n_chosen)
    return chances


def shift_interval(baseline: Values, new: Values, confidence: float = 0.95) -> Interval:
    """Return by how much `new` is larger: the Hodges-Lehmann estimate and its interval.

    The estimate is the median of all differences of one of each. The interval is that of the exact
    Mann-Whitney test: the shifts it would not reject on either side. With few values it is all
    differences there are, and its confidence is less than was asked for.

    Parameters
    ----------
    baseline, new : sequence of float
    confidence : float
        Of the interval, at least, where there are enough values.
    """
    old, fresh = _checked(baseline), _checked(new)
    differences = np.sort(np.subtract.outer(fresh, old).ravel())
    below = np.cumsum(chances_of_u(old.size, fresh.size))
    beyond = int(np.searchsorted(below, (1 - confidence) / 2, side="right"))
    at = max(beyond - 1, 0)
    return Interval(
        float(differences[at]),
        float(np.median(differences)),
        float(differences[differences.size - 1 - at]),
    )


def benjamini_hochberg(p_values: Values, share: float) -> NDArray[np.bool_]:
    """Say which of several tests reject, so that false ones are at most a share of them.

    Where nothing has changed at all, `share` bounds the chance of a single rejection. Y. Benjamini,
    Y. Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57 (1995) 289-300.

    Parameters
    ----------
    p_values : sequence of float
    share : float
        The false discovery rate.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    good = np.flatnonzero(p[order] <= share * np.arange(1, p.size + 1) / p.size * (1 + 1e-12))
    rejected = np.zeros(p.size, dtype=np.bool_)
    if good.size:
        rejected[order[: good[-1] + 1]] = True
    return rejected


def compare_pairs(baseline: Mapping[int, float], new: Mapping[int, float]) -> Pairs:
    """Compare values seed by seed.

    Parameters
    ----------
    baseline, new : mapping of int to float
        Values by seed; seeds that only one of them has are left out. Of more than `MOST_PAIRS`, the
        test takes the first.

    Raises
    ------
    ValueError
        If they have no seed in common, or a value is not finite.
    """
    seeds = sorted(baseline.keys() & new.keys())
    if not seeds:
        raise ValueError("no seed in common")
    old = _checked([baseline[seed] for seed in seeds])
    differences = _checked([new[seed] for seed in seeds]) - old
    return Pairs(
        n=len(seeds),
        estimate=float(np.median(differences)),
        low=float(differences.min()),
        high=float(differences.max()),
        p_worse=sign_flip_p(differences[:MOST_PAIRS]),
    )


def sign_flip_p(differences: Values) -> float:
    """Return the chance of a mean as large as this one, if each sign were as likely as the other.

    All choices of signs are gone through. Differences that are all 0 have the chance 1.

    Raises
    ------
    ValueError
        If there are none, or more than `MOST_PAIRS`.
    """
    found = _checked(differences)
    if found.size > MOST_PAIRS:
        raise ValueError(f"{found.size} differences, at most {MOST_PAIRS}")
    sums = np.zeros(1)
    for size in np.abs(found):
        sums = np.concatenate([sums + size, sums - size])
    # Sums that differ in their last bits only are the same.
    slack = 1e-12 * np.abs(found).sum()
    return float(np.mean(sums >= found.sum() - slack))


def robust_scale(*samples: Values) -> float:
    """Return the standard deviation within samples, each about its own median.

    From the median of the absolute deviations, so that a few wild runs do not count. If more than
    half are equal it is the plain one.
    """
    deviations = np.concatenate([values - np.median(values) for values in map(_checked, samples)])
    scale = _MAD_TO_SIGMA * float(np.median(np.abs(deviations)))
    return scale or float(np.sqrt(np.mean(deviations**2)))


def _checked(values: Values) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if not found.size or not np.isfinite(found).all():
        raise ValueError("values are to be finite, and at least one")
    return found
