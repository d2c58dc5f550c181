"""What any adapter of a computer offers bleak: scanning, connecting, link parameters.

Where its controller is, a derived class says.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bumble import hci
from bumble.device import ConnectionParametersPreferences

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.boards.link_layer import DATA_OCTETS_MAX, DATA_OCTETS_MIN, Phy
from eegrig.hil.virtual.air.procedures import valid_parameters
from eegrig.host.link.board_link import LinkParameters

if TYPE_CHECKING:
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.scanner import BaseBleakScanner

__all__ = ["DEFAULT_MTU", "Adapter", "RequestedLink", "next_event"]

DEFAULT_MTU: Final = 23
_PROCEDURE_TIMEOUT_S: Final = 40.0  # Volume 6, Part B, 5.2: the procedure response timeout
_UNIT_MS: Final = 1.25


@dataclass(frozen=True)
class RequestedLink:
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


class Adapter(ABC):
    """An adapter with a bleak backend.

    Parameters
    ----------
    name : str
    mtu : int
        ATT MTU it asks for.
    requested : RequestedLink or None
        What it asks for when it connects; `set_link` changes it.

    Attributes
    ----------
    keep_default_mtu : bool
        A fault: never exchange the MTU, which then stays 23.
    """

    def __init__(self, *, name: str, mtu: int, requested: RequestedLink | None) -> None:
        from eegrig.hil.virtual.computer_radio.bleak_backend import make_backends

        self.name = name
        self.mtu = mtu
        self.requested = requested or RequestedLink()
        self.keep_default_mtu = False
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

    @abstractmethod
    async def device(self) -> Any:
        """Return Bumble's device, switched on when first asked for."""

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
        requested = self.requested
        return {
            hci.Phy.LE_1M: ConnectionParametersPreferences(
                connection_interval_min=requested.interval_ms,
                connection_interval_max=requested.interval_ms,
                max_latency=requested.latency,
                supervision_timeout=requested.timeout_ms,
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
            See `RequestedLink`; None keeps what was asked for last.
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
        self.requested = replace(
            self.requested, **{k: v for k, v in given.items() if v is not None}
        )
        connection = self._connection(address)
        if connection is None:
            return None
        try:
            async with asyncio.timeout(_PROCEDURE_TIMEOUT_S):
                await connection.cancel_on_disconnection(self._apply(connection))
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
        await connection.cancel_on_disconnection(self._apply(connection))

    async def _apply(self, connection: Any) -> None:
        requested = self.requested
        if self._phys(connection) != (requested.phy, requested.phy):
            changed = next_event(connection, connection.EVENT_CONNECTION_PHY_UPDATE)
            await connection.set_phy([hci.Phy(requested.phy)], [hci.Phy(requested.phy)])
            await changed
        if requested.octets != self._own_octets(connection):
            await self._set_octets(connection, requested.octets)
        asked = (requested.interval_ms, requested.latency, requested.timeout_ms)
        if self._terms(connection) != asked:
            await connection.update_parameters(
                requested.interval_ms,
                requested.interval_ms,
                requested.latency,
                requested.timeout_ms,
            )

    @abstractmethod
    def link_parameters(self, address: str | None = None) -> LinkParameters | None:
        """Return what a connection really uses, or None without a connection.

        Parameters
        ----------
        address : str or None
            Of the board whose connection is meant; None: the newest.
        """

    @abstractmethod
    def _connection(self, address: str | None) -> Any:
        """Return Bumble's connection to a board, or the newest; None if there is none."""

    @abstractmethod
    def _phys(self, connection: Any) -> tuple[int, int]:
        """Return the PHYs to the board and from it."""

    @abstractmethod
    def _own_octets(self, connection: Any) -> int:
        """Return the data length that was asked for last."""

    @abstractmethod
    async def _set_octets(self, connection: Any, octets: int) -> None:
        """Ask for a data length and wait until it holds."""

    @abstractmethod
    def _terms(self, connection: Any) -> tuple[float, int, float]:
        """Return interval in ms, latency, and supervision time-out in ms."""


def next_event(emitter: Any, name: str) -> asyncio.Future[None]:
    """Return a future that is done when Bumble next emits an event."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def done(*_args: Any) -> None:
        if not future.done():
            future.set_result(None)

    emitter.once(name, done)
    return future
