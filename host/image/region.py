"""A board's whole file-system region, made and read: files by path, whatever volumes they are in.

Paths are the same for every layout: ``a/...`` and ``b/...`` are in the slots, ``slot`` says which
of them runs, and everything else is at the root of what the port mounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eegrig.boards.errors import ConfigError
from eegrig.host.image.file_system import pack, unpack
from eegrig.host.image.layout import BOOT, Layout
from eegrig.host.image.loader import SLOT_FILE, SLOTS
from eegrig.host.image.slot_pages import Newest, encode_record, newest_record

__all__ = [
    "PackedRegion",
    "RegionFiles",
    "pack_region",
    "state_of",
    "unpack_region",
]

_ERASED = b"\xff"


@dataclass(frozen=True)
class PackedRegion:
    """A region with files in it.

    Attributes
    ----------
    data : bytes
        The whole region.
    used : mapping of str to int
        Bytes in blocks that are in use, by volume; the pages between volumes are not counted.
    """

    data: bytes
    used: Mapping[str, int]


@dataclass(frozen=True)
class RegionFiles:
    """What was found in a region.

    Attributes
    ----------
    files : mapping of str to bytes
        Contents by path.
    unreadable : frozenset of str
        Volumes in which there is no readable file system. An empty slot is one.
    """

    files: Mapping[str, bytes]
    unreadable: frozenset[str] = frozenset()


def pack_region(files: Mapping[str, bytes], layout: Layout) -> PackedRegion:
    """Make a region.

    Parameters
    ----------
    files : mapping of str to bytes
        Contents by path, without a leading slash.
    layout : Layout

    Raises
    ------
    FileSystemFull
        If the files do not fit.
    ConfigError
        If LittleFS does not take them.
    """
    if not layout.divided:
        data, used = pack(files, layout.size, layout.block_size)
        return PackedRegion(data, {BOOT: used})
    region = bytearray(_ERASED * layout.size)
    by_volume = _volume_files(files, layout)
    used_by_volume = {}
    for volume in layout.volumes:
        if volume.name != BOOT and not by_volume[volume.name]:
            used_by_volume[volume.name] = 0
            continue
        data, used = pack(by_volume[volume.name], volume.size, layout.block_size)
        region[volume.start : volume.start + volume.size] = data
        used_by_volume[volume.name] = used
    if SLOT_FILE in files:
        record = encode_record(1, files[SLOT_FILE])
        start = layout.state_pages[0]
        region[start : start + len(record)] = record
    return PackedRegion(bytes(region), used_by_volume)


def unpack_region(region: bytes, layout: Layout) -> RegionFiles:
    """Read a region, whoever made it.

    Parameters
    ----------
    region : bytes
    layout : Layout

    Raises
    ------
    ConfigError
        If there is no LittleFS file system that the port would mount in it.
    """
    if not layout.divided:
        return RegionFiles(unpack(region, layout.block_size))
    files = dict(unpack(layout.boot.of(region), layout.block_size))
    unreadable = set()
    # Where slots have volumes of their own, folders of that name are the user's own.
    for slot, volume in layout.slots.items():
        for path in [path for path in files if path.startswith(f"{slot}/")]:
            del files[path]
        try:
            found = unpack(volume.of(region), layout.block_size)
        except ConfigError:
            unreadable.add(slot)
            continue
        files |= {f"{slot}/{path}": data for path, data in found.items()}
    files.pop(SLOT_FILE, None)
    state = state_of(region, layout)
    if state.number:
        files[SLOT_FILE] = state.line
    return RegionFiles(files, frozenset(unreadable))


def state_of(region: bytes, layout: Layout) -> Newest:
    """Return the record of which slot runs, of a divided region."""
    size = layout.page_size
    return newest_record([region[start : start + size] for start in layout.state_pages])


def _volume_files(files: Mapping[str, bytes], layout: Layout) -> dict[str, dict[str, bytes]]:
    """Return the files of each volume of a divided region by their paths in it."""
    found: dict[str, dict[str, bytes]] = {volume.name: {} for volume in layout.volumes}
    for path, data in files.items():
        first, _, rest = path.partition("/")
        if first in SLOTS and rest:
            found[first][rest] = data
        elif path != SLOT_FILE:
            found[BOOT][path] = data
    return found
