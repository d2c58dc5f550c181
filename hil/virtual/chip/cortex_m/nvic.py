"""Exceptions of an ARMv7-M processor: which are pending, enabled and active, and which one is next.

Rules and register layouts are those of Arm DDI 0403, chapters B1.5 (exception model), B3.2 (system
control block) and B3.4 (NVIC). Nothing here executes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from eegrig.hil.virtual.chip.cortex_m.tally import NONE

__all__ = ["Exc", "Masks", "Nvic"]


class Exc(IntEnum):
    """Exception numbers; external interrupts follow from `EXTERNAL` on."""

    NMI = 2
    HARD_FAULT = 3
    MEM_MANAGE = 4
    BUS_FAULT = 5
    USAGE_FAULT = 6
    SVCALL = 11
    DEBUG_MONITOR = 12
    PENDSV = 14
    SYSTICK = 15
    EXTERNAL = 16


Masks = tuple[int, int, int]
"""PRIMASK, FAULTMASK, BASEPRI."""

LOWEST = 256  # priority of Thread mode with nothing active
_FIXED = {Exc.NMI: -2, Exc.HARD_FAULT: -1}
_MASKED_WHILE_STEPPING = (Exc.PENDSV, Exc.SYSTICK)

# Registers, as addresses.
ICSR, VTOR, AIRCR, SCR, CCR = 0xE000_ED04, 0xE000_ED08, 0xE000_ED0C, 0xE000_ED10, 0xE000_ED14
SHPR, SHPR_END, SHCSR = 0xE000_ED18, 0xE000_ED24, 0xE000_ED24
CFSR, HFSR, MMFAR, BFAR, STIR = 0xE000_ED28, 0xE000_ED2C, 0xE000_ED34, 0xE000_ED38, 0xE000_EF00
ISER, ICER, ISPR, ICPR, IABR, IPR = (
    0xE000_E100, 0xE000_E180, 0xE000_E200, 0xE000_E280, 0xE000_E300, 0xE000_E400
)  # fmt: skip
BIT_BANKS = {ISER: "enable", ICER: "enable", ISPR: "pend", ICPR: "pend", IABR: "active"}
# SHCSR: enable bits, pending bits, active bits -> exception.
_ENABLE_BITS = {16: Exc.MEM_MANAGE, 17: Exc.BUS_FAULT, 18: Exc.USAGE_FAULT}
_PENDING_BITS = {
    12: Exc.USAGE_FAULT,
    13: Exc.MEM_MANAGE,
    14: Exc.BUS_FAULT,
    15: Exc.SVCALL,
}
_ACTIVE_BITS = {
    0: Exc.MEM_MANAGE,
    1: Exc.BUS_FAULT,
    3: Exc.USAGE_FAULT,
    7: Exc.SVCALL,
    8: Exc.DEBUG_MONITOR,
    10: Exc.PENDSV,
    11: Exc.SYSTICK,
}
_ALWAYS_ENABLED = frozenset(
    {Exc.NMI, Exc.HARD_FAULT, Exc.SVCALL, Exc.DEBUG_MONITOR, Exc.PENDSV, Exc.SYSTICK}
)


class Nvic:
    """State of all exceptions, and the registers that show and change it.

    Parameters
    ----------
    interrupts : int
        Number of external interrupts.
    priority_bits : int
        Bits of a priority that exist; the lower ones read 0.

    Attributes
    ----------
    pending, active, enabled : set of int
        Exception numbers.
    vtor, scr, ccr, cfsr, hfsr, mmfar, bfar : int
        Registers of the system control block.
    waiting : bool
        Whether an enabled exception is pending at all; `next_exception` tells whether it may
        interrupt.
    urgency : int
        Group priority of the pending exception that outranks the active ones, if nothing masks it;
        `NONE` without one.
    basepri_mask : int
        Bits of BASEPRI that count.
    on_urgency : callable
        Called when one of these has changed.
    """

    def __init__(self, interrupts: int, priority_bits: int) -> None:
        self.interrupts = interrupts
        self._priority_mask = 0xFF00 >> priority_bits & 0xFF
        self.on_urgency: Callable[[], None] = lambda: None
        self.reset()

    def reset(self) -> None:
        """Set everything as a system reset does."""
        self.pending: set[int] = set()
        self.active: set[int] = set()
        self.enabled: set[int] = set(_ALWAYS_ENABLED)
        self.vtor = self.scr = self.cfsr = self.hfsr = self.mmfar = self.bfar = 0
        self.ccr = 0x200  # STKALIGN
        self._prigroup = 0
        self._priorities: dict[int, int] = {}
        self._lines: set[int] = set()
        self._hold_interrupts = False
        self._update()

    @property
    def hold_interrupts(self) -> bool:
        """Whether a debugger steps with interrupts masked (DHCSR.C_MASKINTS)."""
        return self._hold_interrupts

    @hold_interrupts.setter
    def hold_interrupts(self, hold: bool) -> None:
        self._hold_interrupts = hold
        self._update()

    # ---- pending and active

    def pend(self, number: int) -> None:
        """Make an exception pending."""
        self.pending.add(number)
        self._update()

    def unpend(self, number: int) -> None:
        """Withdraw a pending exception."""
        self.pending.discard(number)
        self._update()

    def set_line(self, number: int, asserted: bool) -> None:
        """Raise or drop a peripheral's request; one still up on return is pending again (B3.4.1).

        Parameters
        ----------
        number : int
            Exception number.
        asserted : bool
            Level of the request.
        """
        if not asserted:
            self._lines.discard(number)
        elif number not in self._lines:
            self._lines.add(number)
            if number not in self.active:
                self.pend(number)

    def activate(self, number: int) -> None:
        """Take an exception: it is active, and no longer pending."""
        self.active.add(number)
        self.unpend(number)

    def deactivate(self, number: int) -> None:
        """Return from an exception."""
        self.active.discard(number)
        if number in self._lines:
            self.pending.add(number)
        self._update()

    def _update(self) -> None:
        self.waiting = not self.pending.isdisjoint(self.enabled)
        best = self._best() if self.waiting else None
        level = LOWEST if best is None else self.group_priority(best)
        active = min((self.group_priority(number) for number in self.active), default=LOWEST)
        self.urgency = level if level < active else NONE
        self.basepri_mask = self._group(self._priority_mask)
        self.on_urgency()

    def _best(self) -> int | None:
        """Return the most urgent exception that is pending and enabled."""
        candidates = self.pending & self.enabled
        if self._hold_interrupts:
            candidates = {
                number
                for number in candidates
                if number < Exc.EXTERNAL and number not in _MASKED_WHILE_STEPPING
            }
        return min(candidates, key=lambda number: (self.priority(number), number), default=None)

    # ---- priorities (B1.5.4)

    def priority(self, number: int) -> int:
        """Priority of an exception; lower is more urgent."""
        if number in _FIXED:
            return _FIXED[Exc(number)]
        return self._priorities.get(number, 0)

    def group_priority(self, number: int) -> int:
        """Return the part of the priority that decides whether one interrupts another."""
        priority = self.priority(number)
        return priority if priority < 0 else self._group(priority)

    def _group(self, priority: int) -> int:
        return priority & ~((2 << self._prigroup) - 1)

    def execution_priority(self, masks: Masks) -> int:
        """Priority of what executes now, boosted by the mask registers."""
        primask, faultmask, basepri = masks
        level = min((self.group_priority(number) for number in self.active), default=LOWEST)
        basepri &= self._priority_mask
        if basepri:
            level = min(level, self._group(basepri))
        if primask:
            level = min(level, 0)
        if faultmask:
            level = min(level, -1)
        return level

    def next_exception(self, masks: Masks) -> int | None:
        """Return the pending exception that may interrupt what executes now, if there is one."""
        if not self.waiting:
            return None
        best = self._best()
        if best is None:
            return None
        return best if self.group_priority(best) < self.execution_priority(masks) else None

    # ---- registers

    @staticmethod
    def owns(address: int) -> bool:
        """Whether the register at `address` is one of these."""
        return (
            ISER <= address < IPR + 240 or ICSR <= address <= HFSR or address in (MMFAR, BFAR, STIR)
        )

    @staticmethod
    def is_bytewise(address: int) -> bool:
        """Whether a byte or half-word written to `address` leaves the other bytes alone."""
        return IPR <= address < IPR + 240 or SHPR <= address < SHPR_END

    def read(self, address: int, current: int = 0) -> int:
        """Read a register; `current` is the exception number in IPSR."""
        bank = address & ~0x7F
        if bank in BIT_BANKS and address < IPR:
            return self._read_bits(BIT_BANKS[bank], 32 * (address - bank >> 2))
        if IPR <= address < IPR + 240:
            return self._read_priorities(Exc.EXTERNAL + address - IPR)
        if SHPR <= address < SHPR_END:
            return self._read_priorities(4 + address - SHPR)
        if address == ICSR:
            return self._read_icsr(current)
        if address == AIRCR:
            return 0xFA05_0000 | self._prigroup << 8
        if address == SHCSR:
            return self._read_shcsr()
        return {
            VTOR: self.vtor,
            SCR: self.scr,
            CCR: self.ccr,
            CFSR: self.cfsr,
            HFSR: self.hfsr,
            MMFAR: self.mmfar,
            BFAR: self.bfar,
        }.get(address, 0)

    def write(self, address: int, value: int) -> None:
        """Write a register; a reset request in AIRCR is not acted on here."""
        bank = address & ~0x7F
        if bank in BIT_BANKS and address < IPR:
            self._write_bits(bank, 32 * (address - bank >> 2), value)
        elif IPR <= address < IPR + 240:
            self._write_priorities(Exc.EXTERNAL + address - IPR, value)
        elif SHPR <= address < SHPR_END:
            self._write_priorities(4 + address - SHPR, value)
        elif address == ICSR:
            self._write_icsr(value)
        elif address == AIRCR:
            self._prigroup = value >> 8 & 7
        elif address == SHCSR:
            self._write_shcsr(value)
        elif address == STIR:
            self.pend(Exc.EXTERNAL + (value & 0x1FF))
        elif address == VTOR:
            self.vtor = value & ~0x7F
        elif address == SCR:
            self.scr = value & 0x16
        elif address == CCR:
            self.ccr = value & 0x31B
        elif address == CFSR:
            self.cfsr &= ~value
        elif address == HFSR:
            self.hfsr &= ~value
        elif address == MMFAR:
            self.mmfar = value
        elif address == BFAR:
            self.bfar = value
        self._update()

    def _read_bits(self, kind: str, first: int) -> int:
        chosen = {"enable": self.enabled, "pend": self.pending, "active": self.active}[kind]
        return sum(1 << bit for bit in range(32) if Exc.EXTERNAL + first + bit in chosen)

    def _write_bits(self, bank: int, first: int, value: int) -> None:
        if bank == IABR:
            return
        chosen = self.enabled if BIT_BANKS[bank] == "enable" else self.pending
        numbers = {
            Exc.EXTERNAL + first + bit
            for bit in range(32)
            if value >> bit & 1 and first + bit < self.interrupts
        }
        if bank in (ISER, ISPR):
            chosen |= numbers
        else:
            chosen -= numbers

    def _read_priorities(self, first: int) -> int:
        return sum(self._priorities.get(first + lane, 0) << 8 * lane for lane in range(4))

    def _write_priorities(self, first: int, value: int) -> None:
        for lane in range(4):
            number = first + lane
            if number > Exc.HARD_FAULT and number < Exc.EXTERNAL + self.interrupts:
                self._priorities[number] = value >> 8 * lane & self._priority_mask

    def _read_icsr(self, current: int) -> int:
        value = current & 0x1FF
        value |= (self.active <= {current}) << 11  # RETTOBASE
        candidates = self.pending & self.enabled
        if candidates:
            value |= min(candidates, key=lambda number: (self.priority(number), number)) << 12
        value |= any(number >= Exc.EXTERNAL for number in self.pending) << 22
        value |= (Exc.SYSTICK in self.pending) << 26
        value |= (Exc.PENDSV in self.pending) << 28
        return value | (Exc.NMI in self.pending) << 31

    def _write_icsr(self, value: int) -> None:
        for bit, number in ((31, Exc.NMI), (28, Exc.PENDSV), (26, Exc.SYSTICK)):
            if value >> bit & 1:
                self.pending.add(number)
        for bit, number in ((27, Exc.PENDSV), (25, Exc.SYSTICK)):
            if value >> bit & 1:
                self.pending.discard(number)

    def _read_shcsr(self) -> int:
        value = 0
        for bits, numbers in (
            (_ENABLE_BITS, self.enabled),
            (_PENDING_BITS, self.pending),
            (_ACTIVE_BITS, self.active),
        ):
            value |= sum(1 << bit for bit, number in bits.items() if number in numbers)
        return value

    def _write_shcsr(self, value: int) -> None:
        for bits, numbers in (
            (_ENABLE_BITS, self.enabled),
            (_PENDING_BITS, self.pending),
            (_ACTIVE_BITS, self.active),
        ):
            for bit, number in bits.items():
                if value >> bit & 1:
                    numbers.add(number)
                else:
                    numbers.discard(number)
