"""What a reader hands to playback, whatever the file format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.stream import FloatArray

__all__ = ["Loaded"]


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
        Its annotations, in seconds from the first sample.
    unplayable : dict of str to str
        Labels of its other channels, each with why it gives no volts (``"is in 'counts', which is
        no voltage"``).
    notes : tuple of str
        What its reader had to make up its mind about.
    """

    labels: tuple[str, ...]
    rates_hz: tuple[float, ...]
    lengths: tuple[int, ...]
    read: Callable[[int, int, int], FloatArray]
    events: tuple[Event, ...] = ()
    unplayable: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
