"""Image files, read: raw bytes or Intel hex, whoever made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eegrig.boards.errors import ConfigError
from eegrig.host.image.firmware_image import ImageContents, read_image
from eegrig.host.image.layout import Layout

__all__ = ["ImageFile", "read_image_file"]


@dataclass(frozen=True)
class ImageFile:
    """An image file.

    Attributes
    ----------
    path : Path
    data : bytes
        The image.
    address : int or None
        Where in flash memory it belongs; None if the file does not say (raw bytes).
    """

    path: Path
    data: bytes
    address: int | None

    def contents(self, layout: Layout | None = None) -> ImageContents:
        """Return what is in its file system.

        Parameters
        ----------
        layout : Layout or None
            How it is divided; None: as it says itself.

        Raises
        ------
        ConfigError
            If it holds no LittleFS file system, or none that the layout's port mounts.
        """
        try:
            return read_image(self.data, layout)
        except ConfigError as error:
            raise ConfigError(f"{self.path} is no image of eegrig: {error}") from error


def read_image_file(path: Path) -> ImageFile:
    """Read an image file: Intel hex if it ends in ``.hex``, raw bytes otherwise.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    try:
        if path.suffix.lower() != ".hex":
            return ImageFile(path, path.read_bytes(), None)
        return _read_hex(path)
    except OSError as error:
        raise ConfigError(f"cannot read the image {path}: {error.strerror}") from error


def _read_hex(path: Path) -> ImageFile:
    from intelhex import IntelHex, IntelHexError  # type: ignore[import-untyped]

    try:
        content = IntelHex(str(path))
    except (IntelHexError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no Intel hex file: {error}") from error
    first, last = content.minaddr(), content.maxaddr()
    if first is None or last is None:
        raise ConfigError(f"{path} is an empty Intel hex file")
    return ImageFile(path, bytes(content.tobinarray(first, last)), int(first))
