"""MicroPython for a board, as a file to be flashed or to be run, and whether it is for that board.

Read are ``.hex``, ``.bin``, ``.dfu`` and ``.elf``; a file that cannot run on the board is refused.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError
from eegrig.boards.part_library import load_part
from eegrig.boards.ports import board_runtime, load_port
from eegrig.host.runtime.contents import Segment, content_hash
from eegrig.host.runtime.elf_file import Symbol, read_symbols
from eegrig.host.runtime.facts import Facts, VectorTable, read_end, read_facts, read_vector_table
from eegrig.host.runtime.formats import read_segments

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = ["TRIED", "ForAnotherBoard", "Runtime", "is_for_chip", "read_runtime"]

TRIED = frozenset({"v1.26.1"})
"""Versions of MicroPython that eegrig was tried with."""

_RAM = 0x2000_0000  # both chips: ST RM0434, memory map; Nordic nRF52840 PS, memory map


class ForAnotherBoard(ConfigError):
    """A runtime that says it was built for another chip or another board."""


@dataclass(frozen=True)
class Runtime:
    """MicroPython for a board.

    Attributes
    ----------
    path : Path
        The file it was read from.
    name : str
        What people call it: the name of the file, without its ending.
    segments : tuple of Segment
        What belongs into flash memory, by address; pieces that touch are one.
    sha256 : str
        Of the contents in flash memory, hexadecimal: the same for the ``.hex`` and the ``.bin``
        of one build.
    version, date : str
        Of MicroPython: ``v1.26.1``, ``2025-09-11``.
    board_name, mcu : str or None
        What it says it was built for: ``NUCLEO-WB55``, ``STM32WB55RGV6``.
    bluetooth : bool
        Always True of one that was read for a board.
    stack, reset : int
        The first two words of its vector table: initial stack pointer, and address of the first
        instruction with the lowest bit set for Thumb.
    """

    path: Path
    name: str
    segments: tuple[Segment, ...]
    sha256: str
    version: str
    date: str
    board_name: str | None
    mcu: str | None
    bluetooth: bool
    stack: int
    reset: int

    @property
    def size(self) -> int:
        """Bytes in flash memory."""
        return sum(len(segment.data) for segment in self.segments)

    @property
    def warning(self) -> str | None:
        """What to tell a user who takes it: that nobody tried its version; None for nothing."""
        if self.version in TRIED:
            return None
        tried = ", ".join(sorted(TRIED))
        return (
            f"{self.name} is MicroPython {self.version}, which was never tried with eegrig "
            f"(tried: {tried}); it is taken anyway"
        )

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """Its functions, by address; read when asked for, and none unless it is an ``.elf``.

        Raises
        ------
        ConfigError
            If the file is gone or was damaged since.
        """
        if self.path.suffix.lower() != ".elf":
            return ()
        try:
            return tuple(read_symbols(self.path.read_bytes()))
        except OSError as error:
            raise ConfigError(f"cannot read the runtime {self.path}: {error.strerror}") from error
        except ConfigError as error:
            raise ConfigError(f"{self.path} {error}") from error

    def function_at(self, address: int) -> str | None:
        """Return the name of the function that an address is in; None if nobody knows.

        Parameters
        ----------
        address : int
            The lowest bit, which says Thumb, does not count.
        """
        address &= ~1
        at = bisect_right(self.symbols, address, key=lambda symbol: symbol.address) - 1
        if at < 0:
            return None
        found = self.symbols[at]
        inside = not found.size or address < found.address + found.size
        return found.name if inside else None


def read_runtime(path: Path, board: Board, name: str | None = None) -> Runtime:
    """Read a runtime for a board.

    Parameters
    ----------
    path : Path
        A ``.hex``, ``.dfu`` or ``.elf``, or a ``.bin`` for the start of the board's flash memory.
    board : Board
    name : str, optional
        What to call it; by default as the file.

    Raises
    ------
    ForAnotherBoard
        If it says it was built for another chip or another board.
    ConfigError
        If it cannot be read, is no MicroPython, damaged or without Bluetooth, or overlaps what
        else is in the board's flash memory.
    """
    segments = read_segments(path, board.mcu.flash.start)
    facts = read_facts(segments)
    file = str(path) if name is None else f"the runtime {name}"
    _check_origin(file, facts, board)
    _check_regions(file, segments, board)
    vectors = _check_vectors(file, segments, board)
    if facts.version is None or facts.date is None:
        raise ConfigError(
            f"{file} begins as a program does, but says of no MicroPython in it: it is something "
            f"else, or cut off; {_where_from(board)}"
        )
    if not facts.bluetooth:
        raise ConfigError(
            f"{file} is MicroPython {facts.version} built without Bluetooth, which the firmware "
            f"needs; {_where_from(board)}"
        )
    return Runtime(
        path=path,
        name=name or path.stem,
        segments=tuple(segments),
        sha256=content_hash(segments),
        version=facts.version,
        date=facts.date,
        board_name=facts.board_name,
        mcu=facts.mcu,
        bluetooth=facts.bluetooth,
        stack=vectors.stack,
        reset=vectors.reset,
    )


def is_for_chip(mcu: str | None, board: Board) -> bool:
    """Tell whether a chip, as a runtime names it, may be the board's; one that has no name may."""
    # `stm32wb55-smps` is a chip in another use; STM32WB55RGV6 is one in a package.
    return mcu is None or mcu.lower().startswith(board.mcu.part.partition("-")[0])


