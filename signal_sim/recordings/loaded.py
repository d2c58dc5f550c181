"""What a reader hands to playback, whatever the file format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from signal_sim.events import Event
from signal_sim.stream import FloatArray

__all__ = ["Loaded", "volts_per_unit"]


@dataclass(frozen=True)
class Loaded:
    """An opened recording.

    Attributes
    ----------
    labels : tuple of str
        Labels of its voltage channels, as they stand in the file.
    rates_hz : tuple of float
        Rate of each.
    lengths : tuple of int
        Samples of each.
    read : callable
        ``read(channel_index, first, last)`` returns volts, shape ``(last - first,)``.
    events : tuple of Event
        Its annotations.
    """

    labels: tuple[str, ...]
    rates_hz: tuple[float, ...]
    lengths: tuple[int, ...]
    read: Callable[[int, int, int], FloatArray]
    events: tuple[Event, ...] = ()


_UNITS = {"v": 1.0, "mv": 1e-3, "uv": 1e-6, "µv": 1e-6, "μv": 1e-6, "nv": 1e-9,
          "microv": 1e-6, "microvolt": 1e-6, "microvolts": 1e-6, "volt": 1.0, "volts": 1.0,
          "millivolts": 1e-3}  # fmt: skip


def volts_per_unit(unit: str) -> float | None:
    """Return the volts in one `unit`, or None where it is no voltage."""
    return _UNITS.get(unit.strip().lower())
