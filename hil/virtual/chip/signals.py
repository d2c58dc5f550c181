"""What goes wrong on a bus, inside the models.

These never reach a user: the debug port turns them into acknowledgements, and the probe turns
those into pyOCD's own exceptions.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Ack", "BusFault", "PowerLost", "WireError"]


class Ack(IntEnum):
    """Acknowledgement of an SWD transaction (Arm IHI 0031, table B4-1)."""

    OK = 1
    WAIT = 2
    FAULT = 4
    NONE = 7


class BusFault(Exception):
    """An address nothing answers at, or an access the memory refuses."""


class PowerLost(Exception):
    """The supply went away in the middle of an operation."""


class WireError(Exception):
    """An SWD transaction that was not acknowledged with OK.

    Attributes
    ----------
    ack : Ack
        What came back.
    reason : str
        Why, for the log.
    """

    def __init__(self, ack: Ack, reason: str) -> None:
        super().__init__(f"{ack.name}: {reason}")
        self.ack = ack
        self.reason = reason
