"""What a virtual board that comes up has in its flash memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual.chip.signals import BusFault
from eegrig.host.flashing.installation import in_other_blocks, users_files
from eegrig.host.image.file_system import FileSystemFull
from eegrig.host.image.firmware_image import Image, ImageContents, build_image, read_image
from eegrig.host.image.layout import block_size_of, layout_of
from eegrig.host.image.region import pack_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eegrig.hil.virtual.board import VirtualBoard
    from eegrig.host.runtime.contents import Segment

__all__ = ["holds_runtime", "renew", "write_firmware", "write_runtime"]


def write_firmware(virtual: VirtualBoard) -> None:
    """Put the current firmware into a board's memory, as a programmer on a socket would."""
    _write(virtual, virtual.board.mcu.filesystem.start, build_image(virtual.board).data)


def write_runtime(virtual: VirtualBoard, segments: Sequence[Segment]) -> None:
    """Put a runtime into a board's memory, in the same way, unless it is there."""
    for segment in segments:
        _write(virtual, segment.address, segment.data)


def holds_runtime(virtual: VirtualBoard, segments: Sequence[Segment]) -> bool:
    """Say whether a board's memory holds a runtime."""
    flash = virtual.chip.flash
    return all(
        flash.view(segment.address, len(segment.data)) == segment.data for segment in segments
    )


def renew(virtual: VirtualBoard) -> str | None:
    """Write a board's memory anew if its file system is one that its port does not mount.

    Boards that were kept from before eegrig knew the block sizes of the ports have such a one.

    Returns
    -------
    str or None
        What was done, in one line; None if nothing had to be.
    """
    board, layout = virtual.board, layout_of(virtual.board)
    region = bytes(virtual.chip.flash_bytes(board.mcu.filesystem.start, layout.size))
    found = in_other_blocks(region, layout)
    if found is None:
        return None
    image = build_image(board)
    contents = read_image(image.data, layout)
    users = users_files(found, contents)
    names = ", ".join(sorted(users))
    fate = f"; files of yours were kept: {names}" if users else ""
    data = image.data
    try:
        data = pack_region({**users, **contents.files}, layout).data
    except FileSystemFull:
        fate = f"; files of yours have no room and are gone: {names}"
    _write(virtual, board.mcu.filesystem.start, data)
    return (
        f"its memory held {_firmware(found, image)} in a file system of "
        f"{block_size_of(region)}-byte blocks, and its port mounts {layout.block_size}-byte blocks "
        f"only: it was written anew, with eegrig {image.version}{fate}"
    )


def _firmware(found: ImageContents, image: Image) -> str:
    if found.manifest is None:
        return "no firmware of eegrig"
    same = found.image_hash == image.image_hash
    what = f"eegrig {found.manifest.version}, image {found.image_hash.hex()[:12]},"
    return f"{what} the same" if same else what


def _write(virtual: VirtualBoard, start: int, data: bytes) -> None:
    """Program what differs, by whole pages."""
    flash = virtual.chip.flash
    size = flash.page_size
    first, end = start // size * size, -(-(start + len(data)) // size) * size
    try:
        wanted = bytearray(flash.view(first, end - first))
    except BusFault as error:
        raise ConfigError(f"{error} of {virtual.board.name}") from error
    wanted[start - first : start - first + len(data)] = data
    for address in range(first, end, size):
        page = wanted[address - first : address - first + size]
        if flash.view(address, size) != page:
            flash.erase_page(address)
            flash.program(address, page)
