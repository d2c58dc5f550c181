from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner

from eegrig.hil.virtual.air.activity import ActivityMeter
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.board_bluetooth.peripheral_events import PeripheralEvent
from eegrig.hil.virtual.board_bluetooth.peripheral_user import PeripheralUser
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.computer_radio.adapter import RequestedLink
from eegrig.hil.virtual.computer_radio.central import Central

SERVICE = "e9ea0000-e1b9-11e5-9cee-cfd5f18c7c4a"
STREAM = "e9ea0001-e1b9-11e5-9cee-cfd5f18c7c4a"
CONTROL = "e9ea0002-e1b9-11e5-9cee-cfd5f18c7c4a"
INFO = "e9ea0003-e1b9-11e5-9cee-cfd5f18c7c4a"
READ, WRITE_NO_RESPONSE, WRITE, NOTIFY, INDICATE = 0x02, 0x04, 0x08, 0x10, 0x20
ADDRESS = "F0:F1:F2:F3:F4:F5"
NAME = "eeg"
ADVERTISING = b"\x02\x01\x06\x04\x09eeg"


class RadioWorld(PeripheralUser):
    """A board and a computer on air, inside the running virtual loop."""

    def __init__(
        self,
        *,
        seed: int = 1,
        board: dict[str, Any] | None = None,
        computer: dict[str, Any] | None = None,
        requested: RequestedLink | None = None,
        sink: Callable[..., None] | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.air = Air(loop, seed=seed)
        self.meter = ActivityMeter()
        self.events: list[PeripheralEvent] = []
        self.board = Peripheral(self.air, self, sink=sink or self.meter, **(board or {}))
        requested = requested or RequestedLink(phy=2, interval_ms=15)
        self.computer = Central(self.air, requested=requested, **(computer or {}))
        self.stream = self.control = self.info = 0
        self.saturating = False

    def on_event(self, event: PeripheralEvent) -> None:
        self.events.append(event)

    async def start(self, interval_us: int = 100_000) -> RadioWorld:
        await self.board.activate()
        ((self.stream, self.control, self.info),) = self.board.register_services(
            [
                (
                    SERVICE,
                    [(STREAM, NOTIFY), (CONTROL, WRITE | WRITE_NO_RESPONSE), (INFO, READ)],
                )
            ]
        )
        self.advertise(interval_us)
        return self

    def advertise(self, interval_us: int = 100_000) -> None:
        self.board.advertise(interval_us, ADVERTISING)

    def scanner(self, **kwargs: Any) -> BleakScanner:
        return BleakScanner(backend=self.computer.scanner_backend, **kwargs)

    def client(self, address: str = ADDRESS, **kwargs: Any) -> BleakClient:
        return BleakClient(address, backend=self.computer.client_backend, **kwargs)

    @property
    def connection(self) -> int:
        (connection,) = self.board.connections()
        return connection

    def saturate(self, octets: int = 244) -> None:
        """Let the board always have something to send, numbered."""
        sent = 0
        self.saturating = True

        def pump() -> None:
            nonlocal sent
            while self.saturating and self.board.connections():
                data = sent.to_bytes(4, "little").ljust(octets, b"\0")
                sent += 1
                if not self.board.notify(self.connection, self.stream, data, pump):
                    return

        pump()


@pytest.fixture(scope="session")
def radio_world() -> type[RadioWorld]:
    return RadioWorld
