"""What a board's Bluetooth host tells of; `irq` makes MicroPython's events of them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "CentralConnected",
    "CentralDisconnected",
    "IndicateDone",
    "MtuExchanged",
    "PeripheralEvent",
    "Written",
]


@dataclass(frozen=True)
class CentralConnected:
    """A central has connected, or the board has as one (`board_is_central`).

    `address` is the other device's, in the order it is written in.
    """

    connection: int
    address_type: int
    address: bytes
    board_is_central: bool = False


@dataclass(frozen=True)
class CentralDisconnected:
    """A central has gone; `reason` is HCI's (8: supervision time-out, 0x13: it said goodbye)."""

    connection: int
    address_type: int
    address: bytes
    reason: int
    board_is_central: bool = False


@dataclass(frozen=True)
class Written:
    """A central has written a value; `data` is what it sent."""

    connection: int
    handle: int
    data: bytes


@dataclass(frozen=True)
class MtuExchanged:
    """The ATT MTU was negotiated (MicroPython's zephyr port does not tell its firmware)."""

    connection: int
    mtu: int


@dataclass(frozen=True)
class IndicateDone:
    """A central has confirmed an indication (`status` 0), or has not in time."""

    connection: int
    handle: int
    status: int


PeripheralEvent = CentralConnected | CentralDisconnected | Written | MtuExchanged | IndicateDone
