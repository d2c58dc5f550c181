"""The computer's Bluetooth adapter: its radio, its host, and what it decides about links."""

from __future__ import annotations

import asyncio
from typing import Any

from bumble import hci
from bumble.device import Device, DeviceConfiguration

from eegrig.boards.errors import InfrastructureError
from eegrig.boards.link_layer import DATA_OCTETS_MIN
from eegrig.hil.bench import LinkStatistics
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.controller import RadioController
from eegrig.hil.virtual.air.host import DirectHost
from eegrig.hil.virtual.air.link_end import End
from eegrig.hil.virtual.computer_radio.adapter import (
    DEFAULT_MTU,
    Adapter,
    RequestedLink,
    next_event,
)
from eegrig.host.link.board_link import LinkParameters

__all__ = ["Central"]


class Central(Adapter):
    """A computer's adapter, with a bleak backend.

    Parameters
    ----------
    air : Air
    address : str
        Static random address.
    name : str
        Names the random stream.
    ppm : float
        How slow its clock runs against virtual time, in parts per million. Not 0 by default: with
        perfect clocks the board's samples keep their place between the anchors for ever, and the
        percentiles of latency come out quantised.
    mtu : int
        ATT MTU it asks for.
    requested : RequestedLink
        What it asks for when it connects; `set_link` changes it.

    Attributes
    ----------
    keep_default_mtu : bool
        A fault: never exchange the MTU, which then stays 23.
    """

    def __init__(
        self,
        air: Air,
        *,
        address: str = "C0:C1:C2:C3:C4:C5",
        name: str = "computer",
        ppm: float = 20.0,
        mtu: int = 517,
        requested: RequestedLink | None = None,
    ) -> None:
        super().__init__(name=name, mtu=mtu, requested=requested)
        self.air = air
        self.address = address
        self.ppm = ppm
        self._controller: RadioController | None = None
        self._device: Any = None
        self._powering: asyncio.Task[None] | None = None
        self._out_of_reach = False

    async def device(self) -> Any:
        """Return Bumble's device, switched on when first asked for.

        Raises
        ------
        InfrastructureError
            If asked from another event loop than the air's: an adapter belongs to one.
        """
        loop = asyncio.get_running_loop()
        if loop is not self.air.loop:
            raise InfrastructureError(
                "this virtual adapter belongs to another event loop: make an Air and a Central "
                "for each loop"
            )
        if self._powering is None:
            self._powering = loop.create_task(self._power_on(), name=f"power on {self.name}")
        await asyncio.shield(self._powering)
        return self._device

    def make_host(self, controller: RadioController) -> DirectHost:
        """Return the host that goes with its controller."""
        return DirectHost(controller)

    async def _power_on(self) -> None:
        controller = RadioController(self.name, self.air, self.address, ppm=self.ppm)
        config = DeviceConfiguration(name=self.name, address=hci.Address(self.address))
        self._controller = controller
        self._device = Device(config=config, host=self.make_host(controller))
        self.air.set_reachable(controller, not self._out_of_reach)
        await self._device.power_on()

    # ------------------------------------------------------------------ link parameters
    def _connection(self, address: str | None) -> Any:
        end = self._end(address)
        return None if end is None else self._device.connections.get(end.handle)

    async def prefer_at_once(self, connection: Any) -> None:
        """Ask for PHY and data length on a new connection, as far as they differ from its own."""
        if self._controller is not None and connection.handle in self._controller.ends:
            await super().prefer_at_once(connection)

    def _end_of(self, connection: Any) -> End:
        if self._controller is None or connection.handle not in self._controller.ends:
            raise asyncio.CancelledError  # as Bumble does where a connection is lost
        return self._controller.ends[connection.handle]

    def _phys(self, connection: Any) -> tuple[int, int]:
        link = self._end_of(connection).link
        return link.phy_to_peripheral, link.phy_to_central

    def _own_octets(self, connection: Any) -> int:
        return int(self._end_of(connection).owner.supported_max_tx_octets)  # type: ignore[attr-defined]

    async def _set_octets(self, connection: Any, octets: int) -> None:
        end = self._end_of(connection)
        changed = next_event(connection, connection.EVENT_CONNECTION_DATA_LENGTH_CHANGE)
        before = end.max_tx_octets
        await connection.set_data_length(octets, 2120)
        if before != min(octets, _peer_octets(end)):
            await changed

    def _terms(self, connection: Any) -> tuple[float, int, float]:
        link = self._end_of(connection).link
        return link.interval_ns / 1e6, link.latency, link.timeout_ns / 1e6

    def _end(self, address: str | None) -> End | None:
        if self._controller is None:
            return None
        ends = self._controller.ends
        if address is None:
            return ends[max(ends)] if ends else None
        for connection in self._controller.le_connections.values():
            if connection.peer_address.to_string(with_type_qualifier=False) == address.upper():
                return ends.get(connection.handle)
        return None

    def link_parameters(self, address: str | None = None) -> LinkParameters | None:
        """Return what a connection really uses, or None without a connection.

        Parameters
        ----------
        address : str or None
            Of the board whose connection is meant; None: the newest.
        """
        end = self._end(address)
        if end is None:
            return None
        connection = self._device.connections.get(end.handle)
        link = end.link
        return LinkParameters(
            mtu=DEFAULT_MTU if connection is None else int(connection.att_mtu),
            phy_tx=link.phy_to_central,
            phy_rx=link.phy_to_peripheral,
            interval_ms=link.interval_ns / 1e6,
            latency=link.latency,
            supervision_timeout_ms=link.timeout_ns / 1e6,
            max_tx_octets=link.peripheral.max_tx_octets,
        )

    def statistics(self, address: str | None = None) -> LinkStatistics | None:
        """Return what the link layer counted, board to computer, or None without a connection.

        Parameters
        ----------
        address : str or None
            Of the board whose connection is meant; None: the newest.

        Returns
        -------
        LinkStatistics or None
            Connection events, data packets the board sent (repeated ones too), repetitions,
            packets that arrived broken, octets of link-layer payload delivered.
        """
        end = self._end(address)
        if end is None:
            return None
        board = end.link.peripheral
        return LinkStatistics(
            events=end.events,
            pdus=board.pdus,
            retransmissions=board.retransmissions,
            crc_errors=end.crc_errors,
            payload_bytes=end.payload_bytes,
        )

    # ------------------------------------------------------------------ faults
    def vanish(self) -> None:
        """Go out of reach: neither end hears the other any more, both time out."""
        self._set_out_of_reach(True)  # noqa: FBT003

    def come_back(self) -> None:
        """Be in reach again. A connection that has not timed out yet goes on."""
        self._set_out_of_reach(False)  # noqa: FBT003

    def _set_out_of_reach(self, out_of_reach: bool) -> None:
        self._out_of_reach = out_of_reach
        if self._controller is not None:
            self.air.set_reachable(self._controller, not out_of_reach)


def _peer_octets(end: End) -> int:
    return int(getattr(end.link.peer(end).owner, "supported_max_tx_octets", DATA_OCTETS_MIN))
