"""NOR flash memory: programming only clears bits, erasing sets a whole page."""

from __future__ import annotations

import mmap
from dataclasses import dataclass

from eegrig.boards import Part
from eegrig.hil.virtual.chip.faults import Faults
from eegrig.hil.virtual.chip.signals import BusFault, PowerLost

__all__ = ["FlashTiming", "NorFlash"]

ERASED = 0xFFFF_FFFF


@dataclass(frozen=True)
class FlashTiming:
    """How long the memory is busy, in integer nanoseconds.

    Attributes
    ----------
    word_ns, page_erase_ns, mass_erase_ns : int
        Programming what is programmed at a time (`NorFlash.granule`), erasing one page, erasing
        everything.
    """

    word_ns: int
    page_erase_ns: int
    mass_erase_ns: int

    @classmethod
    def of(cls, part: Part) -> FlashTiming:
        """Return the times of a part (``boards/parts``), which says where they are from."""
        keys = ("flash_program", "flash_page_erase", "flash_mass_erase")
        return cls(*(round(part[key].si * 1e9) for key in keys))


class NorFlash:
    """A flash memory of 32-bit words over a memory map.

    Every operation returns the time it takes by the model, in integer nanoseconds; who asked
    for it charges that time where it belongs (the debugger's time, or the firmware's).

    Parameters
    ----------
    base : int
        First address.
    page_size : int
        Erase unit in bytes.
    buffer : mmap.mmap
        The contents; its length is the memory's size.
    timing : FlashTiming
        How long operations take.
    faults : Faults
        Stuck bits and power losses that are armed.

    Attributes
    ----------
    granule : int
        Bytes that are programmed at a time.
    words_programmed, pages_erased : int
        Counts since the chip was opened.
    """

    granule = 4

    def __init__(
        self,
        base: int,
        page_size: int,
        buffer: mmap.mmap,
        timing: FlashTiming,
        faults: Faults,
    ) -> None:
        self.base = base
        self.page_size = page_size
        self.size = len(buffer)
        self.buffer = buffer
        self.timing = timing
        self.words_programmed = 0
        self.pages_erased = 0
        self._faults = faults
        self._words = memoryview(buffer).cast("I")

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.base + self.size

    def view(self, address: int, size: int) -> memoryview:
        """Contents from `address` on, without copying: read-only, and always up to date.

        Raises
        ------
        BusFault
            If the range is not inside the memory.
        """
        offset = self._offset(address, size)
        return memoryview(self.buffer).toreadonly()[offset : offset + size]

    def program_word(self, address: int, value: int) -> int:
        """Program one aligned word: bits can only go from 1 to 0.

        Returns
        -------
        int
            Nanoseconds the memory is busy.

        Raises
        ------
        PowerLost
            If a power loss is armed for this word, which is then torn: its upper half is as before.
        """
        index = (address - self.base) >> 2
        words = self._words
        old = words[index]
        if self._faults.memory_armed:
            if self._faults.word_fails():
                words[index] = old & (value | 0xFFFF_0000)
                raise PowerLost
            words[index] = self._faults.stuck_word(address, old & value)
        else:
            words[index] = old & value
        self.words_programmed += 1
        return self.timing.word_ns

    def program(self, address: int, data: bytes | bytearray | memoryview) -> int:
        """Program bytes at any address, as a file system driver on the chip does.

        Words that are touched only in part are padded with ones, which change nothing.

        Returns
        -------
        int
            Nanoseconds the memory is busy.

        Raises
        ------
        BusFault
            If the range is not inside the memory.
        PowerLost
            If a power loss is armed for one of the words.
        """
        self._offset(address, len(data))
        head = address & 3
        padded = b"\xff" * head + bytes(data)
        padded += b"\xff" * (-len(padded) & 3)
        start = address - head
        busy_ns = 0
        for index, value in enumerate(memoryview(padded).cast("I")):
            if value != ERASED:
                busy_ns += self.program_word(start + 4 * index, value)
        return busy_ns

    def program_ns(self, size: int) -> int:
        """Return how long programming so many bytes takes, those that stay ones too."""
        return -(-size // self.granule) * self.timing.word_ns

    def erase_page(self, address: int) -> int:
        """Set the page that holds `address` to ones.

        Returns
        -------
        int
            Nanoseconds the memory is busy.

        Raises
        ------
        BusFault
            If the address is not inside the memory.
        """
        offset = self._offset(address, 1) // self.page_size * self.page_size
        self._fill(offset, self.page_size)
        self.pages_erased += 1
        return self.timing.page_erase_ns

    def erase_all(self) -> int:
        """Set everything to ones.

        Returns
        -------
        int
            Nanoseconds the memory is busy.
        """
        self._fill(0, self.size)
        return self.timing.mass_erase_ns

    def _fill(self, offset: int, size: int) -> None:
        self.buffer[offset : offset + size] = b"\xff" * size
        for address in self._faults.stuck_addresses:
            if 0 <= address - self.base - offset < size:
                self._words[(address - self.base) >> 2] = self._faults.stuck_word(address, ERASED)

    def _offset(self, address: int, size: int) -> int:
        offset = address - self.base
        if offset < 0 or size < 0 or offset + size > self.size:
            raise BusFault(f"{size} bytes at {address:#010x} are outside the flash memory")
        return offset
