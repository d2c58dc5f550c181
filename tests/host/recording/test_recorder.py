"""Recording over the whole chain: a scripted board, real radio, bleak, decoder and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eegrig.boards.errors import BoardFault
from eegrig.host.link.board_link import BoardLink
from eegrig.host.link.link_errors import BoardEventError, LinkLost, StreamStalled
from eegrig.host.link.throughput import Throughput, measure_throughput
from eegrig.host.recording.recorder import record
from eegrig.host.recording.recording import Recording
from eegrig.host.wire.constants import Pattern, Profile
from eegrig.host.wire.errors import ProtocolError
from tests.host import peer
from tests.host.room import Room, linked


async def counted(_room: Room, link: BoardLink) -> Recording:
    return await record(link, 4, pattern=Pattern.COUNTER)


def truth(n_frames: int) -> np.ndarray:
    return np.array([[peer.counter_code(i, c) for i in range(n_frames)] for c in range(8)])


def test_a_recording_has_exactly_the_frames_asked_for() -> None:
    recording = linked(counted)
    np.testing.assert_array_equal(recording.electrodes.codes(), truth(1000))
    assert recording.intact
    assert recording.link is not None
    assert recording.link.mtu == 247


def test_what_the_rig_knows_of_the_link_goes_into_the_sidecar() -> None:
    async def scenario(room: Room, link: BoardLink) -> Recording:
        await room.computer.set_link(phy=2, interval_ms=50)
        return await record(link, 1, parameters=room.computer.link_parameters)

    sidecar = linked(scenario).electrodes.sidecar()
    assert sidecar["link"]["phy_tx"] == 2
    assert sidecar["link"]["interval_ms"] == 50


def test_the_low_latency_profile_is_recorded_as_such() -> None:
    async def scenario(_room: Room, link: BoardLink) -> Recording:
        return await record(link, 1, profile=Profile.LOW_LATENCY)

    recording = linked(scenario)
    assert recording.electrodes.sidecar()["profile"] == "low_latency"
    assert {block.n_frames for block in recording.electrodes.blocks} == {2}


def test_packets_lost_on_the_way_are_gaps_of_their_length() -> None:
    async def scenario(room: Room, link: BoardLink) -> Recording:
        room.board.lost = {3, 4, 50}
        return await record(link, 4, pattern=Pattern.COUNTER)

    recording = linked(scenario)
    assert recording.electrodes.codes().shape == (8, 1000)
    assert recording.electrodes.counters.packets_lost == 3
    assert recording.electrodes.counters.frames_lost == 27
    electrodes = recording.electrodes
    assert [(note.onset_s, note.duration_s) for note in electrodes.annotations()] == [
        (27 / 250, 18 / 250),
        (450 / 250, 9 / 250),
    ]
    received = electrodes.received()
    np.testing.assert_array_equal(electrodes.codes()[:, received], truth(1000)[:, received])


def test_a_radio_that_breaks_one_packet_in_ten_loses_none() -> None:
    async def scenario(room: Room, link: BoardLink) -> Recording:
        room.computer.air.packet_error_rate = 0.1
        return await record(link, 20, pattern=Pattern.COUNTER)

    recording = linked(scenario)
    assert recording.intact
    np.testing.assert_array_equal(recording.electrodes.codes(), truth(5000))


def test_two_runs_make_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        linked(counted).write_bdf(tmp_path / f"{name}.bdf")
    assert (tmp_path / "a.bdf").read_bytes() == (tmp_path / "b.bdf").read_bytes()


def test_a_board_that_falls_silent_is_told_with_what_there_was() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.mute_after = 50
        await record(link, 60, stall_timeout_s=3)

    with pytest.raises(BoardFault, match=r"sent nothing for 3 s after 1\.8 s of samples"):
        linked(scenario)


@pytest.mark.parametrize("number", [lambda _: 0, lambda n: n % 40, lambda n: min(n, 25)])
def test_a_board_whose_packet_numbers_repeat_has_stopped_although_data_arrive(
    number: Callable[[int], int],
) -> None:
    async def scenario(room: Room, link: BoardLink) -> float:
        room.board.number = number
        with pytest.raises(StreamStalled, match="its firmware counts wrong") as caught:
            await record(link, 60)
        said = str(caught.value)
        assert "has sent no new frames for 10 s after " in said
        assert "\n" not in said
        # It was stopped, and can be used again.
        assert room.board.commands[-1][0] == 0x02
        room.board.number = lambda n: n
        assert (await record(link, 1)).intact
        return room.loop.time()

    assert linked(scenario) < 30


def test_a_board_far_below_its_rate_is_not_waited_for() -> None:
    async def scenario(room: Room, link: BoardLink) -> float:
        room.board.spacing = 30
        with pytest.raises(StreamStalled, match=r"has sent only \d+ new frames for 20 s"):
            await record(link, 60)
        return room.loop.time()

    assert linked(scenario) < 60


def test_a_board_at_half_its_rate_is_recorded() -> None:
    async def scenario(room: Room, link: BoardLink) -> Recording:
        room.board.spacing = 2
        return await record(link, 30)

    assert linked(scenario).main.n_frames == 7500


def test_throughput_of_a_board_whose_packet_numbers_repeat() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.number = lambda _: 0
        await measure_throughput(link, 60)

    with pytest.raises(StreamStalled, match=r"no new packets for 10 s .* its firmware counts"):
        linked(scenario)


def test_what_is_sent_twice_is_not_carried() -> None:
    async def scenario(room: Room, link: BoardLink) -> Throughput:
        room.board.number = lambda n: n // 2
        return await measure_throughput(link, 2)

    carried = linked(scenario)
    assert carried.counters.duplicates > 100
    assert carried.payload_bytes.size < carried.counters.duplicates + 1


def test_a_front_end_that_dies_ends_the_recording() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.loop.call_later(1, room.board.end_stream)
        room.loop.call_later(1.1, room.board.notify, peer.event(1, 250))
        await record(link, 60)

    with pytest.raises(BoardEventError, match="AFE_LOST"):
        linked(scenario)


def test_a_computer_out_of_reach_ends_the_recording() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.loop.call_later(1, room.computer.vanish)
        await record(link, 60)

    with pytest.raises(LinkLost):
        linked(scenario)


def test_a_board_that_sends_nonsense_is_stopped() -> None:
    async def scenario(room: Room, link: BoardLink) -> list[bytes]:
        # Says it has seven channels, sends eight.
        with pytest.raises(ProtocolError, match="9 frames of 7 channels"):
            await record(link, 60)
        return room.board.commands

    commands = linked(scenario, info=peer.info(channels=peer.HEADBAND[:7]))
    assert [command[0] for command in commands] == [0x01, 0x02]


def test_throughput_takes_down_every_packet_of_whole_connection_events() -> None:
    async def scenario(room: Room, link: BoardLink) -> Throughput:
        await room.computer.set_link(phy=2, interval_ms=50)
        return await measure_throughput(link, 5)

    result = linked(scenario)
    assert result.counters.intact
    assert result.arrival_ns.shape == result.payload_bytes.shape
    assert set(result.payload_bytes.tolist()) == {244}
    # Whole events of 50 ms, by the computer's clock, which may be off by parts per million.
    starts_ns = result.arrival_ns[np.flatnonzero(np.diff(result.arrival_ns, prepend=0) > 20e6)]
    events = np.diff(starts_ns) / 50e6
    assert events == pytest.approx(np.ones(events.size), abs=0.05)
    assert 4.8e9 < np.ptp(result.arrival_ns) <= 5.05e9


def test_throughput_of_a_board_that_falls_silent() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.loop.call_later(1, room.board.end_stream)
        await measure_throughput(link, 5, stall_timeout_s=2)

    with pytest.raises(BoardFault, match="nothing for 2 s in its throughput test"):
        linked(scenario)
