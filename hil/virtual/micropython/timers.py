"""What wakes a board at a time: timers, the watchdog, and the end of deep sleep."""

from __future__ import annotations

from collections.abc import Callable

from hil.virtual.clock import Cancellable, Clock
from hil.virtual.micropython.interpreter import ResetCause
from hil.virtual.micropython.rpc import Request

__all__ = ["Timers"]

_PERIODIC = 1
_NS_PER_MS = 1_000_000


class Timers:
    """The timers of one board.

    Parameters
    ----------
    clock : Clock
    interrupt : callable
        Called with a slot when its timer has elapsed.
    reset : callable
        Called with the cause when the watchdog bites or deep sleep ends.
    """

    def __init__(
        self, clock: Clock, interrupt: Callable[[int], None], reset: Callable[[int], None]
    ) -> None:
        self._clock = clock
        self._interrupt = interrupt
        self._reset = reset
        self._running: dict[int, Cancellable] = {}
        self._watchdog: Cancellable | None = None
        self._wake: Cancellable | None = None

    def clear(self) -> None:
        """Stop everything, as a reset does."""
        for timer in (*self._running.values(), self._watchdog, self._wake):
            if timer is not None:
                timer.cancel()
        self._running.clear()
        self._watchdog = self._wake = None

    def set(self, request: Request) -> int:
        """Start (a: slot, b: period in ns, c: 1 periodic) or stop (b: 0) a timer."""
        slot, period_ns, mode = request.a, request.b, request.c
        running = self._running.pop(slot, None)
        if running is not None:
            running.cancel()
        if period_ns > 0:
            self._start(self._clock.now_ns() + period_ns, slot, period_ns, mode)
        return 0

    def _start(self, when_ns: int, slot: int, period_ns: int, mode: int) -> None:
        self._running[slot] = self._clock.call_at_ns(
            when_ns, self._elapsed, when_ns, slot, period_ns, mode
        )

    def _elapsed(self, when_ns: int, slot: int, period_ns: int, mode: int) -> None:
        if mode == _PERIODIC:
            self._start(when_ns + period_ns, slot, period_ns, mode)
        else:
            del self._running[slot]
        self._interrupt(slot)

    def feed(self, request: Request) -> int:
        """Start the watchdog, or feed it (a: time-out in ms). Once started it runs for ever."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = self._clock.call_at_ns(
            self._clock.now_ns() + request.a * _NS_PER_MS, self._reset, ResetCause.WATCHDOG
        )
        return 0

    def deep_sleep(self, duration_ns: int) -> None:
        """Start the board anew after a time; negative: not by itself."""
        self.clear()
        if duration_ns >= 0:
            self._wake = self._clock.call_at_ns(
                self._clock.now_ns() + duration_ns, self._reset, ResetCause.DEEP_SLEEP
            )
