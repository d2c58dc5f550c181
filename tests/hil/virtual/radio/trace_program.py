"""Print a digest of everything that happens on air in a busy minute; run by test_determinism."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable

from bleak import BleakClient, BleakScanner

from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.board_bluetooth.peripheral_events import PeripheralEvent
from eegrig.hil.virtual.board_bluetooth.peripheral_user import PeripheralUser
from eegrig.hil.virtual.clock import VirtualLoop, run
from eegrig.hil.virtual.computer_radio.adapter import RequestedLink
from eegrig.hil.virtual.computer_radio.central import Central

SERVICE = "e9ea0000-e1b9-11e5-9cee-cfd5f18c7c4a"
STREAM = "e9ea0001-e1b9-11e5-9cee-cfd5f18c7c4a"


class _Noting(PeripheralUser):
    def __init__(self, note: Callable[[PeripheralEvent], None]) -> None:
        self._note = note

    def on_event(self, event: PeripheralEvent) -> None:
        self._note(event)


async def trace(seed: int) -> str:
    """Return the digest of a run."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    digest = hashlib.sha256()

    def note(*what: object) -> None:
        digest.update(repr((loop.now_ns(), *what)).encode())

    air = Air(loop, seed=seed)
    boards = []
    for number in range(2):
        board = Peripheral(
            air,
            _Noting(lambda event, n=number: note("event", n, event)),  # type: ignore[misc]
            address=f"F0:F1:F2:F3:F4:F{number}",
            name=f"board {number}",
            sink=lambda *stretch, n=number: note("radio", n, *stretch),  # type: ignore[misc]
        )
        await board.activate()
        board.register_services([(SERVICE, [(STREAM, 0x12)])])
        board.advertise(100_000, bytes([5, 9]) + f"eeg{number}".encode())
        boards.append(board)
    computer = Central(air, requested=RequestedLink(phy=2, interval_ms=15))
    found = await BleakScanner.discover(1, backend=computer.scanner_backend)
    note([device.name for device in found])
    air.packet_error_rate = 0.05
    clients = [BleakClient(device, backend=computer.client_backend) for device in found]
    for client in clients:
        await client.connect()
        await client.start_notify(STREAM, lambda c, v: note("arrival", c.uuid, bytes(v)))
    for number in range(200):
        for board in boards:
            for connection in board.connections():
                board.notify(connection, 16, number.to_bytes(4, "little"))
        await asyncio.sleep(0.02)
    await computer.set_link(interval_ms=30)
    computer.vanish()
    await asyncio.sleep(10)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(run(trace(int(sys.argv[1]))))
