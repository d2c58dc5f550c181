"""Registers that keep what is written and do nothing: of a USB device without a host."""

from __future__ import annotations

from eegrig.hil.virtual.chip.stm32wb.block import Block

__all__ = ["Plain"]


class Plain(Block):
    """A peripheral with nobody at the other end.

    Parameters
    ----------
    name, base, size
        As for `Block`.
    """

    def __init__(self, name: str, base: int, size: int = 0x400) -> None:
        self.name, self.base, self.size = name, base, size
        self.reset()

    def reset(self) -> None:
        """Forget what was written."""
        self._values: dict[int, int] = {}

    def read(self, offset: int) -> int:
        """Read what was written."""
        return self._values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Keep a value."""
        self._values[offset] = value
