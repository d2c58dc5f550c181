from __future__ import annotations

import asyncio

import numpy as np
import pytest

from eegrig.boards.link_layer import goodput_bound_bps, pairs_per_event
from eegrig.hil.virtual.air.channel import CRC_ERROR, RECEIVED
from eegrig.hil.virtual.clock import run
from eegrig.hil.virtual.computer_radio.adapter import RequestedLink

STREAM = "e9ea0001-e1b9-11e5-9cee-cfd5f18c7c4a"


async def saturated_bps(world, *, events: int = 40, octets: int = 244) -> float:
    """Goodput at bleak's callback over whole connection events, in bits per second."""
    async with world.client() as client:
        arrivals: list[tuple[int, int]] = []
        await client.start_notify(
            STREAM, lambda _c, v: arrivals.append((world.loop.now_ns(), len(v)))
        )
        world.saturate(octets)
        await asyncio.sleep(0.3)
        (link,) = world.air.links
        counter, start_ns = link.counter, link.next_anchor_ns
        while link.counter <= counter + events:
            await asyncio.sleep(1e-3)
        stop_ns = start_ns + (link.next_anchor_ns - start_ns) // (link.counter - counter) * events
        received = sum(n for t, n in arrivals if start_ns < t <= stop_ns)
        return received * 8 / ((stop_ns - start_ns) * 1e-9)


@pytest.mark.parametrize("interval_ms", [7.5, 11.25, 15, 30, 50, 100])
@pytest.mark.parametrize("phy", [1, 2])
def test_goodput_equals_the_closed_form(radio_world, phy, interval_ms):
    async def main() -> float:
        world = await radio_world(requested=RequestedLink(phy=phy, interval_ms=interval_ms)).start()
        return await saturated_bps(world)

    assert run(main()) == pytest.approx(goodput_bound_bps(interval_ms, phy=phy), rel=1e-3)


def test_the_headline_figure(radio_world):
    """2M, 50 ms, MTU 247: 35 notifications of 244 octets per event."""

    async def main() -> float:
        world = await radio_world(requested=RequestedLink(phy=2, interval_ms=50)).start()
        return await saturated_bps(world)

    assert run(main()) == pytest.approx(1366.4e3, rel=1e-4)


@pytest.mark.parametrize("phy", [1, 2])
def test_without_data_length_extension(radio_world, phy):
    async def main() -> float:
        requested = RequestedLink(phy=phy, interval_ms=30, octets=27)
        world = await radio_world(requested=requested, board={"max_octets": 27}).start()
        return await saturated_bps(world, octets=20)

    bound = goodput_bound_bps(30, phy=phy, octets=27, payload=20)
    assert run(main()) == pytest.approx(bound, rel=1e-3)


class AnswersCorrupted:
    """Only the board's packets break, and only by CRC errors."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def outcome(self, rng: np.random.Generator, phy: int, octets: int) -> int:
        long = octets > 100  # saturated: the board's packets are the long ones
        return CRC_ERROR if long and rng.random() < self.rate else RECEIVED


def markov_deliveries(rate: float, pairs: int) -> float:
    """Expected new packets per event: it ends after two CRC errors in a row or when full."""
    after_good, after_bad, deliveries = 1.0, 0.0, 0.0
    for _ in range(pairs):
        deliveries += (after_good + after_bad) * (1 - rate)
        after_good, after_bad = (after_good + after_bad) * (1 - rate), after_good * rate
    return deliveries


@pytest.mark.parametrize("rate", [0.05, 0.1])
def test_goodput_under_packet_errors_follows_the_markov_form(radio_world, rate):
    async def main() -> float:
        world = await radio_world(requested=RequestedLink(phy=2, interval_ms=50)).start()
        world.air.channel = AnswersCorrupted(rate)
        return await saturated_bps(world, events=400)

    expected = markov_deliveries(rate, pairs_per_event(50_000_000, 2, 251)) * 244 * 8 / 50e-3
    # 400 events: one sigma of the mean is about 1 % at a rate of 0.1.
    assert run(main()) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize(("interval_ms", "per_packet"), [(100, 9), (7.5, 2)])
def test_ten_percent_packet_errors_lose_nothing_at_250_sps(radio_world, interval_ms, per_packet):
    async def main() -> tuple[list[int], int, int]:
        world = await radio_world(requested=RequestedLink(phy=2, interval_ms=interval_ms)).start()
        async with world.client() as client:
            got: list[int] = []
            await client.start_notify(
                STREAM, lambda _c, v: got.append(int.from_bytes(v[:4], "little"))
            )
            world.air.packet_error_rate = 0.1
            waiting = 0
            deepest = 0

            def taken() -> None:
                nonlocal waiting
                waiting -= 1

            packets = 20 * 250 // per_packet
            for number in range(packets):
                await asyncio.sleep(0.004 * per_packet)
                data = number.to_bytes(4, "little").ljust(27 * per_packet, b"\0")
                waiting += not world.board.notify(world.connection, world.stream, data, taken)
                deepest = max(deepest, waiting)
            await asyncio.sleep(1)
            statistics = world.computer.statistics()
            assert statistics is not None
            assert statistics.retransmissions > packets / 30
            assert statistics.crc_errors > 0
            return got, packets, deepest

    got, packets, deepest = run(main())
    assert got == list(range(packets))
    assert deepest <= 8  # what the board must keep besides the stack's six buffers
