"""The firmware's gauge on every board: what it shows, and what it says when the cell is empty."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.suites.stretches.streams import linked
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.wire.constants import EventCode
from eegrig.host.wire.control import Event


@pytest.mark.parametrize("name", ["hairclip1", "earpatch2"])  # one board of each port
def test_the_level_follows_the_cell_and_5_percent_are_told_once(name: str, tmp_path: Path) -> None:
    with VirtualBench(load_board(name), directory=tmp_path) as virtual:
        bench, ledger = virtual.bench, virtual.board.ledger
        ledger.battery_v = 4.11  # 90 % of the gauge's curve
        flash_and_identify(bench)

        async def scenario() -> tuple[int, int, list[Event]]:
            async with linked(bench, bench.board.radio.efficient_interval_ms) as link:
                before = await link.battery_level()
                ledger.battery_v = 3.45
                await asyncio.sleep(200)
                return before, await link.battery_level(), link.events

        before, after, events = bench.run(scenario())
    assert before == pytest.approx(90, abs=1)
    assert after == pytest.approx(4, abs=1)
    assert events == [Event(EventCode.BATTERY_LOW, after)]
