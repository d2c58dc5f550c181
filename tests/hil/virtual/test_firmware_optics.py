"""The firmware on a board with light and electrodes: both arrive, each at its rate and scale."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from eegrig.boards import load_board
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.signal_factory import light_factory
from eegrig.hil.suites.stretches.streams import linked
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.recording.recorder import record
from eegrig.host.recording.recording import Recording
from eegrig.host.wire.constants import StreamId

from ..firmwares import Patch, patched_firmware


@pytest.fixture
def virtual(tmp_path: Path) -> VirtualBench:
    board = load_board("forehead2-nirs")
    with VirtualBench(board, directory=tmp_path, make_light=light_factory(board, 1)) as virtual:
        flash_and_identify(virtual.bench)
        yield virtual


def test_light_is_recorded_in_amperes_beside_eeg(virtual: VirtualBench) -> None:
    board, light = virtual.board, virtual.board.light
    assert light is not None

    async def scenario() -> tuple[Recording, int, int]:
        async with linked(virtual.bench, board.board.radio.efficient_interval_ms) as link:
            start_ns = virtual.loop.now_ns()
            return await record(link, 8.0), start_ns, virtual.loop.now_ns()

    recording, start_ns, stop_ns = virtual.bench.run(scenario())
    optics = recording.streams[StreamId.OPTICS]
    assert recording.electrodes.counters.intact
    assert optics.counters.intact
    assert optics.n_frames == 200
    applied_a = light.applied(start_ns, stop_ns).volts
    # LED current goes in steps of 1.3 mA, which is 1.3 % of it.
    np.testing.assert_allclose(optics.samples().mean(axis=1), applied_a.mean(axis=1), rtol=0.02)


def test_a_reset_in_mid_stream_puts_the_leds_out(virtual: VirtualBench) -> None:
    board = virtual.board
    assert board.optics is not None

    async def scenario() -> tuple[bool, bool]:
        async with linked(virtual.bench, board.board.radio.efficient_interval_ms) as link:
            await link.start()
            await link.receive()
            lit = bool(board.optics.read(0x10, 2)[1] & 1)
            board.reset()
            await asyncio.sleep(2)
            return lit, bool(board.optics.read(0x10, 2)[1] & 1)

    assert virtual.bench.run(scenario()) == (True, False)


# A full link, which holds the main loop while it sends light.
SLOW: Patch = (
    "eeg/streams.py",
    "Light(config.OPTICS, gatt.stream)",
    "Light(config.OPTICS, lambda data: (sleep_ms(500), gatt.stream(data)))",
)


def test_a_stop_that_finds_the_main_loop_sending_light_is_answered(tmp_path: Path) -> None:
    board = load_board("forehead2-nirs")
    firmware = patched_firmware(tmp_path, SLOW)

    async def scenario(virtual: VirtualBench) -> list[int]:
        async with linked(virtual.bench, board.radio.efficient_interval_ms) as link:
            recordings = [await record(link, 2 + i * 0.2) for i in range(5)]
            return [r.streams[StreamId.OPTICS].counters.duplicates for r in recordings]

    with VirtualBench(board, firmware_dir=firmware, make_light=light_factory(board, 1)) as virtual:
        flash_and_identify(virtual.bench)
        assert virtual.bench.run(scenario(virtual)) == [0] * 5
