"""The independent watchdog: counts the LSI down and resets the system.

ST RM0434, chapter "Independent watchdog (IWDG)"; offsets and bits from ST's header stm32wb55xx.h.
*Assumed*: it expires RLR + 1 counts after it is fed, registers are updated at once (SR reads 0),
the LSI has its nominal 32 kHz, and nothing stops the count: no stop mode and no debugger's halt.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.stm32wb.block import Block
from eegrig.hil.virtual.clock import NS_PER_S, Cancellable, Clock

__all__ = ["Iwdg"]

KR, PR, RLR, SR, WINR = 0x00, 0x04, 0x08, 0x0C, 0x10
RELOAD, UNLOCK, START = 0xAAAA, 0x5555, 0xCCCC
LSI_HZ = 32_000
_TWELVE_BITS = 0xFFF


class Iwdg(Block):
    """Counts down from RLR, and resets when it is through: (RLR + 1) times the prescaler.

    Parameters
    ----------
    clock : Clock
    reset : callable
        Resets the system.
    """

    name = "IWDG"
    base = 0x4000_3000

    def __init__(self, *, clock: Clock, reset: Callable[[], None]) -> None:
        self._clock = clock
        self._reset_system = reset
        self._expiry: Cancellable | None = None
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does, which alone stops the count."""
        self._pr, self._rlr, self._winr = 0, _TWELVE_BITS, _TWELVE_BITS
        self._unlocked = False
        self._ends_ns = 0
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    @property
    def running(self) -> bool:
        """Whether it counts."""
        return self._expiry is not None

    def read(self, offset: int) -> int:
        """Read a register; KR and SR read 0."""
        if offset == PR:
            return self._pr
        if offset == RLR:
            return self._rlr
        return self._winr if offset == WINR else 0

    def write(self, offset: int, value: int) -> None:
        """Write a register; PR, RLR and WINR only after their key, until another."""
        if offset == KR:
            self._key(value & 0xFFFF)
        elif not self._unlocked:
            return
        elif offset == PR:
            left = self._left()
            self._pr = value & 7
            if self.running:  # what is left is counted at the new rate
                self._count(left)
        elif offset == RLR:
            self._rlr = value & _TWELVE_BITS
        elif offset == WINR:
            self._winr = value & _TWELVE_BITS
            if self.running:  # changing the window reloads
                self._count(self._rlr + 1)

    def _key(self, value: int) -> None:
        self._unlocked = value == UNLOCK
        if value == START and not self.running:
            self._count(self._rlr + 1)
        elif value == RELOAD and self.running:
            if self._left() - 1 > self._winr:
                self._expire()  # too early
            else:
                self._count(self._rlr + 1)

    def _tick_ns(self) -> int:
        return NS_PER_S * (4 << min(self._pr, 6)) // LSI_HZ  # up to 256; a whole number

    def _left(self) -> int:
        """Return the counts until it expires; the counter reads one less."""
        return -((self._clock.now_ns() - self._ends_ns) // self._tick_ns())

    def _count(self, counts: int) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._ends_ns = self._clock.now_ns() + counts * self._tick_ns()
        self._expiry = self._clock.call_at_ns(self._ends_ns, self._expire)

    def _expire(self) -> None:
        self.reset()
        self._reset_system()
