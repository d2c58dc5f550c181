"""The timers: counting up, updates, output compare.

ST RM0434, chapters "Advanced-control timer (TIM1)", "General-purpose timer (TIM2)" and
"General-purpose timers (TIM16/TIM17)"; offsets and bits from ST's header stm32wb55xx.h, reset
values from ST's register description (STM32WB55_CM4.svd), but that of TIM2's ARR: all ones,
*assumed*.

Modelled is edge-aligned counting up by the internal clock. Modes that count down or to the centre
count up all the same; outputs (PWM), input capture, slave modes, DMA and break are storage, and
encoder and external clock modes stand still. *Assumed*: a counter above ARR wraps at its width
without an update; stopping the counter forgets what the prescaler has counted; a compare value of 0
matches when the counter overflows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine
from eegrig.hil.virtual.clock import NS_PER_S, Cancellable, Clock

__all__ = ["Tim"]

CR1, CR2, SMCR, DIER, SR, EGR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
CCMR1, CCMR2, CCER, CNT, PSC, ARR, RCR = 0x18, 0x1C, 0x20, 0x24, 0x28, 0x2C, 0x30
CCR1, BDTR, DCR, OR, AF1, AF2 = 0x34, 0x44, 0x48, 0x50, 0x60, 0x64

CEN, UDIS, URS, OPM, ARPE, UIFREMAP = 1, 2, 4, 8, 1 << 7, 1 << 11  # CR1
UIF, UG = 1, 1  # SR and DIER, EGR
CC_FLAGS = 0x1E  # CC1IF to CC4IF in SR, CC1IE to CC4IE in DIER
# Slave modes whose clock is not the internal one: encoder 1 to 3, external clock.
_STANDING = (1, 2, 3, 7)
_HALF, _WORD = 0xFFFF, 0xFFFF_FFFF


class _Kind(NamedTuple):
    """What a timer has."""

    top: int
    channels: int
    registers: dict[int, tuple[int, int]]  # offset -> reset value and the bits that there are


_TIM1 = _Kind(
    _HALF,
    4,
    {
        CR1: (0, 0xBFF), CR2: (0, 0xF5_7FFD), SMCR: (0, 0x1_FFFF), DIER: (0, 0x7FFF),
        CCMR1: (0, 0x101_FFFF), CCMR2: (0, 0x101_FFFF), CCER: (0, 0x33_BFFF),
        PSC: (0, _HALF), ARR: (_HALF, _HALF), RCR: (0, _HALF),
        CCR1: (0, _HALF), CCR1 + 4: (0, _HALF), CCR1 + 8: (0, _HALF), CCR1 + 12: (0, _HALF),
        BDTR: (0, 0x3FF_FFFF), DCR: (0, 0x1F1F), OR: (0, 0x13),
        0x54: (0, 0x101_FCFC), 0x58: (0, 0xE000_FFFF), 0x5C: (0, _HALF),
        AF1: (1, 0x1_CE07), AF2: (1, 0xF07),
    },
)  # fmt: skip
_TIM2 = _Kind(
    _WORD,
    4,
    {
        CR1: (0, 0xBFF), CR2: (0, 0xF8), SMCR: (0, 0x1_FFFF), DIER: (0, 0x5F5F),
        CCMR1: (0, 0x101_FFFF), CCMR2: (0, 0x101_FFFF), CCER: (0, 0xBBBB),
        PSC: (0, _HALF), ARR: (_WORD, _WORD),
        CCR1: (0, _WORD), CCR1 + 4: (0, _WORD), CCR1 + 8: (0, _WORD), CCR1 + 12: (0, _WORD),
        DCR: (0, 0x1F1F), OR: (0, 0xF), AF1: (0, 0x1_C000),
    },
)  # fmt: skip
_TIM16 = _Kind(
    _HALF,
    1,
    {
        CR1: (0, 0xB8F), CR2: (0, 0x30D), DIER: (0, 0x3A3),
        CCMR1: (0, 0x1_007F), CCER: (0, 0xF),
        PSC: (0, _HALF), ARR: (_HALF, _HALF), RCR: (0, 0xFF), CCR1: (0, _HALF),
        BDTR: (0, 0x1400_FFFF), DCR: (0, 0x1F1F), OR: (0, 3),
        AF1: (1, 0xE07), 0x68: (0, 0xF),
    },
)  # fmt: skip
_KINDS = {"TIM1": _TIM1, "TIM2": _TIM2, "TIM16": _TIM16, "TIM17": _TIM16}


class Tim(Block):
    """A timer that counts up.

    Nothing happens between accesses but what requests an interrupt: flags and CNT are worked out
    when they are looked at.

    Parameters
    ----------
    name : str
        TIM1, TIM2, TIM16 or TIM17.
    base : int
    clock : Clock
    hz : callable
        The timer's clock, 0 while it is off; call `clock_changed` when it changes.
    irq : InterruptLine
        Requests the update interrupt, and those that have no line of their own.
    cc_irq : InterruptLine or None
        Requests the compare interrupt, where it has a line of its own (TIM1).
    """

    def __init__(
        self,
        name: str,
        base: int,
        *,
        clock: Clock,
        hz: Callable[[], int],
        irq: InterruptLine,
        cc_irq: InterruptLine | None = None,
    ) -> None:
        self.name = name
        self.base = base
        self._kind = _KINDS[name]
        self._clock = clock
        self._hz_now = hz
        self._irq, self._cc_irq = irq, cc_irq
        self._of_irq = 0xFF if cc_irq is None else UIF  # TIM1's others have no line here
        self._due: Cancellable | None = None
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self._values = {offset: value for offset, (value, _) in self._kind.registers.items()}
        self._cr1 = self._dier = self._sr = 0
        self._counting = False
        self._count = 0
        # What counts, of what the registers hold: those with preload take effect at an update.
        self._psc, self._arr = 0, self._values[ARR]
        self._ccr = [0] * self._kind.channels
        self._repeat = 0
        self._hz = self._hz_now()
        self._start()
        self._settle()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset == SR:
            self._catch_up()
            return self._sr
        if offset == CNT:
            self._catch_up()
            if self._cr1 & UIFREMAP:
                return self._count & 0x7FFF_FFFF | (self._sr & UIF) << 31
            return self._count
        if offset == CR1:
            self._catch_up()  # one-pulse mode ends by itself
            return self._cr1
        return self._values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        self._catch_up()
        if offset == SR:
            self._sr &= value  # writing 0 clears
        elif offset == EGR:
            self._generate(value)
        elif offset == CNT:
            self._count = value & self._kind.top
            self._start()
        elif offset in self._values:
            reset_value, bits = self._kind.registers[offset]
            self._values[offset] = value = value & bits | reset_value & ~bits
            self._take(offset, value)
        self._settle()

    def _take(self, offset: int, value: int) -> None:
        if offset == CR1:
            self._cr1 = value
            if not value & ARPE:
                self._arr = self._values[ARR]
            self._run_or_stand()
        elif offset == DIER:
            self._dier = value
        elif offset == ARR:
            if not self._cr1 & ARPE:
                self._arr = value
            self._run_or_stand()
        elif offset == SMCR:
            self._run_or_stand()
        elif offset in (CCMR1, CCMR2) or CCR1 <= offset < BDTR:
            for channel in range(self._kind.channels):
                if not self._mode(channel) & 0x8:  # no preload (OCxPE)
                    self._ccr[channel] = self._values[CCR1 + 4 * channel]

    def _generate(self, value: int) -> None:
        self._sr |= value & self._flags_of_events()
        if value & UG:
            self._count = 0
            if not self._cr1 & UDIS:
                self._load()
                if not self._cr1 & URS:
                    self._sr |= UIF
                self._run_or_stand()
            self._start()

    def _flags_of_events(self) -> int:
        """Return the flags that EGR sets, which are where their bits are: CCxG, COMG, TG, BG."""
        if self._kind.top == _WORD:
            return 0x5E  # no COMG and BG
        return 0xFE if self._kind.channels > 1 else 0xA2

    def _mode(self, channel: int) -> int:
        """Return the half of CCMR of a channel (0 on): CCxS 1:0, OCxPE 3, OCxM 6:4 and 16."""
        return self._values[CCMR1 + 4 * (channel // 2)] >> 8 * (channel & 1)

    # ---- counting

    def clock_changed(self) -> None:
        """Take note that `hz` returns another frequency from now on."""
        self._catch_up()
        self._hz = self._hz_now()
        self._start()
        self._settle()

    def _run_or_stand(self) -> None:
        # An auto-reload value of 0 blocks the counter.
        counting = bool(self._cr1 & CEN and self._arr) and (
            self._values.get(SMCR, 0) & 7 not in _STANDING
        )
        if counting and not self._counting:
            self._counting = True
            self._start()
        self._counting = counting

    def _start(self) -> None:
        """Count from now on, from `_count`."""
        self._start_at(self._clock.now_ns() * self._hz)

    def _start_at(self, when: int) -> None:
        # Times are in 1/hz nanoseconds: whole numbers, so that no count is lost or gained.
        self._origin = when
        self._counted = 0  # since then
        self._step = NS_PER_S * (self._psc + 1)

    def _catch_up(self) -> None:
        """Count up to now, with what happened meanwhile."""
        if not self._counting:
            return
        now = self._clock.now_ns() * self._hz
        while self._counting:
            counts = (now - self._origin) // self._step - self._counted
            if counts <= 0:
                return
            to_overflow = self._to_overflow()
            if counts < to_overflow:
                self._match(self._count, self._count + counts)
                self._count += counts
                self._counted += counts
                return
            overflows = self._count <= self._arr
            self._match(self._count, self._count + to_overflow - 1, overflows=overflows)
            self._counted += to_overflow
            self._count = 0
            if overflows:
                self._overflow()
            self._skip((now - self._origin) // self._step - self._counted)

    def _to_overflow(self) -> int:
        last = self._arr if self._count <= self._arr else self._kind.top
        return last + 1 - self._count

    def _match(self, after: int, to: int, *, overflows: bool = False) -> None:
        """Set the flags of the output channels that match in ``after < count <= to``.

        At an overflow those match, too, that compare with 0, or with more than there is.
        """
        for channel, value in enumerate(self._ccr):
            if self._mode(channel) & 3:
                continue  # an input
            if after < value <= to or (overflows and not 0 < value <= self._arr):
                self._sr |= 2 << channel

    def _overflow(self) -> None:
        if self._repeat:
            self._repeat -= 1
            return
        if self._cr1 & UDIS:
            return
        self._sr |= UIF
        at = self._origin + self._counted * self._step
        self._load()
        self._start_at(at)
        if self._cr1 & OPM:
            self._cr1 &= ~CEN
        self._run_or_stand()

    def _load(self) -> None:
        """Let what the registers hold take effect: an update."""
        self._psc, self._arr, self._ccr = self._preloaded()
        self._repeat = self._values.get(RCR, 0)

    def _preloaded(self) -> tuple[int, int, list[int]]:
        compare = [self._values[CCR1 + 4 * channel] for channel in range(self._kind.channels)]
        return self._values[PSC], self._values[ARR], compare

    def _skip(self, counts: int) -> None:
        """Leave out periods in which nothing happens that has not happened: all are alike."""
        period = self._arr + 1
        if not self._counting or counts < 2 * period:
            return
        updates = not self._cr1 & UDIS
        if updates and (self._cr1 & OPM or (self._psc, self._arr, self._ccr) != self._preloaded()):
            return  # the next update changes something
        periods = counts // period - 1
        self._match(0, self._arr, overflows=True)
        if not updates:
            self._repeat = max(self._repeat - periods, 0)
        else:
            repeats = self._values.get(RCR, 0)
            if periods > self._repeat:
                self._sr |= UIF
                self._repeat = repeats - (periods - self._repeat - 1) % (repeats + 1)
            else:
                self._repeat -= periods
        self._counted += periods * period

    # ---- interrupts

    def _settle(self) -> None:
        """Request what is to be requested, and be here when there is more."""
        requested = self._sr & self._dier
        self._irq(bool(requested & self._of_irq))
        if self._cc_irq is not None:
            self._cc_irq(bool(requested & CC_FLAGS))
        if self._due is not None:
            self._due.cancel()
            self._due = None
        awaited = self._dier & ~self._sr & (UIF | CC_FLAGS)
        if self._counting and awaited and self._hz:
            counts = self._counted + self._until(awaited)
            # Rounded up: then the count is there.
            when_ns = -(-(self._origin + counts * self._step) // self._hz)
            self._due = self._clock.call_at_ns(when_ns, self._arrive)

    def _arrive(self) -> None:
        self._due = None
        self._catch_up()
        self._settle()

    def _until(self, awaited: int) -> int:
        """Return the counts until one of the flags may be set, at most until the overflow."""
        nearest = self._to_overflow()
        for channel, value in enumerate(self._ccr):
            if awaited & 2 << channel and self._count < value <= self._arr:
                nearest = min(nearest, value - self._count)
        return nearest
