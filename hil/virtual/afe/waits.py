"""What firmware has to wait for, by the chip's own clock, and what is counted when it does not."""

from __future__ import annotations

from collections import Counter

from eegrig.boards import Part
from eegrig.hil.virtual.afe.rules import Rule
from eegrig.hil.virtual.afe.timing import ChipClock

__all__ = ["Waits"]

_ROUNDING_NS = 1
"""Times are whole nanoseconds; what is short by less is not short."""


class Waits:
    """Times that have to pass on an ADS129x's pins.

    Parameters
    ----------
    part : Part
    clock : ChipClock
    broken : collections.Counter
        Counts the rules that are broken.

    Attributes
    ----------
    ready_ns : int
        When the chip has done what it does after power-up, a reset or standby.
    last_byte_ns : float
        End of the last byte on the bus.
    """

    def __init__(self, part: Part, clock: ChipClock, broken: Counter[Rule]) -> None:
        self._broken = broken
        self._power_up_ns = round(clock.ns(part["power_up_time"].value))
        self._reset_ns = round(clock.ns(part["reset_time"].value))
        self._wake_ns = round(part["standby_wake"].si * 1e9)
        self._pulse_ns = clock.ns(part["reset_pulse"].value)
        self._decode_ns = clock.ns(part["decode_time"].value)
        self._cs_hold_ns = clock.ns(part["cs_hold_time"].value)
        self._cs_high_ns = clock.ns(part["cs_high_time"].value)
        self.ready_ns = 0
        self.last_byte_ns = -1.0
        self._before = Rule.POWER_UP_WAIT  # what is broken by not waiting for `ready_ns`
        self._was_reset = True
        self._pulse_began_ns = 0
        self._cs_rose_ns: int | None = None
        self._decoded_ns = 0.0

    # ---------------------------------------------------------------- power-up, reset, standby

    def power_up(self, now_ns: int) -> None:
        """Begin with the supplies just there, or PWDN gone high."""
        self.ready_ns, self._before = now_ns + self._power_up_ns, Rule.POWER_UP_WAIT
        self._was_reset = False

    def reset_begins(self, now_ns: int) -> None:
        """Take note that RESET went low."""
        self._pulse_began_ns = now_ns
        if self._before is Rule.POWER_UP_WAIT:
            self.too_early(now_ns)

    def reset_ends(self, now_ns: int) -> None:
        """Take note that RESET went high."""
        if now_ns - self._pulse_began_ns < self._pulse_ns - _ROUNDING_NS:
            self._broken[Rule.RESET_PULSE] += 1
        self.reset(now_ns)

    def reset(self, now_ns: int) -> None:
        """Begin to initialise, because of the pin or of the command."""
        self._was_reset = True
        if now_ns >= self.ready_ns or self._before is not Rule.POWER_UP_WAIT:
            self.ready_ns, self._before = now_ns + self._reset_ns, Rule.RESET_WAIT

    def wake(self, now_ns: int) -> None:
        """Begin to come back from standby."""
        self.ready_ns, self._before = now_ns + self._wake_ns, Rule.STANDBY_WAIT

    def too_early(self, time_ns: float) -> bool:
        """Tell whether the chip is not ready at a time at which it is asked for something."""
        if time_ns >= self.ready_ns:
            return False
        self._broken[self._before] += 1
        return True

    def used(self) -> None:
        """Take note of a command, or START, that is no reset."""
        if not self._was_reset:
            self._broken[Rule.RESET_AFTER_POWER_UP] += 1
            self._was_reset = True  # it is told once

    # ------------------------------------------------------------------------------- the bus

    def cs_falls(self, now_ns: int) -> None:
        """Take note that CS went low."""
        rose_ns = self._cs_rose_ns
        if rose_ns is not None and now_ns - rose_ns < self._cs_high_ns - _ROUNDING_NS:
            self._broken[Rule.CS_HIGH] += 1

    def cs_rises(self, now_ns: int) -> None:
        """Take note that CS went high."""
        if now_ns < self.last_byte_ns + self._cs_hold_ns - _ROUNDING_NS:
            self._broken[Rule.CS_HOLD] += 1
        self._cs_rose_ns = now_ns

    def byte(self, end_ns: float) -> bool:
        """Take note of a byte; tell whether it follows too closely to be one of a command's."""
        close = end_ns - self.last_byte_ns < self._decode_ns
        self.last_byte_ns = end_ns
        return close

    def decode(self, end_ns: float) -> None:
        """Take note of a command after which the chip needs time for itself."""
        self._decoded_ns = end_ns + self._decode_ns

    def decoding(self, begin_ns: float) -> bool:
        """Tell whether a byte that begins at a time comes while the chip is busy with that."""
        if begin_ns >= self._decoded_ns - _ROUNDING_NS:
            return False
        self._broken[Rule.COMMAND_WAIT] += 1
        return True
