"""Where in a board's file-system region the loader, the slots and the choice between them lie.

Where the port's block device erases what it writes, the region is one LittleFS file system with
everything in it. A port that keeps a page of several blocks in RAM, erases it and writes it back
later has, meanwhile, all blocks of that page in RAM only, and LittleFS's order is worth nothing
across them. There the region is divided into whole pages: the file system that the port mounts,
with the loader and the user's files; two pages that say by turns which slot runs; and a file system
for each slot. What is written to a slot then leaves every page of the running one alone.
``docs/decisions/0005-power-safe-flash.md`` says why.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import board_runtime

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = ["BOOT", "Layout", "Volume", "block_size_of", "layout_of", "layout_of_image"]

BOOT: Final = "flash"
"""Name of the volume that the port mounts, as ``/flash``."""

_PAGE_SIZE: Final = 4096  # of every chip whose images are read without a board at hand
_BOOT_SHARE: Final = 3, 16
_N_STATE_PAGES: Final = 2
_CACHE_SIZE: Final = 128  # of VfsLfs2
_MAGIC: Final = b"littlefs"
# In the first block of a file system: name, then version, block size and block count (littlefs,
# SPEC.md, "Superblock"; MicroPython's ports/stm32/main.c @1c3c201149 finds them there, too).
_MAGIC_AT: Final = 8
_SUPERBLOCK: Final = struct.Struct("<20x4xII")


@dataclass(frozen=True)
class Volume:
    """A file system in the region.

    Attributes
    ----------
    name : str
        ``flash``, ``a`` or ``b``: MicroPython mounts it under that name.
    start, size : int
        Where in the region, in bytes.
    """

    name: str
    start: int
    size: int

    def of(self, region: bytes) -> bytes:
        """Return its part of a region."""
        return region[self.start : self.start + self.size]


@dataclass(frozen=True)
class Layout:
    """How a file-system region is divided. Boards keep it: it does not change.

    Attributes
    ----------
    size : int
        Of the region, in bytes.
    block_size : int
        Of the file systems in it, in bytes.
    page_size : int
        What the port's block device erases and writes at once, in bytes.
    """

    size: int
    block_size: int
    page_size: int

    @property
    def divided(self) -> bool:
        """Whether slots have file systems of their own."""
        return self.page_size > self.block_size

    @cached_property
    def boot(self) -> Volume:
        """The file system that the port mounts."""
        if not self.divided:
            return Volume(BOOT, 0, self.size)
        n_pages = self.size // self.page_size
        # What cannot be halved goes here, too.
        n_boot = n_pages * _BOOT_SHARE[0] // _BOOT_SHARE[1]
        n_boot += (n_pages - n_boot - _N_STATE_PAGES) % 2
        return Volume(BOOT, 0, n_boot * self.page_size)

    @property
    def state_pages(self) -> tuple[int, ...]:
        """Where the pages begin that say which slot runs; none where a file says it."""
        if not self.divided:
            return ()
        return tuple(self.boot.size + n * self.page_size for n in range(_N_STATE_PAGES))

    @cached_property
    def slots(self) -> dict[str, Volume]:
        """The file systems of the slots by name; empty where they are folders."""
        if not self.divided:
            return {}
        start = self.boot.size + _N_STATE_PAGES * self.page_size
        size = (self.size - start) // 2
        return {"a": Volume("a", start, size), "b": Volume("b", start + size, size)}

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """All file systems in the region."""
        return (self.boot, *self.slots.values())


def layout_of(board: Board) -> Layout:
    """Return how a board's file-system region is divided."""
    storage = board_runtime(board).storage
    return Layout(board.mcu.filesystem.size, storage.block_octets, storage.page_octets)


def block_size_of(region: bytes) -> int | None:
    """Return the block size that a LittleFS file system says it has, None if there is none.

    Parameters
    ----------
    region : bytes
        Begins with the file system.
    """
    found = _superblock(region)
    return None if found is None else found[0]


def layout_of_image(image: bytes) -> Layout:
    """Return how an image is divided, by what its file system says of itself.

    Raises
    ------
    ConfigError
        If it begins with no LittleFS file system.
    """
    found = _superblock(image)
    if found is None:
        raise ConfigError("there is no readable LittleFS file system in the image")
    block_size, n_blocks = found
    whole = block_size * n_blocks >= len(image)
    return Layout(len(image), block_size, block_size if whole else _PAGE_SIZE)


def _superblock(region: bytes) -> tuple[int, int] | None:
    """Return block size and count as the first block says, or the copy in the second."""
    starts = [0]
    if region[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] != _MAGIC:
        # How large the first block is is not known where it cannot be read.
        starts = [size for size in (512, 4096) if _magic_at(region, size)]
    for start in starts:
        if len(region) < start + _SUPERBLOCK.size:
            continue
        block_size, n_blocks = _SUPERBLOCK.unpack_from(region, start)
        # LittleFS ends the program where blocks are no multiple of its cache.
        good = block_size > 0 and block_size % _CACHE_SIZE == 0 and n_blocks > 1
        if good and start in (0, block_size):
            return block_size, n_blocks
    return None


def _magic_at(region: bytes, start: int) -> bool:
    at = start + _MAGIC_AT
    return region[at : at + len(_MAGIC)] == _MAGIC
