"""A controller at its HCI: packets in, packets out, for a host that is no object of this process.

A packet begins with its type (Core 5.4, Vol 4 Part A, 2), as on a serial line.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from bumble import hci

from eegrig.hil.virtual.air.controller import RadioController
from eegrig.hil.virtual.air.pdu import START

__all__ = ["HciPort", "PortController"]

_ACL = struct.Struct("<BHH")
_FIRST, _CONTINUATION = hci.HCI_ACL_PB_FIRST_FLUSHABLE << 12, hci.HCI_ACL_PB_CONTINUATION << 12
_COMPLETED = struct.Struct("<BBBBHH")


class PortController(RadioController):
    """A controller that its host may reset while it has links."""

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> Any:
        """Drop what was going on (7.3.2)."""
        self.forget_advertising()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.drop_links()
        return super().on_hci_reset_command(command)


class HciPort:
    """What a controller takes for its host: hands each packet on.

    Parameters
    ----------
    send : callable
        Takes each packet for the host.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def on_packet(self, packet: bytes) -> None:
        """Take an event."""
        self._send(packet)

    def on_acl_data(self, handle: int, llid: int, data: bytes) -> None:
        """Take data of a link."""
        flags = _FIRST if llid == START else _CONTINUATION
        self._send(_ACL.pack(hci.HCI_ACL_DATA_PACKET, handle | flags, len(data)) + data)

    def on_acl_acknowledged(self, handle: int) -> None:
        """Tell that a buffer is free: Number Of Completed Packets."""
        event = (hci.HCI_EVENT_PACKET, hci.HCI_NUMBER_OF_COMPLETED_PACKETS_EVENT, 5, 1, handle, 1)
        self._send(_COMPLETED.pack(*event))
