"""What a probe and the process that holds its chip say to each other, in bytes.

A request is a header, operation, register address and number of words, and the words. Only what
asks for something is answered: with an acknowledgement and words, or with an acknowledgement and
the reason. A write that fails is told in the next answer, and nothing is done in between, as with
a probe that is handed several transactions at once.
"""

from __future__ import annotations

import array
import enum
import struct
from collections.abc import Sequence

__all__ = ["ANSWER", "HEADER", "MAX_WORDS", "Op", "request", "words_of"]

HEADER = struct.Struct("<BBH")
ANSWER = struct.Struct("<BxH")
MAX_WORDS = 0xFFFF


class Op(enum.IntEnum):
    """What is asked for; those from `SYNC` on are answered."""

    WRITE_DP = 1
    WRITE_AP = 2
    CLOCK = 3
    BITS = 4
    SYNC = 16
    READ_DP = 17
    READ_AP = 18
    RESET = 19


def request(op: Op, address: int = 0, words: Sequence[int] = (), count: int = 0) -> bytes:
    """Return a request, with `words` or for `count` words."""
    # pyOCD names the access port in the upper bits, which the wire has in SELECT.
    header = HEADER.pack(op, address & 0xFF, len(words) or count)
    return header + array.array("I", words).tobytes() if words else header


def words_of(data: bytes | bytearray | memoryview) -> list[int]:
    """Return the words in `data`."""
    return array.array("I", bytes(data)).tolist()
