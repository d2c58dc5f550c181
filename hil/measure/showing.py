"""What a signal can show: channels whose figures would be the signal's fault, and not a board's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from boards import load_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from boards.schema import Board

__all__ = ["told", "unfit"]

_CONSTANT_V = 1e-9
_LEAST_RATIO = 2.0
"""A signal with less than this times the noise's rms is no measure of anything but the noise: its
correlation is corrected by more than a tenth there."""


def unfit(
    volts: NDArray[np.float64],
    channels: Sequence[str],
    board: Board,
    *,
    rate_sps: float | None = None,
    gain: float | None = None,
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
    """
    afe = board.afe
    gain = float(afe.gain) if gain is None else gain
    rate_sps = float(afe.default_rate_sps) if rate_sps is None else rate_sps
    noise_v = load_part(afe.part).table("noise_rms").si(rate_sps, gain)
    full_scale_v = afe.vref_v / gain
    found: dict[str, str] = {}
    for name, row in zip(channels, volts, strict=True):
        rms_v, peak_v = float(row.std()), float(np.abs(row).max())
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


def told(faults: dict[str, str]) -> str:
    """Return the faults of a signal in a sentence; empty if there are none."""
    listed = "; ".join(f"{name} {why}" for name, why in faults.items())
    return f"the signal cannot show it: {listed}" if listed else ""
