"""Bluetooth adapters on the boards' air, for any program that speaks HCI over a stream (H4).

Every connection is an adapter of its own, which is on air as long as the connection lasts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from bumble.core import BaseBumbleError
from bumble.transport.common import PacketParser

from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.air.hci_port import HciPort, PortController
from eegrig.hil.virtual.device_server.serial_port import SerialPort

__all__ = ["HciServer"]

_LOG = logging.getLogger(__name__)
_MAX_UNREAD = 1 << 20


class HciServer:
    """Accepts programs and gives each an adapter.

    Parameters
    ----------
    air : Air

    Attributes
    ----------
    transports : list of str
        Where it listens, as Bumble names transports.
    """

    def __init__(self, air: Air) -> None:
        self._air = air
        self._servers: list[asyncio.Server] = []
        self._adapters: set[_Adapter] = set()
        self._terminal: _Terminal | None = None
        self._made = 0
        self.transports: list[str] = []

    @property
    def adapters(self) -> int:
        """Number of programs that have one."""
        return len(self._adapters)

    async def listen_unix(self, path: str) -> None:
        """Listen at a socket in the file system."""
        self._servers.append(await self._air.loop.create_unix_server(self._make, path))
        self.transports.append(f"unix:{path}")

    async def listen_tcp(self, port: int) -> None:
        """Listen at a port of this computer, which only its own programs can reach; 0: any."""
        server = await self._air.loop.create_server(self._make, "127.0.0.1", port)
        self._servers.append(server)
        self.transports.append(f"tcp-client:127.0.0.1:{server.sockets[0].getsockname()[1]}")

    def open_terminal(self, link: Path) -> None:
        """Offer one adapter as a serial port, for programs that know no sockets."""
        self._terminal = _Terminal(self._air, self._make, link)
        self.transports.append(f"serial:{self._terminal.path}")

    def close(self) -> None:
        """Take all adapters away."""
        if self._terminal is not None:
            self._terminal.close()
        for server in self._servers:
            server.close()
        for adapter in list(self._adapters):
            adapter.close()

    def _make(self) -> _Adapter:
        self._made += 1
        return _Adapter(self._air, self._made, self._adapters)


class _Adapter(asyncio.Protocol):
    """One program's adapter: H4 on its side, a controller on the other."""

    def __init__(self, air: Air, number: int, adapters: set[_Adapter]) -> None:
        digest = sha256(f"adapter {number}".encode()).digest()
        octets = bytearray(digest[:6])
        octets[0] |= 0xC0
        public = bytearray(digest[6:12])
        public[0] = public[0] & ~1 | 2  # locally administered, of one device
        self._adapters = adapters
        self._air = air
        self._name = f"adapter {number}"
        self._address = ":".join(f"{octet:02X}" for octet in octets)
        self._public_address = ":".join(f"{octet:02X}" for octet in public)
        self._controller: Any = None
        self._transport: Any = None
        self._parser = PacketParser(self)
        self._port = HciPort(self.send)

    # ------------------------------------------------------------------ the stream
    def connection_made(self, transport: asyncio.BaseTransport | _Terminal) -> None:
        """Switch the adapter on."""
        self._transport = transport
        self._controller = PortController(self._name, self._air, self._address)
        self._controller.set_public_address(self._public_address)
        self._controller.host = self._port
        self._adapters.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Switch it off: other radios hear no more of it."""
        self._adapters.discard(self)
        if self._controller is not None:
            self._controller.shut_down()
            self._controller = None

    def data_received(self, data: bytes) -> None:
        """Take packets of the program."""
        try:
            self._parser.feed_data(data)
        except BaseBumbleError as error:
            _LOG.warning("%s: no HCI packet, closed: %s", self._name, error)
            self.close()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def on_packet(self, packet: bytes) -> None:
        """Do what a packet asks for."""
        if self._controller is None:
            return
        try:
            self._controller.on_packet(packet)
        except Exception:
            _LOG.warning("%s: cannot do %s, closed", self._name, packet.hex(), exc_info=True)
            self.close()

    def send(self, packet: bytes) -> None:
        """Hand a packet to the program."""
        if isinstance(self._transport, _Terminal):
            self._transport.send(packet)
        elif self._transport.get_write_buffer_size() > _MAX_UNREAD:
            _LOG.warning("%s: its program does not read, closed", self._name)
            self.close()
        elif not self._transport.is_closing():
            self._transport.write(packet)


class _Terminal:
    """A pseudo-terminal with an adapter behind it, in the place of a connection.

    A serial port is not told that a program has gone: the adapter stays on air, and a program
    begins with a reset, as each does.
    """

    room = _MAX_UNREAD

    def __init__(self, air: Air, make: Callable[[], _Adapter], link: Path) -> None:
        self.on_output: Callable[[bytes], None] | None = None
        self._make = make
        self._port = SerialPort(air.loop, self, link)
        self.path = self._port.path
        self._switch_on()

    def _switch_on(self) -> None:
        self._adapter = self._make()
        self._adapter.connection_made(self)

    def close(self) -> None:
        """Take it away."""
        self._port.close()
        self._adapter.connection_lost(None)

    # ------------------------------------------------------------------ what a port asks for
    def write(self, data: bytes) -> int:
        """Take what the program sends."""
        self._adapter.data_received(data)
        return len(data)

    # ------------------------------------------------------------------ what an adapter asks for
    def send(self, packet: bytes) -> None:
        """Hand a packet to the program."""
        if self.on_output is not None:
            self.on_output(packet)

    def abort(self) -> None:
        """Start afresh, with an adapter that knows nothing."""
        self._adapter.connection_lost(None)
        self._switch_on()
