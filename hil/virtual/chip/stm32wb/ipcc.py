"""The inter-processor communication controller (ST RM0434, IPCC): six channels, both ways.

A flag of a channel is set by whoever sends and cleared by whoever has received. The first core's
side is registers; the second core is a model, which calls `set_flag`, `clear_flag` and is called.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine

__all__ = ["CHANNELS", "Ipcc"]

CHANNELS = range(1, 7)
_ALL = 0x3F
C1CR, C1MR, C1SCR, C1TOC2SR, C2CR, C2MR, C2SCR, C2TOC1SR = range(0x00, 0x20, 4)
RXOIE, TXFIE = 1, 1 << 16


class Ipcc(Block):
    """Flags between two processors.

    Parameters
    ----------
    received, freed : InterruptLine
        Interrupts of the first core: a channel of the other side is occupied, one of its own free.

    Attributes
    ----------
    on_sent : callable
        Called with the channel whose flag the first core has set.
    on_received : callable
        Called with the channel of the second core whose flag the first one has cleared.
    """

    name = "IPCC"
    base = 0x5800_0C00

    def __init__(self, received: InterruptLine, freed: InterruptLine) -> None:
        self._received = received
        self._freed = freed
        self.on_sent: Callable[[int], None] = lambda channel: None
        self.on_received: Callable[[int], None] = lambda channel: None
        self.reset()

    def reset(self) -> None:
        """Clear all flags; everything is masked."""
        self._control = {C1CR: 0, C2CR: 0, C1MR: 0x003F_003F, C2MR: 0x003F_003F}
        self._to_second = self._to_first = 0
        self._update()

    # ---- the second core

    def is_sent(self, channel: int) -> bool:
        """Whether the first core's flag of a channel is set."""
        return bool(self._to_second >> (channel - 1) & 1)

    def is_occupied(self, channel: int) -> bool:
        """Whether the second core's flag of a channel is still set."""
        return bool(self._to_first >> (channel - 1) & 1)

    def clear_flag(self, channel: int) -> None:
        """Say that the second core has received what the first one sent."""
        self._to_second &= ~(1 << (channel - 1))
        self._update()

    def set_flag(self, channel: int) -> None:
        """Say that the second core has sent something."""
        self._to_first |= 1 << (channel - 1)
        self._update()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register; the flags can be set and cleared only."""
        if offset == C1TOC2SR:
            return self._to_second
        if offset == C2TOC1SR:
            return self._to_first
        return self._control.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset == C1SCR:
            self._set_and_clear(value)
        elif offset in self._control:
            self._control[offset] = value
        self._update()

    def _set_and_clear(self, value: int) -> None:
        cleared = value & self._to_first & _ALL
        sent = value >> 16 & ~self._to_second & _ALL
        self._to_first &= ~cleared
        self._to_second |= sent
        for channel in CHANNELS:
            if cleared >> (channel - 1) & 1:
                self.on_received(channel)
        for channel in CHANNELS:
            if sent >> (channel - 1) & 1:
                self.on_sent(channel)

    def _update(self) -> None:
        control, mask = self._control[C1CR], self._control[C1MR]
        self._received(bool(control & RXOIE and self._to_first & ~mask))
        self._freed(bool(control & TXFIE and ~self._to_second & ~(mask >> 16) & _ALL))
