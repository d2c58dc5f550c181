"""The random number generator: four words at a time, which take a moment.

ST RM0434, chapter "True random number generator (RNG)"; offsets and bits from ST's header
stm32wb55xx.h. *Assumed*: the times are those of RM0440, section 26.5 (the STM32G4's generator has
the same registers), at the clocks that the firmware runs: 64 MHz on the bus, 16 MHz (CLK48 / 3) for
the generator. No seed or clock ever fails.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine
from eegrig.hil.virtual.clock import NS_PER_S, Cancellable, Clock

__all__ = ["Rng"]

CR, SR, DR = 0x0, 0x4, 0x8
RNGEN, IE = 1 << 2, 1 << 3
CR_BITS = 0x2C  # with CED
DRDY = 1
HCLK_HZ, RNG_HZ = 64_000_000, 16_000_000
# 192 cycles of the generator and 213 of the bus after it is enabled; then 213 of the bus, since 16
# for each of the generator's is less.
FIRST_NS = round(NS_PER_S * (192 / RNG_HZ + 213 / HCLK_HZ))
NEXT_NS = round(NS_PER_S * 213 / HCLK_HZ)
WORDS = 4


class Rng(Block):
    """Random words, when they are due.

    Parameters
    ----------
    random : callable
        ``random(n)``: n random bytes.
    clock : Clock
    irq : InterruptLine
        Requests an interrupt: a word is ready, and IE is set.
    """

    name = "RNG"
    base = 0x5800_1000

    def __init__(self, *, random: Callable[[int], bytes], clock: Clock, irq: InterruptLine) -> None:
        self._random = random
        self._clock = clock
        self._irq = irq
        self._due: Cancellable | None = None
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self._cr = 0
        self._words = b""
        self._stop()
        self._request()

    def read(self, offset: int) -> int:
        """Read a register; reading DR takes a word out, 0 if there is none."""
        if offset == DR:
            word, self._words = self._words[:4], self._words[4:]
            if word and not self._words:
                if self._cr & RNGEN:
                    self._generate(NEXT_NS)
                self._request()
            return int.from_bytes(word, "little")
        return self.peek(offset)

    def peek(self, offset: int) -> int:
        """Return what `read` does, and take nothing."""
        if offset == SR:
            return DRDY if self._words else 0
        return self._cr if offset == CR else 0

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset != CR:
            return  # error flags, which are never set
        before, self._cr = self._cr, value & CR_BITS
        if not value & RNGEN:
            self._stop()
        elif not before & RNGEN and not self._words:
            self._generate(FIRST_NS)
        self._request()

    def _generate(self, after_ns: int) -> None:
        self._due = self._clock.call_at_ns(self._clock.now_ns() + after_ns, self._fill)

    def _fill(self) -> None:
        self._due = None
        self._words = self._random(4 * WORDS)
        self._request()

    def _stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _request(self) -> None:
        # Nothing is requested while the generator is off.
        self._irq(bool(self._words) and self._cr & (RNGEN | IE) == RNGEN | IE)
