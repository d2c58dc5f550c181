"""The central vanishes and returns; the board's radio is switched off."""

from __future__ import annotations

import asyncio

import pytest
from bleak.exc import BleakError

from eegrig.hil.virtual.board_bluetooth.peripheral_events import CentralDisconnected
from eegrig.hil.virtual.clock import run
from eegrig.hil.virtual.computer_radio.adapter import RequestedLink

STREAM = "e9ea0001-e1b9-11e5-9cee-cfd5f18c7c4a"
INFO = "e9ea0003-e1b9-11e5-9cee-cfd5f18c7c4a"


def test_a_vanished_central_is_noticed_by_both_after_the_timeout(radio_world):
    async def main() -> None:
        world = await radio_world(
            requested=RequestedLink(phy=2, interval_ms=30, timeout_ms=2000)
        ).start()
        gone = asyncio.Event()
        client = world.client(disconnected_callback=lambda _c: gone.set())
        await client.connect()
        start = world.loop.time()
        world.computer.vanish()
        with pytest.raises(BleakError, match="disconnected"):
            await client.read_gatt_char(INFO)
        await gone.wait()
        assert world.loop.time() - start == pytest.approx(2, abs=0.05)
        await asyncio.sleep(0.1)
        assert isinstance(world.events[-1], CentralDisconnected)
        assert world.events[-1].reason == 8
        assert not world.air.links
        # Until it returns it cannot be reached, then it can.
        world.advertise()
        with pytest.raises(TimeoutError):
            await client.connect(timeout=2)
        world.computer.come_back()
        await client.connect()
        assert await client.read_gatt_char(INFO) == b""
        await client.disconnect()

    run(main())


def test_a_short_absence_costs_time_and_nothing_else(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        async with world.client() as client:
            got: list[int] = []
            await client.start_notify(
                STREAM, lambda _c, v: got.append(int.from_bytes(v[:4], "little"))
            )
            world.saturate()
            await asyncio.sleep(1)
            world.computer.vanish()
            before = len(got)
            await asyncio.sleep(3)
            assert len(got) <= before + 1
            world.computer.come_back()
            await asyncio.sleep(1)
            assert got == list(range(len(got)))
            assert len(got) > before + 500

    run(main())


def test_vanishing_before_the_adapter_was_used(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        world.computer.vanish()
        with pytest.raises(BleakError):
            await world.client().connect()

    run(main())


def test_switching_the_board_off_times_the_central_out(radio_world):
    async def main() -> None:
        world = await radio_world(
            requested=RequestedLink(phy=2, interval_ms=30, timeout_ms=1000)
        ).start()
        gone = asyncio.Event()
        client = world.client(disconnected_callback=lambda _c: gone.set())
        await client.connect()
        start = world.loop.time()
        world.board.deactivate()
        assert world.board.connections() == ()
        with pytest.raises(OSError, match="radio is off"):
            world.board.advertise(100_000)
        events = len(world.events)
        # It restarts while the central still believes in the old connection.
        await world.start()
        with pytest.raises(BleakError, match="ALREADY_EXISTS"):
            await world.client(timeout=0.5).connect()
        await gone.wait()
        assert world.loop.time() - start == pytest.approx(1, abs=0.05)
        assert len(world.events) == events
        async with client:
            assert client.is_connected

    run(main())


def test_many_restarts_leave_one_radio_on_air(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        for _ in range(5):
            world.board.deactivate()
            world.board.deactivate()
            await world.start()
            await world.board.activate()
        async with world.client():
            pass
        assert len(world.air.listeners()) == 2

    run(main())
