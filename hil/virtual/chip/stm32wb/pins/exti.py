"""The extended interrupt and event controller: edges become requests.

ST RM0434, chapter "Extended interrupt and event controller (EXTI)"; which lines there are from ST's
header stm32wb55xx.h, reset values from ST's register description (STM32WB55_CM4.svd). *Assumed*: an
edge is remembered in PR whether or not the line is unmasked, SWIER reads 0 (as RM0453 says of the
STM32WL's), and the reset value of IMR2, 0x0001FCFD: all direct lines unmasked.
"""

from __future__ import annotations

from collections.abc import Mapping

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine

__all__ = ["Exti"]

RTSR1, FTSR1, SWIER1, PR1, RTSR2, FTSR2, SWIER2, PR2 = (
    0x00,
    0x04,
    0x08,
    0x0C,
    0x20,
    0x24,
    0x28,
    0x2C,
)
IMR1, EMR1, IMR2, EMR2 = 0x80, 0x84, 0x90, 0x94
C2IMR1, C2EMR1, C2IMR2, C2EMR2 = 0xC0, 0xC4, 0xD0, 0xD4

CONFIGURABLE = 0x0000_0302_803F_FFFF  # lines that have edges; the others are direct
EVENTS = 0x0000_0300_003E_FFFF
UNMASKED = 0x0001_FCFD_7FC0_0000
LINES = 0x0001_FFFF_FFFF_FFFF
_LOW, _WORD = 0xFFFF_FFFF, 32
# Register of lines 0 to 31 -> what it is, of the lines that have it; that of lines 32 on follows.
_PAIRS = {
    RTSR1: ("rising", CONFIGURABLE, RTSR2),
    FTSR1: ("falling", CONFIGURABLE, FTSR2),
    SWIER1: ("software", CONFIGURABLE, SWIER2),
    PR1: ("pending", CONFIGURABLE, PR2),
    IMR1: ("unmasked", LINES, IMR2),
    EMR1: ("events", EVENTS, EMR2),
    C2IMR1: ("unmasked2", LINES, C2IMR2),
    C2EMR1: ("events2", EVENTS, C2EMR2),
}
# Offset -> what it is, the lines that have it, the number of its first line.
_REGISTERS = {low: (name, has, 0) for low, (name, has, _) in _PAIRS.items()} | {
    high: (name, has, _WORD) for name, has, high in _PAIRS.values()
}


class Exti(Block):
    """Remembers edges of its configurable lines, and requests interrupts of the first processor.

    A line is numbered as in the manual: 0 to 15 pins, 16 PVD, 17 RTC alarm, 18 RTC tamper and time
    stamp, 19 RTC wake-up, 20 and 21 comparators, 31 and 33 PVM, 40 CPU2 SEV, 41 CPU1 SEV.

    Parameters
    ----------
    lines : Mapping of int to InterruptLine
        Configurable EXTI line -> the interrupt it requests; lines with the same one share it. Lines
        that are not in it request nothing.
    """

    name = "EXTI"
    base = 0x5800_0800

    def __init__(self, *, lines: Mapping[int, InterruptLine]) -> None:
        self._groups: dict[InterruptLine, int] = {}
        for line, request in lines.items():
            self._groups[request] = self._groups.get(request, 0) | 1 << line
        self._requested = 0  # the lines that request now
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self._values = dict.fromkeys((name for name, _, _ in _PAIRS.values()), 0)
        self._values["unmasked"] = self._values["unmasked2"] = UNMASKED
        self._request()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register."""
        register = _REGISTERS.get(offset)
        if register is None:
            return 0
        name, _, first = register
        return self._values[name] >> first & _LOW

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        register = _REGISTERS.get(offset)
        if register is None:
            return
        name, has, first = register
        value = value << first & has
        if name == "pending":
            self._values["pending"] &= ~value
        elif name == "software":
            self._values["pending"] |= value
        else:
            self._values[name] = self._values[name] & ~(_LOW << first) | value
            if name != "unmasked":
                return
        self._request()

    def peek(self, offset: int) -> int:
        """Return what a narrow write leaves alone: of PR, writing 1 would clear it."""
        return 0 if offset in (PR1, PR2) else self.read(offset)

    # ---- lines

    def edge(self, line: int, level: int) -> None:
        """Take another level of a configurable line."""
        bit = 1 << line & CONFIGURABLE
        if self._values["rising" if level else "falling"] & bit:
            self._values["pending"] |= bit
            self._request()

    def _request(self) -> None:
        requested = self._values["pending"] & self._values["unmasked"]
        changed = requested ^ self._requested
        if not changed:
            return
        self._requested = requested
        for request, lines in self._groups.items():
            if changed & lines:
                request(bool(requested & lines))
