"""Two decoders on the same trials: how well each does, and how surely they differ.

Trials are hard or easy for both, so that the difference is known far better than either: every
uncertainty here is that of the paired difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Paired", "bits_per_minute", "mcnemar", "paired_accuracy", "paired_auc"]


@dataclass(frozen=True)
class Paired:
    """What two decoders score on the same trials.

    Attributes
    ----------
    first, first_uncertainty : float
        Score of the first, and its standard uncertainty.
    second, second_uncertainty : float
        Of the second.
    loss, loss_uncertainty : float
        What the second falls short of the first by, and its standard uncertainty, paired.
    n : int
        Trials.
    lost, gained : int
        Trials that only the first decodes rightly, and only the second; 0 where the score is of
        trials taken together.
    """

    first: float
    first_uncertainty: float
    second: float
    second_uncertainty: float
    loss: float
    loss_uncertainty: float
    n: int
    lost: int = 0
    gained: int = 0


def paired_auc(
    first: NDArray[np.float64], second: NDArray[np.float64], positive: NDArray[np.bool_]
) -> Paired:
    """Compare the areas under two receiver operating curves of the same trials.

    The area is the probability that a positive trial scores above a negative one (ties count
    half). Its variance, and that of the difference, by DeLong's placements (DeLong, DeLong and
    Clarke-Pearson, *Comparing the areas under two or more correlated receiver operating
    characteristic curves*, Biometrics 44, 1988).

    Parameters
    ----------
    first, second : ndarray, shape (n_trials,)
        Scores, higher where the decoder holds the trial for a positive one.
    positive : ndarray of bool, shape (n_trials,)
        What the trials are.

    Raises
    ------
    ValueError
        If there are fewer than two trials of a kind.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if m < 2 or n < 2:
        raise ValueError(f"{m} positive and {n} negative trials: give at least two of each")
    placed = [_placements(scores[positive], scores[~positive]) for scores in (first, second)]
    above = np.stack([of_positive for of_positive, _ in placed])
    below = np.stack([of_negative for _, of_negative in placed])
    area = above.mean(axis=1)
    covariance = np.cov(above) / m + np.cov(below) / n
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return Paired(
        first=float(area[0]),
        first_uncertainty=float(np.sqrt(covariance[0, 0])),
        second=float(area[1]),
        second_uncertainty=float(np.sqrt(covariance[1, 1])),
        loss=float(area[0] - area[1]),
        loss_uncertainty=float(np.sqrt(max(variance, 0.0))),
        n=m + n,
    )


def paired_accuracy(first: NDArray[np.float64], second: NDArray[np.float64]) -> Paired:
    """Compare the accuracies of two decoders that choose the highest of several scores.

    The accuracies are counted. The loss is the difference of two kernel estimates of the part of
    margins above zero, ``mean(Phi(margin / width))`` (Nadaraya, *Some new estimates for
    distribution functions*, Theory of Probability and its Applications 9, 1964): a trial on the
    brink counts in part, and not wholly as chance has it, which leaves a few trials' noise where
    counting leaves that of dozens. The width is twice Silverman's, ``2.12 s n ** -0.2``, with the
    spread `s` of the first decoder's margins: what that adds to each estimate is nearly the same,
    and a difference is a tenth too small at most.

    Parameters
    ----------
    first, second : ndarray, shape (n_trials,)
        Margins: score of the right choice less the highest of the others.

    Raises
    ------
    ValueError
        If there are fewer than two trials.
    """
    from scipy.stats import norm

    n = len(first)
    if n < 2:
        raise ValueError(f"{n} trials: give at least two")
    width = 2.12 * max(float(first.std(ddof=1)), 1e-12) * n**-0.2
    each = norm.cdf(first / width) - norm.cdf(second / width)
    right = first > 0, second > 0
    counted = [float(np.mean(hits)) for hits in right]
    return Paired(
        first=counted[0],
        first_uncertainty=_of_a_part(counted[0], n),
        second=counted[1],
        second_uncertainty=_of_a_part(counted[1], n),
        loss=float(each.mean()),
        loss_uncertainty=float(each.std(ddof=1) / np.sqrt(n)),
        n=n,
        lost=int(np.sum(right[0] & ~right[1])),
        gained=int(np.sum(~right[0] & right[1])),
    )


def mcnemar(lost: int, gained: int) -> float:
    """Return the two-sided probability of such a split by chance alone (exact McNemar test).

    Parameters
    ----------
    lost, gained : int
        Trials that only one of two decoders decodes rightly.
    """
    from scipy.stats import binom

    n = lost + gained
    return 1.0 if n == 0 else float(min(1.0, 2 * binom.cdf(min(lost, gained), n, 0.5)))


def bits_per_minute(accuracy: float, n_targets: int, selection_s: float) -> float:
    """Return the information transfer rate of a selection among equally likely targets.

    ``log2 N + P log2 P + (1 - P) log2((1 - P) / (N - 1))`` bits each (Wolpaw et al.,
    *Brain-computer interface technology: a review of the first international meeting*, IEEE
    Transactions on Rehabilitation Engineering 8, 2000); 0 at chance and below.

    Parameters
    ----------
    accuracy : float
        Part of selections that are right.
    n_targets : int
    selection_s : float
        Time that a selection takes in seconds.
    """
    if accuracy <= 1 / n_targets:
        return 0.0
    bits = np.log2(n_targets) + accuracy * np.log2(accuracy)
    if accuracy < 1:
        bits += (1 - accuracy) * np.log2((1 - accuracy) / (n_targets - 1))
    return float(bits * 60 / selection_s)


def _placements(
    positive: NDArray[np.float64], negative: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the part of negatives below each positive, and of positives above each negative."""
    above = np.sign(positive[:, None] - negative[None, :]) / 2 + 0.5
    return above.mean(axis=1), above.mean(axis=0)


def _of_a_part(part: float, n: int) -> float:
    """Return the standard uncertainty of a part of `n` trials, two of each kind added (Agresti)."""
    added = (part * n + 2) / (n + 4)
    return float(np.sqrt(added * (1 - added) / (n + 4)))
