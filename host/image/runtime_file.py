"""MicroPython for a board, as a file to be flashed besides the image: ``.hex`` or ``.bin``."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = ["Runtime", "Segment", "read_runtime"]


@dataclass(frozen=True)
class Segment:
    """Bytes and where in flash memory they belong."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The address behind the last byte."""
        return self.address + len(self.data)


@dataclass(frozen=True)
class Runtime:
    """MicroPython for a board.

    Attributes
    ----------
    segments : tuple of Segment
    sha256 : str
        Of the file, hexadecimal.
    """

    segments: tuple[Segment, ...]
    sha256: str


def read_runtime(path: Path, board: Board) -> Runtime:
    """Read a runtime; a ``.bin`` belongs to the start of the board's flash memory.

    Raises
    ------
    ConfigError
        If it cannot be read, is empty, or overlaps the board's file-system region.
    """
    try:
        content = path.read_bytes()
        segments = _segments(path, content, board.mcu.flash.start)
    except OSError as error:
        raise ConfigError(f"cannot read the runtime {path}: {error.strerror}") from error
    if not any(segment.data for segment in segments):
        raise ConfigError(f"the runtime {path} is empty")
    region = board.mcu.filesystem
    for segment in segments:
        if segment.address < region.start + region.size and segment.end > region.start:
            raise ConfigError(
                f"{path} has data at {segment.address:#010x} to {segment.end - 1:#010x}, which "
                f"overlaps the file-system region of {board.name} at {region.start:#010x}"
            )
    return Runtime(segments, sha256(content).hexdigest())


def _segments(path: Path, content: bytes, start: int) -> tuple[Segment, ...]:
    if path.suffix.lower() == ".bin":
        return (Segment(start, content),)
    if path.suffix.lower() != ".hex":
        raise ConfigError(f"{path}: a runtime is a .hex or a .bin file")
    from intelhex import IntelHex, IntelHexError  # type: ignore[import-untyped]

    try:
        hex_file = IntelHex(str(path))
    except (IntelHexError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no Intel hex file: {error}") from error
    return tuple(
        Segment(first, hex_file.tobinstr(first, size=end - first))
        for first, end in hex_file.segments()
    )
