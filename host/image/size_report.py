"""How large an image is, file by file, and whether an update finds room beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from eegrig.host.image.file_system import data_blocks
from eegrig.host.image.firmware_image import two_slots
from eegrig.host.image.loader import loader_files

if TYPE_CHECKING:
    from eegrig.boards.schema import Board
    from eegrig.host.image.firmware_image import Image

__all__ = ["FileSize", "SizeReport", "VolumeSize", "size_report"]


class FileSize(msgspec.Struct, frozen=True, kw_only=True):
    """What a file takes.

    Attributes
    ----------
    path : str
    size : int
        In bytes.
    blocks : int
        Flash blocks of its own; 0 for one so small that it is kept beside its name.
    """

    path: str
    size: int
    blocks: int


class VolumeSize(msgspec.Struct, frozen=True, kw_only=True):
    """How full one of the file systems in a region is, when both slots hold the application.

    Attributes
    ----------
    name : str
        As it is mounted, without the slash.
    size, used : int
        In bytes.
    """

    name: str
    size: int
    used: int


class SizeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an image takes of a board's file-system region.

    Attributes
    ----------
    block_size, region_size : int
        In bytes.
    files : tuple of FileSize
        Of the application, the largest first.
    loader : FileSize
        The loader's files together.
    folder_blocks : int
        What folders take: names, and what is kept beside them.
    used : int
        Bytes in blocks that are in use.
    used_by_update : int or None
        The same, when the second slot holds an update of that size too; None if it does not fit.
    volumes : tuple of VolumeSize
        The file systems of the region, where there are several.
    """

    block_size: int
    region_size: int
    files: tuple[FileSize, ...]
    loader: FileSize
    folder_blocks: int
    used: int
    used_by_update: int | None
    volumes: tuple[VolumeSize, ...] = ()

    @property
    def free(self) -> int:
        """Bytes in blocks that are not in use."""
        return self.region_size - self.used

    @property
    def free_after_update(self) -> int | None:
        """Bytes left when both slots are full; None if an update does not fit."""
        return None if self.used_by_update is None else self.region_size - self.used_by_update

    def warning(self, board: str) -> str | None:
        """Return what to tell whoever built an image that cannot be updated, in one line."""
        if self.used_by_update is not None:
            return None
        application = sum(file.size for file in self.files)
        return (
            f"{board}: the application's {application} bytes fit the file system once, not twice: "
            "it can be flashed, but neither updated over the air nor deployed; make something "
            f"smaller, {self.files[0].path} first"
        )


def size_report(board: Board, image: Image) -> SizeReport:
    """Measure an image.

    Parameters
    ----------
    board : Board
        The board it was built for.
    image : Image
    """
    layout = image.layout

    def measure(path: str, *contents: bytes) -> FileSize:
        return FileSize(
            path=path,
            size=sum(map(len, contents)),
            blocks=sum(data_blocks(len(data), layout.block_size) for data in contents),
        )

    files = [measure(path, data) for path, data in image.application.files.items()]
    loader = measure("loader", *loader_files(board).values())
    own_blocks = loader.blocks + sum(file.blocks for file in files)
    both = two_slots(board, image.application)
    volumes: tuple[VolumeSize, ...] = ()
    if layout.divided and both is not None:
        volumes = tuple(
            VolumeSize(name=volume.name, size=volume.size, used=both.used[volume.name])
            for volume in layout.volumes
        )
    return SizeReport(
        block_size=layout.block_size,
        # The pages between the file systems are nobody's room.
        region_size=sum(volume.size for volume in layout.volumes),
        files=tuple(sorted(files, key=lambda file: (-file.size, file.path))),
        loader=loader,
        folder_blocks=image.used_bytes // layout.block_size - own_blocks,
        used=image.used_bytes,
        used_by_update=None if both is None else sum(both.used.values()),
        volumes=volumes,
    )
