"""A Bluetooth controller: Bumble's, with a link layer in time under it.

Bumble 0.0.236 brings HCI, encryption and the features exchange. What its controller lacks or does
in no time is replaced here: advertising, connecting and its cancellation, data length, PHY and
parameter updates, disconnection, buffers that are free only once the other end has the data. What
it has and nothing here is behind (`command_set`) is no command of this controller.
``tests/contracts/test_bumble_contract.py`` names what is leaned on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport

from eegrig.boards.link_layer import DATA_OCTETS_MAX, DATA_OCTETS_MIN, Phy, air_time_ns
from eegrig.hil.virtual.air.activity import ActivitySink
from eegrig.hil.virtual.air.advertising import RSSI_DBM, Advertiser
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.command_set import COMMANDS
from eegrig.hil.virtual.air.hci_advertising import PUBLIC_ADDRESS_TYPES, AdvertisingCommands
from eegrig.hil.virtual.air.link import LOCAL_HOST_TERMINATED
from eegrig.hil.virtual.air.link_end import End
from eegrig.hil.virtual.air.pdu import CONTINUATION, START, LengthReq, Pdu
from eegrig.hil.virtual.air.procedures import Procedures
from eegrig.hil.virtual.clock import Clock

__all__ = ["RadioController"]

_SLOT_NS = 625_000  # of scan intervals and windows
_ADVERTISING_CHANNELS = 3
_ERROR = hci.HCI_ErrorCode
_UNSUPPORTED = (
    hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
    | hci.LeFeatureMask.LE_CODED_PHY
    | hci.LeFeatureMask.LL_PRIVACY
)


class RadioController(AdvertisingCommands, Procedures, Controller):  # type: ignore[misc]
    """One radio with its link layer and HCI.

    Parameters
    ----------
    name : str
        Names its random stream.
    air : Air
    address : str
        Static random address, for example ``"F0:F1:F2:F3:F4:F5"``.
    clock : Clock or None
        For what concerns nobody on air but this radio's owner; None: its owner is everybody's
        business, as a computer is.
    ppm : float
        How slow its clock runs against virtual time, in parts per million (as a central).
    max_octets : int
        Longest link-layer payload it supports.
    sink : ActivitySink or None
        Told of the radio's activity.
    """

    le_acl_data_packet_length = DATA_OCTETS_MAX
    total_num_le_acl_data_packets = 8
    supported_max_tx_time = 17_040
    supported_max_rx_time = 17_040
    le_features = Controller.le_features & ~_UNSUPPORTED
    supported_commands = COMMANDS
    le_scan_enable: bool
    pending_le_connection: Any
    _public_address: hci.Address

    def __init__(
        self,
        name: str,
        air: Air,
        address: str,
        *,
        clock: Clock | None = None,
        ppm: float = 0.0,
        max_octets: int = DATA_OCTETS_MAX,
        sink: ActivitySink | None = None,
    ) -> None:
        self.air = air
        self.clock = clock
        self.sink = sink
        self.ppm = ppm
        self.reachable = True
        self.powered = True
        self.ends: dict[int, End] = {}
        self.supported_max_tx_octets = self.supported_max_rx_octets = max_octets
        self.advertiser = Advertiser(air.loop, air, self, air.rng(f"advertiser {name}"))
        super().__init__(name, link=air)
        self.random_address = hci.Address(address)

    @property
    def address(self) -> hci.Address:
        """The address it is known by on air."""
        return self._public_address if self.shows_public else self.random_address

    def set_public_address(self, address: str) -> None:
        """Give it a public address; for before it is switched on."""
        self._public_address = hci.Address(address, hci.AddressType.PUBLIC_DEVICE)

    def shut_down(self) -> None:
        """Switch the radio off at once: the other ends hear no more, and are told nothing."""
        self.powered = False
        self.advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.air.remove_controller(self)
        self.drop_links()

    def drop_links(self) -> None:
        """Take all its ends of links away, and tell its host nothing."""
        for end in list(self.ends.values()):
            end.link.drop(end)
        self.ends.clear()
        self.le_connections.clear()

    # ------------------------------------------------------------------ HCI
    def on_hci_command_packet(self, command: hci.HCI_Command) -> None:
        """Do a command, or say that there is no such command."""
        if command.op_code in COMMANDS:
            super().on_hci_command_packet(command)
        elif isinstance(command, hci.HCI_SyncCommand):
            self.send_hci_packet(
                hci.HCI_Command_Complete_Event(
                    num_hci_command_packets=1,
                    command_opcode=command.op_code,
                    return_parameters=hci.HCI_StatusReturnParameters(
                        _ERROR.UNKNOWN_HCI_COMMAND_ERROR
                    ),
                )
            )
        else:
            self._send_hci_command_status(_ERROR.UNKNOWN_HCI_COMMAND_ERROR, command.op_code)

    def on_hci_read_rssi_command(
        self, command: hci.HCI_Read_RSSI_Command
    ) -> hci.HCI_Read_RSSI_ReturnParameters:
        """Say how strong a connection's packets come in (7.5.4)."""
        there = command.handle in self.ends
        status = _ERROR.SUCCESS if there else _ERROR.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
        return hci.HCI_Read_RSSI_ReturnParameters(
            status=status, handle=command.handle, rssi=RSSI_DBM
        )

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand an event to the host, after everything that is running now."""
        if self.powered and self.host is not None:
            self.air.loop.call_soon(self.host.on_packet, bytes(packet))

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Queue data of the host; its buffer is free once the other end has acknowledged it."""
        handle = packet.connection_handle
        end = self.ends.get(handle)
        if end is not None and not end.terminating:
            continuation = packet.pb_flag == hci.HCI_ACL_PB_CONTINUATION
            llid = CONTINUATION if continuation else START
            self.send_part(end, packet.data, llid, lambda: self._acknowledged(handle))

    def send_part(
        self, end: End, data: bytes, llid: int, on_acknowledged: Callable[[], object]
    ) -> None:
        """Send part of an L2CAP frame, after what is queued."""
        end.send_part(data, llid, on_acknowledged)

    def _acknowledged(self, handle: int) -> None:
        if self.powered and self.host is not None:
            self.air.loop.call_soon(self.host.on_acl_acknowledged, handle)

    # ------------------------------------------------------------------ link layer
    def on_data(self, end: End, pdu: Pdu) -> None:
        """Hand received data to the host."""
        if self.powered and self.host is not None:
            self.air.loop.call_soon(self.host.on_acl_data, end.handle, pdu.llid, pdu.data)

    def on_link_down(self, end: End, reason: int) -> None:
        """Tell the host that a connection is gone."""
        if self.ends.pop(end.handle, None) is None:
            return
        connection = self.find_le_connection_by_handle(end.handle)
        self.on_le_disconnected(connection, LOCAL_HOST_TERMINATED if end.terminating else reason)

    def on_le_long_term_key_reply(
        self, connection: Connection, request: ll.EncReq, long_term_key: bytes | None
    ) -> None:
        """Compare keys; where they differ neither end can read the other: both give up."""
        end = self.ends.get(connection.handle)
        if end is None:
            return
        if long_term_key is not None and long_term_key != request.ltk:
            reason = _ERROR.CONNECTION_TERMINATED_DUE_TO_MIC_FAILURE_ERROR
            link = end.link
            link.drop(link.peer(end), reason)
            link.drop(end, reason)
            return
        super().on_le_long_term_key_reply(connection, request, long_term_key)

    # ------------------------------------------------------------------ scanning
    def on_hci_le_set_scan_parameters_command(
        self, command: hci.HCI_LE_Set_Scan_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Set how to scan (7.8.10); there is no accept list to go by."""
        if command.scanning_filter_policy:
            return hci.HCI_StatusReturnParameters(
                _ERROR.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR
            )
        return super().on_hci_le_set_scan_parameters_command(command)

    @property
    def scans(self) -> bool:
        """Whether its host is to be told of advertisements."""
        return self.le_scan_enable

    @property
    def scans_actively(self) -> bool:
        """Whether it asks for scan responses."""
        return self.le_scan_enable and self.le_scan_type == 1

    def hears(self, channel: int, start_ns: int, end_ns: int) -> bool:
        """Say whether its scan window covers that time on that channel."""
        request = self.pending_le_connection
        if request is not None:
            interval, window = request.le_scan_interval, request.le_scan_window
        elif self.le_scan_enable:
            interval, window = self.le_scan_interval, self.le_scan_window
        else:
            return False
        turn, phase_ns = divmod(start_ns, interval * _SLOT_NS)
        return bool(
            turn % _ADVERTISING_CHANNELS == channel
            and phase_ns + end_ns - start_ns <= window * _SLOT_NS
        )

    def wants(self, address: hci.Address) -> bool:
        """Say whether it waits to connect to that advertiser."""
        request = self.pending_le_connection
        return request is not None and request.peer_address == address

    def report(self, event_type: int, address: hci.Address, data: bytes) -> None:
        """Tell the host of an advertisement, if it still scans."""
        if not self.le_scan_enable:
            return
        report = hci.HCI_LE_Advertising_Report_Event.Report(
            event_type=event_type,
            address_type=address.address_type,
            address=address,
            data=data,
            rssi=RSSI_DBM,
        )
        self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))

    # ------------------------------------------------------------------ connecting
    def on_hci_le_create_connection_command(
        self, command: hci.HCI_LE_Create_Connection_Command
    ) -> None:
        """Refuse a second connection to the same device, or wait for it to advertise."""
        if command.peer_address in self.le_connections:
            status = _ERROR.CONNECTION_ALREADY_EXISTS_ERROR
            self._send_hci_command_status(status, command.op_code)
            return
        if command.initiator_filter_policy:  # there is no accept list
            status = _ERROR.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR
            self._send_hci_command_status(status, command.op_code)
            return
        if not self.advertiser.active:
            self.shows_public = command.own_address_type in PUBLIC_ADDRESS_TYPES
        super().on_hci_le_create_connection_command(command)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Wait no longer, and say so (7.8.13)."""
        request, self.pending_le_connection = self.pending_le_connection, None
        if request is None:
            return hci.HCI_StatusReturnParameters(_ERROR.COMMAND_DISALLOWED_ERROR)
        # After the command's completion, which is sent when this returns.
        self.air.loop.call_soon(
            self._connection_complete,
            _ERROR.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            0,
            hci.Role.CENTRAL,
            request.peer_address,
            (0, 0, 0),
        )
        return hci.HCI_StatusReturnParameters(_ERROR.SUCCESS)

    def take_connection_request(self) -> hci.HCI_LE_Create_Connection_Command:
        """Return what the host asked for; it is being fulfilled."""
        request, self.pending_le_connection = self.pending_le_connection, None
        return request

    def open_end(
        self, peer_address: hci.Address, terms: tuple[int, int, int], *, central: bool
    ) -> End:
        """Make this controller's end of a new connection and tell the host.

        Parameters
        ----------
        peer_address : hci.Address
        terms : tuple of int
            Interval in 1.25 ms, latency, supervision time-out in 10 ms.
        central : bool
            Which end.

        Returns
        -------
        End
        """
        handle = self.allocate_connection_handle()
        role = hci.Role.CENTRAL if central else hci.Role.PERIPHERAL
        self.le_connections[peer_address] = Connection(
            controller=self,
            handle=handle,
            role=role,
            self_address=self.address,
            peer_address=peer_address,
            link=self.air,
            transport=PhysicalTransport.LE,
            link_type=hci.HCI_Connection_Complete_Event.LinkType.ACL,
        )
        end = End(self, handle, self.sink)
        self.ends[handle] = end
        self._connection_complete(_ERROR.SUCCESS, handle, role, peer_address, terms)
        return end

    def _connection_complete(
        self,
        status: int,
        handle: int,
        role: hci.Role,
        peer_address: hci.Address,
        terms: tuple[int, int, int],
    ) -> None:
        interval, latency, timeout = terms
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=status,
                connection_handle=handle,
                role=role,
                peer_address_type=peer_address.address_type,
                peer_address=peer_address,
                connection_interval=interval,
                peripheral_latency=latency,
                supervision_timeout=timeout,
                central_clock_accuracy=0,
            )
        )

    def on_link_open(self, end: End) -> None:
        """Start what controllers start by themselves: the data length procedure (central)."""
        if self.supported_max_tx_octets > DATA_OCTETS_MIN:
            self.request_data_length(end)

    def request_data_length(self, end: End) -> None:
        """Tell the other end how long packets may be."""
        end.send_control(LengthReq(self.supported_max_rx_octets, self.supported_max_tx_octets))

    def data_length_event(self, end: End) -> None:
        """Tell the host of new packet lengths."""

        def time_us(octets: int) -> int:
            return max(328, air_time_ns(Phy.LE_1M, octets, mic=True) // 1000)

        self.send_hci_packet(
            hci.HCI_LE_Data_Length_Change_Event(
                connection_handle=end.handle,
                max_tx_octets=end.max_tx_octets,
                max_tx_time=time_us(end.max_tx_octets),
                max_rx_octets=end.max_rx_octets,
                max_rx_time=time_us(end.max_rx_octets),
            )
        )
