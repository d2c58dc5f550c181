"""Which flickering light is looked at: canonical correlation, plain and over a filter bank.

CCA after Lin, Zhang, Wu and Gao, *Frequency recognition based on canonical correlation analysis
for SSVEP-based BCIs*, IEEE Transactions on Biomedical Engineering 54, 2007; FBCCA after Chen, Wang,
Gao, Jung and Gao, *Filter bank canonical correlation analysis for implementing a high-speed
SSVEP-based brain-computer interface*, Journal of Neural Engineering 12, 2015. Neither is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.measure.decoding.windows import band_passed, cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cca_correlations", "cca_scores", "fbcca_scores", "margins"]

_BAND_HZ = (6.0, 45.0)
_BANK_HZ = (8.0, 88.0)
_N_BANDS = 5
_HARMONICS = 3
_EXPONENT, _OFFSET = 1.25, 0.25


def cca_correlations(
    windows: NDArray[np.float64],
    rate_hz: float,
    frequencies_hz: Sequence[float],
    n_harmonics: int = _HARMONICS,
) -> NDArray[np.float64]:
    """Return the largest canonical correlation of windows with sines and cosines of each target.

    By QR decompositions and a singular value decomposition (Bjorck and Golub, *Numerical methods
    for computing angles between linear subspaces*, Mathematics of Computation 27, 1973).

    Parameters
    ----------
    windows : ndarray, shape (n_windows, n_channels, n_times)
    rate_hz : float
        Samples per second.
    frequencies_hz : sequence of float
    n_harmonics : int
        Harmonics of each frequency, itself included; those beyond half the rate are left out.

    Returns
    -------
    ndarray, shape (n_windows, n_targets)
    """
    n_times = windows.shape[2]
    centred = np.moveaxis(windows - windows.mean(axis=2, keepdims=True), 1, 2)
    basis, _ = np.linalg.qr(centred)
    time_s = np.arange(n_times) / rate_hz
    found = np.empty((len(windows), len(frequencies_hz)))
    for target, frequency_hz in enumerate(frequencies_hz):
        orders = np.arange(1, n_harmonics + 1)
        orders = orders[orders * frequency_hz < 0.5 * rate_hz]
        phase = 2 * np.pi * frequency_hz * orders[None, :] * time_s[:, None]
        sines = np.concatenate([np.sin(phase), np.cos(phase)], axis=1)
        reference, _ = np.linalg.qr(sines - sines.mean(axis=0))
        crossed = np.swapaxes(basis, 1, 2) @ reference
        found[:, target] = np.linalg.svd(crossed, compute_uv=False)[:, 0]
    return found


def cca_scores(
    samples: NDArray[np.float64],
    rate_hz: float,
    first: NDArray[np.int64],
    n_times: int,
    frequencies_hz: Sequence[float],
) -> NDArray[np.float64]:
    """Return each trial's score of each target: the canonical correlation in 6 to 45 Hz.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n_frames)
        A recording.
    rate_hz : float
    first : ndarray of int, shape (n_trials,)
        Frame that each trial's window begins with.
    n_times : int
        Length of the windows in frames.
    frequencies_hz : sequence of float
        Of the targets.

    Returns
    -------
    ndarray, shape (n_trials, n_targets)
    """
    windows = cut(band_passed(samples, rate_hz, *_BAND_HZ), first, n_times)
    return cca_correlations(windows, rate_hz, frequencies_hz)


def fbcca_scores(
    samples: NDArray[np.float64],
    rate_hz: float,
    first: NDArray[np.int64],
    n_times: int,
    frequencies_hz: Sequence[float],
) -> NDArray[np.float64]:
    """Return each trial's score of each target over five bands, from 8, 16 ... 40 Hz to 88 Hz.

    Squared canonical correlations, weighted by ``band ** -1.25 + 0.25``. Parameters and result as
    of `cca_scores`.
    """
    total = np.zeros((len(first), len(frequencies_hz)))
    low_hz, high_hz = _BANK_HZ
    for band in range(1, _N_BANDS + 1):
        if band * low_hz >= 0.4 * rate_hz:
            break
        windows = cut(band_passed(samples, rate_hz, band * low_hz, high_hz), first, n_times)
        weight = band**-_EXPONENT + _OFFSET
        total += weight * cca_correlations(windows, rate_hz, frequencies_hz) ** 2
    return total


def margins(scores: NDArray[np.float64], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far the right target's score is above the highest of the others.

    Parameters
    ----------
    scores : ndarray, shape (n_trials, n_targets)
    targets : ndarray of int, shape (n_trials,)
        Which one is right.

    Returns
    -------
    ndarray, shape (n_trials,)
        Above zero where the decoder chooses rightly.
    """
    rows = np.arange(len(targets))
    others = scores.copy()
    others[rows, targets] = -np.inf
    margin: NDArray[np.float64] = scores[rows, targets] - others.max(axis=1)
    return margin
