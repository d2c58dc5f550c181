"""The firmware and its front end on a virtual board, with and without the power-down line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eegrig import boards
from eegrig.boards import load_board
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.recording.impedance import measure_impedance
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Profile, TestSignal

from ..firmwares import connected

HEADBAND8 = Path(boards.__file__).parent / "headband8/board.toml"
STANDBY_W = (4.5e-3, 7e-3)  # 5.1 mW in standby (SBAS499C 7.5), and its supply's losses
POWER_DOWN_W = (0.0, 0.2e-3)


@pytest.fixture(params=["pwdn", "no pwdn"])
def virtual(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VirtualBench]:
    """Headband8, flashed; one as it is, and one of which the front end's PWDN is tied high."""
    lines = HEADBAND8.read_text().splitlines()
    if request.param == "no pwdn":
        lines = [line for line in lines if not line.startswith("pwdn = ")]
    path = tmp_path / "board.toml"
    path.write_text("\n".join(lines))
    with VirtualBench(load_board(path)) as virtual:
        flash_and_identify(virtual.bench)
        yield virtual


async def afe_w(virtual: VirtualBench) -> float:
    """Measure what the front end and its supply take for a while."""
    await asyncio.sleep(0.1)
    await virtual.bench.power.start()
    await asyncio.sleep(0.5)
    capture = await virtual.bench.power.stop()
    return capture.power_w("afe") + capture.power_w("afe_supply")


def test_the_front_end_is_off_before_between_and_after_streams(virtual):
    lowest_w, highest_w = POWER_DOWN_W if virtual.board.board.afe.pins.pwdn else STANDBY_W

    async def session() -> None:
        async with connected(virtual) as link:
            assert lowest_w <= await afe_w(virtual) < highest_w
            for _ in range(2):
                assert (await record(link, 0.5)).intact
                assert lowest_w <= await afe_w(virtual) < highest_w

    virtual.bench.run(session())
    assert virtual.board.rules().broken == ()


def test_the_firmware_breaks_no_rule_whatever_it_is_asked_for(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            for rate_sps in link.info.rates_sps:
                await link.set_rate(rate_sps)
                await record(link, 0.3, profile=Profile.LOW_LATENCY)
            for signal in (TestSignal.SQUARE_WAVE, TestSignal.SHORTED, TestSignal.NORMAL):
                await link.test_signal(signal)
                await record(link, 0.3)
            await measure_impedance(link, seconds=2.0)
            start = asyncio.create_task(link.start())
            await asyncio.sleep(0.15)  # it wakes its front end meanwhile
            await link.stop()
            await asyncio.gather(start, return_exceptions=True)
            await link.start()
            await asyncio.sleep(0.2)  # and leaves it streaming
        async with connected(virtual) as link:
            await link.start()
            await asyncio.sleep(0.5)
            virtual.board.reset()  # the front end goes on; only its chip select ends
            await asyncio.sleep(1.0)
        async with connected(virtual) as link:
            assert (await record(link, 0.3)).intact

    virtual.bench.run(session())
    check = virtual.board.rules()
    assert check.broken == ()
    assert check.exchanges > 1000
