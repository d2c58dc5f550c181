"""What a flash has to do to a board's file system so that no power cut leaves it without firmware.

The board keeps its application until the new one is complete: the new one goes into the slot that
does not run, and the file ``slot`` changes in one step. That is planned here, on a copy of what
the board holds; `host.flash_memory` then does the same operations to the board in the same order.
``docs/decisions/0005-power-safe-flash.md`` says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from boards.errors import ConfigError
from host.file_system import FileSystemCopy, FileSystemFull, Operation
from host.image import ImageContents
from host.loader import SCRIPTS, SLOT_FILE, Slot, SlotState
from host.manifest import intact_manifest

__all__ = ["CannotKeep", "Installation", "plan_installation"]


class CannotKeep(Exception):
    """The board holds no firmware that could be kept while it is flashed; says why."""


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
    """

    slot: Slot
    operations: Sequence[Operation]
    data: bytes


def plan_installation(
    region: bytes, block_size: int, image: ImageContents, extra: Mapping[str, bytes]
) -> Installation:
    """Plan how the firmware of an image gets onto a board that has a firmware.

    Files at the root that the image does not have, such as a user's, stay as they are.

    Parameters
    ----------
    region : bytes
        What the board's file-system region holds.
    block_size : int
        Of its file system, in bytes.
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
    try:
        copy = FileSystemCopy(region, block_size)
        found = ImageContents(copy.read_files())
    except ConfigError as error:
        raise CannotKeep("there is no readable file system") from error
    kept = _slot_to_keep(found)
    wanted = image.application_files
    target = kept if found.slot(kept) == wanted else SlotState(kept).other
    root = {**image.root_files, **extra}
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
        size = sum(map(len, wanted.values()))
        raise ConfigError(
            f"there is no room beside the firmware the board has for one of {size} bytes "
            f"({error}): give it --erase region to write it over the old one, which a power cut "
            "then may leave with neither"
        ) from error
    return Installation(target, copy.operations, copy.data)


def _slot_to_keep(found: ImageContents) -> Slot:
    state = found.slot_state
    # The one on trial is not sure to stay, so that the other is the better one to keep.
    for slot in (state.active, state.other):
        if intact_manifest(found.slot(slot)) is not None:
            return slot
    raise CannotKeep("there is no intact application in it")


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
