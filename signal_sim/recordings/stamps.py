"""Time stamps of samples, as they came: the rate they tell, and where they break."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import minimum_filter1d

from eegrig.signal_sim.stream import FloatArray

__all__ = ["TimeBase", "break_in", "time_base"]

_WINDOW_S = 1.0
_SMALLEST = 0.5
"""Of a sample interval: a lost sample is a step of one."""
_SPREADS = 8.0
"""Steps that are no larger than this many spreads of the others are jitter."""


@dataclass(frozen=True)
class TimeBase:
    """Sample n lies at ``start_s + n * period_s``; `uncertainty` is the period's, relative."""

    start_s: float
    period_s: float
    uncertainty: float


def time_base(stamps_s: FloatArray) -> TimeBase:
    """Fit a straight line to the stamps of samples that have no break."""
    n = stamps_s.size
    index = np.arange(n) - (n - 1) / 2
    period_s = float(index @ (stamps_s - stamps_s.mean()) / (index @ index))
    start_s = float(stamps_s.mean()) - period_s * (n - 1) / 2
    late_s = stamps_s - start_s - period_s * np.arange(n)
    # Stamps of a packet are late together: about ten of them are counted as independent.
    slope = float(late_s.std()) * np.sqrt(12 / 10) / max(n, 1)
    return TimeBase(start_s, period_s, slope / period_s if period_s > 0 else np.inf)


def break_in(stamps_s: FloatArray) -> tuple[float, float] | None:
    """Return when stamps break and by how much, both in seconds, or None where they do not.

    Samples arrive in packets, and packets late, never early: the earliest within a second tell the
    clock. A gap, or a clock that is set, moves them for good; lateness does not.
    """
    n = stamps_s.size
    if n < 3:
        return None
    far = max(1, n // 10)
    period_s = float(np.median(stamps_s[far:] - stamps_s[:-far])) / far
    if not period_s > 0:
        return float(stamps_s[0]), 0.0
    late_s = stamps_s - stamps_s[0] - period_s * np.arange(n)
    width = int(np.clip(round(_WINDOW_S / period_s), 1, max(1, n // 8)))
    # The earliest of the `width` stamps from n on, and of those before n (fewer at the ends).
    after = minimum_filter1d(late_s, width, mode="nearest", origin=-(width // 2))
    before = np.concatenate(
        [late_s[:1], np.minimum.accumulate(late_s)[: width - 1], after[: n - width]]
    )
    steps_s = after - before
    spread_s = 1.4826 * float(np.median(np.abs(steps_s)))
    limit_s = np.full(n, max(_SMALLEST * period_s, _SPREADS * spread_s))
    # Fewer stamps than a window's tell less: their whole lateness is jitter there.
    latest = -minimum_filter1d(-late_s, width, mode="nearest")
    earliest = minimum_filter1d(late_s, width, mode="nearest")
    ends_s = max(float(limit_s[0]), 2 * float(np.median(latest - earliest)))
    limit_s[:width] = limit_s[n - width :] = ends_s
    worst = int(np.argmax(np.abs(steps_s) / limit_s))
    if abs(steps_s[worst]) <= limit_s[worst]:
        return None
    # The minimum sees a step up to a window away: it is where the stamps themselves jump most.
    first, last = max(0, worst - width), min(n, worst + width + 1)
    jumps_s = np.diff(stamps_s[first:last]) - period_s
    at = int(np.argmax(jumps_s * np.sign(steps_s[worst])))
    return float((first + at + 1) * period_s), float(jumps_s[at])
