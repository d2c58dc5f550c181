"""Link-layer control procedures: data length, PHY, connection parameters, termination.

Core Specification, Volume 6, Part B, 5.1; HCI commands and events of Volume 4, Part E, 7.
"""

from __future__ import annotations

from typing import Any

from bumble import hci, ll

from eegrig.boards.link_layer import Phy
from eegrig.hil.virtual.air.link_end import End
from eegrig.hil.virtual.air.pdu import (
    ConnectionParamReq,
    ConnectionUpdateInd,
    LengthReq,
    LengthRsp,
    PhyReq,
    PhyRsp,
    PhyUpdateInd,
)

__all__ = ["Procedures"]

_ERROR = hci.HCI_ErrorCode
_INSTANT_AFTER_EVENTS = 6  # 5.1.1: at least six events before a change holds
_PHY_BITS = {Phy.LE_1M: 1, Phy.LE_2M: 2}
_ALL_PHYS = 3  # 1M and 2M; the coded PHY is not offered
_UNIT_NS = 1_250_000
_TIMEOUT_UNIT_NS = 10_000_000


def valid_parameters(interval_min: int, interval_max: int, latency: int, timeout: int) -> bool:
    """Say whether connection parameters are allowed (Volume 4, Part E, 7.8.18), in HCI's units."""
    return (
        6 <= interval_min <= interval_max <= 3200
        and 0 <= latency <= 499
        and 10 <= timeout <= 3200
        and timeout * 10 > (1 + latency) * interval_max * 1.25 * 2
    )


