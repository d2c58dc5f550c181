"""States that a scene goes through (eyes closed, asleep, attending) and what they change."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Protocol

import numpy as np

from eegrig.signal_sim.events import Event
from eegrig.signal_sim.stream import FloatArray

__all__ = ["CONSTANT", "Gain", "Span", "Timeline"]


@dataclass(frozen=True)
class Span:
    """A state from `start_s` to `stop_s`."""

    start_s: float
    stop_s: float
    name: str


class SpanMaker(Protocol):
    """Yields the spans of a timeline, in order, without holes, from 0 s on."""

    def __call__(self) -> Iterator[Span]: ...


class Timeline:
    """The states of a scene, made as far as somebody asks.

    Parameters
    ----------
    make : callable
        Returns an iterator over the spans: a pure function, so that a timeline has no state.
    ramp_s : float
        Time a gain takes from one state's value to the next.
    """

    def __init__(self, make: SpanMaker | None = None, *, ramp_s: float = 0.5) -> None:
        self._source = make() if make is not None else iter(())
        self._spans: list[Span] = []
        self._starts: list[float] = []
        self.ramp_s = ramp_s
        self.empty = make is None

    def spans(self, start_s: float, stop_s: float) -> list[Span]:
        """Return the spans that overlap ``[start_s, stop_s)``."""
        self._extend(stop_s)
        first = max(0, bisect_right(self._starts, start_s) - 1)
        last = bisect_right(self._starts, stop_s)
        return [s for s in self._spans[first:last] if s.start_s < stop_s and s.stop_s > start_s]

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the states in ``[start_s, stop_s)`` as events."""
        return [
            Event(s.start_s, s.stop_s - s.start_s, s.name, "state")
            for s in self.spans(start_s, stop_s)
        ]

    def _extend(self, until_s: float) -> None:
        while not self._spans or self._spans[-1].stop_s <= until_s:
            span = next(self._source, None)
            if span is None:
                return
            self._spans.append(span)
            self._starts.append(span.start_s)


class Gain:
    """What a timeline makes of one source: a factor on its amplitude.

    Parameters
    ----------
    timeline : Timeline
        The states.
    factors : mapping of str to float
        Factor in each state; 1 in a state that is not named.
    """

    def __init__(self, timeline: Timeline, factors: Mapping[str, float]) -> None:
        self._timeline = timeline
        self._factors = dict(factors)

    @property
    def constant(self) -> bool:
        """Whether it is 1 for ever."""
        return self._timeline.empty or not self._factors

    def at(self, time_s: float) -> float:
        """Return the factor of the state at `time_s`, ramps aside."""
        if self.constant:
            return 1.0
        spans = self._timeline.spans(time_s, time_s + 1e-9)
        return self._factors.get(spans[0].name, 1.0) if spans else 1.0

    def over(self, start: int, n_times: int, rate_hz: float) -> float | FloatArray:
        """Return the factor over a block: a number, or shape ``(n_times,)`` where it changes."""
        if self.constant:
            return 1.0
        ramp_s = self._timeline.ramp_s
        start_s, stop_s = start / rate_hz, (start + n_times) / rate_hz
        spans = self._timeline.spans(start_s - ramp_s, stop_s)
        times: list[float] = []
        factors: list[float] = []
        for span in spans:
            factor = self._factors.get(span.name, 1.0)
            if factors:
                times.append(span.start_s)
                factors.append(factors[-1])
            times.append(span.start_s + (ramp_s if span.start_s > 0 else 0.0))
            factors.append(factor)
        if not factors:
            return 1.0
        if min(factors) == max(factors):
            return factors[0]
        return np.interp(np.arange(start, start + n_times) / rate_hz, times, factors)


CONSTANT = Gain(Timeline(), {})
"""The gain of a source in a scene without states."""


def cycle(states: list[tuple[str, float]]) -> SpanMaker:
    """Return a maker that goes through `states` (name, seconds) again and again."""

    def make() -> Iterator[Span]:
        start_s = 0.0
        while True:
            for name, seconds in states:
                yield Span(start_s, start_s + seconds, name)
                start_s += seconds

    return make


def once(states: list[tuple[str, float]]) -> SpanMaker:
    """Return a maker that goes through `states` and stays in the last."""

    def make() -> Iterator[Span]:
        start_s = 0.0
        for name, seconds in states[:-1]:
            yield Span(start_s, start_s + seconds, name)
            start_s += seconds
        yield Span(start_s, inf, states[-1][0])

    return make
