"""What wakes a board at a time: timers, the watchdog, and the end of deep sleep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eegrig.hil.virtual.clock import Cancellable, Clock
from eegrig.hil.virtual.micropython.interpreter import ResetCause
from eegrig.hil.virtual.micropython.rpc import Request

__all__ = ["Timers"]

_PERIODIC = 1
_RTC = 2  # driven by the clock that runs in every sleep
_NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class _Timer:
    call: Cancellable
    when_ns: int
    period_ns: int
    mode: int


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
        self._running: dict[int, _Timer] = {}
        self._stopped_ns: int | None = None
        self._watchdog: Cancellable | None = None
        self._wake: Cancellable | None = None

    def clear(self) -> None:
        """Stop everything, as a reset does."""
        for timer in self._running.values():
            timer.call.cancel()
        for call in (self._watchdog, self._wake):
            if call is not None:
                call.cancel()
        self._running.clear()
        self._stopped_ns = None
        self._watchdog = self._wake = None

    def set(self, request: Request) -> int:
        """Start (a: slot, b: period in ns, c: 1 periodic, 2 from the RTC) or stop (b: 0) one."""
        slot, period_ns, mode = request.a, request.b, request.c
        running = self._running.pop(slot, None)
        if running is not None:
            running.call.cancel()
        if period_ns > 0:
            self._start(self._clock.now_ns() + period_ns, slot, period_ns, mode)
        return 0

    def _start(self, when_ns: int, slot: int, period_ns: int, mode: int) -> None:
        call = self._clock.call_at_ns(when_ns, self._elapsed, slot)
        self._running[slot] = _Timer(call, when_ns, period_ns, mode)

    def _elapsed(self, slot: int) -> None:
        timer = self._running.pop(slot)
        if timer.mode & _PERIODIC:
            self._start(timer.when_ns + timer.period_ns, slot, timer.period_ns, timer.mode)
        self._interrupt(slot)

    def stop_clocks(self, *, stopped: bool) -> None:
        """Freeze all timers but the RTC's, or let them go on where they were."""
        now_ns = self._clock.now_ns()
        slots = [slot for slot, timer in self._running.items() if not timer.mode & _RTC]
        if stopped:
            self._stopped_ns = now_ns
            for slot in slots:
                self._running[slot].call.cancel()
        elif self._stopped_ns is not None:
            lost_ns, self._stopped_ns = now_ns - self._stopped_ns, None
            for slot in slots:
                timer = self._running[slot]
                self._start(timer.when_ns + lost_ns, slot, timer.period_ns, timer.mode)

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
