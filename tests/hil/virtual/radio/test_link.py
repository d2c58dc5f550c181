"""The link layer by itself: two ends, no HCI, every fate of every packet chosen."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from bumble import ll
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eegrig.boards.link_layer import T_IFS_NS, air_time_ns, sync_time_ns
from eegrig.hil.virtual.air.activity import ActivityKind, ActivitySink
from eegrig.hil.virtual.air.channel import CRC_ERROR, NO_SYNC, RECEIVED, BitErrors, PacketErrors
from eegrig.hil.virtual.air.link import (
    CONNECTION_TIMEOUT,
    FAILED_TO_BE_ESTABLISHED,
    LOCAL_HOST_TERMINATED,
    Link,
)
from eegrig.hil.virtual.air.link_end import End
from eegrig.hil.virtual.clock import VirtualLoop, run

INTERVAL_NS = 10_000_000
FIRST_ANCHOR_NS = 1_000_000
JITTER_NS = 16_000
PHY = 1


@dataclass
class Owner:
    loop: VirtualLoop
    data: list[bytes] = field(default_factory=list)
    down: list[tuple[int, int]] = field(default_factory=list)
    on_control: Callable[[End, Any], None] = lambda _end, _control: None

    def on_data(self, end: End, pdu: Any) -> None:
        self.data.append(pdu.data)

    def on_link_down(self, end: End, reason: int) -> None:
        self.down.append((self.loop.now_ns(), reason))


class Script:
    """Fates in order; then everything arrives."""

    def __init__(self, fates: list[int]) -> None:
        self.fates = list(fates)

    def outcome(self, rng: np.random.Generator, phy: int, octets: int) -> int:
        return self.fates.pop(0) if self.fates else RECEIVED


class Ether:
    sleep_clock_ppm = 0.0

    def __init__(self, channel: Any = None) -> None:
        self.channel = channel


class Pair:
    def __init__(self, channel: Any = None, **kwargs: Any) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.ether = Ether(channel)
        self.activity: list[tuple[str, int, int]] = []
        self.central_activity: list[tuple[str, int, int]] = []
        self.central, self.board = Owner(loop), Owner(loop)
        self.c = End(self.central, 1, self._noting(self.central_activity))
        self.p = End(self.board, 1, self._noting(self.activity))
        self.closed: list[Link] = []
        settings_: dict[str, Any] = {
            "interval_ns": INTERVAL_NS,
            "latency": 0,
            "timeout_ns": 100_000_000,
            "anchor_ns": FIRST_ANCHOR_NS,
            "central_ppm": 0.0,
        }
        self.link = Link(
            loop,
            self.ether,
            central=self.c,
            peripheral=self.p,
            rng=np.random.default_rng(0),
            on_closed=self.closed.append,
            **settings_ | kwargs,
        )

    def _noting(self, stretches: list[tuple[str, int, int]]) -> ActivitySink:
        def note(kind: ActivityKind, start_ns: int, duration_ns: int, phy: int = 1, /) -> None:
            assert phy == PHY
            stretches.append((kind, start_ns, duration_ns))

        return note

    def check_activity(self) -> None:
        """Parts fill their event without gap or overlap, and precede it; both ends' fit."""
        for activity in (self.activity, self.central_activity):
            parts: list[tuple[str, int, int]] = []
            last_end = -1
            for kind, start, duration in activity:
                assert duration > 0
                if kind != "connection_event":
                    parts.append((kind, start, duration))
                    continue
                assert parts
                assert parts[0][1] == start > last_end
                for (_, at, length), (_, following, _) in itertools.pairwise(parts):
                    assert at + length == following
                last_end = parts[-1][1] + parts[-1][2]
                assert last_end == start + duration
                parts = []
        # What the central receives, a sent packet of the board, it receives while that is sent.
        sent = {stretch[1:] for stretch in self.activity if stretch[0] == "tx"}
        in_vain = sync_time_ns(1)
        heard = [stretch[1:] for stretch in self.central_activity if stretch[0] == "rx"]
        assert all(stretch in sent or stretch[1] == in_vain for stretch in heard)


def seconds(ns: int) -> float:
    return ns * 1e-9


