"""A board's controller and host: those of the computer, with an ear for what only boards ask."""

from __future__ import annotations

from typing import Any

from bumble import att, hci, smp

from eegrig.boards.link_layer import DATA_OCTETS_MAX
from eegrig.hil.virtual.air.acl import AclBuffers
from eegrig.hil.virtual.air.activity import ActivitySink
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.buffered_controller import BufferedController
from eegrig.hil.virtual.air.host import DirectHost
from eegrig.hil.virtual.board_bluetooth.malformed import CAREFUL, answer_to_malformed
from eegrig.hil.virtual.board_bluetooth.peripheral_user import PeripheralUser
from eegrig.hil.virtual.clock import Cancellable, Clock

__all__ = ["BoardController", "BoardHost"]

_ATT_CID = int(att.ATT_CID)
_NOTIFICATION = int(att.Opcode.ATT_HANDLE_VALUE_NOTIFICATION)
_INDICATION = int(att.Opcode.ATT_HANDLE_VALUE_INDICATION)
_CONFIRMATION = bytes([att.Opcode.ATT_HANDLE_VALUE_CONFIRMATION])
_HEADER_OCTETS = 3
_CLASSIC_PAIRING = int(smp.SMP_BR_CID)
_SLOT_NS = 625_000  # of scan intervals and windows


class BoardController(BufferedController):
    """A controller that reports what it hears straight to its user, and that it listens.

    Each scan window, also while connecting, is one ``rx`` and one ``advertising_event`` to its
    sink. Requests for a scan response and the request to connect are not reported.

    Parameters
    ----------
    name, air, address, buffers, clock, max_octets, sink
        As `BufferedController` takes them.
    user : PeripheralUser
        Told of each advertisement heard while scanning, and of packets completed.
    """

    def __init__(
        self,
        name: str,
        air: Air,
        address: str,
        *,
        user: PeripheralUser,
        buffers: AclBuffers,
        clock: Clock | None = None,
        max_octets: int = DATA_OCTETS_MAX,
        sink: ActivitySink | None = None,
    ) -> None:
        super().__init__(
            name,
            air,
            address,
            buffers=buffers,
            on_completed=user.on_completed,
            clock=clock,
            max_octets=max_octets,
            sink=sink,
        )
        self._user = user
        self._window_timer: Cancellable | None = None
        self._listening_since_ns: int | None = None

    def report(self, event_type: int, address: hci.Address, data: bytes) -> None:
        """Tell of an advertisement, if it still scans."""
        if self.le_scan_enable:
            self.air.loop.call_soon(self._user.on_report, event_type, address, data)

    def scan(self, *, interval_us: int, window_us: int, active: bool) -> None:
        """Scan from now on."""
        self.le_scan_interval = interval_us // 625
        self.le_scan_window = window_us // 625
        self.le_scan_type = int(active)
        self.le_scan_enable = True
        self._plan_window()

    def stop_scan(self) -> None:
        """Scan no more."""
        self.le_scan_enable = False
        self._end_window()

    # ------------------------------------------------------------------ what listening costs
    def on_hci_le_create_connection_command(
        self, command: hci.HCI_LE_Create_Connection_Command
    ) -> None:
        """Listen for the advertiser."""
        super().on_hci_le_create_connection_command(command)
        self._plan_window()

    def take_connection_request(self) -> hci.HCI_LE_Create_Connection_Command:
        """Return what the host asked for; it is being fulfilled."""
        self._end_window()
        return super().take_connection_request()

    def _window(self) -> tuple[int, int] | None:
        """Return scan interval and window in nanoseconds, None if it does not listen."""
        request = self.pending_le_connection
        if request is not None:
            return request.le_scan_interval * _SLOT_NS, request.le_scan_window * _SLOT_NS
        if self.le_scan_enable:
            return self.le_scan_interval * _SLOT_NS, self.le_scan_window * _SLOT_NS
        return None

    def _plan_window(self) -> None:
        """Wait for the next scan window; they are where `hears` has them."""
        window = self._window()
        if self.sink is None or window is None or self._window_timer is not None:
            return
        loop = self.air.loop
        interval_ns, window_ns = window
        phase_ns = loop.now_ns() % interval_ns
        start_ns = loop.now_ns() + (interval_ns - phase_ns if phase_ns >= window_ns else 0)
        self._window_timer = loop.call_at_ns(start_ns, self._begin_window)

    def _begin_window(self) -> None:
        self._window_timer = None
        window = self._window()
        if window is None or not self.powered:
            return
        interval_ns, window_ns = window
        now_ns = self.air.loop.now_ns()
        self._listening_since_ns = now_ns
        end_ns = now_ns - now_ns % interval_ns + window_ns
        self._window_timer = self.air.loop.call_at_ns(end_ns, self._end_window)

    def _end_window(self) -> None:
        """Report the window that ends, and wait for the next one."""
        if self._window_timer is not None:
            self._window_timer.cancel()
            self._window_timer = None
        since_ns, self._listening_since_ns = self._listening_since_ns, None
        now_ns = self.air.loop.now_ns()
        if since_ns is not None and since_ns < now_ns and self.sink is not None:
            self.sink("rx", since_ns, now_ns - since_ns)
            self.sink("advertising_event", since_ns, now_ns - since_ns)
        if self.powered:
            self._plan_window()

    def shut_down(self) -> None:
        """Switch the radio off at once."""
        super().shut_down()
        self._end_window()


class BoardHost(DirectHost):
    """A host that hands every notification and indication on, whoever asked for it.

    Parameters
    ----------
    controller : BoardController
    user : PeripheralUser
        Told of them.
    """

    def __init__(self, controller: BoardController, user: PeripheralUser) -> None:
        super().__init__(controller)
        self._user = user

    def on_l2cap_pdu(self, connection: Any, cid: int, pdu: bytes) -> None:
        """Take a frame."""
        if (
            cid == _ATT_CID
            and len(pdu) >= _HEADER_OCTETS
            and pdu[0] in (_NOTIFICATION, _INDICATION)
        ):
            indication = pdu[0] == _INDICATION
            handle = pdu[1] | pdu[2] << 8
            self._user.on_value(connection.handle, handle, pdu[_HEADER_OCTETS:], indication)
            if indication:
                self.send_l2cap_pdu(connection.handle, _ATT_CID, _CONFIRMATION)
            return
        if cid == _CLASSIC_PAIRING:
            return  # of a transport that no board has
        if cid not in CAREFUL:
            super().on_l2cap_pdu(connection, cid, pdu)
            return
        try:
            super().on_l2cap_pdu(connection, cid, pdu)
        except Exception:  # Bumble's parsers raise whatever they stumble over
            answer = answer_to_malformed(cid, pdu)
            if answer is not None:
                self.send_l2cap_pdu(connection.handle, cid, answer)
