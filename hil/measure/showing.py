"""What a signal can show: channels whose figures would be the signal's fault, and not a board's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards import load_part
from eegrig.boards.errors import InfrastructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.boards.schema import Board

__all__ = ["DOUBT", "UnfitSignal", "doubtful", "explained", "unfit"]

DOUBT = 1 / 3
"""Of what a limit leaves: a figure that a channel tells no better is not held against it."""

_CONSTANT_V = 1e-9
_COLOUR_BELOW = float(np.sqrt(120 / 66))
"""How much more of its noise a sinc3 filter leaves well below the output rate, where signals are,
than of a white one of the same rms: the square of its spline sums to 66/120 over the readings."""
_COLOUR_SQUARED = float(np.sqrt(1 + 2 * ((26 / 66) ** 2 + (1 / 66) ** 2)))
"""How much less well a power is known for its readings' correlations of 26/66 and 1/66."""
_LEAST_RATIO = 2.0
"""A signal with less than this times the noise's rms is no measure of anything but the noise: its
correlation is corrected by more than a tenth there."""


class UnfitSignal(InfrastructureError):
    """What is played shows nothing on any channel: no board can be told by it."""


def unfit(
    volts: NDArray[np.float64],
    channels: Sequence[str],
    board: Board,
    *,
    rate_sps: float | None = None,
    gain: float | None = None,
    peaks_v: NDArray[np.float64] | None = None,
) -> dict[str, str]:
    """Return which channels a signal shows nothing on, each with why.

    Parameters
    ----------
    volts : ndarray, shape (n_channels, n_times)
        At the electrodes.
    channels : sequence of str
    board : Board
        Whose front end is to show it.
    rate_sps, gain : float, optional
        Of the front end; the board's default ones if not given.
    peaks_v : ndarray, shape (n_channels,), optional
        The largest magnitudes at the electrodes, where `volts` is what a front end's filter leaves
        of them: its amplifier stands before the filter, and limits what that would have damped.
    """
    afe = board.afe
    gain = float(afe.gain) if gain is None else gain
    rate_sps = float(afe.default_rate_sps) if rate_sps is None else rate_sps
    noise_v = load_part(afe.part).table("noise_rms").si(rate_sps, gain)
    full_scale_v = afe.vref_v / gain
    peaks_v = np.abs(volts).max(axis=1) if peaks_v is None else peaks_v
    found: dict[str, str] = {}
    for name, row, peak_v in zip(channels, volts, peaks_v.tolist(), strict=True):
        rms_v = float(row.std())
        if peak_v >= full_scale_v:
            found[name] = (
                f"reaches {peak_v * 1e3:.4g} mV, beyond the front end's "
                f"+-{full_scale_v * 1e3:.4g} mV at gain {gain:g}"
            )
        elif rms_v < _CONSTANT_V:
            found[name] = "is constant"
        elif rms_v < _LEAST_RATIO * noise_v:
            found[name] = (
                f"has {rms_v * 1e6:.2g} uV rms, too little beside the front end's noise of "
                f"{noise_v * 1e6:.2g} uV rms"
            )
    return found


def doubtful(
    volts: NDArray[np.float64], channels: Sequence[str], board: Board, seconds: float
) -> dict[str, str]:
    """Return which channels are too quiet to hold a board's gain or correlation against its limits.

    The same bounds as the fidelity suite's, from the noise in the part's data sheet and the length
    of a recording in seconds.
    """
    afe = board.afe
    noise_v = load_part(afe.part).table("noise_rms").si(float(afe.default_rate_sps), afe.gain)
    n = max(1.0, seconds * afe.default_rate_sps)
    gain, correlation = (
        board.targets.get(name) for name in ("signal.gain_error", "signal.correlation")
    )
    found: dict[str, str] = {}
    for name, rms_v in zip(channels, volts.std(axis=1), strict=True):
        ratio = noise_v / max(float(rms_v), _CONSTANT_V)
        coarse = []
        if gain is not None and _COLOUR_BELOW * ratio / np.sqrt(n) > DOUBT * gain.limit:
            coarse.append("gain")
        # Of the noise in the recording and in that of shorted inputs, taken as equally long.
        doubt = _COLOUR_SQUARED * ratio**2 / np.sqrt(n)
        if correlation is not None and doubt > DOUBT * (1 - correlation.limit):
            coarse.append("correlation")
        if coarse:
            found[name] = (
                f"has {rms_v * 1e6:.2g} uV rms, too quiet to tell its {' and '.join(coarse)} as "
                f"finely as the limit in {seconds:g} s"
            )
    return found


def explained(faults: dict[str, str], before: str = "the signal cannot show it: ") -> str:
    """Return the faults of a signal in a sentence; empty if there are none."""
    if not faults:
        return ""
    by_reason: dict[str, list[str]] = {}
    for name, why in faults.items():
        # Channels that differ in the figures alone are listed with the first one's.
        by_reason.setdefault(re.sub(r"[\d.e+-]+", "#", why), []).append(name)
    parts = [f"{', '.join(names)} {faults[names[0]]}" for names in by_reason.values()]
    return before + "; ".join(parts)
