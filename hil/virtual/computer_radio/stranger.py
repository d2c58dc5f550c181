"""A radio that belongs to nobody who has met the board: a `hil.stranger.Stranger`.

Its host is Bumble's, and every frame the board sends is kept as it came. ATT is left to whoever
asks: none of it reaches Bumble's client. The security manager is Bumble's while it pairs, and
nobody's else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from bumble import att, core, hci, smp
from bumble.pairing import PairingConfig, PairingDelegate

from eegrig.boards.errors import BoardFault
from eegrig.hil.stranger import AddressKind, Frame, Paired, Sighting
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.host import DirectHost
from eegrig.hil.virtual.computer_radio.central import Central

__all__ = ["VirtualStranger"]

_ADDRESS: Final = "D6:66:66:66:66:66"
_PPM: Final = -15.0  # another oscillator than the owner's
_ATTEMPTS: Final = 4  # a request to connect may not be heard
_ESTABLISHED_S: Final = 0.2
_UPDATE_S: Final = 12.0  # six events of the longest interval are more; nobody asks for it twice
_PRIVATE: Final[dict[int, AddressKind]] = {0: "non-resolvable", 1: "resolvable", 3: "static"}


class _Host(DirectHost):
    """Keeps what the board sends."""

    def __init__(self, controller: Any, links: dict[int, _Link]) -> None:
        super().__init__(controller)
        self._links = links

    def on_l2cap_pdu(self, connection: Any, cid: int, pdu: bytes) -> None:
        link = self._links.get(connection.handle)
        if link is not None:
            link.take(cid, pdu)
        if cid == att.ATT_CID or (cid == smp.SMP_CID and not (link and link.pairing)):
            return
        super().on_l2cap_pdu(connection, cid, pdu)


class _Central(Central):
    """The adapter under it."""

    def __init__(self, air: Air, links: dict[int, _Link]) -> None:
        super().__init__(air, address=_ADDRESS, name="stranger", ppm=_PPM)
        self._links = links

    def make_host(self, controller: Any) -> DirectHost:
        return _Host(controller, self._links)


class _Delegate(PairingDelegate):  # type: ignore[misc]
    """Says yes, and 0 where a number is asked for."""

    async def compare_numbers(self, number: int, digits: int) -> bool:
        return True

    async def get_number(self) -> int | None:
        return 0


class _Link:
    """One connection; a `hil.stranger.StrangerLink`."""

    def __init__(self, air: Air, connection: Any) -> None:
        self._air = air
        self._connection = connection
        self.heard: list[Frame] = []
        self.pairing = False
        self.is_connected = True
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self.is_connected = False

    def take(self, channel: int, payload: bytes) -> None:
        """Keep a frame."""
        self.heard.append(Frame(self._air.loop.now_ns(), channel, bytes(payload)))

    def send(self, channel: int, payload: bytes) -> None:
        """Send a frame of L2CAP on a channel."""
        if self.is_connected:
            self._connection.send_l2cap_pdu(channel, payload)

    def send_raw(self, data: bytes) -> None:
        """Send what may be no frame of L2CAP, as the first fragment of one."""
        if self.is_connected:
            self._connection.device.host.send_acl_sdu(self._connection.handle, data)

    async def pair(
        self, *, secure_connections: bool, mitm: bool, io: int, key_octets: int, timeout_s: float
    ) -> Paired:
        """Pair; see `hil.stranger.StrangerLink.pair`."""
        connection = self._connection
        delegate = _Delegate(
            PairingDelegate.IoCapability(io), maximum_encryption_key_size=key_octets
        )
        config = PairingConfig(sc=secure_connections, mitm=mitm, bonding=True, delegate=delegate)
        connection.device.pairing_config_factory = lambda _connection: config
        self.pairing = True
        try:
            async with asyncio.timeout(timeout_s):
                await connection.pair()
        except TimeoutError:
            return Paired(done=False, why="no answer")
        except core.BaseBumbleError as error:
            return Paired(done=False, why=str(error))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return Paired(done=False, why="the board left")
        finally:
            self.pairing = False
        return Paired(done=bool(connection.is_encrypted))

    async def update_parameters(self, interval_ms: float, latency: int, timeout_ms: int) -> bool:
        """Change the connection's parameters, and tell whether they hold."""
        try:
            async with asyncio.timeout(_UPDATE_S):
                await self._connection.update_parameters(
                    interval_ms, interval_ms, latency, timeout_ms
                )
        except (TimeoutError, core.BaseBumbleError):
            return False
        return True

    async def close(self) -> None:
        """Leave the board."""
        if self.is_connected:
            with contextlib.suppress(core.BaseBumbleError):
                await self._connection.disconnect()


