"""Many sines at once, on all channels of a board whose clock is not quite the bench's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ToneFit", "fit_tones"]

_CLOCKS_DIFFER = 0.01
"""How far the frequencies may be from where they are expected, as a part of them."""
_FIRST_CYCLES = 0.25
"""Cycles by which the fastest tone may be off at the end of the first stretch that is fitted."""
_ROUNDS = 6
_NEAR = 1e-3
"""Steps of the clocks' ratio below this part of a cycle over the stretch are no more needed."""
_LINES = 12
"""Lines of the residual's spectrum on either side of a tone that its noise is taken from."""


@dataclass(frozen=True)
class ToneFit:
    """Sines of common known frequencies in every channel, fitted together.

    Attributes
    ----------
    frequencies_hz : ndarray, shape (n_tones,)
        As they show in the recording at its nominal rate.
    clock_ratio : float
        Those over the ones that were applied: below 1 the board samples too fast.
    phasors_v : ndarray of complex, shape (n_channels, n_tones)
        Amplitude (peak) and phase at the first sample, of a cosine.
    uncertainty_v : ndarray, shape (n_channels, n_tones)
        Standard uncertainty of a phasor along any direction, from the residual's spectrum around
        the tone.
    offset_v : ndarray, shape (n_channels,)
    residual_v : ndarray, shape (n_channels, n_times)
        What the sines and the offset leave.
    """

    frequencies_hz: NDArray[np.float64]
    clock_ratio: float
    phasors_v: NDArray[np.complex128]
    uncertainty_v: NDArray[np.float64]
    offset_v: NDArray[np.float64]
    residual_v: NDArray[np.float64]

    @property
    def amplitudes_v(self) -> NDArray[np.float64]:
        """Peak amplitudes, shape (n_channels, n_tones)."""
        return np.abs(self.phasors_v)

    @property
    def residual_rms_v(self) -> NDArray[np.float64]:
        """Rms of what is left, shape (n_channels,)."""
        rms: NDArray[np.float64] = np.sqrt(np.mean(self.residual_v**2, axis=1))
        return rms


def fit_tones(
    samples_v: NDArray[np.float64], rate_hz: float, frequencies_hz: Sequence[float]
) -> ToneFit:
    """Fit sines of known frequencies, and how much faster the one clock is than the other.

    Linear least squares for cosines, sines and an offset, as the sine fit of IEEE 1057-2017; the
    ratio of the clocks is one more parameter, common to all tones and channels, by Gauss-Newton
    (what it explains beyond the others, as in a variable projection). It is first fitted to so
    short a stretch that no tone can be a period off, then to ones twice as long.

    Parameters
    ----------
    samples_v : ndarray, shape (n_channels, n_times)
        In volts.
    rate_hz : float
        Nominal sample rate.
    frequencies_hz : sequence of float
        That were applied, all different.

    Raises
    ------
    ValueError
        If there are too few samples for so many tones, or a tone is not below half the rate.
    """
    applied = np.asarray(frequencies_hz, dtype=np.float64)
    n = samples_v.shape[1]
    if n < 4 * (2 * applied.size + 2):
        raise ValueError(f"{n} samples are too few to fit {applied.size} tones")
    if applied.min() <= 0 or applied.max() >= rate_hz / 2:
        raise ValueError(f"tones of {applied.min()} to {applied.max()} Hz at {rate_hz:g} SPS")
    first = _FIRST_CYCLES / (_CLOCKS_DIFFER * applied.max())
    first = max(first, 1.0 / _least_gap(applied), 2.0 / applied.min())
    length, ratio = min(n, max(round(first * rate_hz), 8 * applied.size + 8)), 1.0
    while True:
        enough = _NEAR * rate_hz / (applied.max() * length)
        for _ in range(_ROUNDS):
            before, ratio = ratio, _nearer(samples_v[:, :length], applied, rate_hz, ratio)
            if abs(ratio - before) < (enough if length < n else 1e-3 * enough):
                break
        if length == n:
            break
        length = min(2 * length, n)
    design = _design(n, applied * ratio, rate_hz)
    solution, residual = _solved(samples_v, design)
    k = applied.size
    uncertainty = _uncertainty(residual, applied * ratio, rate_hz, used=2 * k + 1)
    return ToneFit(
        frequencies_hz=applied * ratio,
        clock_ratio=ratio,
        phasors_v=solution[:, :k] - 1j * solution[:, k : 2 * k],
        uncertainty_v=uncertainty,
        offset_v=solution[:, -1],
        residual_v=residual,
    )


