"""Binaries that look like MicroPython: a vector table, first code, strings; nothing that runs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from intelhex import IntelHex

STM32, NRF = 0x0800_0000, 0
STACK = 0x2002_EFF8
_RESET = 0x4D1
_VARIABLES = 64  # bytes that the first code copies, the last of the binary

Parts = Sequence[tuple[int, bytes]]


def runtime_bytes(
    *,
    start: int = STM32,
    machine: str | None = "NUCLEO-WB55 with STM32WB55RGV6",
    version: str | None = "v1.26.1",
    bluetooth: bool = True,
    size: int = 8192,
    stack: int = STACK,
    reset: int = _RESET,
    seed: int = 1,
) -> bytes:
    """Return what begins at `start`; `reset` counts from there."""
    text = f"3.4.0; MicroPython {version} on 2025-09-11\0".encode() if version else b""
    text += f"; {machine}\0".encode() if machine else b""
    text += b"\0rfcore_status\0bluetooth\0" + (b"\0gap_advertise\0" if bluetooth else b"")
    data = bytearray(size)
    data[0:8] = struct.pack("<II", stack, start + reset)
    source = start + size - _VARIABLES
    literals = (stack, source, 0x2000_03D0, 0x2000_03D0 + _VARIABLES, 0x2000_0540, 0x2000_55A0)
    struct.pack_into("<6I", data, 0x4D0 + 48, *literals)
    data[0x800 : 0x800 + len(text)] = text
    data[-_VARIABLES:] = bytes((seed + at) % 255 + 1 for at in range(_VARIABLES))
    return bytes(data)


def nrf_bytes() -> bytes:
    """Return a runtime for the boards with an nRF52840."""
    return runtime_bytes(start=NRF, machine="zephyr-nrf52840dk with nRF52840")


def dfu_bytes(elements: Parts, crc: int | None = None) -> bytes:
    """Return a DfuSe file, made as MicroPython's ``tools/dfu.py`` does."""
    body = b"".join(struct.pack("<II", at, len(data)) + data for at, data in elements)
    target = struct.pack("<6sBI255sII", b"Target", 0, 1, b"ST...", len(body), len(elements)) + body
    prefix = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(target), 1)
    content = prefix + target + struct.pack("<HHHH3sB", 0, 0xDF11, 0x0483, 0x011A, b"UFD", 16)
    own = zlib.crc32(content) ^ 0xFFFF_FFFF
    return content + struct.pack("<I", own if crc is None else crc)


def elf_bytes(loads: Parts, functions: Sequence[tuple[int, int, str]] = ()) -> bytes:
    """Return an ELF file that loads those parts (with the address to run at in RAM)."""
    names = b"\0" + b"".join(name.encode() + b"\0" for _, _, name in functions)
    symbols = struct.pack("<IIIBBH", 0, 0, 0, 0, 0, 0)
    at_name = 1
    for address, size, name in functions:
        symbols += struct.pack("<IIIBBH", at_name, address | 1, size, 0x12, 0, 1)
        at_name += len(name) + 1
    programs, data = b"", b""
    begin = 52 + 32 * (len(loads) + 1)
    for address, content in loads:
        at = begin + len(data)
        programs += struct.pack(
            "<8I", 1, at, 0x2000_0000, address, len(content), len(content), 5, 4
        )
        data += content
    programs += struct.pack("<8I", 1, begin, 0x2000_1000, 0x2000_1000, 0, 4096, 6, 4)  # .bss
    at_symbols = begin + len(data)
    at_names = at_symbols + len(symbols)
    at_sections = at_names + len(names)
    sections = bytes(40)
    sections += struct.pack("<10I", 0, 2, 0, 0, at_symbols, len(symbols), 2, 1, 4, 16)
    sections += struct.pack("<10I", 0, 3, 0, 0, at_names, len(names), 0, 0, 1, 0)
    header = b"\x7fELF\1\1\1" + bytes(9)
    header += struct.pack(
        "<HHIIIIIHHHHHH", 2, 40, 1, 0, 52, at_sections, 0, 52, 32, len(loads) + 1, 40, 3, 0
    )
    return header + programs + data + symbols + names + sections


def write_runtime(path: Path, content: bytes, start: int = STM32) -> Path:
    """Write what is at `start` in flash memory, as the ending of the file says."""
    if path.suffix == ".hex":
        hex_file = IntelHex()
        hex_file.frombytes(content, offset=start)
        hex_file.write_hex_file(str(path))
    elif path.suffix == ".dfu":
        path.write_bytes(dfu_bytes([(start, content + bytes(-len(content) % 8))]))
    elif path.suffix == ".elf":
        # In two pieces, as linkers do: the vector table runs in RAM.
        parts = [(start, content[:976]), (start + 976, content[976:])]
        path.write_bytes(elf_bytes(parts, [(start + 0x4D0, 72, "Reset_Handler")]))
    else:
        path.write_bytes(content)
    return path