class VirtualStranger:
    """A second central on the same air; a `hil.stranger.Stranger`.

    Parameters
    ----------
    air : Air
    """

    def __init__(self, air: Air) -> None:
        self._air = air
        self._links: dict[int, _Link] = {}
        self._central = _Central(air, self._links)

    async def sightings(self, name: str, seconds: float) -> list[Sighting]:
        """Listen for a board's advertisements for a while."""
        heard: list[Sighting] = []
        async with self._heard(name) as advertisements:
            try:
                async with asyncio.timeout(seconds):
                    while True:
                        at_ns, address = await advertisements.get()
                        text = address.to_string(with_type_qualifier=False)
                        heard.append(Sighting(at_ns, text, _kind(address)))
            except TimeoutError:
                return heard

    @contextlib.asynccontextmanager
    async def connect(self, name: str, timeout_s: float) -> AsyncIterator[_Link]:
        """Find a board by its name and connect."""
        link = await self._connected(name, timeout_s)
        try:
            yield link
        finally:
            await link.close()

    async def _connected(self, name: str, timeout_s: float) -> _Link:
        try:
            async with asyncio.timeout(timeout_s):
                async with self._heard(name) as advertisements:
                    _, address = await advertisements.get()
                for _ in range(_ATTEMPTS):
                    link = await self._attempt(address)
                    if link is not None:
                        return link
        except TimeoutError:
            pass
        raise BoardFault(f"{name} did not let a stranger connect within {timeout_s:g} s")

    async def _attempt(self, address: Any) -> _Link | None:
        device = await self._central.device()
        preferences = self._central.connection_preferences()
        connection = await device.connect_le(address, preferences, timeout=None)
        link = _Link(self._air, connection)
        self._links[connection.handle] = link
        # A board that did not hear the request is missed after six intervals.
        await asyncio.sleep(_ESTABLISHED_S)
        return link if link.is_connected else None

    @contextlib.asynccontextmanager
    async def _heard(self, name: str) -> AsyncIterator[asyncio.Queue[tuple[int, Any]]]:
        """Scan; gives each advertisement of the board once its name is known."""
        queue: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        known: set[str] = set()

        def on_advertisement(advertisement: Any) -> None:
            kinds = core.AdvertisingData.Type
            for kind, value in advertisement.data.ad_structures:
                if kind == kinds.COMPLETE_LOCAL_NAME and value == name.encode():
                    known.add(str(advertisement.address))
            if str(advertisement.address) in known:
                queue.put_nowait((self._air.loop.now_ns(), advertisement.address))

        device = await self._central.scan(queue, active=True)
        device.on(device.EVENT_ADVERTISEMENT, on_advertisement)
        try:
            yield queue
        finally:
            device.remove_listener(device.EVENT_ADVERTISEMENT, on_advertisement)
            await self._central.stop_scan(queue)


def _kind(address: hci.Address) -> AddressKind:
    """Tell an address by its two highest bits (Core 5.4, Vol 6 Part B 1.3.2)."""
    if address.is_public:
        return "public"
    return _PRIVATE.get(bytes(address)[5] >> 6, "non-resolvable")
