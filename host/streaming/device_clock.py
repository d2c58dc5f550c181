"""Device time to host time, from when packets arrived.

A packet is never early: radio, retries and operating system only ever add to its delay. So the
arrivals lie on or above a line, host time over device time, that the least delayed packets touch.
That line is a lower convex hull's edge; a least-squares fit would follow the mean delay instead
and lands 10 to 100 times further off on a link with retries.

The delay of the least delayed packet itself stays in the result: it cannot be seen from arrivals.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ClockFit", "DeviceClock"]

_Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ClockFit:
    """A line from device time to host time.

    Attributes
    ----------
    device_ns, host_ns : int
        A point on it.
    rate_error : float
        How much slower the device's clock runs than the host's, as a fraction: 20e-6 where it
        needs 20 microseconds more host time per second.
    """

    device_ns: int
    host_ns: int
    rate_error: float

    def to_host_ns(self, device_ns: int) -> int:
        """Return the host time of a device time, both in nanoseconds."""
        elapsed = device_ns - self.device_ns
        return self.host_ns + elapsed + round(elapsed * self.rate_error)


class DeviceClock:
    """Follows a device's clock by the packets that were delayed least.

    Parameters
    ----------
    window_s : float or None
        How much of the past counts, in seconds of device time; None for all of it, which is best
        while the drift is constant. A clock whose temperature changes needs a window.

    Notes
    -----
    Over the points (device time, delay) the fit is the line below all of them that is closest to
    them on average: the edge of their lower convex hull above their mean device time. The hull
    grows by Andrew's monotone chain, amortised constant time per packet. With a window, every
    tenth of it has a hull of its own, so that old ones can be dropped; the hull of hulls is exact.
    """

    def __init__(self, window_s: float | None = None) -> None:
        if window_s is not None and window_s <= 0:
            raise ValueError(f"window_s is {window_s}: it must be positive")
        self._window_ns = None if window_s is None else int(window_s * 1e9)
        self._part_ns = None if self._window_ns is None else max(1, self._window_ns // 10)
        self._parts: list[_Part] = []
        self._last_ns: int | None = None

    def add(self, device_ns: int, arrival_ns: int) -> None:
        """Take one packet.

        Parameters
        ----------
        device_ns : int
            Device time when the packet could be sent at the earliest: that of its last frame.
        arrival_ns : int
            When it arrived, on the host's clock.

        Raises
        ------
        ValueError
            If `device_ns` is not after the one before.
        """
        if self._last_ns is not None and device_ns <= self._last_ns:
            raise ValueError(f"device time {device_ns} ns is not after {self._last_ns} ns")
        self._last_ns = device_ns
        if not self._parts or (
            self._part_ns is not None and device_ns >= self._parts[-1].start_ns + self._part_ns
        ):
            self._parts.append(_Part(device_ns))
        self._parts[-1].add((device_ns, arrival_ns - device_ns))
        if self._window_ns is not None:
            while self._parts[0].last_ns < device_ns - self._window_ns:
                del self._parts[0]

    def fit(self) -> ClockFit | None:
        """Return the line as of now, or None before the first packet."""
        if not self._parts:
            return None
        hull: list[_Point] = []
        for part in self._parts:
            for point in part.hull:
                _push(hull, point)
        if len(hull) == 1:
            device_ns, delay_ns = hull[0]
            return ClockFit(device_ns, device_ns + delay_ns, 0.0)
        total = sum(part.total_ns for part in self._parts)
        count = sum(part.count for part in self._parts)
        right = next(i for i in range(1, len(hull)) if hull[i][0] * count >= total)
        (x0, y0), (x1, y1) = hull[right - 1], hull[right]
        return ClockFit(x0, x0 + y0, (y1 - y0) / (x1 - x0))

    def to_host_ns(self, device_ns: int) -> int:
        """Return the host time of a device time, as of now.

        Raises
        ------
        ValueError
            Before the first packet.
        """
        fit = self.fit()
        if fit is None:
            raise ValueError("no packet has arrived yet: device time has no host time")
        return fit.to_host_ns(device_ns)


class _Part:
    """The packets of a stretch of device time."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.last_ns = start_ns
        self.hull: list[_Point] = []
        self.count = 0
        self.total_ns = 0

    def add(self, point: _Point) -> None:
        _push(self.hull, point)
        self.last_ns = point[0]
        self.count += 1
        self.total_ns += point[0]


def _push(hull: list[_Point], point: _Point) -> None:
    """Add a point right of all others to a lower convex hull.

    Integers throughout: the cross product of nanoseconds needs more than a float's 53 bits.
    """
    x, y = point
    while len(hull) >= 2:
        (x0, y0), (x1, y1) = hull[-2], hull[-1]
        if (y1 - y0) * (x - x0) < (y - y0) * (x1 - x0):
            break
        hull.pop()
    hull.append(point)
