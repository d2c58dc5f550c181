"""DfuSe files (``.dfu``): what ST's boot loader in ROM is given.

The format is that of ST UM0391, "DfuSe File Format Specification" (assumed: read as MicroPython's
``tools/dfu.py`` v1.26.1 writes it, not in the manual itself): a prefix, targets with a prefix
each, elements with address and size, and a suffix of 16 bytes with a CRC over all before it. All
numbers are little-endian.
"""

from __future__ import annotations

import struct
import zlib

from eegrig.boards.errors import ConfigError
from eegrig.host.runtime.contents import Segment

__all__ = ["read_dfu"]

_PREFIX = struct.Struct("<5sBIB")  # "DfuSe", version 1, size without the suffix, targets
_TARGET = struct.Struct("<6sBI255sII")  # "Target", setting, has a name, name, size, elements
_ELEMENT = struct.Struct("<II")  # address, size
_SUFFIX = struct.Struct("<HHHH3sBI")  # device, product, vendor, version, "UFD", length, CRC


def read_dfu(content: bytes) -> list[Segment]:
    """Return what is in a DfuSe file, all its targets together.

    Raises
    ------
    ConfigError
        Saying what is wrong, to come after the file's name: no DfuSe file, cut off, or a wrong
        CRC.
    """
    if content[:5] != b"DfuSe" or len(content) < _PREFIX.size:
        raise ConfigError("is no DfuSe file, which begins with `DfuSe`")
    _, version, size, n_targets = _PREFIX.unpack_from(content)
    if version != 1:
        raise ConfigError(f"is a DfuSe file of version {version}, and only 1 is known")
    if len(content) < size + _SUFFIX.size:
        raise ConfigError(
            f"is cut off: it has {len(content)} bytes, and says that there are "
            f"{size + _SUFFIX.size}; download it again"
        )
    *_, mark, length, crc = _SUFFIX.unpack_from(content, len(content) - _SUFFIX.size)
    if mark != b"UFD" or length != _SUFFIX.size:
        raise ConfigError("has no suffix of a DFU file at its end; download it again")
    # Over all but the CRC itself, from all ones, and not inverted at the end.
    found = zlib.crc32(content[:-4]) ^ 0xFFFF_FFFF
    if found != crc:
        raise ConfigError(
            f"is damaged: its CRC is {crc:#010x}, and that of its bytes {found:#010x}; download "
            "it again"
        )
    try:
        return _segments(content[:size], n_targets)
    except struct.error:
        raise ConfigError("has elements beyond its end: it is no whole DfuSe file") from None


def _segments(content: bytes, n_targets: int) -> list[Segment]:
    segments: list[Segment] = []
    at = _PREFIX.size
    for _ in range(n_targets):
        signature, *_, n_elements = _TARGET.unpack_from(content, at)
        if signature != b"Target":
            raise ConfigError("has no target where there is to be one: it is no whole DfuSe file")
        at += _TARGET.size
        for _ in range(n_elements):
            address, size = _ELEMENT.unpack_from(content, at)
            at += _ELEMENT.size
            if at + size > len(content):
                raise struct.error
            segments.append(Segment(address, content[at : at + size]))
            at += size
    return segments