class Procedures:
    """The control procedures of a controller (a part of `RadioController`)."""

    ends: dict[int, End]
    supported_max_tx_octets: int
    supported_max_rx_octets: int
    send_hci_packet: Any
    data_length_event: Any
    request_data_length: Any
    find_le_connection_by_handle: Any
    on_ll_control_pdu: Any
    _send_hci_command_status: Any

    def on_control(self, end: End, control: Any) -> None:
        """Take a control packet from the other end."""
        match control:
            case LengthReq():
                self._on_lengths(end, control)
                end.send_control(
                    LengthRsp(self.supported_max_rx_octets, self.supported_max_tx_octets)
                )
            case LengthRsp():
                self._on_lengths(end, control)
            case PhyReq():
                self._on_phy_req(end, control)
            case PhyRsp():
                self._decide_phys(
                    end, control.rx_phys & end.requested[0], control.tx_phys & end.requested[1]
                )
            case PhyUpdateInd() | ConnectionUpdateInd():
                pass  # both ends change at the instant, see `_at_instant`
            case ConnectionParamReq():
                self._on_param_req(end, control)
            case ll.TerminateInd():
                end.leaving = control.error_code
            case _:
                if isinstance(control, ll.StartEncRsp):
                    end.link.set_encrypted()
                connection = self.find_le_connection_by_handle(end.handle)
                if connection is not None:
                    self.on_ll_control_pdu(connection.peer_address, control)

    def _end(self, command: Any) -> End | None:
        """Return the connection a command means; where there is none, say so to the host."""
        end = self.ends.get(command.connection_handle)
        if end is None:
            status = _ERROR.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
            self._send_hci_command_status(status, command.op_code)
        return end

    # ------------------------------------------------------------------ data length
    def _on_lengths(self, end: End, theirs: Any) -> None:
        tx = min(self.supported_max_tx_octets, theirs.max_rx_octets)
        rx = min(self.supported_max_rx_octets, theirs.max_tx_octets)
        if (tx, rx) != (end.max_tx_octets, end.max_rx_octets):
            end.max_tx_octets, end.max_rx_octets = tx, rx
            self.data_length_event(end)

    def on_hci_le_set_data_length_command(
        self, command: hci.HCI_LE_Set_Data_Length_Command
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        """Change the longest packet, in both directions (7.8.33 is about one)."""
        end = self.ends.get(command.connection_handle)
        status = _ERROR.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
        if end is not None:
            status = _ERROR.SUCCESS
            self.supported_max_tx_octets = self.supported_max_rx_octets = command.tx_octets
            self.request_data_length(end)
        return hci.HCI_StatusAndConnectionHandleReturnParameters(
            status=status, connection_handle=command.connection_handle
        )

    # ------------------------------------------------------------------ PHY
    def on_hci_le_read_phy_command(
        self, command: hci.HCI_LE_Read_PHY_Command
    ) -> hci.HCI_LE_Read_PHY_ReturnParameters:
        """Return the PHYs in use (7.8.47)."""
        end = self.ends.get(command.connection_handle)
        tx, rx = (Phy.LE_1M, Phy.LE_1M) if end is None else _phys_of(end)
        status = _ERROR.UNKNOWN_CONNECTION_IDENTIFIER_ERROR if end is None else _ERROR.SUCCESS
        return hci.HCI_LE_Read_PHY_ReturnParameters(
            status=status,
            connection_handle=command.connection_handle,
            tx_phy=hci.Phy(tx),
            rx_phy=hci.Phy(rx),
        )

    def on_hci_le_set_phy_command(self, command: hci.HCI_LE_Set_PHY_Command) -> None:
        """Ask for other PHYs (7.8.49)."""
        end = self._end(command)
        if end is None:
            return
        tx = _ALL_PHYS if command.all_phys & 1 else command.tx_phys & _ALL_PHYS
        rx = _ALL_PHYS if command.all_phys & 2 else command.rx_phys & _ALL_PHYS
        if not (tx and rx):
            status = _ERROR.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR
            self._send_hci_command_status(status, command.op_code)
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        end.requested = (tx, rx)
        end.send_control(PhyReq(tx, rx))

    def _on_phy_req(self, end: End, control: PhyReq) -> None:
        if end is end.link.central:
            self._decide_phys(end, control.rx_phys, control.tx_phys)
        else:
            end.send_control(PhyRsp(_ALL_PHYS, _ALL_PHYS))

    def _decide_phys(self, end: End, tx_phys: int, rx_phys: int) -> None:
        """Let the central choose, and both change at the instant (5.1.10)."""
        link = end.link
        to_peripheral = _best(tx_phys, link.phy_to_peripheral)
        to_central = _best(rx_phys, link.phy_to_central)
        instant = link.counter + _INSTANT_AFTER_EVENTS
        end.send_control(PhyUpdateInd(to_peripheral, to_central, instant))

        def apply() -> None:
            link.set_phys(to_peripheral, to_central)
            for each in (link.central, link.peripheral):
                if each.alive:
                    tx, rx = _phys_of(each)
                    each.owner.send_hci_packet(  # type: ignore[attr-defined]
                        hci.HCI_LE_PHY_Update_Complete_Event(
                            status=_ERROR.SUCCESS,
                            connection_handle=each.handle,
                            tx_phy=tx,
                            rx_phy=rx,
                        )
                    )

        link.at_instant(instant, apply)

    # ------------------------------------------------------------------ connection parameters
    def on_hci_le_connection_update_command(
        self, command: hci.HCI_LE_Connection_Update_Command
    ) -> None:
        """Change the connection parameters, or ask the central to (7.8.18)."""
        end = self._end(command)
        if end is None:
            return
        low, high = command.connection_interval_min, command.connection_interval_max
        if not valid_parameters(low, high, command.max_latency, command.supervision_timeout):
            status = _ERROR.INVALID_COMMAND_PARAMETERS_ERROR
            self._send_hci_command_status(status, command.op_code)
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        if end is end.link.central:
            self._update(end, high, command.max_latency, command.supervision_timeout)
        else:
            end.send_control(
                ConnectionParamReq(low, high, command.max_latency, command.supervision_timeout)
            )

    def _update(self, end: End, interval: int, latency: int, timeout: int) -> None:
        link = end.link
        # A peripheral that skips events must not miss it.
        instant = link.counter + _INSTANT_AFTER_EVENTS + link.latency
        end.send_control(ConnectionUpdateInd(interval, latency, timeout, instant))

        def apply() -> None:
            link.set_parameters(interval * _UNIT_NS, latency, timeout * _TIMEOUT_UNIT_NS)
            for each in (link.central, link.peripheral):
                if each.alive:
                    each.owner.send_hci_packet(  # type: ignore[attr-defined]
                        hci.HCI_LE_Connection_Update_Complete_Event(
                            status=_ERROR.SUCCESS,
                            connection_handle=each.handle,
                            connection_interval=interval,
                            peripheral_latency=latency,
                            supervision_timeout=timeout,
                        )
                    )

        link.at_instant(instant, apply)

    def _on_param_req(self, end: End, control: ConnectionParamReq) -> None:
        self.send_hci_packet(
            hci.HCI_LE_Remote_Connection_Parameter_Request_Event(
                connection_handle=end.handle,
                interval_min=control.interval_min,
                interval_max=control.interval_max,
                max_latency=control.latency,
                timeout=control.timeout,
            )
        )

    def on_hci_le_remote_connection_parameter_request_reply_command(
        self, command: hci.HCI_LE_Remote_Connection_Parameter_Request_Reply_Command
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        """Grant what the peripheral asked for (7.8.31)."""
        end = self.ends.get(command.connection_handle)
        status = _ERROR.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
        if end is not None:
            status = _ERROR.SUCCESS
            self._update(end, command.interval_max, command.max_latency, command.timeout)
        return hci.HCI_StatusAndConnectionHandleReturnParameters(
            status=status, connection_handle=command.connection_handle
        )

    # ------------------------------------------------------------------ termination
    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """Say goodbye; the connection is gone once the other end has acknowledged it (7.1.6)."""
        end = self._end(command)
        if end is None:
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        self.terminate(end, command.reason)

    def terminate(self, end: End, reason: int) -> None:
        """Send LL_TERMINATE_IND after what is queued already (5.1.6)."""
        if not end.terminating:
            end.terminating = True
            end.send_control(
                ll.TerminateInd(reason), on_acknowledged=lambda: end.link.drop(end, reason)
            )


def _phys_of(end: End) -> tuple[int, int]:
    """Return the PHYs an end sends and receives on."""
    link = end.link
    if end is link.central:
        return link.phy_to_peripheral, link.phy_to_central
    return link.phy_to_central, link.phy_to_peripheral


def _best(bits: int, current: int) -> int:
    """Return the fastest PHY among bits, or the current one if there is none."""
    for phy in (Phy.LE_2M, Phy.LE_1M):
        if bits & _PHY_BITS[phy]:
            return int(phy)
    return current
