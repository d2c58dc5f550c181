"""A block of registers: what every peripheral here is to the bus."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

__all__ = ["Block", "InterruptLine"]

InterruptLine = Callable[[bool], None]
"""Raises or drops a peripheral's request to the interrupt controller; it is a level."""

_WORD = 4


class Block(ABC):
    """Registers of 32 bits at offsets from `base`.

    A derived class answers whole words; of narrower accesses the default reads what is asked for,
    and leaves the other bytes of a register as they are. A block to which the
    size matters (that of a data register) overrides `load` and `store`.

    Attributes
    ----------
    name : str
        As the reference manual has it.
    base, size : int
        Where it is.
    polled : frozenset of int
        Offsets of registers that programs await a change of, in loops that do nothing else.
    """

    name: str
    base: int
    size: int = 0x400
    polled: frozenset[int] = frozenset()

    @abstractmethod
    def reset(self) -> None:
        """Set the registers as a system reset does."""

    @abstractmethod
    def read(self, offset: int) -> int:
        """Read the register at `offset`, a multiple of 4, with what reading does."""

    @abstractmethod
    def write(self, offset: int, value: int) -> None:
        """Write the register at `offset`, a multiple of 4."""

    def load(self, offset: int, size: int) -> int:
        """Read `size` (1, 2 or 4) bytes."""
        word = self.read(offset & ~3)
        return word >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def store(self, offset: int, size: int, value: int) -> None:
        """Write `size` (1, 2 or 4) bytes."""
        if size == _WORD:
            self.write(offset, value & 0xFFFF_FFFF)
            return
        at, shift = offset & ~3, 8 * (offset & 3)
        mask = (1 << 8 * size) - 1 << shift
        self.write(at, self.peek(at) & ~mask | value << shift & mask)

    def peek(self, offset: int) -> int:
        """Return what a narrow write leaves alone; a register that reading changes overrides it."""
        return self.read(offset)
