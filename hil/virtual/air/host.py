"""Bumble's host with the way of a notification made short.

A notification crosses HCI, L2CAP and ATT without an object being built for each layer; everything
else takes Bumble's ordinary way. The octets on air are the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from bumble import att, hci
from bumble.host import Host

from eegrig.hil.virtual.air.pdu import START

__all__ = ["DirectHost", "ValueHost", "notification"]

_L2CAP_HEADER = struct.Struct("<HH")
_NOTIFICATION_HEADER = struct.Struct("<HHBH")
_NOTIFICATION = int(att.Opcode.ATT_HANDLE_VALUE_NOTIFICATION)
_INDICATION = int(att.Opcode.ATT_HANDLE_VALUE_INDICATION)
_CONFIRMATION = bytes([att.Opcode.ATT_HANDLE_VALUE_CONFIRMATION])
_ATT_CID = int(att.ATT_CID)
_VALUE_AT = 3  # opcode and handle come first


def notification(attribute: int, value: bytes) -> bytes:
    """Return the L2CAP frame of a notification."""
    return _NOTIFICATION_HEADER.pack(len(value) + 3, _ATT_CID, _NOTIFICATION, attribute) + value


class ValueHost(Host):  # type: ignore[misc]
    """A host that hands values to whoever subscribed, straight from their frame.

    Parameters
    ----------
    source, sink : object
        Bumble's transport from the controller, and to it.

    Attributes
    ----------
    value_handlers : dict
        Called with the value of each notification and indication, by connection handle and
        attribute handle. One without a handler is dropped, as by any GATT client.
    """

    def __init__(self, source: Any, sink: Any) -> None:
        super().__init__(source, sink)
        self.value_handlers: dict[tuple[int, int], Callable[[bytes], None]] = {}

    def on_l2cap_pdu(self, connection: Any, cid: int, pdu: bytes) -> None:
        """Take a frame: values go to their handlers, the rest to Bumble."""
        if cid == _ATT_CID and len(pdu) >= _VALUE_AT and pdu[0] in (_NOTIFICATION, _INDICATION):
            handler = self.value_handlers.get((connection.handle, pdu[1] | pdu[2] << 8))
            if pdu[0] == _INDICATION:
                self.send_l2cap_pdu(connection.handle, _ATT_CID, _CONFIRMATION)
            if handler is not None:
                handler(pdu[_VALUE_AT:])
            return
        super().on_l2cap_pdu(connection, cid, pdu)


class DirectHost(ValueHost):
    """A host beside its controller in one process.

    Parameters
    ----------
    controller : RadioController
    """

    def __init__(self, controller: Any) -> None:
        super().__init__(controller, controller)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand data to the controller as it is and anything else as bytes."""
        if type(packet) is hci.HCI_AclDataPacket:
            self.hci_sink.on_hci_acl_data_packet(packet)
        else:
            super().send_hci_packet(packet)

    def on_acl_data(self, handle: int, llid: int, data: bytes) -> None:
        """Take data from the controller; whole L2CAP frames need no assembly."""
        connection = self.connections.get(handle)
        if connection is None:
            return
        if llid == START and len(data) >= _L2CAP_HEADER.size:
            length, cid = _L2CAP_HEADER.unpack_from(data)
            if len(data) == length + _L2CAP_HEADER.size:
                self.on_l2cap_pdu(connection, cid, data[_L2CAP_HEADER.size :])
                return
        boundary = hci.HCI_ACL_PB_FIRST_FLUSHABLE if llid == START else hci.HCI_ACL_PB_CONTINUATION
        packet = hci.HCI_AclDataPacket(handle, boundary, 0, len(data), data)
        connection.assembler.feed_packet(packet)

    def on_acl_acknowledged(self, handle: int) -> None:
        """Take back a buffer, as HCI's Number Of Completed Packets would."""
        if handle in self.connections and self.le_acl_packet_queue is not None:
            self.le_acl_packet_queue.on_packets_completed(1, handle)
