"""What can be wrong with bytes from a board."""

from __future__ import annotations

from eegrig.boards.errors import BoardFault

__all__ = ["ProtocolError", "ProtocolVersionError"]


class ProtocolError(BoardFault):
    """A board sent bytes that the protocol does not allow."""


class ProtocolVersionError(ProtocolError):
    """A board speaks a protocol version this host does not know.

    Attributes
    ----------
    version : int
        What the board speaks.
    """

    def __init__(self, version: int, known: int) -> None:
        super().__init__(
            f"the board speaks protocol version {version}, this eegrig only version {known}: "
            "flash the firmware that comes with this eegrig, or install the matching eegrig"
        )
        self.version = version
