"""Rational polyphase resampling that gives the same samples at any block length."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor

import numpy as np
from scipy.signal import firwin, upfirdn

from eegrig.signal_sim.errors import RecordingError
from eegrig.signal_sim.stream import FloatArray

__all__ = ["Polyphase", "ratio"]

_HALF_TAPS = 16
"""Half length of the filter in samples of the slower rate: 80 dB with the Kaiser window below."""
_KAISER_BETA = 8.0
_CLOSE_ENOUGH = 2e-5
"""Of a rate: as far as two oscillators are apart (assumed)."""
_MAX_TERM = 20_000
"""Largest numerator or denominator; its filter has 640 000 taps, of which 33 meet a sample."""


def ratio(from_hz: float, to_hz: float) -> Fraction:
    """Return ``to_hz / from_hz`` as a ratio of whole numbers.

    Rates that were measured have no common measure: the nearest ratio of terms that are not too
    large serves, where it is within 20 ppm.

    Raises
    ------
    RecordingError
        The rates have no common measure worth the name.
    """
    fraction = Fraction(to_hz).limit_denominator(1_000_000) / Fraction(from_hz).limit_denominator(
        1_000_000
    )
    if max(fraction.numerator, fraction.denominator) > _MAX_TERM:
        exact = fraction
        fraction = exact.limit_denominator(max(1, int(_MAX_TERM / max(float(exact), 1.0))))
        if not abs(fraction / exact - 1) <= _CLOSE_ENOUGH or fraction.numerator > _MAX_TERM:
            near = from_hz * float(fraction or Fraction(1, _MAX_TERM))
            msg = (
                f"cannot resample from {from_hz:g} to {to_hz:g} Hz: the ratio {exact} is too fine; "
                f"ask for a rate with a common measure, e.g. {near:.6g} Hz"
            )
            raise RecordingError(msg)
    return fraction


class Polyphase:
    """A windowed-sinc resampler by ``up / down``, without delay.

    Output sample m lies at time ``m / to_hz``, input sample n at ``n / from_hz``. The pass band
    ends at 0.9 of the lower Nyquist frequency.
    """

    def __init__(self, fraction: Fraction) -> None:
        self.up = fraction.numerator
        self.down = fraction.denominator
        slower = max(self.up, self.down)
        self._half = _HALF_TAPS * slower
        if slower == 1:
            self._taps = np.ones(1)
            self._half = 0
        else:
            cutoff = 0.95 / slower
            self._taps = self.up * np.asarray(
                firwin(2 * self._half + 1, cutoff, window=("kaiser", _KAISER_BETA))
            )

    def render(
        self, fetch: Callable[[int, int], FloatArray], start: int, n_times: int
    ) -> FloatArray:
        """Return output samples ``start ... start + n_times``.

        Parameters
        ----------
        fetch : callable
            Returns input samples ``first ... last`` (any whole numbers), shape (n_channels, n).
        start, n_times : int
            Stretch of the output.
        """
        if self._taps.size == 1:
            return fetch(start, start + n_times)
        first = ceil((start * self.down - self._half) / self.up)
        last = floor(((start + n_times - 1) * self.down + self._half) / self.up) + 1
        # Zeros before the taps bring the wanted outputs onto upfirdn's grid.
        lag = start * self.down + self._half - first * self.up
        pad = -lag % self.down
        taps = np.concatenate([np.zeros(pad), self._taps]) if pad else self._taps
        begin = (lag + pad) // self.down
        full = upfirdn(taps, fetch(first, last), up=self.up, down=self.down, axis=-1)
        return np.asarray(full)[..., begin : begin + n_times]
