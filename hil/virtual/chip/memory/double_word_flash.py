"""Flash memory with error correction over 64 bits: a double word is programmed once, as a whole."""

from __future__ import annotations

from eegrig.hil.virtual.chip.memory.nor_flash import ERASED, NorFlash
from eegrig.hil.virtual.chip.signals import BusFault, PowerLost

__all__ = ["DoubleWordFlash", "NotErased"]


class NotErased(BusFault):
    """A double word that is not erased can only be programmed to zero (RM0434, PROGERR)."""


class DoubleWordFlash(NorFlash):
    """A flash memory whose unit of programming is an aligned double word.

    The check bits themselves are not modelled: a torn double word reads as it was left, where the
    part reports an ECC error.
    """

    granule = 8

    def program_double(self, address: int, low: int, high: int) -> int:
        """Program one aligned double word.

        Parameters
        ----------
        address : int
            A multiple of 8.
        low, high : int
            The words at `address` and behind it.

        Returns
        -------
        int
            Nanoseconds the memory is busy.

        Raises
        ------
        NotErased
            If something else than zero is written over what is not erased.
        PowerLost
            If a power loss is armed for one of the words.
        """
        index = (address - self.base) >> 2
        words = self._words
        if words[index] & words[index + 1] != ERASED and (low or high):
            raise NotErased(f"the double word at {address:#010x} is not erased")
        if self._faults.memory_armed:
            words[index] = self._programmed(address, low, torn=0xFFFF_0000)
            words[index + 1] = self._programmed(address + 4, high, torn=ERASED)
        else:
            words[index] = low
            words[index + 1] = high
        self.words_programmed += 2
        return self.timing.word_ns

    def program(self, address: int, data: bytes | bytearray | memoryview) -> int:
        """Program bytes at any address, as a file system driver on the chip does.

        Double words that are touched only in part keep their other bytes, which must be erased.

        Returns
        -------
        int
            Nanoseconds the memory is busy.

        Raises
        ------
        BusFault
            If the range is not inside the memory, or a double word in it is not erased.
        PowerLost
            If a power loss is armed for one of the words.
        """
        self._offset(address, len(data))
        head = address & (self.granule - 1)
        padded = b"\xff" * head + bytes(data)
        padded += b"\xff" * (-len(padded) & (self.granule - 1))
        values = memoryview(padded).cast("I")
        busy_ns = 0
        for at in range(0, len(values), 2):
            low, high = values[at], values[at + 1]
            if low & high != ERASED:
                busy_ns += self.program_double(address - head + 4 * at, low, high)
        return busy_ns

    def _programmed(self, address: int, value: int, *, torn: int) -> int:
        if self._faults.word_fails():
            self._words[(address - self.base) >> 2] &= value | torn
            raise PowerLost
        return self._faults.stuck_word(address, value)
