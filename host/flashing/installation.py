"""What a flash has to do to a board's file system so that no power cut leaves it without firmware.

The board keeps its application until the new one is complete: the new one goes into the slot that
does not run, and which slot runs changes in one step. That is planned here, on a copy of what the
board holds; `flash_memory` then does the same operations to the board in the same order.

Where the region is one file system, the operations are LittleFS's own. Where slots have file
systems of their own, they are pages: those of the slot, then one of the two that say which runs.
Only where loader or key differ from what the board has, pages of the file system that the port
mounts are rewritten in place: a cut then may leave a board that has to be flashed again.
``docs/decisions/0005-power-safe-flash.md`` says why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from eegrig.boards.errors import ConfigError
from eegrig.host.image.file_system import (
    Erase,
    FileSystemCopy,
    FileSystemFull,
    Operation,
    Program,
    pack,
)
from eegrig.host.image.firmware_image import ImageContents, read_image
from eegrig.host.image.layout import Layout, Volume, block_size_of
from eegrig.host.image.loader import SCRIPTS, SLOT_FILE, Slot, SlotState, read_slot_state
from eegrig.host.image.manifest import intact_manifest
from eegrig.host.image.region import state_of
from eegrig.host.image.slot_pages import encode_record

__all__ = ["CannotKeep", "Installation", "in_other_blocks", "plan_installation", "users_files"]


class CannotKeep(Exception):
    """The board holds no firmware that could be kept while it is flashed; says why.

    Parameters
    ----------
    why : str
    files : mapping of str to bytes, optional
        Files of the user's that can be read all the same.
    """

    def __init__(self, why: str, files: Mapping[str, bytes] | None = None) -> None:
        super().__init__(why)
        self.files = dict(files or {})


@dataclass(frozen=True)
class Installation:
    """How an application gets into a board's file system while the one it has stays.

    Attributes
    ----------
    slot : {"a", "b"}
        The slot that holds the application afterwards.
    operations : sequence of Operation
        To be done to the region's flash memory in this order; none if all is in place already.
    data : bytes
        The whole region afterwards.
    loader_rewritten : bool
        Whether a power cut may leave the board without a loader, so that it has to be flashed
        again.
    """

    slot: Slot
    operations: Sequence[Operation]
    data: bytes
    loader_rewritten: bool = False


def plan_installation(
    region: bytes, layout: Layout, image: ImageContents, extra: Mapping[str, bytes]
) -> Installation:
    """Plan how the firmware of an image gets onto a board that has a firmware.

    Files at the root that the image does not have, such as a user's, stay as they are.

    Parameters
    ----------
    region : bytes
        What the board's file-system region holds.
    layout : Layout
        How it is divided.
    image : ImageContents
        What it is to hold.
    extra : mapping of str to bytes
        Further files at the root, by path.

    Raises
    ------
    CannotKeep
        If there is no file system in the region, or no intact application in it.
    ConfigError
        If there is no room for a second application.
    """
    other = in_other_blocks(region, layout)
    if other is not None:
        raise CannotKeep(
            f"what is there is a file system of {block_size_of(region)}-byte blocks, and the "
            f"board's port mounts {layout.block_size}-byte blocks only",
            users_files(other, image),
        )
    plan = _plan_in_pages if layout.divided else _plan_in_one
    return plan(region, layout, image, {**image.root_files, **extra})


def in_other_blocks(region: bytes, layout: Layout) -> ImageContents | None:
    """Return what is in a file system with other blocks than the port's, which it does not mount.

    Parameters
    ----------
    region : bytes
    layout : Layout
        As the port wants it.

    Returns
    -------
    ImageContents or None
        None if the region does not begin with a file system of other blocks that can be read.
    """
    if block_size_of(region) in (None, layout.block_size):
        return None
    try:
        return read_image(region)
    except ConfigError:
        return None


def users_files(contents: ImageContents, image: ImageContents) -> dict[str, bytes]:
    """Return what is at the root of a file system and is not of any loader.

    Parameters
    ----------
    contents : ImageContents
        What was found.
    image : ImageContents
        What is to replace it: has the names of a loader's files.
    """
    names = {*image.root_files, *SCRIPTS, SLOT_FILE}
    return {
        path: data
        for path, data in contents.root_files.items()
        if path not in names and path.removesuffix(".new") not in names
    }


def _no_room(size: int, error: FileSystemFull) -> ConfigError:
    return ConfigError(
        f"there is no room beside the firmware the board has for one of {size} bytes "
        f"({error}): give it --erase region to write it over the old one, which a power cut "
        "then may leave with neither"
    )


def _slot_to_keep(found: ImageContents) -> Slot:
    state = found.slot_state
    # The one on trial is not sure to stay, so that the other is the better one to keep.
    for slot in (state.active, state.other):
        if intact_manifest(found.slot(slot)) is not None:
            return slot
    raise CannotKeep("there is no intact application in it")


# ---- a region that is one file system


def _plan_in_one(
    region: bytes, layout: Layout, image: ImageContents, root: Mapping[str, bytes]
) -> Installation:
    try:
        copy = FileSystemCopy(region, layout.block_size)
        found = ImageContents(copy.read_files())
    except ConfigError as error:
        raise CannotKeep("there is no readable file system") from error
    kept = _slot_to_keep(found)
    wanted = image.application_files
    target = kept if found.slot(kept) == wanted else SlotState(kept).other
    try:
        _remove_left_overs(copy, found, {SLOT_FILE, *root})
        if found.slot_state.next_boot != kept:
            copy.replace(SLOT_FILE, SlotState(kept).encode())
        _write_slot(copy, target, found.slot(target), wanted)
        _write_root(copy, found.files, root)
        state = SlotState(target).encode()
        if target != kept or found.slot_state != SlotState(target):
            copy.replace(SLOT_FILE, state)
    except FileSystemFull as error:
        raise _no_room(sum(map(len, wanted.values())), error) from error
    return Installation(target, copy.operations, copy.data)


def _remove_left_overs(copy: FileSystemCopy, found: ImageContents, replaced: Set[str]) -> None:
    """Remove what a replacement of a file that was cut off has left."""
    for path in sorted(f"{name}.new" for name in replaced):
        if path in found.files:
            copy.remove(path)


def _write_slot(
    copy: FileSystemCopy, slot: Slot, present: Mapping[str, bytes], wanted: Mapping[str, bytes]
) -> None:
    missing = {path: data for path, data in wanted.items() if present.get(path) != data}
    # First: it makes the room.
    for path in present:
        if path in missing or path not in wanted:
            copy.remove(f"{slot}/{path}")
    for path in sorted(missing):
        copy.write(f"{slot}/{path}", missing[path])
    copy.remove_empty_directories(slot)


def _write_root(
    copy: FileSystemCopy, present: Mapping[str, bytes], wanted: Mapping[str, bytes]
) -> None:
    """Replace files at the root, what the scripts import before the scripts themselves."""
    for path in sorted(wanted, key=lambda path: (path in SCRIPTS, path)):
        if present.get(path) != wanted[path]:
            copy.replace(path, wanted[path])


# ---- a region in which slots have file systems of their own


def _plan_in_pages(
    region: bytes, layout: Layout, image: ImageContents, root: Mapping[str, bytes]
) -> Installation:
    found, boot = _read_in_pages(region, layout)
    kept = _slot_to_keep(found)
    wanted = image.application_files
    target = kept if found.slot(kept) == wanted else SlotState(kept).other
    pages = _Pages(region, layout)
    if found.slot_state.next_boot != kept:
        pages.say(SlotState(kept))
    try:
        if found.slot(target) != wanted:
            volume = layout.slots[target]
            pages.write(volume, pack(wanted, volume.size, layout.block_size)[0])
        rewritten = _write_boot(pages, boot, root)
    except FileSystemFull as error:
        raise _no_room(sum(map(len, wanted.values())), error) from error
    if pages.state != SlotState(target):
        pages.say(SlotState(target))
    return Installation(target, pages.operations, bytes(pages.data), rewritten)


def _read_in_pages(region: bytes, layout: Layout) -> tuple[ImageContents, FileSystemCopy | None]:
    """Return what a region holds, and its boot volume; None if that cannot be read.

    A cut while the loader was replaced leaves none; the slots are as they were.
    """
    files: dict[str, bytes] = {}
    try:
        boot = FileSystemCopy(layout.boot.of(region), layout.block_size)
        boot.read_files()
    except ConfigError:
        boot = None
    for slot, volume in layout.slots.items():
        with contextlib.suppress(ConfigError):
            copy = FileSystemCopy(volume.of(region), layout.block_size)
            files |= {f"{slot}/{path}": data for path, data in copy.read_files().items()}
    if boot is None and not files:
        raise CannotKeep("there is no readable file system")
    files[SLOT_FILE] = state_of(region, layout).line
    return ImageContents(files), boot


def _write_boot(pages: _Pages, boot: FileSystemCopy | None, root: Mapping[str, bytes]) -> bool:
    """Bring files at the root up to date; say whether that rewrites what was there."""
    volume, block_size = pages.layout.boot, pages.layout.block_size
    if boot is None:
        pages.write(volume, pack(root, volume.size, block_size)[0])
        return True
    _write_root(boot, boot.read_files(), root)
    if boot.operations:
        pages.write(volume, boot.data)
    return bool(boot.operations)


class _Pages:
    """A copy of a region that is changed page by page, and keeps account of how."""

    def __init__(self, region: bytes, layout: Layout) -> None:
        self.data = bytearray(region)
        self.layout = layout
        self.operations: list[Operation] = []

    @property
    def state(self) -> SlotState:
        """Which slot runs."""
        return read_slot_state({SLOT_FILE: state_of(bytes(self.data), self.layout).line})

    def write(self, volume: Volume, data: bytes) -> None:
        """Replace a volume: pages that are right already stay."""
        for offset in range(0, volume.size, self.layout.page_size):
            page = data[offset : offset + self.layout.page_size]
            self._write_page(volume.start + offset, page)

    def say(self, state: SlotState) -> None:
        """Write which slot runs into the page that does not say it now."""
        newest = state_of(bytes(self.data), self.layout)
        record = encode_record(newest.number + 1, state.encode())
        page = record + b"\xff" * (self.layout.page_size - len(record))
        self._write_page(self.layout.state_pages[newest.next_page], page)

    def _write_page(self, start: int, page: bytes) -> None:
        end = start + len(page)
        if self.data[start:end] == page:
            return
        # Also what reads as erased: an erasure that was cut off may have left it so, barely.
        self.operations.append(Erase(start, len(page)))
        written = page.rstrip(b"\xff")
        if written:
            # To the end of what the chip programs at a time.
            self.operations.append(Program(start, page[: len(written) + -len(written) % 8]))
        self.data[start:end] = page
