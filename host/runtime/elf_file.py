"""ELF files: what of them belongs into flash memory, and the functions they name.

The format is that of the "Tool Interface Standard ELF Specification" 1.2 (assumed: its structures
are from memory; `elfutils` and pyelftools agree on the files that were tried). Only what linkers
for Cortex-M write is read: 32 bits, little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from eegrig.boards.errors import ConfigError
from eegrig.host.runtime.contents import Segment

__all__ = ["Symbol", "read_elf", "read_symbols"]

# Class, order of bytes, machine, offsets of both tables, numbers of programs and sections.
_HEADER = struct.Struct("<4xBB10x2xH8xII8xH2xH2x")
_PROGRAM = struct.Struct("<IIIIIIII")  # type, offset, virtual, physical, size, in memory, flags, …
_SECTION = struct.Struct("<IIIIIIIIII")  # name, type, flags, address, offset, size, link, …
_SYMBOL = struct.Struct("<IIIBBH")  # name, value, size, info, other, section
_LOAD, _SYMBOLS, _FUNCTION = 1, 2, 2  # PT_LOAD, SHT_SYMTAB, STT_FUNC
_ARM = 40  # EM_ARM


@dataclass(frozen=True)
class Symbol:
    """A function: where its code begins, how many bytes it has (0: unknown), its name."""

    address: int
    size: int
    name: str


@dataclass(frozen=True)
class _Tables:
    """Where a file has its headers of programs and sections, and how many of them."""

    programs: int
    n_programs: int
    sections: int
    n_sections: int


def read_elf(content: bytes) -> list[Segment]:
    """Return the bytes that are loaded, at the addresses they are loaded to.

    Raises
    ------
    ConfigError
        Saying what is wrong, to come after the file's name: no ELF file of an Arm core, or cut
        off.
    """
    tables = _tables(content)
    segments = []
    for index in range(tables.n_programs):
        try:
            kind, offset, _, physical, size, *_ = _PROGRAM.unpack_from(
                content, tables.programs + index * _PROGRAM.size
            )
        except struct.error:
            raise ConfigError("is cut off: download it again") from None
        if kind != _LOAD or not size:
            continue
        if offset + size > len(content):
            raise ConfigError("is cut off: download it again")
        segments.append(Segment(physical, content[offset : offset + size]))
    return segments


def read_symbols(content: bytes) -> list[Symbol]:
    """Return the functions of an ELF file by address; none if it was stripped of them.

    Raises
    ------
    ConfigError
        If it is no whole ELF file of an Arm core.
    """
    tables = _tables(content)
    try:
        sections = [
            _SECTION.unpack_from(content, tables.sections + index * _SECTION.size)
            for index in range(tables.n_sections)
        ]
        found: dict[int, Symbol] = {}
        for _, kind, _, _, offset, size, link, *_ in sections:
            if kind != _SYMBOLS:
                continue
            names = sections[link][4]
            for at in range(offset, offset + size, _SYMBOL.size):
                name, value, length, info, _, section = _SYMBOL.unpack_from(content, at)
                if info & 0xF == _FUNCTION and section:
                    address = value & ~1  # the lowest bit says Thumb
                    text = content[names + name : content.index(b"\0", names + name)]
                    found.setdefault(
                        address, Symbol(address, length, text.decode("ascii", "replace"))
                    )
    except (struct.error, IndexError, ValueError):
        raise ConfigError("is cut off: download it again") from None
    return [found[address] for address in sorted(found)]


def _tables(content: bytes) -> _Tables:
    if content[:4] != b"\x7fELF" or len(content) < _HEADER.size:
        raise ConfigError("is no ELF file")
    bits, order, machine, programs, sections, n_programs, n_sections = _HEADER.unpack_from(content)
    if (bits, order, machine) != (1, 1, _ARM):
        raise ConfigError("is an ELF file, but of no 32-bit Arm core")
    return _Tables(programs, n_programs, sections, n_sections)
