"""Arrays played as sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from eegrig.signal_sim.errors import SignalError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.stream import BLOCK, BlockSource, FloatArray

__all__ = ["Replay"]


class Replay(BlockSource):
    """Samples that are already there, from the first to the last and, looped, over again.

    Parameters
    ----------
    samples : array_like, shape (n_channels, n_times)
        Volts.
    channels : sequence of str
        Channel names.
    rate_hz : float
        Samples per second.
    loop : bool
        Whether to begin again after the last sample; 0 V follows it otherwise.
    events : sequence of Event
        Ground truth of the array.

    Raises
    ------
    SignalError
        The array has another number of rows than there are channels, is empty or not finite.
    """

    def __init__(
        self,
        samples: ArrayLike,
        channels: Sequence[str],
        rate_hz: float,
        *,
        loop: bool = True,
        events: Sequence[Event] = (),
    ) -> None:
        super().__init__(tuple(channels), rate_hz)
        array = np.array(samples, dtype=np.float64, ndmin=2)
        if array.ndim != 2 or array.shape[0] != len(self.channels):
            msg = (
                f"array of shape {array.shape} for {len(self.channels)} channels: "
                "give (n_channels, n_times)"
            )
            raise SignalError(msg)
        if not array.size:
            msg = "an empty array cannot be played: give at least one sample"
            raise SignalError(msg)
        if not np.isfinite(array).all():
            row = int(np.argmin(np.isfinite(array).all(axis=1)))
            msg = f"channel {self.channels[row]!r} has NaN or infinite samples: fill them first"
            raise SignalError(msg)
        self._samples = array
        self._loop = loop
        self._events = sorted(events)

    @property
    def duration_s(self) -> float:
        """Length of the array in seconds."""
        return float(self._samples.shape[1] / self.rate_hz)

    def _render(self, start: int) -> FloatArray:
        index = np.arange(start, start + BLOCK)
        n_times = self._samples.shape[1]
        if self._loop:
            return self._samples[:, index % n_times]
        out = np.zeros((len(self.channels), BLOCK))
        inside = index < n_times
        out[:, inside] = self._samples[:, index[inside]]
        return out

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the ground truth that overlaps ``[start_s, stop_s)``, loops included."""
        return repeat_events(self._events, self.duration_s if self._loop else None, start_s, stop_s)


def repeat_events(
    events: Sequence[Event], period_s: float | None, start_s: float, stop_s: float
) -> list[Event]:
    """Return the `events` in ``[start_s, stop_s)`` of a signal that repeats every `period_s`.

    The first sample of each repetition is marked ``"loop"``: the signal jumps there.
    """
    if period_s is None:
        return [event for event in events if event.overlaps(start_s, stop_s)]
    found: list[Event] = []
    for lap in range(max(0, int(start_s // period_s) - 1), int(stop_s // period_s) + 1):
        shift_s = lap * period_s
        if lap and start_s <= shift_s < stop_s:
            found.append(Event(shift_s, 0.0, "loop", "marker"))
        for event in events:
            moved = Event(
                event.onset_s + shift_s,
                event.duration_s,
                event.name,
                event.kind,
                event.channels,
                event.detail,
            )
            if moved.overlaps(start_s, stop_s):
                found.append(moved)
    return sorted(found)
