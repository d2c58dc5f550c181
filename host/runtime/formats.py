"""The files a runtime comes as: ``.hex``, ``.bin``, ``.dfu``, ``.elf``."""

from __future__ import annotations

import io
from pathlib import Path

from eegrig.boards.errors import ConfigError
from eegrig.host.runtime.contents import Segment, joined
from eegrig.host.runtime.dfu_file import read_dfu
from eegrig.host.runtime.elf_file import read_elf

__all__ = ["SUFFIXES", "read_segments"]

SUFFIXES = (".hex", ".bin", ".dfu", ".elf")
_LIKE_A_DISK = ".uf2"
# Intel's "Hexadecimal Object File Format Specification", revision A: the last record (assumed).
_HEX_END = b":00000001FF"


def read_segments(path: Path, start: int) -> list[Segment]:
    """Return what a file has for flash memory, by address and without pieces that touch.

    Parameters
    ----------
    path : Path
        What it is, its ending says.
    start : int
        Where a ``.bin`` belongs, which has no addresses of its own.

    Raises
    ------
    ConfigError
        If it cannot be read, is of another kind, damaged, cut off or empty.
    """
    suffix = path.suffix.lower()
    if suffix == _LIKE_A_DISK:
        raise ConfigError(
            f"{path}: a .uf2 is for chips whose boot loader looks like a disk (RP2040, SAMD); take "
            "the .hex, .bin, .dfu or .elf for the board's own chip"
        )
    if suffix not in SUFFIXES:
        raise ConfigError(f"{path}: a runtime is a .hex, .bin, .dfu or .elf file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the runtime {path}: {error.strerror}") from error
    if not content:
        raise ConfigError(f"the runtime {path} is empty")
    try:
        segments = joined(_read(suffix, content, start))
    except ConfigError as error:
        raise ConfigError(f"{path} {error}") from error
    if not segments:
        raise ConfigError(f"the runtime {path} is empty")
    return segments


def _read(suffix: str, content: bytes, start: int) -> list[Segment]:
    if suffix == ".bin":
        return [Segment(start, content)]
    if suffix == ".dfu":
        return read_dfu(content)
    if suffix == ".elf":
        return read_elf(content)
    return _read_hex(content)


def _read_hex(content: bytes) -> list[Segment]:
    from intelhex import IntelHex, IntelHexError  # type: ignore[import-untyped]

    try:
        hex_file = IntelHex(io.StringIO(content.decode("ascii")))
    except (IntelHexError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"is no Intel hex file, or damaged: {error}; download it again"
        ) from error
    # intelhex takes a file that was cut off between two records.
    if not content.rstrip().upper().endswith(_HEX_END):
        raise ConfigError("is cut off, it has no last record: download it again")
    return [
        Segment(first, hex_file.tobinstr(first, size=end - first))
        for first, end in hex_file.segments()
    ]
