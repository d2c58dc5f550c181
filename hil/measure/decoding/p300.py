"""Whether the eye's or the ear's target came: single trials of an oddball task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.decoding.windows import band_passed, cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["lda_scores", "p300_features", "p300_scores"]

_BAND_HZ = (1.0, 12.0)
_FEATURES_HZ = 20.0
"""Mean potentials so often a second are what a trial is told by."""
_FOLDS = 5
_SHRINKAGE = 0.1


def p300_features(
    samples: NDArray[np.float64], rate_hz: float, first: NDArray[np.int64], n_times: int
) -> NDArray[np.float64]:
    """Return each trial's mean potentials over steps of 50 ms, in 1 to 12 Hz.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n_frames)
    rate_hz : float
    first : ndarray of int, shape (n_trials,)
        Frame of each stimulus.
    n_times : int
        Length of a trial in frames.

    Returns
    -------
    ndarray, shape (n_trials, n_features)
    """
    windows = cut(band_passed(samples, rate_hz, *_BAND_HZ, order=2), first, n_times)
    step = max(1, round(rate_hz / _FEATURES_HZ))
    whole = n_times // step * step
    means = windows[:, :, :whole].reshape(*windows.shape[:2], -1, step).mean(axis=3)
    return np.asarray(means.reshape(len(windows), -1))


def lda_scores(
    features: NDArray[np.float64],
    positive: NDArray[np.bool_],
    folds: int = _FOLDS,
    shrinkage: float = _SHRINKAGE,
) -> NDArray[np.float64]:
    """Return each trial's score by a linear discriminant that has not seen its fold.

    Fisher's discriminant with the covariance shrunk towards a multiple of unity (Blankertz et al.,
    *Single-trial analysis and classification of ERP components: a tutorial*, NeuroImage 56, 2011).
    Folds are stretches of trials in order. Scores are in spreads within the classes about the
    middle of the classes' means, so that those of different folds can be ranked together.

    Parameters
    ----------
    features : ndarray, shape (n_trials, n_features)
    positive : ndarray of bool, shape (n_trials,)
    folds : int
    shrinkage : float
        Between 0 (none) and 1.

    Returns
    -------
    ndarray, shape (n_trials,)

    Raises
    ------
    ValueError
        If the trials of a fold leave fewer than two of a kind.
    """
    scores = np.empty(len(features))
    fold = np.arange(len(features)) * folds // max(len(features), 1)
    for held_out in range(folds):
        train, test = fold != held_out, fold == held_out
        yes, no = features[train & positive], features[train & ~positive]
        if len(yes) < 2 or len(no) < 2:
            raise ValueError(f"{len(yes)} positive and {len(no)} negative trials to learn from")
        within = np.concatenate([yes - yes.mean(axis=0), no - no.mean(axis=0)])
        covariance = within.T @ within / (len(within) - 2)
        level = float(np.trace(covariance)) / len(covariance)
        covariance = (1 - shrinkage) * covariance + shrinkage * level * np.eye(len(covariance))
        apart = yes.mean(axis=0) - no.mean(axis=0)
        weights = np.linalg.solve(covariance, apart)
        middle = 0.5 * (yes.mean(axis=0) + no.mean(axis=0))
        scores[test] = (features[test] - middle) @ weights / np.sqrt(apart @ weights)
    return scores


def p300_scores(
    samples: NDArray[np.float64],
    rate_hz: float,
    first: NDArray[np.int64],
    n_times: int,
    positive: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return each trial's score, of a decoder learnt from the same recording's other trials.

    Parameters and result as of `p300_features` and `lda_scores`.
    """
    return lda_scores(p300_features(samples, rate_hz, first, n_times), positive)
