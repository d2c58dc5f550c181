"""A board's controller and host: those of the computer, with an ear for what only boards ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bumble import att, hci

from hil.virtual.radio.controller import RadioController
from hil.virtual.radio.host import DirectHost

__all__ = ["BoardController", "BoardHost"]

_ATT_CID = int(att.ATT_CID)
_NOTIFICATION = int(att.Opcode.ATT_HANDLE_VALUE_NOTIFICATION)
_INDICATION = int(att.Opcode.ATT_HANDLE_VALUE_INDICATION)
_CONFIRMATION = bytes([att.Opcode.ATT_HANDLE_VALUE_CONFIRMATION])
_HEADER_OCTETS = 3


class BoardController(RadioController):
    """A controller whose advertising reports go straight to the observer.

    Attributes
    ----------
    on_report : callable or None
        Called with event type, address and data of each advertisement heard while scanning.
    shows_public : bool
        Whether it is known on air by its public address; else by its random one.
    """

    on_report: Callable[[int, hci.Address, bytes], None] | None = None
    shows_public = False
    _public_address: hci.Address

    @property
    def address(self) -> hci.Address:
        """The address it is known by on air."""
        return self._public_address if self.shows_public else self.random_address

    def set_public_address(self, address: str) -> None:
        """Give it a public address; for before it is switched on."""
        self._public_address = hci.Address(address, hci.AddressType.PUBLIC_DEVICE)

    def report(self, event_type: int, address: hci.Address, data: bytes) -> None:
        """Tell of an advertisement, if it still scans."""
        if self.le_scan_enable and self.on_report is not None:
            self.air.loop.call_soon(self.on_report, event_type, address, data)

    def scan(self, *, interval_us: int, window_us: int, active: bool) -> None:
        """Scan from now on."""
        self.le_scan_interval = interval_us // 625
        self.le_scan_window = window_us // 625
        self.le_scan_type = int(active)
        self.le_scan_enable = True

    def stop_scan(self) -> None:
        """Scan no more."""
        self.le_scan_enable = False


class BoardHost(DirectHost):
    """A host that hands every notification and indication on, whoever asked for it.

    Attributes
    ----------
    on_value : callable or None
        Called with connection handle, attribute handle, value and whether it was an indication.
    """

    on_value: Callable[[int, int, bytes, bool], None] | None = None

    def on_l2cap_pdu(self, connection: Any, cid: int, pdu: bytes) -> None:
        """Take a frame."""
        if (
            cid == _ATT_CID
            and len(pdu) >= _HEADER_OCTETS
            and pdu[0] in (_NOTIFICATION, _INDICATION)
        ):
            indication = pdu[0] == _INDICATION
            if self.on_value is not None:
                handle = pdu[1] | pdu[2] << 8
                self.on_value(connection.handle, handle, pdu[_HEADER_OCTETS:], indication)
            if indication:
                self.send_l2cap_pdu(connection.handle, _ATT_CID, _CONFIRMATION)
            return
        super().on_l2cap_pdu(connection, cid, pdu)
