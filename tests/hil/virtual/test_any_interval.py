"""Boards whose runtime has one packet under way, at the intervals that computers choose.

What a link carries there is a full packet an interval: a packet that was spoilt is sent again in
the same connection event, as long as there is room for it. At least 90 % of that arrives at any
rate, in both profiles, with and without one packet in ten spoilt.
"""

from __future__ import annotations

import itertools

import pytest

from eegrig.boards import list_boards, load_board
from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import packet_period_ms
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Profile

from ..firmwares import connected, flashed_bench

INTERVALS_MS = (15.0, 30.0, 50.0, 100.0)
PACKET_ERRORS = (0.0, 0.1)
SECONDS = 3.0
ONE_PACKET = [
    (name, rate_sps)
    for name in list_boards()
    if board_runtime(load_board(name)).bluetooth.acl_packets == 1
    for rate_sps in load_board(name).afe.rates_sps
]


def test_they_are_the_stm32_boards() -> None:
    assert {load_board(name).mcu.part[:5] for name, _ in ONE_PACKET} == {"stm32"}
    assert len({name for name, _ in ONE_PACKET}) == 3


@pytest.mark.parametrize(("name", "rate_sps"), ONE_PACKET)
def test_nine_tenths_of_what_full_packets_carry_arrive(name: str, rate_sps: int) -> None:
    period_ms = packet_period_ms(load_board(name), rate_sps)
    short = {}
    with flashed_bench(board=name) as (virtual, _):
        faults = virtual.bench.faults
        assert faults is not None
        for interval_ms, profile, errors in itertools.product(INTERVALS_MS, Profile, PACKET_ERRORS):

            async def session(
                interval_ms: float = interval_ms,
                profile: Profile = profile,
                errors: float = errors,
            ) -> int:
                async with connected(virtual, interval_ms=interval_ms) as link:
                    await link.set_rate(rate_sps)
                    faults.packet_error_rate(errors)
                    try:
                        recording = await record(link, SECONDS, profile=profile)
                    finally:
                        faults.packet_error_rate(0.0)
                    return int(recording.electrodes.received().sum())

            carried = SECONDS * rate_sps * min(1.0, period_ms / interval_ms)
            received = virtual.bench.run(session())
            if received < 0.9 * carried:
                short[interval_ms, profile.name, errors] = received / carried
    assert not short
