"""The serial commands of the ADS129x, decoded byte by byte; no time and no registers in sight.

Section numbers are those of TI SBAS499C; commands are its section 9.5.3. OFFSETCAL is the
ADS1292R's only (SBAS502C); the others ignore it, and a part says in its register map what it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

__all__ = [
    "Command",
    "CommandDecoder",
    "Event",
    "ReadRegisters",
    "WriteRegister",
    "delayed_by_a_bit",
]


class Command(IntEnum):
    """Commands of one byte."""

    WAKEUP = 0x02
    STANDBY = 0x04
    RESET = 0x06
    START = 0x08
    STOP = 0x0A
    RDATAC = 0x10
    SDATAC = 0x11
    RDATA = 0x12
    OFFSETCAL = 0x1A


_COMMANDS = frozenset(Command)


@dataclass(frozen=True, slots=True)
class ReadRegisters:
    """RREG: `count` registers from `address` on are to be shifted out."""

    address: int
    count: int


@dataclass(frozen=True, slots=True)
class WriteRegister:
    """One register of a WREG, complete with this byte."""

    address: int
    value: int


Event: TypeAlias = Command | ReadRegisters | WriteRegister


class CommandDecoder:
    """Turns bytes on DIN into commands."""

    def __init__(self) -> None:
        self._opcode = 0
        self._address = 0
        self._left = 0

    def reset(self) -> None:
        """Forget a command that is not complete, as CS going high does (9.5.1.1)."""
        self._opcode = self._left = 0

    @property
    def inside(self) -> bool:
        """Whether the next byte belongs to a command of several bytes."""
        return self._opcode != 0 or self._left != 0

    def feed(self, byte: int) -> Event | None:
        """Take one byte; return the command or register write it completes."""
        if self._left:
            event = WriteRegister(self._address, byte)
            self._address += 1
            self._left -= 1
            return event
        if self._opcode:
            opcode, self._opcode = self._opcode, 0
            count = (byte & 0x1F) + 1
            if opcode & 0xE0 == 0x20:
                return ReadRegisters(opcode & 0x1F, count)
            self._address, self._left = opcode & 0x1F, count
            return None
        if byte & 0xE0 in (0x20, 0x40):
            self._opcode = byte
            return None
        return Command(byte) if byte in _COMMANDS else None


def delayed_by_a_bit(data: bytes) -> bytes:
    """Shift a bit stream one bit later, as a wrong SPI mode does; a 0 comes first."""
    return (int.from_bytes(data, "big") >> 1).to_bytes(len(data), "big")
