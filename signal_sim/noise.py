"""Streaming Gaussian noise of a wanted spectrum, stationary from its first sample."""

from __future__ import annotations

from math import ceil, log10, pi

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov
from scipy.signal import butter, sosfilt, sosfreqz

from eegrig.signal_sim.errors import SceneError
from eegrig.signal_sim.stream import FloatArray, State

__all__ = ["ColouredNoise", "band_pass", "band_rms", "power_law"]

_LOWEST_HZ = 0.05
"""Below this, 1/f noise is flat (a stream that starts at rest must have a finite power)."""
_SECTIONS_PER_DECADE = 2.0


def power_law(exponent: float, rate_hz: float, *, lowest_hz: float = _LOWEST_HZ) -> FloatArray:
    """Design a filter that turns white noise into 1/f^exponent noise.

    A ladder of first-order poles and zeros, evenly spaced in log frequency from `lowest_hz` to
    the Nyquist frequency (Oustaloup's approximation of a fractional integrator), mapped by
    matching poles and zeros. Its gain is 1 per square root of hertz at 10 Hz: scale it by an
    amplitude density.

    Parameters
    ----------
    exponent : float
        Of the power spectral density, 0 to 4.
    rate_hz : float
        Samples per second.
    lowest_hz : float
        Below it the spectrum is flat.

    Returns
    -------
    ndarray, shape (n_sections, 6)
        Second-order sections.
    """
    # One ladder falls by at most f^-2; steeper ones are two ladders of half the slope.
    ladders = 1 if exponent <= 2 else 2
    slope = exponent / ladders / 2
    top_hz = 0.5 * rate_hz
    n_sections = max(2, ceil(_SECTIONS_PER_DECADE * log10(top_hz / lowest_hz)))
    step = (top_hz / lowest_hz) ** (1.0 / n_sections)
    poles_hz = lowest_hz * step ** np.arange(n_sections)
    zeros_hz = poles_hz * step**slope
    poles = np.exp(-2 * pi * poles_hz / rate_hz)
    zeros = np.exp(-2 * pi * zeros_hz / rate_hz)
    poles, zeros = np.tile(poles, ladders), np.tile(zeros, ladders)
    if poles.size % 2:
        poles, zeros = np.append(poles, 0.0), np.append(zeros, 0.0)
    sos = np.zeros((poles.size // 2, 6))
    for row, (p1, p2, z1, z2) in enumerate(
        zip(poles[::2], poles[1::2], zeros[::2], zeros[1::2], strict=True)
    ):
        sos[row] = [1.0, -(z1 + z2), z1 * z2, 1.0, -(p1 + p2), p1 * p2]
    # White noise of variance 1 has a one-sided density of 2 / rate.
    density = np.sqrt(2.0 / rate_hz) * abs(_response(sos, np.array([10.0]), rate_hz)[0])
    sos[0, :3] /= density
    return sos


def band_pass(low_hz: float, high_hz: float, rate_hz: float, *, order: int = 2) -> FloatArray:
    """Design a Butterworth band pass whose output for white noise of variance 1 has variance 1.

    An upper edge above 0.9 of the Nyquist frequency is lowered to it.

    Raises
    ------
    SceneError
        The rate is too low for any of the band.
    """
    top_hz = 0.45 * rate_hz
    if low_hz >= 0.9 * top_hz:
        msg = (
            f"a band from {low_hz:g} to {high_hz:g} Hz cannot be made at {rate_hz:g} samples per "
            f"second: use at least {ceil(2.5 * low_hz)}"
        )
        raise SceneError(msg)
    edges = [low_hz, min(high_hz, top_hz)]
    sos: FloatArray = butter(order, edges, btype="bandpass", fs=rate_hz, output="sos")
    sos[0, :3] /= np.sqrt(_variance(sos))
    return sos


def band_rms(sos: FloatArray, low_hz: float, high_hz: float, rate_hz: float) -> float:
    """Return the rms that white noise of variance 1 has between two frequencies after `sos`."""
    frequencies = np.geomspace(low_hz, min(high_hz, 0.5 * rate_hz), 2000)
    density = np.abs(_response(sos, frequencies, rate_hz)) ** 2 * 2.0 / rate_hz
    return float(np.sqrt(np.trapezoid(density, frequencies)))


class ColouredNoise:
    """Rows of filtered white noise from one generator.

    Parameters
    ----------
    shapes : ndarray, shape (n_sections, 6), or list of (rows, sos)
        The filter of all rows, or the filter of each group of rows.
    rng : Generator
        Owned by this noise from now on.
    n_rows : int
        Rows.
    mixing : ndarray, shape (n_rows, n_rows), or None
        Mixes (and scales) the white noise of the rows before it is filtered; independent rows of
        scale 1 without it.
    """

    def __init__(
        self,
        shapes: FloatArray | list[tuple[NDArray[np.intp], FloatArray]],
        rng: np.random.Generator,
        n_rows: int,
        *,
        mixing: FloatArray | None = None,
    ) -> None:
        self._rng = rng
        self._mixing = mixing
        groups = shapes if isinstance(shapes, list) else [(np.arange(n_rows), shapes)]
        self._filters: list[tuple[NDArray[np.intp], FloatArray]] = []
        self._zi: list[FloatArray] = []
        self._white: FloatArray = np.empty((n_rows, 0))
        for rows, sos in groups:
            self._filters.append((rows, np.ascontiguousarray(sos)))
            # Begin anywhere in the stationary distribution instead of at rest. Neighbours are
            # correlated from the first sample on, as their white noise is.
            values, vectors = np.linalg.eigh(_state_covariance(sos))
            root = vectors * np.sqrt(np.clip(values, 0.0, None))
            start = rng.standard_normal((n_rows, root.shape[0]))
            if mixing is not None:
                start = mixing @ start
            states = (start[rows] @ root.T).reshape(len(rows), len(sos), 2)
            self._zi.append(np.ascontiguousarray(states.transpose(1, 0, 2)))

    def next(self, n_times: int) -> FloatArray:
        """Return the next samples, shape ``(n_rows, n_times)``."""
        if self._white.shape[1] != n_times:
            self._white = np.empty((self._white.shape[0], n_times))
        self._rng.standard_normal(out=self._white)
        white = self._white if self._mixing is None else self._mixing @ self._white
        if len(self._filters) == 1:
            filtered, self._zi[0] = sosfilt(self._filters[0][1], white, axis=-1, zi=self._zi[0])
            return np.asarray(filtered)
        out = np.empty_like(white)
        for i, (rows, sos) in enumerate(self._filters):
            out[rows], self._zi[i] = sosfilt(sos, white[rows], axis=-1, zi=self._zi[i])
        return out

    def state(self) -> State:
        """Return what `restore` needs."""
        return {"rng": self._rng.bit_generator.state, "zi": [zi.copy() for zi in self._zi]}

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        self._rng.bit_generator.state = state["rng"]
        self._zi = [np.array(zi) for zi in state["zi"]]


def _response(sos: FloatArray, frequencies_hz: FloatArray, rate_hz: float) -> FloatArray:
    return np.asarray(sosfreqz(sos, worN=frequencies_hz, fs=rate_hz)[1])


def _cascade(sos: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return the state space of the sections in transposed direct form II, as `sosfilt` runs."""
    n = 2 * len(sos)
    a, b, c, d = np.zeros((n, n)), np.zeros(n), np.zeros(n), 1.0
    # Output of the section so far, as a function of state (c) and input (d).
    for row, (b0, b1, b2, _, a1, a2) in enumerate(sos):
        one, two = 2 * row, 2 * row + 1
        y, through = b0 * c, b0 * d
        y[one] += 1.0
        a[one] = b1 * c - a1 * y
        a[one, two] += 1.0
        b[one] = b1 * d - a1 * through
        a[two] = b2 * c - a2 * y
        b[two] = b2 * d - a2 * through
        c, d = y, through
    return a, b, c, d


def _state_covariance(sos: FloatArray) -> FloatArray:
    a, b, _, _ = _cascade(sos)
    return np.asarray(solve_discrete_lyapunov(a, np.outer(b, b)))


def _variance(sos: FloatArray) -> float:
    _, _, c, d = _cascade(sos)
    return float(c @ _state_covariance(sos) @ c + d * d)
