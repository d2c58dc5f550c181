"""The events of MicroPython's ``bluetooth``: numbers, fields, and how they travel to the shim.

Fields are those of the documented tuples. In a format, ``B``, ``H``, ``I`` and ``b`` are integers
as in `struct`, ``a`` is an address of six octets, ``u`` a UUID, ``v`` octets or None.
"""

from __future__ import annotations

import enum
import struct
from typing import Any, Final

__all__ = ["FORMATS", "Irq", "encode"]


class Irq(enum.IntEnum):
    """``_IRQ_*`` of the documentation."""

    CENTRAL_CONNECT = 1
    CENTRAL_DISCONNECT = 2
    GATTS_WRITE = 3
    GATTS_READ_REQUEST = 4
    SCAN_RESULT = 5
    SCAN_DONE = 6
    PERIPHERAL_CONNECT = 7
    PERIPHERAL_DISCONNECT = 8
    GATTC_SERVICE_RESULT = 9
    GATTC_SERVICE_DONE = 10
    GATTC_CHARACTERISTIC_RESULT = 11
    GATTC_CHARACTERISTIC_DONE = 12
    GATTC_DESCRIPTOR_RESULT = 13
    GATTC_DESCRIPTOR_DONE = 14
    GATTC_READ_RESULT = 15
    GATTC_READ_DONE = 16
    GATTC_WRITE_DONE = 17
    GATTC_NOTIFY = 18
    GATTC_INDICATE = 19
    GATTS_INDICATE_DONE = 20
    MTU_EXCHANGED = 21
    L2CAP_ACCEPT = 22
    L2CAP_CONNECT = 23
    L2CAP_DISCONNECT = 24
    L2CAP_RECV = 25
    L2CAP_SEND_READY = 26
    CONNECTION_UPDATE = 27
    ENCRYPTION_UPDATE = 28
    GET_SECRET = 29
    SET_SECRET = 30
    PASSKEY_ACTION = 31


FORMATS: Final[dict[int, str]] = {
    Irq.CENTRAL_CONNECT: "HBa",
    Irq.CENTRAL_DISCONNECT: "HBa",
    Irq.GATTS_WRITE: "HH",
    Irq.GATTS_READ_REQUEST: "HH",
    Irq.SCAN_RESULT: "BaBbv",
    Irq.SCAN_DONE: "",
    Irq.PERIPHERAL_CONNECT: "HBa",
    Irq.PERIPHERAL_DISCONNECT: "HBa",
    Irq.GATTC_SERVICE_RESULT: "HHHu",
    Irq.GATTC_SERVICE_DONE: "HH",
    Irq.GATTC_CHARACTERISTIC_RESULT: "HHHBu",
    Irq.GATTC_CHARACTERISTIC_DONE: "HH",
    Irq.GATTC_DESCRIPTOR_RESULT: "HHu",
    Irq.GATTC_DESCRIPTOR_DONE: "HH",
    Irq.GATTC_READ_RESULT: "HHv",
    Irq.GATTC_READ_DONE: "HHH",
    Irq.GATTC_WRITE_DONE: "HHH",
    Irq.GATTC_NOTIFY: "HHv",
    Irq.GATTC_INDICATE: "HHv",
    Irq.GATTS_INDICATE_DONE: "HHB",
    Irq.MTU_EXCHANGED: "HH",
    Irq.L2CAP_ACCEPT: "HHHHH",
    Irq.L2CAP_CONNECT: "HHHHH",
    Irq.L2CAP_DISCONNECT: "HHHH",
    Irq.L2CAP_RECV: "HH",
    Irq.L2CAP_SEND_READY: "HHB",
    Irq.CONNECTION_UPDATE: "HHHHH",
    Irq.ENCRYPTION_UPDATE: "HBBBB",
    Irq.GET_SECRET: "BBv",
    Irq.SET_SECRET: "Bvv",
    Irq.PASSKEY_ACTION: "HBI",
}
"""By event: the fields of its tuple, as in ``micropython/shim/bluetooth.py`` (a test compares)."""

_NONE = 0xFFFF
_HEAD = struct.Struct("<BH")


def encode(irq: int, fields: tuple[Any, ...], question: int = 0) -> bytes:
    """Return an event as the shim reads it.

    Parameters
    ----------
    irq : int
    fields : tuple
        In the order of the documented tuple.
    question : int
        Number under which the handler's return value is awaited; 0: it is not.
    """
    parts = [_HEAD.pack(irq, question)]
    for kind, value in zip(FORMATS[irq], fields, strict=True):
        if kind == "a":
            parts.append(bytes(value))
        elif kind == "u":
            parts.append(bytes([len(value)]) + bytes(value))
        elif kind == "v":
            size = _NONE if value is None else len(value)
            parts.append(struct.pack("<H", size) + bytes(value or b""))
        else:
            parts.append(struct.pack("<" + kind, value))
    return b"".join(parts)
