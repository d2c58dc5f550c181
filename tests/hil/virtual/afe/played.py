"""Signals to play in tests: the part of `signal_sim.Source` and its factory that they all share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eegrig.signal_sim import Event, Source


class Uneventful:
    """A source of volts that cannot go back, in which nothing happens."""

    unit = "V"

    def state(self) -> Any:
        raise NotImplementedError

    def restore(self, state: Any) -> None:
        raise NotImplementedError

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        return []


class Made:
    """What a function makes for the rate that is wanted."""

    def __init__(self, make: Callable[[float], Source], description: str = "made") -> None:
        self.description = description
        self._make = make

    def __call__(self, rate_hz: float) -> Source:
        return self._make(rate_hz)