def _check_origin(file: str, facts: Facts, board: Board) -> None:
    if facts.mcu is None or facts.board_name is None:
        return
    what = f"{file} is MicroPython for {facts.board_name} with {facts.mcu}"
    if not is_for_chip(facts.mcu, board):
        raise ForAnotherBoard(
            f"{what}, and {board.name} has an {board.mcu.part}; {_where_from(board)}"
        )
    # A board that asks for more than the stock build has one of its own, of any name.
    prefix = load_port(board.mcu.port).facts["system"]["machine_prefix"].value
    name = _plain(facts.board_name.removeprefix(str(prefix)))
    # Zephyr has called one board `nrf52840dk_nrf52840` and later `nrf52840dk` (assumed).
    if not board.mcu.options and not _plain(board.mcu.build).startswith(name):
        raise ForAnotherBoard(
            f"{what}, and {board.name} runs that of another board; {_where_from(board)}"
        )


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _check_regions(file: str, segments: list[Segment], board: Board) -> None:
    taken = [("the file-system region", board.mcu.filesystem)]
    if board.mcu.radio_stack is not None:
        taken.append(("the wireless stack", board.mcu.radio_stack))
    for segment in segments:
        for what, region in taken:
            if segment.address < region.start + region.size and segment.end > region.start:
                raise ConfigError(
                    f"{file} has data at {segment.address:#010x} to {segment.end - 1:#010x}, which "
                    f"overlaps {what} of {board.name} at {region.start:#010x}; "
                    f"{_where_from(board)}"
                )


def _check_vectors(file: str, segments: list[Segment], board: Board) -> VectorTable:
    start = (board.mcu.runtime or board.mcu.flash).start
    vectors = read_vector_table(segments, start)
    if vectors is None:
        raise ConfigError(
            f"{file} has nothing at {start:#010x}, where an {board.mcu.part} begins: it is for "
            f"another chip, or cut off; {_where_from(board)}"
        )
    top = _RAM + int(load_part(board.mcu.part)["ram_size"].value)
    code = board.mcu.flash
    first = vectors.reset & ~1
    if (
        not _RAM < vectors.stack <= top
        or vectors.stack % 4
        or not vectors.reset & 1
        or not code.start <= first < code.start + code.size
    ):
        raise ConfigError(
            f"{file} does not begin as a program for an {board.mcu.part} does (initial stack "
            f"{vectors.stack:#010x}, reset vector {vectors.reset:#010x}): it is for another chip, "
            f"encrypted or damaged; {_where_from(board)}"
        )
    if not any(segment.address <= first < segment.end for segment in segments):
        raise ConfigError(
            f"{file} is cut off: its first instruction is to be at {first:#010x}, where it has "
            "nothing; download it again"
        )
    end = read_end(segments, vectors)
    if end is not None and not any(segment.address < end <= segment.end for segment in segments):
        raise ConfigError(
            f"{file} is cut off: it is to reach to {end:#010x}, and has nothing there; download it "
            "again"
        )
    return vectors


def _where_from(board: Board) -> str:
    build = board.mcu.build
    download = board_runtime(board).system.download
    if download is not None:
        return f"take the one for {build}, from {download.format(build=build)}"
    return f"take a build of MicroPython's {board.mcu.port} port for {build}"
