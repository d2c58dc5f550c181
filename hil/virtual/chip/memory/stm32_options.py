"""Option bytes of the STM32WB: what they hold, and how they are kept."""

from __future__ import annotations

import mmap

__all__ = ["FACTORY", "OptionBytes"]

# Offset of each option in its memory -> factory value. Values for OPTR and IPCCBR are those ST's
# own flash loader restores; a part comes with read protection off (RDP is 0xAA).
OPTR, PCROP1ASR, PCROP1AER, WRP1AR, WRP1BR = 0x00, 0x08, 0x10, 0x18, 0x20
PCROP1BSR, PCROP1BER, IPCCBR, SFR, SRRVR = 0x28, 0x30, 0x68, 0x70, 0x78
FACTORY = {
    OPTR: 0x3DFF_F1AA,
    PCROP1ASR: 0x0000_01FF,
    PCROP1AER: 0x0000_0000,
    WRP1AR: 0x0000_00FF,
    WRP1BR: 0x0000_00FF,
    PCROP1BSR: 0x0000_01FF,
    PCROP1BER: 0x0000_0000,
    IPCCBR: 0xFFFF_C000,
    SFR: 0x0000_00C7,
    SRRVR: 0x8000_0000,
}
"""Factory values by offset. SFR says where CPU2's wireless stack starts, in pages: 0x080C7000, as
with the full BLE stack installed (assumed)."""

RDP_OPEN, RDP_FOREVER = 0xAA, 0xCC


class OptionBytes:
    """The option bytes in their memory, each word beside its complement (RM0434, 3.4).

    Parameters
    ----------
    buffer : mmap.mmap
        Where they are kept; filled with factory values when erased.

    Attributes
    ----------
    loaded : dict
        Values in force, by offset: those of the last `load`.
    """

    def __init__(self, buffer: mmap.mmap) -> None:
        self._buffer = buffer
        if set(buffer[:16]) == {0xFF}:
            self.store(FACTORY)
        self.loaded: dict[int, int] = {}
        self.load()

    def load(self) -> None:
        """Take the stored values into force, as a power-on reset or OBL_LAUNCH does."""
        self.loaded = self.stored()

    def stored(self) -> dict[int, int]:
        """Read the stored values; a word that contradicts its complement gives all ones."""
        values = {}
        for offset in FACTORY:
            word = int.from_bytes(self._buffer[offset : offset + 4], "little")
            complement = int.from_bytes(self._buffer[offset + 4 : offset + 8], "little")
            values[offset] = word if word ^ complement == 0xFFFF_FFFF else 0xFFFF_FFFF
        return values

    def store(self, values: dict[int, int]) -> None:
        """Replace the stored values; they come into force when they are loaded."""
        for offset, value in values.items():
            pair = value.to_bytes(4, "little") + (value ^ 0xFFFF_FFFF).to_bytes(4, "little")
            self._buffer[offset : offset + 8] = pair

    @property
    def protection_level(self) -> int:
        """Read protection in force: 0, 1 or 2."""
        return level(self.loaded[OPTR])


def level(optr: int) -> int:
    """Read protection level that a value of OPTR stands for: 0, 1 or 2."""
    return {RDP_OPEN: 0, RDP_FOREVER: 2}.get(optr & 0xFF, 1)