def _least_gap(applied: NDArray[np.float64]) -> float:
    ordered = np.sort(applied)
    return float(np.diff(ordered).min()) if applied.size > 1 else float(ordered[0])


def _design(n: int, frequencies_hz: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Return cosines, sines and ones, shape (2 * n_tones + 1, n_times)."""
    angle = 2.0 * np.pi / rate_hz * frequencies_hz[:, None] * np.arange(n)
    return np.concatenate([np.cos(angle), np.sin(angle), np.ones((1, n))])


def _products(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``a @ b.T``, by one thread: those of a BLAS cost more than they do on so little."""
    found: NDArray[np.float64] = np.einsum("in,jn->ij", a, b)
    return found


def _explained(
    of: NDArray[np.float64], design: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return parameters, shape (n_rows, n_columns), and what they leave of the rows of `of`."""
    solution: NDArray[np.float64] = np.asarray(
        np.linalg.solve(_products(design, design), _products(design, of)).T, dtype=np.float64
    )
    left: NDArray[np.float64] = of - np.einsum("ck,kn->cn", solution, design)
    return solution, left


def _solved(
    samples_v: NDArray[np.float64], design: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return parameters, shape (n_channels, n_columns), and what they leave."""
    # Around the mean: an electrode's offset is a thousand times its signal.
    level = samples_v.mean(axis=1, keepdims=True)
    solution, residual = _explained(samples_v - level, design)
    solution[:, -1] += level[:, 0]
    return solution, residual


def _nearer(
    samples_v: NDArray[np.float64],
    applied: NDArray[np.float64],
    rate_hz: float,
    ratio: float,
) -> float:
    """Return the clocks' ratio after one more step."""
    n, k = samples_v.shape[1], applied.size
    design = _design(n, applied * ratio, rate_hz)
    solution, residual = _solved(samples_v, design)
    growth = 2.0 * np.pi / rate_hz * applied[:, None] * np.arange(n)
    cosine, sine = growth * design[:k], growth * design[k : 2 * k]
    slope = np.einsum("ck,kn->cn", solution[:, k : 2 * k], cosine)
    slope -= np.einsum("ck,kn->cn", solution[:, :k], sine)
    slope = _explained(slope, design)[1]
    power = float(np.sum(slope**2))
    step = float(np.sum(slope * residual)) / power if power > 0 else 0.0
    return float(np.clip(ratio + step, 1 - _CLOCKS_DIFFER, 1 + _CLOCKS_DIFFER))


def _uncertainty(
    residual_v: NDArray[np.float64],
    frequencies_hz: NDArray[np.float64],
    rate_hz: float,
    *,
    used: int,
) -> NDArray[np.float64]:
    """Return ``sqrt(2 S / n)``, with S the residual's spectrum around each tone."""
    n = residual_v.shape[1]
    power = np.abs(np.fft.rfft(residual_v, axis=1)) ** 2 / max(n - used, 1)
    out = np.empty((residual_v.shape[0], frequencies_hz.size))
    for tone, frequency in enumerate(frequencies_hz):
        line = round(frequency * n / rate_hz)
        low, high = max(line - _LINES, 1), min(line + _LINES + 1, power.shape[1])
        out[:, tone] = np.sqrt(2.0 * power[:, low:high].mean(axis=1) / n)
    return out
