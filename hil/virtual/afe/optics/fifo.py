"""The ADPD4101's FIFO: bytes in, bytes out, and what is noted when it runs over or dry."""

from __future__ import annotations

__all__ = ["Fifo", "word_swapped"]


class Fifo:
    """A queue of bytes.

    Parameters
    ----------
    size : int
        Bytes it holds.

    Attributes
    ----------
    overflow, underflow : bool
        Whether data were lost or read beyond the end since these were last cleared.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._bytes = bytearray()
        self.overflow = False
        self.underflow = False

    def __len__(self) -> int:
        return len(self._bytes)

    def clear(self) -> None:
        """Empty it and forget what went wrong."""
        self._bytes.clear()
        self.overflow = self.underflow = False

    def put(self, sample: bytes) -> None:
        """Add one set of samples, all of it or, where there is no room, none."""
        if len(self._bytes) + len(sample) > self._size:
            self.overflow = True
            return
        self._bytes += sample

    def take(self, count: int) -> bytes:
        """Remove bytes; zeros stand for those there are none for."""
        if count > len(self._bytes):
            self.underflow = True
        out = bytes(self._bytes[:count])
        del self._bytes[:count]
        return out + bytes(count - len(out))


def word_swapped(value: int, size: int) -> bytes:
    """Return a sample as the FIFO gives it: 16-bit words, low word first, each high byte first.

    >>> word_swapped(0x11223344, 4).hex(), word_swapped(0x223344, 3).hex()
    ('33441122', '334422')
    """
    low, high = value & 0xFFFF, value >> 16
    if size <= 2:
        return value.to_bytes(4, "big")[4 - size :]
    return low.to_bytes(2, "big") + high.to_bytes(2, "big")[4 - size :]
