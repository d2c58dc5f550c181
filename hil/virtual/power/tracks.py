"""Who was on when: append-only records of bursts and levels, evaluated later in one go."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bursts", "Levels", "hold"]

_K = TypeVar("_K", bound=Hashable)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Bursts:
    """Stretches of time in which something was on; they may overlap and come in any order."""

    __slots__ = ("starts", "stops")

    def __init__(self) -> None:
        self.starts = array("q")
        self.stops = array("q")

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, start_ns: int, stop_ns: int) -> None:
        """Record a burst."""
        self.starts.append(start_ns)
        self.stops.append(stop_ns)

    def edges(self) -> list[IntArray]:
        """Return all starts and stops."""
        return [np.array(self.starts, dtype=np.int64), np.array(self.stops, dtype=np.int64)]

    def count(self, edges: IntArray) -> IntArray:
        """Return how many bursts are on in each interval between two of `edges`.

        Parameters
        ----------
        edges : ndarray of int, shape (n_edges,)
            Sorted times, of which every start and stop within them is one.

        Returns
        -------
        ndarray of int, shape (n_edges - 1,)
        """
        if not self.starts:
            return np.zeros(len(edges) - 1, dtype=np.int64)
        starts, stops = self.edges()
        first = np.searchsorted(edges, np.clip(starts, edges[0], edges[-1]))
        last = np.searchsorted(edges, np.clip(stops, edges[0], edges[-1]))
        change = np.bincount(first, minlength=len(edges)) - np.bincount(last, minlength=len(edges))
        return np.asarray(np.cumsum(change)[:-1], dtype=np.int64)

    def forget_before(self, time_ns: int) -> None:
        """Drop bursts that are over at a time."""
        starts, stops = self.edges()
        keep = stops > time_ns
        self.starts = array("q", starts[keep].tolist())
        self.stops = array("q", stops[keep].tolist())


class Levels:
    """Something that holds a level until it changes."""

    __slots__ = ("_times", "_values")

    def __init__(self, level: float, time_ns: int) -> None:
        self._times = [time_ns]
        self._values = [level]

    def set(self, time_ns: int, level: float) -> None:
        """Change the level at a time, not before the last change."""
        if level == self._values[-1]:
            return
        if time_ns < self._times[-1]:
            raise ValueError(f"a level cannot change at {time_ns} ns, before {self._times[-1]} ns")
        self._times.append(time_ns)
        self._values.append(level)

    def edges(self) -> list[IntArray]:
        """Return the times of all changes."""
        return [np.array(self._times, dtype=np.int64)]

    def level(self, edges: IntArray) -> FloatArray:
        """Return the level in each interval between two of `edges`, shape (n_edges - 1,)."""
        index = np.searchsorted(np.array(self._times), edges[:-1], side="right") - 1
        return np.array(self._values, dtype=np.float64)[np.maximum(index, 0)]

    def forget_before(self, time_ns: int) -> None:
        """Drop changes before a time, but for the level then."""
        keep = max(int(np.searchsorted(np.array(self._times), time_ns, side="right")) - 1, 0)
        del self._times[:keep], self._values[:keep]


def hold(tracks: dict[_K, Levels], time_ns: int, levels: Mapping[_K, float]) -> None:
    """Hold these levels from a time on, each in its track, and 0 in every other track."""
    for key in levels:
        tracks.setdefault(key, Levels(0.0, time_ns))
    for key, track in tracks.items():
        track.set(time_ns, levels.get(key, 0.0))
