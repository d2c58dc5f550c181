"""A computer's adapter whose controller is in another process, at the end of an HCI transport.

It works on any asyncio loop, in real time. What it knows of a link it has from HCI.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from bumble import hci
from bumble.core import ConnectionPHY
from bumble.device import Device, DeviceConfiguration
from bumble.transport import open_transport

from eegrig.boards.errors import InfrastructureError
from eegrig.boards.link_layer import DATA_OCTETS_MAX, Phy
from eegrig.hil.virtual.air.host import ValueHost
from eegrig.hil.virtual.computer_radio.adapter import Adapter, RequestedLink, next_event
from eegrig.host.link.board_link import LinkParameters

__all__ = ["RemoteCentral", "open_central"]

# A board that has agreed to as much before answers without a change that HCI would tell.
_LENGTH_PATIENCE_S: Final = 1.0


class RemoteCentral(Adapter):
    """An adapter behind an HCI transport.

    Parameters
    ----------
    transport : bumble.transport.Transport
        Open.
    name : str
    mtu : int
        ATT MTU it asks for.
    requested : RequestedLink or None
        What it asks for when it connects; `set_link` changes it.
    """

    def __init__(
        self,
        transport: Any,
        *,
        name: str = "computer",
        mtu: int = 517,
        requested: RequestedLink | None = None,
    ) -> None:
        super().__init__(name=name, mtu=mtu, requested=requested)
        config = DeviceConfiguration(name=name, address=hci.Address.generate_static_address())
        self._device = Device(config=config, host=ValueHost(transport.source, transport.sink))
        self._device.on(self._device.EVENT_CONNECTION, self._on_connection)
        self._powered = False
        self._powering = asyncio.Lock()
        self._octets = DATA_OCTETS_MAX
        self._link_phys: dict[int, tuple[int, int]] = {}

    async def device(self) -> Any:
        """Return Bumble's device, switched on when first asked for."""
        async with self._powering:
            if not self._powered:
                await self._device.power_on()
                self._powered = True
        return self._device

    def _on_connection(self, connection: Any) -> None:
        handle = connection.handle
        self._link_phys[handle] = (Phy.LE_1M, Phy.LE_1M)

        def changed(phy: ConnectionPHY) -> None:
            self._link_phys[handle] = (int(phy.tx_phy), int(phy.rx_phy))

        connection.on(connection.EVENT_CONNECTION_PHY_UPDATE, changed)

    # ------------------------------------------------------------------ link parameters
    def _connection(self, address: str | None) -> Any:
        connections = self._device.connections
        if address is None:
            return connections[max(connections)] if connections else None
        for connection in connections.values():
            if connection.peer_address.to_string(with_type_qualifier=False) == address.upper():
                return connection
        return None

    def _phys(self, connection: Any) -> tuple[int, int]:
        return self._link_phys[connection.handle]

    def _own_octets(self, connection: Any) -> int:
        return self._octets

    async def _set_octets(self, connection: Any, octets: int) -> None:
        changed = next_event(connection, connection.EVENT_CONNECTION_DATA_LENGTH_CHANGE)
        await connection.set_data_length(octets, 2120)
        self._octets = octets
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LENGTH_PATIENCE_S):
                await changed

    def _terms(self, connection: Any) -> tuple[float, int, float]:
        terms = connection.parameters
        return terms.connection_interval, terms.peripheral_latency, terms.supervision_timeout

    def link_parameters(self, address: str | None = None) -> LinkParameters | None:
        """Return what HCI told of a connection, or None without a connection."""
        connection = self._connection(address)
        if connection is None:
            return None
        to_board, from_board = self._phys(connection)
        interval_ms, latency, timeout_ms = self._terms(connection)
        return LinkParameters(
            mtu=int(connection.att_mtu),
            phy_tx=from_board,
            phy_rx=to_board,
            interval_ms=interval_ms,
            latency=latency,
            supervision_timeout_ms=timeout_ms,
            max_tx_octets=int(connection.data_length.max_rx_octets),
        )

    def statistics(self, address: str | None = None) -> None:
        """Return None: HCI does not tell what the link layer counts."""


@contextlib.asynccontextmanager
async def open_central(transport_name: str, **options: Any) -> AsyncIterator[RemoteCentral]:
    """Open an adapter; at the end its radio goes off.

    Parameters
    ----------
    transport_name : str
        As Bumble names transports: ``unix:PATH``, ``tcp-client:HOST:PORT``.
    **options
        As for `RemoteCentral`.

    Raises
    ------
    InfrastructureError
        If nothing is there.
    """
    try:
        transport = await open_transport(transport_name)
    except OSError as error:
        raise InfrastructureError(
            f"no adapter at {transport_name} ({error.strerror or error}): is the board up?"
        ) from error
    async with transport:
        yield RemoteCentral(transport, **options)
