"""The nRF52's non-volatile memory controller."""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.memory.nor_flash import NorFlash
from eegrig.hil.virtual.chip.signals import BusFault

__all__ = ["Nvmc"]

# Register offsets (nRF52840 product specification, NVMC).
READY = 0x400
READYNEXT = 0x408
CONFIG = 0x504
ERASEPAGE = 0x508
ERASEALL = 0x50C
ERASEUICR = 0x514

READ_ONLY, WRITE, ERASE = 0, 1, 2


class Nvmc:
    """Guards flash memory and UICR: what may be written or erased is set in CONFIG.

    READY always reads 1: the time an operation takes is charged when it starts.

    Parameters
    ----------
    flash, uicr : NorFlash
        The memories it controls.
    charge : callable
        Takes the nanoseconds of every operation.
    """

    BASE = 0x4001_E000

    def __init__(self, flash: NorFlash, uicr: NorFlash, charge: Callable[[int], None]) -> None:
        self._flash = flash
        self._uicr = uicr
        self._charge = charge
        self._config = READ_ONLY

    def reset(self) -> None:
        """Go back to read-only, as a system reset does."""
        self._config = READ_ONLY

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset in (READY, READYNEXT):
            return 1
        return self._config if offset == CONFIG else 0

    def write(self, offset: int, value: int) -> None:
        """Write a register; the erase registers act only while CONFIG allows erasing."""
        if offset == CONFIG:
            self._config = value & 3
        elif self._config != ERASE:
            return
        elif offset == ERASEPAGE:
            # The address is decoded modulo the memory's size; a wrong one erases a wrong page.
            self._charge(self._flash.erase_page(self._flash.base + value % self._flash.size))
        elif offset == ERASEALL and value & 1:
            self._uicr.erase_all()
            self._charge(self._flash.erase_all())
        elif offset == ERASEUICR and value & 1:
            self._charge(self._uicr.erase_page(self._uicr.base))

    def store(self, address: int, size: int, value: int) -> None:
        """Take a bus write into flash memory or UICR.

        Raises
        ------
        BusFault
            If writing is not enabled or the write is not one aligned word. That a write without
            CONFIG.WEN faults is assumed.
        """
        if self._config != WRITE:
            raise BusFault(f"store to flash at {address:#010x} while NVMC.CONFIG is {self._config}")
        if size != 4 or address & 3:
            raise BusFault(f"store of {size} bytes to flash at {address:#010x}: only whole words")
        memory = self._flash if address in self._flash else self._uicr
        self._charge(memory.program_word(address, value & 0xFFFF_FFFF))
