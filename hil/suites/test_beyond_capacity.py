"""Beyond capacity: more than the link carries is refused or counted, and never lost in silence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from eegrig.hil.measure.stream.packets import Asked, read_stretch
from eegrig.hil.suites.stretches.streams import interval_ms, linked
from eegrig.host.link.put_back import put_back
from eegrig.host.wire.constants import EventCode

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench
    from eegrig.hil.flashed_board import FlashedBoard
    from eegrig.hil.session.recorder import RigRecorder

_SECONDS = 8.0
_SPOILT = 0.6
"""Part of the packets on the air: far more than any interval leaves room for."""


@pytest.mark.lasts(16)
@pytest.mark.needs("link_control", "faults")
@pytest.mark.figures("bandwidth.silent_losses")
async def test_what_the_link_does_not_carry_is_counted(
    rig: Bench, rig_flashed: FlashedBoard, rig_record: RigRecorder
) -> None:
    assert rig.faults is not None
    rate_sps = max(rig.board.afe.rates_sps)
    async with linked(rig, interval_ms(rig, rate_sps=rate_sps)) as link:
        await link.set_rate(rate_sps)
        async with put_back(link, lambda: link.set_rate(rig.board.afe.default_rate_sps)):
            info = link.info
            await link.start()
            rig.faults.packet_error_rate(_SPOILT)
            try:
                await asyncio.sleep(_SECONDS)
            finally:
                rig.faults.packet_error_rate(0.0)
            await asyncio.sleep(1.0)  # what the air held up arrives, and tells what is missing
            await link.stop()
            payload = min(link.parameters.mtu, rig.board.radio.mtu) - 3
            asked = Asked(rate_sps, max_payload=payload)
            counters = read_stretch(link.drain(), info, asked).counters
        told = sum(event.code is EventCode.OVERRUN for event in link.events)
    lost = counters.frames_lost
    silent = {
        "packets lost on the air": counters.packets_lost,
        "losses that no flag tells": counters.flag_mismatches,
        "packets whose time does not follow from their index": counters.time_jumps,
        "frames lost on the board without an event": 0 if told else counters.frames_lost_on_board,
    }
    rig_record(
        "bandwidth.silent_losses",
        sum(silent.values()),
        "1",
        uncertainty=0.0,
        n=counters.frames + counters.frames_lost,
        conditions={
            "rate_sps": rate_sps,
            "packet_error_rate": _SPOILT,
            "frames_told_lost": counters.frames_lost_on_board,
        },
        signal_fault="" if lost else "the link carried everything: no loss could be silent",
        note="; ".join(f"{what}: {count}" for what, count in silent.items() if count),
    )
