"""The SysTick timer (Arm DDI 0403, B3.3), counting the core's cycles."""

from __future__ import annotations

__all__ = ["NEVER", "SysTick"]

CSR, RVR, CVR, CALIB = 0xE000_E010, 0xE000_E014, 0xE000_E018, 0xE000_E01C
ENABLE, TICKINT, CLKSOURCE, COUNTFLAG = 1, 2, 4, 1 << 16
NEVER = 1 << 63


class SysTick:
    """A 24-bit counter that counts down and starts again from its reload value.

    The core's time is given with every call, in cycles. An external reference clock is not
    modelled: CLKSOURCE reads as written, and the core's clock counts in any case.

    Attributes
    ----------
    alarm : int
        Cycle at which the counter next reaches zero; `NEVER` while it stands.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Stop the counter."""
        self._control = self._reload = 0
        self._value = 0  # while it stands
        self._counted = False
        self.alarm = NEVER

    def read(self, address: int, now: int) -> int:
        """Read a register; reading the control register clears COUNTFLAG."""
        if address == CSR:
            counted, self._counted = self._counted, False
            return self._control | COUNTFLAG * counted
        if address == RVR:
            return self._reload
        if address == CVR:
            return self._current(now)
        return 0x8000_0000 if address == CALIB else 0  # NOREF: there is no reference clock

    def write(self, address: int, value: int, now: int) -> None:
        """Write a register; any value written to the counter clears it."""
        if address == CSR:
            current = self._current(now)
            self._control = value & (ENABLE | TICKINT | CLKSOURCE)
            self._start(current, now)
        elif address == RVR:
            self._reload = value & 0xFF_FFFF
            if self.alarm == NEVER:
                self._start(self._value, now)
        elif address == CVR:
            self._counted = False
            self._start(0, now)

    def expire(self, now: int) -> bool:
        """Let the counter reach zero if it is time; True if that is to raise an exception."""
        if now < self.alarm:
            return False
        self._counted = True
        # The counter wraps every reload + 1 cycles; periods that were missed are not made up.
        period = self._reload + 1
        self.alarm += period * ((now - self.alarm) // period + 1)
        if not self._reload:
            self.alarm = NEVER
        return bool(self._control & TICKINT)

    def _current(self, now: int) -> int:
        if self.alarm == NEVER:
            return self._value
        return (self.alarm - now) % (self._reload + 1)

    def _start(self, value: int, now: int) -> None:
        self._value = value
        if not self._control & ENABLE or not (value or self._reload):
            self.alarm = NEVER
        else:
            # From zero the next cycle loads the reload value, and then it is counted down.
            self.alarm = now + (value or self._reload + 1)
