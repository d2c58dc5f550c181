"""The hardware semaphores that the two processors share.

ST RM0434, chapter "Hardware semaphore (HSEM)"; offsets and core numbers from ST's header
stm32wb55xx.h and driver, the rules of locking as RM0453 (the STM32WL's, same block) has them.
*Assumed*: a semaphore's status is set whenever it is freed, with its interrupt enabled or not. The
second processor takes none: what it would do with one (flash memory, random numbers) it has no part
in here.
"""

from __future__ import annotations

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine

__all__ = ["Hsem"]

R0, RLR0, C1IER, C2IER, CR, KEYR = 0x000, 0x080, 0x100, 0x110, 0x140, 0x144
IER, ICR, ISR, MISR = 0x0, 0x4, 0x8, 0xC  # of a processor, from C1IER or C2IER on
LOCK = 1 << 31
CPU1 = 4  # COREID
_COREID, _PROCID, _KEY = 0xF00, 0xFF, 0xFFFF_0000
_COUNT = 32


class Hsem(Block):
    """32 semaphores, on the first processor's bus.

    Parameters
    ----------
    irq : InterruptLine
        Requests the first processor's interrupt: a semaphore was freed whose interrupt it enabled.
    """

    name = "HSEM"
    base = 0x5800_1400

    def __init__(self, *, irq: InterruptLine) -> None:
        self._irq = irq
        self._requested = False
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does: all are free."""
        self._held = [0] * _COUNT
        self._key = 0
        self._enabled, self._freed = [0, 0], [0, 0]
        self._request()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register; reading RLR locks the semaphore if it is free."""
        if offset < RLR0:
            return self._held[offset >> 2]
        if offset < C1IER:
            n = offset - RLR0 >> 2
            if not self._held[n]:
                self._held[n] = LOCK | CPU1 << 8
            return self._held[n]
        return self.peek(offset)

    def peek(self, offset: int) -> int:
        """Return what `read` does, and lock nothing."""
        if offset < C1IER:
            return self._held[(offset & 0x7F) >> 2]
        if offset < CR:
            cpu, register = offset - C1IER >> 4, offset & 0xF
            if cpu > 1:
                return 0
            if register == IER:
                return self._enabled[cpu]
            if register == ISR:
                return self._freed[cpu]
            return self._freed[cpu] & self._enabled[cpu] if register == MISR else 0
        return self._key if offset == KEYR else 0

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset < RLR0:
            self._take_or_give(offset >> 2, value)
        elif offset == CR:
            if value & _KEY == self._key:
                self._free([n for n in range(_COUNT) if self._held[n] & _COREID == value & _COREID])
        elif offset == KEYR:
            self._key = value & _KEY
        elif C1IER <= offset < C2IER + 0x10:
            cpu, register = offset - C1IER >> 4, offset & 0xF
            if register == IER:
                self._enabled[cpu] = value
            elif register == ICR:
                self._freed[cpu] &= ~value
            self._request()

    def _take_or_give(self, n: int, value: int) -> None:
        who = value & (_COREID | _PROCID)
        if value & _COREID != CPU1 << 8:
            return  # the core's number has to be that of the bus master
        if value & LOCK:
            if not self._held[n]:
                self._held[n] = LOCK | who
        elif self._held[n] == LOCK | who:
            self._free([n])

    def _free(self, semaphores: list[int]) -> None:
        for n in semaphores:
            if self._held[n]:
                self._held[n] = 0
                self._freed = [freed | 1 << n for freed in self._freed]
        self._request()

    def _request(self) -> None:
        level = bool(self._freed[0] & self._enabled[0])
        if level != self._requested:
            self._requested = level
            self._irq(level)
