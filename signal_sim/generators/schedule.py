"""Events in time: schedules without end, and the waveforms they trigger."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eegrig.signal_sim.stream import FloatArray

__all__ = ["Schedule", "Trigger", "add_waveforms"]


@dataclass(frozen=True)
class Trigger:
    """One planned event.

    Attributes
    ----------
    onset_s, duration_s : float
        When, in seconds from the first sample, and for how long its waveform lasts.
    name : str
        What is planned; a trigger without a name is skipped (planned, then not done).
    values : dict
        What was drawn for it.
    """

    onset_s: float
    duration_s: float
    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)


class Schedule:
    """Triggers in order of onset, planned as far as somebody asks.

    The plan is a pure function of what it was made from: it depends on no rendering, so the ground
    truth of any time can be asked for at any time and a schedule has no state to save.

    Parameters
    ----------
    make : callable
        Returns an iterator over the triggers, in order of onset.
    longest_s : float
        No trigger lasts longer.
    """

    def __init__(self, make: Callable[[], Iterator[Trigger]], longest_s: float) -> None:
        self._source = make()
        self._triggers: list[Trigger] = []
        self._onsets: list[float] = []
        self._longest_s = longest_s
        self._exhausted = False

    def between(self, start_s: float, stop_s: float) -> list[Trigger]:
        """Return the triggers that overlap ``[start_s, stop_s)``."""
        while not self._exhausted and (not self._onsets or self._onsets[-1] < stop_s):
            trigger = next(self._source, None)
            if trigger is None:
                self._exhausted = True
                break
            self._triggers.append(trigger)
            self._onsets.append(trigger.onset_s)
        first = bisect_left(self._onsets, start_s - self._longest_s)
        last = bisect_left(self._onsets, stop_s)
        return [
            t
            for t in self._triggers[first:last]
            if t.name and (t.onset_s + t.duration_s > start_s or t.onset_s >= start_s)
        ]


def add_waveforms(
    schedule: Schedule,
    start: int,
    out: FloatArray,
    rate_hz: float,
    shape: Callable[[Trigger, FloatArray], FloatArray],
) -> None:
    """Add the waveforms of a block's triggers to `out`, shape ``(n_latents, n_times)``.

    Parameters
    ----------
    schedule : Schedule
        What happens when.
    start : int
        Index of the block's first sample.
    out : ndarray, shape (n_latents, n_times)
        Volts are added to it.
    rate_hz : float
        Samples per second.
    shape : callable
        Returns volts, shape ``(n,)`` or ``(n_latents, n)``, at times since onset in seconds.
    """
    n_times = out.shape[1]
    for trigger in schedule.between(start / rate_hz, (start + n_times) / rate_hz):
        first = max(0, int(np.ceil(trigger.onset_s * rate_hz)) - start)
        stop = int(np.ceil((trigger.onset_s + trigger.duration_s) * rate_hz)) - start
        last = min(n_times, stop)
        if last > first:
            since_s = np.arange(start + first, start + last) / rate_hz - trigger.onset_s
            out[:, first:last] += shape(trigger, since_s)
