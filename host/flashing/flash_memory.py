"""A chip's flash memory through an open pyOCD session: read, programmed, erased, compared."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from eegrig.boards.errors import BoardFault, ConfigError
from eegrig.host.flashing.probe import one_line
from eegrig.host.image.file_system import Erase, Operation
from eegrig.host.runtime.contents import Segment

__all__ = ["erase_chip", "program", "read", "replay", "verify"]

Progress = Callable[[float], None]

_CHUNK = 4096
# Share of the progress that is looking and erasing; the rest is programming.
_ERASED = 0.45


def read(target: Any, address: int, size: int, progress: Progress) -> bytes:
    """Read memory.

    Parameters
    ----------
    target : pyocd.core.soc_target.SoCTarget
    address, size : int
        First byte, and how many.
    progress : callable
        Called with the fraction done.
    """
    data = bytearray()
    for offset in range(0, size, _CHUNK):
        data += _read_chunk(target, address + offset, min(_CHUNK, size - offset))
        progress(len(data) / size)
    return bytes(data)


def _read_chunk(target: Any, address: int, size: int) -> bytes:
    # In words: pyOCD looks at every single thing it reads for breakpoints.
    head = address & 3
    words = target.read_memory_block32(address - head, (head + size + 3) // 4)
    return struct.pack(f"<{len(words)}I", *words)[head : head + size]


def program(session: Any, segments: Sequence[Segment], progress: Progress) -> tuple[int, int]:
    """Program segments, sector by sector; what is in place already is left alone.

    Returns
    -------
    programmed, skipped : int
        Bytes, in whole pages.

    Raises
    ------
    ConfigError
        If a segment is outside of the chip's memory.
    """
    from pyocd.core.target import Target
    from pyocd.flash.loader import MemoryLoader

    results: list[Any] = []
    begin, end = 0.0, _ERASED

    def programming_starts(_: Any) -> None:
        nonlocal begin, end
        begin, end = _ERASED, 1.0

    def part_done(notification: Any) -> None:
        results.append(notification.source.get_performance())

    session.subscribe(programming_starts, Target.Event.PRE_FLASH_PROGRAM)
    session.subscribe(part_done, Target.Event.POST_FLASH_PROGRAM)
    loader = MemoryLoader(
        session, progress=lambda fraction: progress(begin + fraction * (end - begin))
    )
    for region in session.target.memory_map.iter_matching_regions(is_flash=True):
        if region.flash is not None:
            # Reading is faster than computing CRCs on the chip, and tells more.
            region.flash.use_analyzer = False
    try:
        for segment in segments:
            loader.add_data(segment.address, segment.data)
    except ValueError as error:
        raise ConfigError(f"the runtime does not fit the chip: {one_line(error)}") from error
    loader.commit()
    programmed = sum(int(result.program_byte_count) for result in results)
    return programmed, sum(int(result.skipped_byte_count) for result in results)


def replay(target: Any, start: int, operations: Sequence[Operation], progress: Progress) -> None:
    """Do a file system's operations to the flash memory, one after the other.

    A power cut leaves what an earlier one would have left the file system with: the order is
    kept, and the chip's flash algorithm programs from the first address to the last.

    Parameters
    ----------
    target : pyocd.core.soc_target.SoCTarget
    start : int
        Address of the file-system region.
    operations : sequence of Operation
    progress : callable
    """
    region = target.memory_map.get_region_for_address(start)
    flash = region.flash
    for number, operation in enumerate(operations, 1):
        address = start + operation.offset
        if isinstance(operation, Erase):
            flash.init(flash.Operation.ERASE)
            for sector in range(address, address + operation.size, region.sector_size):
                flash.erase_sector(sector)
        else:
            flash.init(flash.Operation.PROGRAM)
            for offset in range(0, len(operation.data), region.page_size):
                chunk = operation.data[offset : offset + region.page_size]
                flash.program_phrase(address + offset, list(chunk))
        progress(number / len(operations))
    flash.cleanup()


def erase_chip(session: Any) -> None:
    """Erase all flash memory of the chip."""
    from pyocd.flash.eraser import FlashEraser

    FlashEraser(session, FlashEraser.Mode.CHIP).erase()


def verify(target: Any, segments: Sequence[Segment], progress: Progress) -> None:
    """Read segments back and compare.

    Raises
    ------
    BoardFault
        If one byte is not as wanted.
    """
    total = sum(len(segment.data) for segment in segments)
    done = 0
    for segment in segments:
        for offset in range(0, len(segment.data), _CHUNK):
            wanted = segment.data[offset : offset + _CHUNK]
            address = segment.address + offset
            found = _read_chunk(target, address, len(wanted))
            if found != wanted:
                raise BoardFault(_difference(address, wanted, found))
            done += len(wanted)
            progress(done / total)


def _difference(address: int, wanted: bytes, found: bytes) -> str:
    at = next(i for i, pair in enumerate(zip(wanted, found, strict=True)) if pair[0] != pair[1])
    return (
        f"flash memory at {address + at:#010x} reads {found[at]:#04x} where {wanted[at]:#04x} "
        "was programmed: flash again, and replace the board if it stays"
    )
