from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig.host.streaming.decoder import Block, Gap, StreamDecoder
from eegrig.host.wire.errors import ProtocolError
from eegrig.host.wire.info import Info, decode_info
from tests.host import peer

INFO: Info = decode_info(peer.info())


def blocks_of(decoder: StreamDecoder, packets: list[bytes]) -> list[Block]:
    fed = [decoder.feed(data, arrival_ns=i) for i, data in enumerate(packets)]
    return [block for block in fed if block is not None]


def test_consecutive_packets_make_a_continuous_stream() -> None:
    decoder = StreamDecoder(INFO)
    blocks = blocks_of(decoder, [peer.counter_packet(i, 9 * i) for i in range(20)])
    codes = np.hstack([block.codes for block in blocks])
    assert codes[3].tolist() == [peer.counter_code(i, 3) for i in range(180)]
    assert [block.first_frame for block in blocks] == [9 * i for i in range(20)]
    assert [block.device_ns for block in blocks] == [i * 36_000_000 for i in range(20)]
    assert decoder.counters.intact
    assert decoder.counters.payload_bytes == 20 * (16 + 9 * 24)
    assert (decoder.counters.packets, decoder.counters.frames) == (20, 180)


def test_a_packet_lost_on_the_air_is_a_gap_before_the_next_block() -> None:
    decoder = StreamDecoder(INFO)
    blocks = blocks_of(decoder, [peer.counter_packet(i, 9 * i) for i in (0, 1, 4)])
    assert blocks[-1].gap == Gap(first_frame=18, n_frames=18, packets_lost=2, cause="air")
    assert decoder.gaps == [blocks[-1].gap]
    assert decoder.counters.packets_lost == 2
    assert decoder.counters.frames_lost == 18
    assert decoder.counters.frames_lost_on_board == 0
    assert not decoder.counters.intact


def test_frames_lost_on_the_board_are_told_from_packets_lost_on_the_air() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    block = decoder.feed(peer.counter_packet(1, 14, flags=1), 0)
    assert block is not None
    assert block.gap == Gap(first_frame=9, n_frames=5, packets_lost=0, cause="board")
    assert decoder.counters.frames_lost_on_board == 5
    assert decoder.counters.packets_lost == 0
    assert decoder.counters.flag_mismatches == 0


def test_a_loss_that_could_be_either_says_so() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    block = decoder.feed(peer.counter_packet(2, 25, flags=1), 0)
    assert block is not None
    assert block.gap == Gap(first_frame=9, n_frames=16, packets_lost=1, cause="air+board")


def test_a_loss_before_the_first_packet_is_found() -> None:
    decoder = StreamDecoder(INFO)
    block = decoder.feed(peer.counter_packet(1, 9), 0)
    assert block is not None
    assert block.gap == Gap(first_frame=0, n_frames=9, packets_lost=1, cause="air")


def test_joining_a_running_stream_is_no_loss() -> None:
    decoder = StreamDecoder(INFO, from_start=False)
    block = decoder.feed(peer.counter_packet(1000, 9000), 0)
    assert block is not None
    assert block.gap is None
    assert decoder.counters.intact


@pytest.mark.parametrize(("flags", "first"), [(0, 12), (1, 9)])
def test_a_board_that_hides_or_invents_a_loss_is_caught(flags: int, first: int) -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    decoder.feed(peer.counter_packet(1, first, flags=flags), 0)
    assert decoder.counters.flag_mismatches == 1
    assert decoder.counters.frames_lost == first - 9
    assert not decoder.counters.intact


def test_conversions_the_board_did_not_count_show_in_its_time() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    # Frame 9 stamped one period late: one conversion went by without an index.
    decoder.feed(peer.counter_packet(1, 9, time_us=40_000), 0)
    decoder.feed(peer.counter_packet(2, 18, time_us=76_000), 0)
    assert decoder.counters.time_jumps == 1
    assert not decoder.counters.intact


def test_a_clock_two_percent_off_is_no_time_jump() -> None:
    decoder = StreamDecoder(INFO)
    for i in (*range(50), 100, 200):
        decoder.feed(peer.counter_packet(i, 9 * i, time_us=int(9 * i * 4000 * 1.02)), 0)
    assert decoder.counters.time_jumps == 0


def test_duplicates_and_late_packets_are_dropped_and_told_apart() -> None:
    decoder = StreamDecoder(INFO)
    order = (0, 1, 1, 3, 2, 0, 4)
    blocks = blocks_of(decoder, [peer.counter_packet(i, 9 * i) for i in order])
    assert [block.sequence for block in blocks] == [0, 1, 3, 4]
    assert decoder.counters.duplicates == 2
    assert decoder.counters.late == 1
    assert decoder.counters.packets_lost == 1
    assert decoder.counters.packets == 4


def test_a_frame_index_that_goes_back_is_an_error() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    with pytest.raises(ProtocolError, match="begins with frame 8, 1 before the one expected"):
        decoder.feed(peer.counter_packet(1, 8), 0)


def test_a_frame_index_no_loss_explains_is_an_error() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    with pytest.raises(ProtocolError, match="150001 frames after the one expected"):
        decoder.feed(peer.counter_packet(1, 9 + 150_001), 0)


