"""The computer's Bluetooth adapter: its radio, its host, and what it decides about links."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bumble import hci
from bumble.device import ConnectionParametersPreferences, Device, DeviceConfiguration

from boards.errors import ConfigError, InfrastructureError
from hil.bench import LinkStatistics
from hil.measure.ble_link import DATA_OCTETS_MAX, DATA_OCTETS_MIN, Phy
from hil.virtual.radio.air import Air
from hil.virtual.radio.controller import RadioController
from hil.virtual.radio.host import DirectHost
from hil.virtual.radio.link import End
from hil.virtual.radio.procedures import valid_parameters
from host.link import LinkParameters

if TYPE_CHECKING:
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

__all__ = ["Central", "LinkWish"]

_DEFAULT_MTU: Final = 23
_PROCEDURE_TIMEOUT_S: Final = 40.0  # Volume 6, Part B, 5.2: the procedure response timeout
_UNIT_MS: Final = 1.25


@dataclass(frozen=True)
class LinkWish:
    """Link parameters a central asks for.

    Attributes
    ----------
    phy : {1, 2}
        1M or 2M, both ways.
    interval_ms : float
        Connection interval, 7.5 to 4000 in steps of 1.25.
    octets : int
        Longest link-layer payload, 27 to 251.
    latency : int
        Connection events the board may skip.
    timeout_ms : int
        Supervision time-out, 100 to 32000 in steps of 10.

    Raises
    ------
    ConfigError
        If the values are not allowed, alone or together.
    """

    phy: int = Phy.LE_1M
    interval_ms: float = 30.0
    octets: int = DATA_OCTETS_MAX
    latency: int = 0
    timeout_ms: int = 4000

    def __post_init__(self) -> None:
        units = self.interval_ms / _UNIT_MS
        if self.phy not in (Phy.LE_1M, Phy.LE_2M):
            raise ConfigError(f"PHY {self.phy} is not offered: use 1 (1M) or 2 (2M)")
        if units != round(units) or self.timeout_ms % 10:
            raise ConfigError(
                f"interval {self.interval_ms:g} ms and time-out {self.timeout_ms} ms must be "
                "multiples of 1.25 ms and 10 ms"
            )
        if not DATA_OCTETS_MIN <= self.octets <= DATA_OCTETS_MAX:
            raise ConfigError(f"data length {self.octets} is not between 27 and 251 octets")
        if not valid_parameters(int(units), int(units), self.latency, self.timeout_ms // 10):
            raise ConfigError(
                f"interval {self.interval_ms:g} ms, latency {self.latency} and time-out "
                f"{self.timeout_ms} ms are not allowed together: 7.5 to 4000 ms, at most 499, 100 "
                "to 32000 ms and more than 2 x (latency + 1) intervals"
            )


class Central:
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
    wish : LinkWish
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
        wish: LinkWish | None = None,
    ) -> None:
        from hil.virtual.radio.bleak_backend import make_backends

        self.air = air
        self.address = address
        self.name = name
        self.ppm = ppm
        self.mtu = mtu
        self.wish = wish or LinkWish()
        self.keep_default_mtu = False
        self._controller: RadioController | None = None
        self._device: Any = None
        self._powering: asyncio.Task[None] | None = None
        self._out_of_reach = False
        self._scans: dict[object, bool] = {}
        self._scan_lock = asyncio.Lock()
        self._scanner_backend, self._client_backend = make_backends(self)

    # ------------------------------------------------------------------ bleak
    @property
    def scanner_backend(self) -> type[BaseBleakScanner]:
        """For ``BleakScanner(..., backend=)``."""
        return self._scanner_backend

    @property
    def client_backend(self) -> type[BaseBleakClient]:
        """For ``BleakClient(..., backend=)``."""
        return self._client_backend

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

    async def _power_on(self) -> None:
        controller = RadioController(self.name, self.air, self.address, ppm=self.ppm)
        config = DeviceConfiguration(name=self.name, address=hci.Address(self.address))
        self._controller = controller
        self._device = Device(config=config, host=DirectHost(controller))
        self.air.set_reachable(controller, not self._out_of_reach)
        await self._device.power_on()

    async def scan(self, who: object, *, active: bool) -> Any:
        """Scan on behalf of `who`, until `stop_scan`; several may share the one radio.

        Returns
        -------
        Device
            Bumble's device, which emits the advertisements.
        """
        device = await self.device()
        self._scans[who] = active
        await self._update_scan(device)
        return device

    async def stop_scan(self, who: object) -> Any:
        """Scan no more on behalf of `who`; return Bumble's device."""
        device = await self.device()
        self._scans.pop(who, None)
        await self._update_scan(device)
        return device

    async def _update_scan(self, device: Any) -> None:
        async with self._scan_lock:
            wanted, active = bool(self._scans), any(self._scans.values())
            running = device.is_scanning
            if running and (not wanted or active is device.scanning_is_passive):
                await device.stop_scanning()
            if wanted and not device.is_scanning:
                await device.start_scanning(active=active, filter_duplicates=False)

    def connection_preferences(self) -> dict[int, ConnectionParametersPreferences]:
        """Return what to ask for when connecting, as Bumble wants it."""
        wish = self.wish
        return {
            hci.Phy.LE_1M: ConnectionParametersPreferences(
                connection_interval_min=wish.interval_ms,
                connection_interval_max=wish.interval_ms,
                max_latency=wish.latency,
                supervision_timeout=wish.timeout_ms,
                min_ce_length=0,
                max_ce_length=0,
            )
        }

    # ------------------------------------------------------------------ link parameters
    async def set_link(
        self,
        *,
        phy: int | None = None,
        interval_ms: float | None = None,
        octets: int | None = None,
        latency: int | None = None,
        timeout_ms: int | None = None,
        address: str | None = None,
    ) -> LinkParameters | None:
        """Ask for link parameters, now and for later connections.

        Parameters
        ----------
        phy, interval_ms, octets, latency, timeout_ms
            See `LinkWish`; None keeps what was asked for last.
        address : str or None
            Of the board whose connection is meant; None: the newest.

        Returns
        -------
        LinkParameters or None
            What was negotiated; None while there is no connection.

        Raises
        ------
        ConfigError
            If the values are not allowed.
        InfrastructureError
            If the connection is lost meanwhile, or the board does not answer.
        """
        given: dict[str, Any] = {
            "phy": phy,
            "interval_ms": interval_ms,
            "octets": octets,
            "latency": latency,
            "timeout_ms": timeout_ms,
        }
        self.wish = replace(self.wish, **{k: v for k, v in given.items() if v is not None})
        end = self._end(address)
        if end is None:
            return None
        connection = self._device.connections.get(end.handle)
        if connection is None:
            return None
        try:
            async with asyncio.timeout(_PROCEDURE_TIMEOUT_S):
                await connection.cancel_on_disconnection(self._apply(connection, end))
        except TimeoutError:
            raise InfrastructureError(
                f"the board did not agree to new link parameters within {_PROCEDURE_TIMEOUT_S:g} s"
            ) from None
        except (asyncio.CancelledError, hci.HCI_Error) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
                raise
            raise InfrastructureError(
                "the connection was lost while its parameters were being changed"
            ) from error
        return self.link_parameters(address)

    async def prefer_at_once(self, connection: Any) -> None:
        """Ask for PHY and data length on a new connection, as far as they differ from its own."""
        end = self._controller.ends.get(connection.handle) if self._controller else None
        if end is not None:
            await connection.cancel_on_disconnection(self._apply(connection, end))

    async def _apply(self, connection: Any, end: End) -> None:
        wish, link = self.wish, end.link
        if (link.phy_to_peripheral, link.phy_to_central) != (wish.phy, wish.phy):
            changed = _next_event(connection, connection.EVENT_CONNECTION_PHY_UPDATE)
            await connection.set_phy([hci.Phy(wish.phy)], [hci.Phy(wish.phy)])
            await changed
        controller = self._controller
        if controller is not None and wish.octets != controller.supported_max_tx_octets:
            changed = _next_event(connection, connection.EVENT_CONNECTION_DATA_LENGTH_CHANGE)
            before = end.max_tx_octets
            await connection.set_data_length(wish.octets, 2120)
            if before != min(wish.octets, _peer_octets(end)):
                await changed
        now = (link.interval_ns, link.latency, link.timeout_ns)
        asked = (round(wish.interval_ms * 1e6), wish.latency, wish.timeout_ms * 1_000_000)
        if now != asked:
            await connection.update_parameters(
                wish.interval_ms, wish.interval_ms, wish.latency, wish.timeout_ms
            )

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
            mtu=_DEFAULT_MTU if connection is None else int(connection.att_mtu),
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


def _next_event(emitter: Any, name: str) -> asyncio.Future[None]:
    """Return a future that is done when Bumble next emits an event."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def done(*_args: Any) -> None:
        if not future.done():
            future.set_result(None)

    emitter.once(name, done)
    return future
