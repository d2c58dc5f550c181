"""What a runtime is in flash memory: bytes at addresses, and the one name that they have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["Segment", "content_hash", "joined", "leaves_out"]

_GAP = 4096
_LEFT_OUT = 1024  # bytes; assumed: some of ST's functions that may run from RAM


@dataclass(frozen=True)
class Segment:
    """Bytes and where in flash memory they belong."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The address behind the last byte."""
        return self.address + len(self.data)


def joined(segments: Iterable[Segment]) -> list[Segment]:
    """Return segments in the order of their addresses, those with little between them as one.

    What lies between becomes zeros, as in a ``.bin`` (objcopy fills with them); a ``.hex`` of
    the same build leaves it out.
    """
    parts: list[tuple[int, bytearray]] = []
    for segment in sorted(segments, key=lambda segment: segment.address):
        if not segment.data:
            continue
        if parts:
            start, data = parts[-1]
            gap = segment.address - (start + len(data))
            if 0 <= gap < _GAP:
                data += bytes(gap) + segment.data
                continue
        parts.append((segment.address, bytearray(segment.data)))
    return [Segment(start, bytes(data)) for start, data in parts]


def content_hash(segments: Iterable[Segment]) -> str:
    """Return the SHA-256 of what is in flash memory, hexadecimal: the same for all forms of a file.

    Addresses count, and zeros at an end do not: a ``.dfu`` has some for a length of whole
    doublewords (``tools/dfu.py`` of MicroPython v1.26.1).
    """
    digest = sha256()
    for segment in joined(segments):
        data = segment.data.rstrip(b"\0")
        digest.update(segment.address.to_bytes(4, "little") + len(data).to_bytes(4, "little"))
        digest.update(data)
    return digest.hexdigest()


def leaves_out(part: Iterable[Segment], whole: Iterable[Segment]) -> bool:
    """Tell whether `part` is `whole` but for a few bytes that are zeros in it.

    The stm32 port makes its ``.bin`` and ``.dfu`` of three sections that it names, and its
    ``.hex`` of all: 56 bytes of ``.RamFunc`` and ``.ARM``, which nothing calls, are missing from
    the former (``ports/stm32/Makefile`` v1.26.1, seen in a build of it).
    """
    parts, wholes = joined(part), joined(whole)
    if [segment.address for segment in parts] != [segment.address for segment in wholes]:
        return False
    missing = 0
    for one, other in zip(parts, wholes, strict=True):
        size = max(len(one.data), len(other.data))
        pairs = zip(one.data.ljust(size, b"\0"), other.data.ljust(size, b"\0"), strict=True)
        for here, there in pairs:
            if here != there:
                missing += 1
                if here or missing > _LEFT_OUT:
                    return False
    return missing > 0
