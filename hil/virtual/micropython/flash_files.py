"""The bytecode in a board's flash memory that its next boot may run, for the CPU's prices.

Read as the board itself finds it, with LittleFS and by what is there: ``firmware/loader`` mounts
the file systems, and says in a line which of the slots ``a`` and ``b`` runs. Where the port keeps a
page of several blocks in RAM, slots are file systems of their own, each on pages of its own, and
the line is in one of two pages before them (``docs/update.md``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from zlib import crc32

from eegrig.boards.ports.facts import StorageFacts
from eegrig.host.process.interruption import held

__all__ = ["compiled_files"]

_SLOTS: Final = ("a", "b")
_CHOICE: Final = "slot"
_N_CHOICE_PAGES: Final = 2
# What MicroPython's VfsLfs2 mounts with: extmod/vfs_lfsx.c, four times the size for its cache.
_READ_OCTETS: Final = 32
_CACHE_OCTETS: Final = 4 * _READ_OCTETS
# The first block of a file system: its name, then block size and count (littlefs, SPEC.md).
_SUPERBLOCK: Final = struct.Struct("<8x8s8xII")
_RECORD: Final = struct.Struct("<4sI16sI")


class _Volume(NamedTuple):
    start: int
    stop: int


# A bench's board boots with the same files again and again.
@lru_cache(maxsize=8)
def compiled_files(region: bytes, storage: StorageFacts) -> Mapping[str, bytes]:
    """Return the ``.mpy`` files by path; none where there is no file system.

    Parameters
    ----------
    region : bytes
        The part of the flash memory that is for files.
    storage : StorageFacts
        How the port divides it.
    """
    if storage.page_octets > storage.block_octets:
        files, choice = _divided(region, storage)
    else:
        files = _read(region, storage.block_octets)
        choice = files.get(_CHOICE, b"")
    idle = _idle(choice)
    return MappingProxyType(
        {
            path: content
            for path, content in files.items()
            if path.endswith(".mpy") and not path.startswith(f"{idle}/")
        }
    )


def _idle(choice: bytes) -> str:
    """Return the slot that the next boot leaves alone."""
    words = choice.decode("ascii", "replace").split()
    active = "b" if words[:1] == ["b"] else "a"
    other = _SLOTS[active == "a"]
    tries = len(words) == 3 and words[2] == "new"
    return active if tries else other


def _divided(region: bytes, storage: StorageFacts) -> tuple[dict[str, bytes], bytes]:
    """Return the files of all volumes, and the line that chooses a slot."""
    block, page = storage.block_octets, storage.page_octets
    volumes = list(_volumes(region, block, page))
    if not volumes or volumes[0].start:
        return {}, b""
    root, *slots = volumes
    files = {
        path: content
        for path, content in _read(region[: root.stop], block).items()
        if path.partition("/")[0] not in (*_SLOTS, _CHOICE)
    }
    for volume in slots:
        name = _SLOTS[volume.start != root.stop + _N_CHOICE_PAGES * page]
        found = _read(region[volume.start : volume.stop], block)
        files |= {f"{name}/{path}": content for path, content in found.items()}
    return files, _newest_choice(region[root.stop :], page)


def _volumes(region: bytes, block: int, page: int) -> Iterator[_Volume]:
    """Find the file systems, each of which begins with a page."""
    at = 0
    while at < len(region):
        size = _size(region, at, block) or _size(region, at + block, block)
        if size:
            yield _Volume(at, at + size)
        at += -(-size // page) * page or page


def _size(region: bytes, at: int, block: int) -> int:
    """Return how large a file system is by one of its first two blocks; 0 if that is none."""
    if at + _SUPERBLOCK.size > len(region):
        return 0
    magic, block_size, n_blocks = _SUPERBLOCK.unpack_from(region, at)
    return n_blocks * block if magic == b"littlefs" and block_size == block else 0


def _newest_choice(pages: bytes, page: int) -> bytes:
    """Return the line of the newest of the whole records in two pages."""
    newest = (0, b"")
    for at in range(0, _N_CHOICE_PAGES * page, page):
        record = pages[at : at + _RECORD.size]
        if len(record) == _RECORD.size:
            magic, number, line, checksum = _RECORD.unpack(record)
            if magic == b"slot" and checksum == crc32(record[:-4]):
                newest = max(newest, (number, line.rstrip(b"\0")))
    return newest[1]


@held()  # an interrupt in a callback of LittleFS would be dropped, and what it was to read with it
def _read(data: bytes, block: int) -> dict[str, bytes]:
    """Return all files of a file system, none where there is none."""
    from littlefs import LittleFS, LittleFSError

    fs: Any = LittleFS(
        mount=False,
        block_size=block,
        block_count=len(data) // block,
        read_size=_READ_OCTETS,
        prog_size=_READ_OCTETS,
        cache_size=_CACHE_OCTETS,
    )
    fs.context.buffer[:] = data
    files = {}
    try:
        fs.mount()
        for folder, _, names in fs.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with fs.open(path, "rb") as file:
                    files[path.lstrip("/")] = file.read()
    except LittleFSError:
        return {}
    return files
