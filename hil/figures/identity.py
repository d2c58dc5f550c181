"""What ran on the board: its firmware, and the runtime below it."""

from __future__ import annotations

import msgspec

from eegrig.hil.figures.figure import Scalar

__all__ = ["FirmwareCheck", "RuntimeBuild"]


class FirmwareCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which firmware answered, and which was asked for.

    Attributes
    ----------
    version, image_hash : str
        As read back from the board.
    expected_hash : str
        Of the image that was flashed; empty where the run took the board as it was.
    """

    version: str
    image_hash: str
    expected_hash: str = ""

    @property
    def matches(self) -> bool:
        """Whether the board runs the image it was given (hashes may be shortened)."""
        if not self.expected_hash:
            return True
        length = min(len(self.image_hash), len(self.expected_hash))
        return length >= 8 and self.image_hash[:length] == self.expected_hash[:length]


class RuntimeBuild(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which build of MicroPython the board is for.

    Attributes
    ----------
    port, build : str
        Names of port and stock build (``docs/ports.md``).
    options : dict
        Options of the build beyond stock; without any it is the stock build.
    mode : str
        How a virtual board ran it: ``"fast"``, in a model of it, or ``"exact"``, itself; empty on
        hardware, and in runs of before there were two.
    sha256 : str
        Of the runtime that was flashed, if one was.
    """

    port: str
    build: str
    options: dict[str, Scalar] = {}
    mode: str = ""
    sha256: str = ""

    @property
    def beyond_stock(self) -> str:
        """What it has beyond the stock build, in words; empty if nothing."""
        return ", ".join(
            name if value is True else f"{name} = {value}" for name, value in self.options.items()
        )
