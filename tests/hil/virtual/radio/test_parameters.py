"""Link parameters: what is asked for, what is negotiated, and changing it while data flows."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.virtual.clock import run
from eegrig.hil.virtual.computer_radio.adapter import RequestedLink

STREAM = "e9ea0001-e1b9-11e5-9cee-cfd5f18c7c4a"


def test_what_is_requested_holds_from_the_start_of_a_connection(radio_world):
    async def main() -> object:
        requested = RequestedLink(phy=2, interval_ms=30, octets=100, latency=2, timeout_ms=2000)
        world = await radio_world(requested=requested).start()
        assert world.computer.link_parameters() is None
        assert world.computer.statistics() is None
        async with world.client():
            return world.computer.link_parameters()

    parameters = run(main())
    assert (parameters.phy_tx, parameters.phy_rx, parameters.interval_ms) == (2, 2, 30)
    assert (parameters.latency, parameters.supervision_timeout_ms) == (2, 2000)
    assert (parameters.max_tx_octets, parameters.mtu) == (100, 247)


def test_before_connecting_a_request_is_only_noted(radio_world):
    async def main() -> object:
        world = await radio_world().start()
        assert await world.computer.set_link(phy=1, interval_ms=7.5) is None
        async with world.client():
            return world.computer.link_parameters()

    parameters = run(main())
    assert (parameters.phy_tx, parameters.interval_ms) == (1, 7.5)


@pytest.mark.parametrize("limit", [27, 60])
def test_the_board_limits_the_data_length(radio_world, limit):
    async def main() -> int | None:
        world = await radio_world(board={"max_octets": limit}).start()
        async with world.client():
            await asyncio.sleep(1)
            return world.computer.link_parameters().max_tx_octets

    assert run(main()) == limit


def test_every_change_reports_what_was_got_and_loses_nothing(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        async with world.client() as client:
            got: list[int] = []
            await client.start_notify(
                STREAM, lambda _c, v: got.append(int.from_bytes(v[:4], "little"))
            )
            world.saturate()
            world.air.packet_error_rate = 0.05
            for change in (
                {"interval_ms": 7.5},
                {"interval_ms": 100},
                {"phy": 1},
                {"octets": 27},
                {"phy": 2, "interval_ms": 50, "octets": 251},
                {"latency": 3, "timeout_ms": 6000},
                {},
            ):
                await world.computer.set_link(**change)
                parameters = world.computer.link_parameters()
                assert parameters is not None
                requested = world.computer.requested
                assert parameters.phy_tx == parameters.phy_rx == requested.phy
                assert parameters.interval_ms == requested.interval_ms
                assert parameters.max_tx_octets == requested.octets
                assert parameters.latency == requested.latency
                assert parameters.supervision_timeout_ms == requested.timeout_ms
                await asyncio.sleep(1)
            world.saturating = False
            await asyncio.sleep(1)
            assert got == list(range(len(got)))
            assert len(got) > 1000

    run(main())


def test_the_boards_radio_is_told_of_at_the_phy_of_its_link(radio_world):
    """Advertising is at 1M, also beside a link at 2M and after one that the board cut."""
    stretches: list[tuple[str, int]] = []

    def phys() -> set[int]:
        seen = {phy for kind, phy in stretches if kind in ("tx", "rx")}
        stretches.clear()
        return seen

    async def main() -> list[set[int]]:
        world = await radio_world(
            requested=RequestedLink(phy=1),
            sink=lambda kind, start_ns, duration_ns, phy=1: stretches.append((kind, phy)),
        ).start()
        seen = []
        async with world.client():
            seen.append(phys())
            await world.computer.set_link(phy=2)
            phys()
            await asyncio.sleep(1)
            seen.append(phys())
            world.advertise()
            await asyncio.sleep(1)
            seen.append(phys())
            world.board.deactivate()
        await world.start()
        phys()
        await asyncio.sleep(1)
        return [*seen, phys()]

    assert run(main()) == [{1}, {2}, {1, 2}, {1}]


def test_a_peripheral_may_ask_for_parameters(radio_world):
    """MicroPython has no call for it; Bumble's host does, over the link layer and over L2CAP."""

    async def main() -> list[float]:
        world = await radio_world().start()
        seen = []
        async with world.client():
            connection = world.board._device.connections[world.connection]
            for l2cap in (False, True):
                interval = 45 if l2cap else 30
                await connection.update_parameters(interval, interval, 0, 4000, use_l2cap=l2cap)
                await asyncio.sleep(1)
                seen.append(world.computer.link_parameters().interval_ms)
        return seen

    assert run(main()) == [30, 45]


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ({"phy": 3}, "PHY 3 is not offered"),
        ({"interval_ms": 7.6}, "multiples of 1.25 ms"),
        ({"timeout_ms": 4005}, "multiples of 1.25 ms and 10 ms"),
        ({"interval_ms": 6.25}, "not allowed together"),
        ({"interval_ms": 1000, "latency": 9}, "not allowed together"),
        ({"octets": 26}, "26 is not between 27 and 251"),
    ],
)
def test_impossible_requests_are_refused_in_one_line(radio_world, requested, message):
    with pytest.raises(ConfigError, match=message) as caught:
        RequestedLink(**requested)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_connection_lost_while_changing_is_an_error_not_a_hang(radio_world):
    async def main() -> float:
        world = await radio_world().start()
        async with world.client():
            start = world.loop.time()
            world.computer.vanish()
            with pytest.raises(InfrastructureError, match="connection was lost"):
                await world.computer.set_link(interval_ms=100, phy=1)
            return world.loop.time() - start

    assert run(main()) == pytest.approx(4, abs=0.1)


def test_statistics_count_what_the_board_sent(radio_world):
    async def main() -> None:
        world = await radio_world().start()
        async with world.client() as client:
            await client.start_notify(STREAM, lambda _c, _v: None)
            before = world.computer.statistics()
            for _ in range(10):
                world.board.notify(world.connection, world.stream, bytes(100))
                await asyncio.sleep(0.05)
            after = world.computer.statistics()
            assert after.pdus - before.pdus == 10
            assert after.payload_bytes - before.payload_bytes == 10 * 107
            assert after.retransmissions == after.crc_errors == 0
            assert after.events - before.events == pytest.approx(500 / 15, abs=1)

    run(main())


def test_anchors_have_no_fixed_relation_to_the_board(radio_world):
    async def phase(seed: int) -> float:
        world = await radio_world(seed=seed, requested=RequestedLink(interval_ms=100)).start()
        async with world.client():
            (link,) = world.air.links
            return link.next_anchor_ns % 100_000_000 / 100e6

    phases = sorted(run(phase(seed)) for seed in range(12))
    assert len(set(phases)) == 12
    gaps = [later - earlier for earlier, later in itertools.pairwise([*phases, phases[0] + 1])]
    assert max(gaps) < 0.6


def test_the_central_clock_drifts_against_the_board(radio_world):
    async def main() -> float:
        world = await radio_world(computer={"ppm": 50.0}).start()
        async with world.client():
            (link,) = world.air.links
            counter, anchor_ns = link.counter, link.next_anchor_ns
            await asyncio.sleep(60)
            events = link.counter - counter
            return (link.next_anchor_ns - anchor_ns) / events / 15e6 - 1

    assert run(main()) == pytest.approx(50e-6, rel=1e-3)