def test_an_idle_event_is_one_empty_packet_each_way():
    async def main() -> Pair:
        pair = Pair()
        await asyncio.sleep(seconds(FIRST_ANCHOR_NS + INTERVAL_NS // 2))
        return pair

    empty = air_time_ns(1, 0)
    start = FIRST_ANCHOR_NS
    pair = run(main())
    assert pair.central_activity == [
        ("tx", start, empty),
        ("ifs", start + empty, T_IFS_NS),
        ("rx", start + empty + T_IFS_NS, empty),
        ("connection_event", start, 2 * empty + T_IFS_NS),
    ]
    assert pair.activity == [
        ("rx", start - JITTER_NS, JITTER_NS + empty),
        ("ifs", start + empty, T_IFS_NS),
        ("tx", start + empty + T_IFS_NS, empty),
        ("connection_event", start - JITTER_NS, JITTER_NS + 2 * empty + T_IFS_NS),
    ]


def test_the_receiver_opens_earlier_the_longer_ago_the_last_anchor_was():
    async def main() -> list[int]:
        pair = Pair(Script([RECEIVED, RECEIVED, NO_SYNC]))
        pair.ether.sleep_clock_ppm = 100
        await asyncio.sleep(seconds(FIRST_ANCHOR_NS + 4 * INTERVAL_NS))
        anchors = [FIRST_ANCHOR_NS + k * INTERVAL_NS for k in range(4)]
        starts = [start for kind, start, _ in pair.activity if kind == "connection_event"]
        return [anchor - start for anchor, start in zip(anchors, starts, strict=True)]

    # 100 ppm of 10 ms is 1 µs; of 20 ms, after an anchor was missed, 2 µs.
    assert [early - JITTER_NS for early in run(main())] == [0, 1000, 2000, 1000]


def test_a_missed_packet_costs_the_whole_window():
    async def main() -> list[tuple[str, int, int]]:
        pair = Pair(Script([NO_SYNC]))
        await asyncio.sleep(seconds(FIRST_ANCHOR_NS + INTERVAL_NS // 2))
        return pair.activity

    window = 2 * JITTER_NS + sync_time_ns(1)
    start = FIRST_ANCHOR_NS - JITTER_NS
    assert run(main()) == [("rx", start, window), ("connection_event", start, window)]


def test_the_central_clock_stretches_its_intervals():
    async def main() -> int:
        pair = Pair(central_ppm=50.0)
        await asyncio.sleep(seconds(FIRST_ANCHOR_NS + 100 * INTERVAL_NS))
        return pair.link.next_anchor_ns

    assert run(main()) == FIRST_ANCHOR_NS + 100 * (INTERVAL_NS + 500)


def test_latency_skips_events_only_while_there_is_nothing_to_say():
    async def main() -> tuple[int, int, list[bytes]]:
        pair = Pair(latency=4)
        await asyncio.sleep(seconds(FIRST_ANCHOR_NS + 21 * INTERVAL_NS - 1_000_000))
        idle = pair.p.events
        pair.p.send(b"now")
        await asyncio.sleep(seconds(INTERVAL_NS))
        return pair.link.counter, idle, pair.central.data

    counter, idle, data = run(main())
    assert counter == 21
    assert idle == 5  # events 0, 5, 10, 15, 20
    assert data == [b"now"]


@pytest.mark.parametrize("octets", [27, 28, 100])
def test_long_frames_are_split_and_acknowledged_once(octets):
    async def main() -> tuple[list[bytes], list[int]]:
        pair = Pair()
        acknowledged: list[int] = []
        pair.p.send(bytes(range(octets)), lambda: acknowledged.append(1))
        await asyncio.sleep(0.1)
        return pair.central.data, acknowledged

    data, acknowledged = run(main())
    assert b"".join(data) == bytes(range(octets))
    assert max(len(part) for part in data) <= 27
    assert acknowledged == [1]


fates = st.lists(st.sampled_from([RECEIVED, RECEIVED, CRC_ERROR, NO_SYNC]), max_size=150)
sends = st.lists(
    st.tuples(st.integers(0, 60_000_000), st.sampled_from("cp"), st.integers(1, 80)), max_size=12
)


@settings(max_examples=150)
@given(fates, sends, st.integers(0, 3), st.sampled_from([7_500_000, 10_000_000, 50_000_000]))
# The board still expects something at the end of a full event: it must not listen into the next.
@example([], [(0, "c", n) for n in (1, 1, 1, 50, 54, 80, 55)], 0, 7_500_000)
def test_whatever_happens_on_air_data_arrives_once_and_in_order(
    packet_fates, messages, latency, interval_ns
):
    async def main() -> None:
        pair = Pair(
            Script(packet_fates), interval_ns=interval_ns, latency=latency, timeout_ns=10**12
        )
        pair.link.peripheral.established = pair.link.central.established = True
        sent: dict[str, list[bytes]] = {"c": [], "p": []}
        acknowledged: dict[str, list[bytes]] = {"c": [], "p": []}
        ends = {"c": (pair.c, pair.board), "p": (pair.p, pair.central)}

        def send(who: str, message: bytes) -> None:
            end, receiver = ends[who]
            sent[who].append(message)

            def on_acknowledged() -> None:
                acknowledged[who].append(message)
                # Acknowledged means: the other end has it.
                assert b"".join(receiver.data).startswith(b"".join(acknowledged[who]))

            end.send(message, on_acknowledged)

        for serial, (at_ns, who, size) in enumerate(messages):
            pair.loop.call_at_ns(at_ns, send, who, bytes([serial]) * size)
        await asyncio.sleep(0.06 + interval_ns * 1e-9 * (len(packet_fates) + 60))
        for who, (_, receiver) in ends.items():
            assert b"".join(receiver.data) == b"".join(sent[who])
            assert acknowledged[who] == sent[who]
        pair.check_activity()

    run(main())


@given(fates, st.lists(st.integers(0, 60_000_000), max_size=30))
# Room is left for an empty answer when the board wants to say more after all.
@example([], [FIRST_ANCHOR_NS + 7_000_000])
def test_packets_stay_inside_their_event(packet_fates, board_sends_ns):
    """The central always has more to say, the board now and then, even late in an event."""

    async def main() -> None:
        packets: list[tuple[int, int]] = []

        class Recording(Script):
            def outcome(self, rng: np.random.Generator, phy: int, octets: int) -> int:
                packets.append((pair.loop.now_ns(), octets))
                return super().outcome(rng, phy, octets)

        pair = Pair(Recording(packet_fates), interval_ns=7_500_000, timeout_ns=10**12)
        pair.p.established = pair.c.established = True
        for _ in range(150):
            pair.c.send(bytes(27))
        for at_ns in board_sends_ns:
            pair.loop.call_at_ns(at_ns, pair.p.send, bytes(27))
        await asyncio.sleep(0.1)
        anchors = [FIRST_ANCHOR_NS + k * 7_500_000 for k in range(20)]
        for start, octets in packets:
            following = next(anchor for anchor in anchors if anchor > start)
            assert start + air_time_ns(1, octets) <= following - T_IFS_NS
        pair.check_activity()

    run(main())


def test_the_central_starts_no_pair_that_does_not_fit():
    async def main() -> tuple[int, int]:
        pair = Pair(interval_ns=7_500_000)
        for _ in range(60):
            pair.c.send(bytes(27))
            pair.p.send(bytes(27))
        await asyncio.sleep(seconds(FIRST_ANCHOR_NS + 7_500_000 - 1))
        return pair.c.pdus, pair.p.pdus

    pair_ns = 2 * (air_time_ns(1, 27) + T_IFS_NS)
    assert run(main()) == (7_500_000 // pair_ns,) * 2


@pytest.mark.parametrize("fates", [[NO_SYNC], [RECEIVED, NO_SYNC]])
def test_a_central_without_an_answer_listens_until_there_should_have_been_one(fates):
    async def main() -> list[tuple[str, int, int]]:
        pair = Pair(Script(fates))
        await asyncio.sleep(seconds(FIRST_ANCHOR_NS + INTERVAL_NS // 2))
        return pair.central_activity

    empty, start = air_time_ns(1, 0), FIRST_ANCHOR_NS
    assert run(main()) == [
        ("tx", start, empty),
        ("ifs", start + empty, T_IFS_NS),
        ("rx", start + empty + T_IFS_NS, sync_time_ns(1)),
        ("connection_event", start, empty + T_IFS_NS + sync_time_ns(1)),
    ]


def test_two_crc_errors_in_a_row_close_the_event():
    async def main() -> tuple[int, int]:
        pair = Pair(Script([RECEIVED, CRC_ERROR, RECEIVED, CRC_ERROR]))
        await asyncio.sleep(seconds(FIRST_ANCHOR_NS + INTERVAL_NS - 1))
        transmissions = sum(kind == "tx" for kind, _, _ in pair.activity)
        return transmissions, pair.c.crc_errors

    # After the first broken answer the central asks again, after the second it gives up.
    assert run(main()) == (2, 2)


@pytest.mark.parametrize("timeout_ns", [100_000_000, 123_456_789])
def test_supervision_ends_both_sides_to_the_nanosecond(timeout_ns):
    async def main() -> tuple[Pair, int]:
        pair = Pair(timeout_ns=timeout_ns)
        await asyncio.sleep(0.05)
        pair.link.out_of_reach = True
        last_heard = pair.p.heard_ns
        await asyncio.sleep(1)
        return pair, last_heard

    pair, last_heard = run(main())
    # The central heard the answer to the packet the peripheral heard: one frame space later.
    assert pair.board.down == [(last_heard + timeout_ns, CONNECTION_TIMEOUT)]
    answered = T_IFS_NS + air_time_ns(1, 0)
    assert pair.central.down == [(last_heard + answered + timeout_ns, CONNECTION_TIMEOUT)]
    assert pair.closed == [pair.link]


def test_a_link_that_never_was_fails_after_six_intervals():
    async def main() -> Pair:
        pair = Pair()
        pair.link.out_of_reach = True
        await asyncio.sleep(1)
        return pair

    pair = run(main())
    due = FIRST_ANCHOR_NS + 6 * INTERVAL_NS
    assert pair.central.down == pair.board.down == [(due, FAILED_TO_BE_ESTABLISHED)]


@pytest.mark.parametrize("initiator", ["c", "p"])
@settings(max_examples=60)
@given(packet_fates=fates)
def test_goodbye_reaches_both_ends_or_the_timeout_does(initiator, packet_fates):
    async def main() -> None:
        pair = Pair(Script(packet_fates))
        first = pair.c if initiator == "c" else pair.p
        told, other = (pair.central, pair.board) if initiator == "c" else (pair.board, pair.central)

        def hear(end: End, control: Any) -> None:
            end.leaving = control.error_code

        other.on_control = hear
        first.terminating = True
        first.send_control(
            ll.TerminateInd(0x13),
            on_acknowledged=lambda: pair.link.drop(first, LOCAL_HOST_TERMINATED),
        )
        await asyncio.sleep(3)
        reasons = {LOCAL_HOST_TERMINATED, CONNECTION_TIMEOUT, FAILED_TO_BE_ESTABLISHED}
        assert [reason in reasons for _, reason in told.down] == [True]
        assert [reason in reasons | {0x13} for _, reason in other.down] == [True]
        assert pair.closed == [pair.link]
        if not packet_fates:
            assert other.down[0][1] == 0x13
            assert told.down[0][1] == LOCAL_HOST_TERMINATED
        pair.check_activity()

    run(main())


def test_channel_models_keep_to_their_rates():
    rng = np.random.default_rng(5)
    flat = PacketErrors(0.2, no_sync_fraction=0.25)
    drawn = [flat.outcome(rng, 1, 0) for _ in range(20_000)]
    assert drawn.count(NO_SYNC) / 20_000 == pytest.approx(0.05, abs=0.006)
    assert drawn.count(CRC_ERROR) / 20_000 == pytest.approx(0.15, abs=0.01)
    bits = BitErrors(1e-4)
    lost = {n: sum(bits.outcome(rng, 1, n) != RECEIVED for _ in range(20_000)) for n in (0, 251)}
    for octets, count in lost.items():
        expected = 1 - (1 - 1e-4) ** (40 + 8 * (octets + 5))
        assert count / 20_000 == pytest.approx(expected, abs=0.01)
