"""What a runtime says of itself: version, board, chip, whether it has Bluetooth, where it begins.

All of it stands in the binary, whoever compiled it. MicroPython greets with two strings, of
``py/mpconfig.h`` v1.26.1 (``MICROPY_BANNER_NAME_AND_VERSION``, ``MICROPY_BANNER_MACHINE``) as
``shared/runtime/pyexec.c`` prints them: ``MicroPython v1.26.1 on 2025-09-11``, also in
``sys.version``, and ``; NUCLEO-WB55 with STM32WB55RGV6``.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from eegrig.host.runtime.contents import Segment

__all__ = ["Facts", "VectorTable", "read_end", "read_facts", "read_vector_table"]

_VERSION = re.compile(
    rb"MicroPython (?:\(with v2\.0 preview\) )?(v?\d[\w.+-]*) on (\d{4}-\d\d-\d\d)"
)
_MACHINE = re.compile(rb"; ([\x21-\x7e][\x20-\x7e]{0,80}) with ([\x21-\x7e]{2,40})\0")
# Names that scripts can use are in a table of strings, which has only those of what was compiled
# in: `gap_advertise` comes with `extmod/modbluetooth.c` v1.26.1, whatever the stack below it. Of
# two builds for NUCLEO_WB55 alike but for MICROPY_PY_BLUETOOTH it was in the one that has it; the
# `rfcore_*` of the module `stm` are in both.
_BLUETOOTH = b"\0gap_advertise\0"
_RESET_CODE = 128  # bytes; assumed: the code and what it loads were 72 in two builds


@dataclass(frozen=True)
class Facts:
    """What the strings in a runtime say.

    Attributes
    ----------
    version, date : str or None
        Of MicroPython, as ``v1.26.1`` and ``2025-09-11``; None for no MicroPython.
    board_name, mcu : str or None
        What it was built for, as ``NUCLEO-WB55`` and ``STM32WB55RGV6``.
    bluetooth : bool
        Whether there is a module `bluetooth` in it.
    """

    version: str | None
    date: str | None
    board_name: str | None
    mcu: str | None
    bluetooth: bool


@dataclass(frozen=True)
class VectorTable:
    """How a Cortex-M begins: the first two words (ARMv7-M Architecture Reference Manual, B1.5.3).

    Attributes
    ----------
    stack : int
        Initial stack pointer.
    reset : int
        Address of the first instruction, with the lowest bit set for Thumb.
    """

    stack: int
    reset: int


def read_facts(segments: Sequence[Segment]) -> Facts:
    """Return what a runtime says of itself."""
    data = b"\0".join(segment.data for segment in segments)
    version, machine = _VERSION.search(data), _MACHINE.search(data)
    return Facts(
        version=version[1].decode() if version else None,
        date=version[2].decode() if version else None,
        board_name=machine[1].decode() if machine else None,
        mcu=machine[2].decode() if machine else None,
        bluetooth=_BLUETOOTH in data,
    )


def read_vector_table(segments: Sequence[Segment], start: int) -> VectorTable | None:
    """Return the vector table at an address; None if nothing, or too little, is there."""
    for segment in segments:
        offset = start - segment.address
        if offset >= 0 and offset + 8 <= len(segment.data):
            return VectorTable(*struct.unpack_from("<II", segment.data, offset))
    return None


def read_end(segments: Sequence[Segment], vectors: VectorTable) -> int | None:
    """Return the address behind the last byte that a runtime of the stm32 port needs in flash.

    Its first code copies what variables begin with, the last of the binary, and has behind it the
    words ``_estack``, ``_sidata``, ``_sdata``, ``_edata`` in that order
    (``ports/stm32/resethandler.s`` v1.26.1).

    Returns
    -------
    int or None
        None if the code is not that.
    """
    first = vectors.reset & ~1
    for segment in segments:
        if not segment.address <= first < segment.end:
            continue
        code = segment.data[first - segment.address :][:_RESET_CODE]
        words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) // 4 * 4])
        for stack, source, begin, end in zip(words, words[1:], words[2:], words[3:], strict=False):
            if stack == vectors.stack and source > first and begin <= end <= stack:
                return int(source + end - begin)
    return None
