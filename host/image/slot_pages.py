"""The two pages that say by turns which slot runs, where slots are file systems of their own.

A page begins with a record: ``slot``, the record's number among all that were written (u32), the
line that the file ``slot`` would hold (16 bytes, zeros behind it), and the CRC-32 of all that. The
whole record with the higher number counts; the next one goes into the other page.
``firmware/loader/pages/slot_pages.py`` is the board's end.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

__all__ = ["NO_RECORD", "Newest", "encode_record", "newest_record"]

_RECORD: Final = struct.Struct("<4sI16s")
_CRC: Final = struct.Struct("<I")
_MAGIC: Final = b"slot"


@dataclass(frozen=True)
class Newest:
    """The record that counts.

    Attributes
    ----------
    page : int
        Which page it is in, 0 or 1.
    number : int
        Its number; 0 if neither page holds one.
    line : bytes
        What it says.
    """

    page: int
    number: int
    line: bytes

    @property
    def next_page(self) -> int:
        """Where the next record goes."""
        return 1 - self.page if self.number else 0


NO_RECORD = Newest(0, 0, b"")


def encode_record(number: int, line: bytes) -> bytes:
    """Return a record.

    Parameters
    ----------
    number : int
        Of all that were written, from 1.
    line : bytes
        As in the file ``slot``.
    """
    record = _RECORD.pack(_MAGIC, number, line)
    return record + _CRC.pack(crc32(record))


def newest_record(pages: Sequence[bytes]) -> Newest:
    """Return the record that counts of those in the two pages."""
    found = [NO_RECORD]
    for n, page in enumerate(pages):
        if len(page) < _RECORD.size + _CRC.size:  # of an image that ends before
            continue
        magic, number, line = _RECORD.unpack_from(page)
        (crc,) = _CRC.unpack_from(page, _RECORD.size)
        if magic == _MAGIC and crc == crc32(page[: _RECORD.size]):
            found.append(Newest(n, number, line.rstrip(b"\0")))
    return max(found, key=lambda record: record.number)
