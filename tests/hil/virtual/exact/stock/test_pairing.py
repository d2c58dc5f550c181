"""Pairing and bonding with the stock binary, whose stack does its own cryptography; and the same in
the fast mode, where Bumble's does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bumble import att
from bumble.device import Peer
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate

from eegrig.boards import load_board
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board import FastBoard, VirtualBoard
from eegrig.hil.virtual.board.exact_board import ExactBoard
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.computer_radio.central import Central
from eegrig.hil.virtual.device_server.firmware import write_runtime
from eegrig.host.runtime.kept import find_runtime

from .conftest import KIND, VARIABLE

PROGRAM = """
import bluetooth
ble = bluetooth.BLE()
secrets = {}
def irq(event, data):
    if event == 29:
        kind, index, key = data
        if key is None:
            found = [value for (k, _), value in secrets.items() if k == kind]
            return found[index] if index < len(found) else None
        return secrets.get((kind, bytes(key)))
    if event == 30:
        kind, key, value = data
        if value is None:
            return secrets.pop((kind, bytes(key)), None) is not None
        secrets[kind, bytes(key)] = bytes(value)
        return True
    if event == 1:
        print('connected')
        CONNECTED
    elif event == 2:
        print('gone')
        advertise()
    elif event == 3:
        print('written', bytes(ble.gatts_read(data[1])))
    elif event == 28:
        print('encrypted, authenticated, bonded, key size', data[1:])
ble.irq(irq)
ble.config(bond=True, le_secure=SECURE, mitm=False, io=3)
ble.active(True)
flags = bluetooth.FLAG_WRITE | 0x1000
ble.gatts_register_services(((bluetooth.UUID(0x180F), ((bluetooth.UUID(1), flags),)),))
def advertise():
    ble.gap_advertise(100_000, b'\\x02\\x01\\x06')
advertise()
print('rea' + 'dy')
"""
ENCRYPTED = "encrypted, authenticated, bonded, key size (1, 0, 1, 16)"


class Room:
    """A board that runs the program, and a computer beside it."""

    def __init__(self, loop: VirtualLoop, air: Air, board: VirtualBoard) -> None:
        self.loop, self.board = loop, board
        self._central = Central(air)

    @property
    def said(self) -> list[str]:
        text = self.board.console.log.decode().replace("\r\n", "\n").partition("ready\n")[2]
        return text.removeprefix("\x04").removeprefix("\x04").removeprefix(">").splitlines()

    async def heard(self, text: bytes, timeout_s: float = 20.0) -> None:
        async with asyncio.timeout(timeout_s):
            while text not in self.board.console.log:
                await asyncio.sleep(0.01)

    async def begin(self, program: str) -> None:
        """Run a program at the raw prompt, which is left with the program at work."""
        await self.heard(b">>> ")
        for data in (b"\x01", program.encode(), b"\x04"):
            while data:
                taken = self.board.console.write(data[: self.board.console.room])
                data = data[taken:]
                await asyncio.sleep(0.01)
        await self.heard(b"ready")

    async def computer(self, *, secure: bool) -> Any:
        device = await self._central.device()
        device.keystore = MemoryKeyStore()
        delegate = PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT)
        device.pairing_config_factory = lambda connection: PairingConfig(
            sc=secure, mitm=False, bonding=True, delegate=delegate
        )
        return device

    async def connect(self, device: Any) -> tuple[Any, Any]:
        """Return a connection and the characteristic that takes encrypted writes."""
        connection = await device.connect(f"{self.board.address}/P")
        peer = Peer(connection)
        await peer.discover_all()
        services = [one for one in peer.services if one.uuid.to_hex_str() == "180F"]
        ((characteristic,),) = (service.characteristics for service in services)
        return connection, characteristic


@pytest.fixture(params=["fast", "exact"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    path = os.environ.get(VARIABLE)
    if request.param == "exact" and not path:
        pytest.skip(f"{VARIABLE} does not say where a stock MicroPython for NUCLEO_WB55 is")
    loop, kind = VirtualLoop(), load_board(KIND)
    air = Air(loop, seed=1)
    make = FastBoard if request.param == "fast" else ExactBoard
    board: VirtualBoard = make(
        kind, loop=loop, air=air, directory=tmp_path, rng=np.random.default_rng(1)
    )
    if request.param == "exact":
        write_runtime(board, find_runtime(Path(path or ""), kind).segments)
    board.supply.on()
    yield Room(loop, air, board)
    board.close()
    loop.close()


@pytest.mark.parametrize("secure", [True, False], ids=["secure", "legacy"])
def test_a_computer_pairs_writes_and_comes_back_with_its_bond(room: Room, secure: bool) -> None:
    async def main() -> None:
        await room.begin(PROGRAM.replace("CONNECTED", "pass").replace("SECURE", str(secure)))
        device = await room.computer(secure=secure)
        connection, characteristic = await room.connect(device)
        with pytest.raises(att.ATT_Error) as refused:
            await characteristic.write_value(b"early", with_response=True)
        assert refused.value.error_code == att.ErrorCode.INSUFFICIENT_AUTHENTICATION
        await connection.pair()
        await characteristic.write_value(b"secret", with_response=True)
        await connection.disconnect()
        await asyncio.sleep(1)
        connection, characteristic = await room.connect(device)
        with pytest.raises(att.ATT_Error) as refused:
            await characteristic.write_value(b"early", with_response=True)
        assert refused.value.error_code == att.ErrorCode.INSUFFICIENT_ENCRYPTION
        await connection.encrypt()  # with the key that both have kept
        await characteristic.write_value(b"again", with_response=True)
        await asyncio.sleep(1)

    room.loop.run_until_complete(main())
    first = ["connected", ENCRYPTED, "written b'secret'", "gone"]
    assert room.said == [*first, "connected", ENCRYPTED, "written b'again'"]


def test_a_board_may_ask_for_it(room: Room) -> None:
    async def main() -> None:
        asking = PROGRAM.replace("CONNECTED", "ble.gap_pair(data[0])").replace("SECURE", "True")
        await room.begin(asking)
        device = await room.computer(secure=True)
        asked: asyncio.Future[None] = room.loop.create_future()
        device.on(
            "connection",
            lambda connection: connection.on(
                connection.EVENT_SECURITY_REQUEST, lambda *_: asked.set_result(None)
            ),
        )
        connection, characteristic = await room.connect(device)
        await asked
        await connection.pair()
        assert connection.encryption
        await characteristic.write_value(b"secret", with_response=True)
        await asyncio.sleep(1)

    room.loop.run_until_complete(main())
    assert room.said == ["connected", ENCRYPTED, "written b'secret'"]