def test_numbers_wrap_without_a_seam() -> None:
    decoder = StreamDecoder(INFO, from_start=False)
    first = 2**30 - 90
    packets = [peer.counter_packet(2**16 - 10 + i, first + 9 * i) for i in range(20)]
    blocks = blocks_of(decoder, packets)
    assert [block.first_frame for block in blocks] == [first + 9 * i for i in range(20)]
    assert [block.sequence for block in blocks] == [2**16 - 10 + i for i in range(20)]
    steps = np.diff([block.device_ns for block in blocks])
    assert (steps == 36_000_000).all()
    assert decoder.counters.intact


@pytest.mark.parametrize("byte", [16, 100, 231])
def test_one_wrong_byte_in_the_test_pattern_is_one_wrong_sample(byte: int) -> None:
    decoder = StreamDecoder(INFO)
    data = bytearray(peer.counter_packet(0, 0))
    data[byte] ^= 0x04
    decoder.feed(bytes(data), 0)
    assert decoder.counters.pattern_errors == 1
    assert not decoder.counters.intact


def test_throughput_packets_count_bytes_losses_and_errors() -> None:
    decoder = StreamDecoder(INFO)
    wrong = bytearray(peer.throughput_packet(3))
    wrong[200] ^= 0xFF
    packets = [peer.throughput_packet(0), peer.throughput_packet(2), bytes(wrong)]
    assert blocks_of(decoder, packets) == []
    assert decoder.counters.payload_bytes == 3 * 244
    assert decoder.counters.packets_lost == 1
    assert decoder.counters.pattern_errors == 1


@dataclass
class Sent:
    """A stream as a board would send it, and the truth about what was lost on the board."""

    packets: list[bytes]
    frames: list[range]


@st.composite
def streams(draw: st.DrawFn) -> Sent:
    sent = Sent([], [])
    sequence = draw(st.sampled_from([0, 2**16 - 5]))
    index = draw(st.sampled_from([0, 2**30 - 20]))
    for i in range(draw(st.integers(2, 30))):
        lost = draw(st.sampled_from([0, 0, 0, 1, 7])) if i else 0
        n_frames = draw(st.integers(1, 10))
        index += lost
        sent.packets.append(
            peer.counter_packet(sequence + i, index, n_frames, flags=1 if lost else 0)
        )
        sent.frames.append(range(index, index + n_frames))
        index += n_frames
    return sent


@settings(max_examples=200)
@given(streams(), st.data())
def test_whatever_is_lost_or_repeated_is_accounted_for(sent: Sent, data: st.DataObject) -> None:
    """Every frame is either delivered, once, or in a gap; nothing is both or neither."""
    n = len(sent.packets)
    fates = st.sampled_from(["ok", "ok", "ok", "lost", "twice"])
    fate = ["ok", *data.draw(st.lists(fates, min_size=n - 2, max_size=n - 2)), "ok"]
    decoder = StreamDecoder(INFO, from_start=False)
    delivered: list[range] = []
    for packet, what in zip(sent.packets, fate, strict=True):
        for _ in range({"ok": 1, "lost": 0, "twice": 2}[what]):
            block = decoder.feed(packet, 0)
            if block is not None:
                delivered.append(range(block.first_frame, block.first_frame + block.n_frames))

    kept = [frames for frames, what in zip(sent.frames, fate, strict=True) if what != "lost"]
    assert delivered == kept
    missing = [range(gap.first_frame, gap.first_frame + gap.n_frames) for gap in decoder.gaps]
    covered = sorted(i for part in delivered + missing for i in part)
    assert covered == list(range(sent.frames[0].start, sent.frames[-1].stop))
    counters = decoder.counters
    assert counters.frames == sum(map(len, delivered))
    assert counters.frames_lost == sum(map(len, missing))
    assert counters.packets_lost == fate.count("lost")
    assert counters.duplicates == fate.count("twice")
    assert counters.late == counters.pattern_errors == counters.time_jumps == 0
    assert counters.flag_mismatches == 0


@given(st.lists(st.binary(max_size=60) | st.just(peer.counter_packet(0, 0)), max_size=5))
def test_arbitrary_packets_raise_nothing_but_a_protocol_error(packets: list[bytes]) -> None:
    decoder = StreamDecoder(INFO)
    for data in packets:
        try:
            decoder.feed(data, 0)
        except ProtocolError:
            return


@given(st.integers(0, 231), st.integers(0, 255))
def test_a_corrupted_packet_never_goes_unnoticed(index: int, value: int) -> None:
    """In the test pattern, every byte but device time and lead-off is covered by some check."""
    good = peer.counter_packet(1, 9)
    if good[index] == value or 8 <= index < 12 or 13 <= index < 16:
        return
    if index == 3 and value & 2 == 0:
        return  # no longer marked as the test pattern, so nothing to compare with
    bad = bytearray(good)
    bad[index] = value
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    try:
        decoder.feed(bytes(bad), 0)
    except ProtocolError:
        return
    if index == 3:
        assert bad[3] & ~0x0F == 0
    else:
        assert not decoder.counters.intact
