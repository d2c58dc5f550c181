"""The file-system image of a board: a loader and an application, inspected and written to files.

An image is as large as the board's file-system region, and divided as the board's port needs it
(`host.image.layout`). It holds the loader and, in slot ``a``, the application.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError
from eegrig.boards.whole_file import write_whole
from eegrig.host.image.application import Application, build_application, sizes
from eegrig.host.image.file_system import FileSystemFull
from eegrig.host.image.layout import Layout, layout_of, layout_of_image
from eegrig.host.image.loader import (
    SLOT_FILE,
    SLOTS,
    Slot,
    SlotState,
    loader_files,
    read_slot_state,
)
from eegrig.host.image.manifest import (
    MANIFEST,
    FileEntry,
    Manifest,
    decode_manifest,
    entries_of,
    image_hash,
    intact_manifest,
)
from eegrig.host.image.region import PackedRegion, pack_region, unpack_region

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from eegrig.boards.schema import Board

__all__ = [
    "Image",
    "ImageContents",
    "build_image",
    "image_of",
    "read_image",
    "two_slots",
]


@dataclass(frozen=True)
class Image:
    """A file-system image for one board.

    Attributes
    ----------
    board : str
        Name of the board.
    address : int
        Where in flash memory it belongs.
    layout : Layout
        How it is divided.
    data : bytes
        The image, as large as the board's file-system region.
    application : Application
        What its slot holds.
    used : mapping of str to int
        Bytes in blocks that are in use, by volume.
    """

    board: str
    address: int
    layout: Layout
    data: bytes
    application: Application
    used: Mapping[str, int]

    @property
    def used_bytes(self) -> int:
        """Bytes in blocks that are in use."""
        return sum(self.used.values())

    @property
    def manifest(self) -> Manifest:
        """What is in the slot."""
        return self.application.manifest

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """The application's files with sizes and hashes, without the manifest."""
        return self.manifest.files

    @property
    def version(self) -> str:
        """Version of the firmware."""
        return self.manifest.version

    @property
    def image_hash(self) -> bytes:
        """Identity of the firmware, 32 bytes."""
        return self.application.image_hash

    def write(self, path: Path) -> None:
        """Write the image to a file: Intel hex if it ends in ``.hex``, raw bytes otherwise.

        The file appears whole or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        write_whole(path, self.encode(path))

    def encode(self, path: Path) -> bytes:
        """Return what `write` puts into a file of that name."""
        if path.suffix.lower() != ".hex":
            return self.data
        from intelhex import IntelHex  # type: ignore[import-untyped]

        hex_file = IntelHex()
        hex_file.frombytes(self.data, offset=self.address)
        text = io.StringIO()
        hex_file.write_hex_file(text)
        return text.getvalue().encode()


@dataclass(frozen=True)
class ImageContents:
    """What was found in a file system.

    Attributes
    ----------
    files : mapping of str to bytes
        Contents by path from the root.
    unreadable : frozenset of str
        Volumes in which there is no readable file system.
    """

    files: Mapping[str, bytes]
    unreadable: frozenset[str] = frozenset()

    @cached_property
    def slot_state(self) -> SlotState:
        """What the loader makes of it."""
        return read_slot_state(self.files)

    def slot(self, name: str) -> dict[str, bytes]:
        """Return the files of a slot by their paths in it."""
        return {
            path.removeprefix(f"{name}/"): data
            for path, data in self.files.items()
            if path.startswith(f"{name}/")
        }

    @cached_property
    def application_files(self) -> Mapping[str, bytes]:
        """The files of the active slot by their paths in it."""
        return self.slot(self.slot_state.active)

    @cached_property
    def entries(self) -> tuple[FileEntry, ...]:
        """Every file of the active slot but the manifest with its size and hash, by path."""
        return entries_of(self.application_files)

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest of the active slot, if there is a readable one."""
        data = self.application_files.get(MANIFEST)
        if data is None:
            return None
        try:
            return decode_manifest(data)
        except ConfigError:
            return None

    @property
    def image_hash(self) -> bytes:
        """Identity of what was found in the active slot, whatever the manifest says."""
        return image_hash(self.application_files)

    @property
    def intact(self) -> bool:
        """Whether everything in the active slot is as the manifest says."""
        return intact_manifest(self.application_files) is not None

    @property
    def root_files(self) -> dict[str, bytes]:
        """What is neither in a slot nor the file that chooses one: the loader, data of the user."""
        return {
            path: data
            for path, data in self.files.items()
            if path.partition("/")[0] not in (*SLOTS, SLOT_FILE)
        }


def build_image(
    board: Board,
    firmware_dir: Path | None = None,
    *,
    compile: bool = True,  # noqa: A002
    version: str | None = None,
    key: Ed25519PrivateKey | None = None,
) -> Image:
    """Build the image of a board.

    Parameters
    ----------
    board : Board
        The board it is for.
    firmware_dir : Path, optional
        Sources; the firmware of this package by default.
    compile : bool
        Compile the application with mpy-cross. False puts the sources in.
    version : str, optional
        Version the firmware reports; what its sources say by default.
    key : Ed25519PrivateKey, optional
        Signs the application (`host.image.signing.load_private_key`).

    Raises
    ------
    ConfigError
        If there is no ``main.py``, a source cannot be compiled, or the image does not fit the
        board's file-system region.
    """
    application = build_application(board, firmware_dir, compile=compile, version=version, key=key)
    return image_of(board, application)


def image_of(board: Board, application: Application) -> Image:
    """Return the image that holds an application, in slot a.

    Raises
    ------
    ConfigError
        If it does not fit the board's file-system region.
    """
    files = _files(board, application, SlotState().active)
    region, layout = board.mcu.filesystem, layout_of(board)
    try:
        packed = pack_region(files, layout)
    except FileSystemFull:
        raise ConfigError(_does_not_fit(files, layout, board.name)) from None
    return Image(board.name, region.start, layout, packed.data, application, packed.used)


def two_slots(board: Board, application: Application) -> PackedRegion | None:
    """Return a region with an application in both slots, as after an update.

    Returns
    -------
    PackedRegion or None
        None if that does not fit the board's region.
    """
    try:
        return pack_region(_files(board, application, *SLOTS), layout_of(board))
    except FileSystemFull:
        return None


def _files(board: Board, application: Application, *slots: Slot) -> dict[str, bytes]:
    """Return the files of a region with an application in some slots."""
    files = loader_files(board)
    files[SLOT_FILE] = SlotState().encode()
    for slot in slots:
        files |= {f"{slot}/{path}": data for path, data in application.files.items()}
    return files


def read_image(data: bytes, layout: Layout | None = None) -> ImageContents:
    """Read an image, whoever made it.

    Parameters
    ----------
    data : bytes
        The whole region.
    layout : Layout, optional
        How it is divided; as it says itself by default.

    Raises
    ------
    ConfigError
        If there is no LittleFS file system in it, or none that the layout's port mounts.
    """
    found = unpack_region(data, layout or layout_of_image(data))
    return ImageContents(found.files, found.unreadable)


def _does_not_fit(files: Mapping[str, bytes], layout: Layout, board: str) -> str:
    by_size = ", ".join(f"{path} {n_bytes}" for path, n_bytes in sizes(files))
    total = sum(map(len, files.values()))
    room = f"a region of {layout.size}"
    if layout.divided:
        room = f"{layout.boot.size} bytes of loader and {layout.slots['a'].size} of application"
    return (
        f"the image does not fit the file system of {board}: {total} bytes in files for {room}; "
        f"make something smaller of {by_size}"
    )
