"""Virtual time without an event loop, and an interrupt line that remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Call:
    def __init__(
        self, when_ns: int, order: int, callback: Callable[..., object], args: Any
    ) -> None:
        self.when_ns, self.order = when_ns, order
        self.callback, self.args = callback, args
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """Stands still until `run_until` or `run_for`; counts the calls it has made."""

    def __init__(self) -> None:
        self.time_ns = 0
        self.calls_made = 0
        self._scheduled: list[Call] = []

    def now_ns(self) -> int:
        return self.time_ns

    def call_at_ns(self, when_ns: int, callback: Callable[..., object], *args: Any) -> Call:
        assert isinstance(when_ns, int), "time is integer nanoseconds"
        call = Call(max(when_ns, self.time_ns), len(self._scheduled), callback, args)
        self._scheduled.append(call)
        return call

    @property
    def waiting(self) -> int:
        """How many calls are still to come."""
        return sum(not call.cancelled for call in self._scheduled)

    def run_until(self, time_ns: int) -> None:
        while True:
            due = [c for c in self._scheduled if not c.cancelled and c.when_ns <= time_ns]
            if not due:
                break
            call = min(due, key=lambda c: (c.when_ns, c.order))
            call.cancelled = True
            self.time_ns = call.when_ns
            self.calls_made += 1
            call.callback(*call.args)
        self.time_ns = time_ns

    def run_for(self, nanoseconds: int) -> None:
        self.run_until(self.time_ns + nanoseconds)


class Line:
    """An interrupt line: its level now, and every level it was set to."""

    def __init__(self) -> None:
        self.level = False
        self.history: list[bool] = []

    def __call__(self, level: bool) -> None:
        self.level = level
        self.history.append(level)
