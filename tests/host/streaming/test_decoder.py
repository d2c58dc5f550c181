from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig.host.streaming.decoder import Block, Gap, StreamCounters, StreamDecoder
from eegrig.host.wire.constants import StreamId
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


def test_a_block_has_everything_of_its_packet() -> None:
    decoder = StreamDecoder(INFO)
    rows = [[10 * i + c for c in range(8)] for i in range(3)]
    data = peer.packet(0, 0, rows, time_us=1234, flags=0x0C, lead_off=(0x81, 0x02))
    block = decoder.feed(data, arrival_ns=987)
    assert block is not None
    assert block.codes.tolist() == np.array(rows).T.tolist()
    assert (block.n_frames, block.codes.dtype) == (3, np.int32)
    assert (block.sequence, block.first_frame, block.device_ns) == (0, 0, 1_234_000)
    assert (block.arrival_ns, block.flags, block.gap) == (987, 0x0C, None)
    assert (block.lead_off_p, block.lead_off_n) == (0x81, 0x02)
    assert decoder.gaps == []


def test_another_stream_has_its_own_channels_rate_and_sample_size() -> None:
    listed = [peer.stream(), peer.optics(sample_size=4)]
    decoder = StreamDecoder(decode_info(peer.info(streams=listed)), StreamId.OPTICS)
    for number in range(2):
        data = peer.packet(
            number,
            number,
            [[2**30, -7]],
            rate=25,
            stream_id=1,
            sample_size=4,
            time_us=number * 40_000,
        )
        block = decoder.feed(data, 0)
        assert block is not None
        assert block.codes.tolist() == [[2**30], [-7]]
    assert decoder.counters.intact
    with pytest.raises(ProtocolError, match="unknown stream 0x00"):
        decoder.feed(peer.counter_packet(2, 2), 0)
    with pytest.raises(ProtocolError, match="unknown stream 0x02"):
        StreamDecoder(INFO, StreamId.MOTION)


@pytest.mark.parametrize(("ahead", "lost"), [(0, 0), (1, 1), (2**15 - 1, 2**15 - 1)])
def test_a_packet_up_to_half_of_all_numbers_ahead_is_a_loss(ahead: int, lost: int) -> None:
    decoder = StreamDecoder(INFO)
    block = decoder.feed(peer.counter_packet(ahead, 0), 0)
    assert block is not None
    assert (block.sequence, decoder.counters.packets_lost) == (ahead, lost)


@pytest.mark.parametrize("sequence", [2**15, 2**15 + 1, 2**16 - 1])
def test_a_packet_half_of_all_numbers_ahead_or_more_is_one_of_before(sequence: int) -> None:
    decoder = StreamDecoder(INFO)
    assert decoder.feed(peer.counter_packet(sequence, 0), 0) is None
    assert (decoder.counters.duplicates, decoder.counters.packets) == (1, 0)
    assert decoder.feed(peer.counter_packet(0, 0), 0) is not None


@pytest.mark.parametrize(("sequence", "late"), [(4, 0), (5, 1), (6, 1), (7, 0)])
def test_only_what_was_missing_can_be_late(sequence: int, late: int) -> None:
    """Packets 5 and 6 of the stream's second round of numbers are missing."""
    decoder = StreamDecoder(INFO, from_start=False)
    decoder.feed(peer.counter_packet(2**16 - 1, 0), 0)
    for number, first in ((0, 9), (1, 18), (2, 27), (3, 36), (4, 45), (7, 72)):
        decoder.feed(peer.counter_packet(number, first), 0)
    assert decoder.counters.packets_lost == 2
    assert decoder.feed(peer.counter_packet(sequence, 0), 0) is None
    assert (decoder.counters.late, decoder.counters.duplicates) == (late, 1 - late)


def test_a_duplicate_and_a_late_packet_change_nothing_but_their_counters() -> None:
    decoder = StreamDecoder(INFO)
    for number in (0, 2):
        decoder.feed(peer.counter_packet(number, 9 * number), 0)
    before = decoder.counters.as_dict()
    decoder.feed(peer.counter_packet(1, 9), 0)
    decoder.feed(peer.counter_packet(0, 0), 0)
    assert decoder.counters.as_dict() == before | {"late": 1, "duplicates": 1}
    block = decoder.feed(peer.counter_packet(3, 27), 0)
    assert block is not None
    assert block.gap is None


@pytest.mark.parametrize(
    "counter",
    [
        "packets_lost",
        "frames_lost",
        "duplicates",
        "late",
        "pattern_errors",
        "flag_mismatches",
        "time_jumps",
    ],
)
def test_each_thing_that_is_wrong_makes_a_stream_not_intact(counter: str) -> None:
    assert not StreamCounters(**{counter: 1}).intact
    assert StreamCounters(packets=5, frames=45, payload_bytes=1).intact
    assert StreamCounters().as_dict()[counter] == 0


@pytest.mark.parametrize(("seconds", "frames"), [(600.0, 150_000), (2.0, 500), (0.003, 0)])
def test_a_gap_up_to_the_longest_is_a_loss_and_a_longer_one_an_error(
    seconds: float, frames: int
) -> None:
    """Ten minutes unless it is told otherwise: 150 000 frames at 250 SPS."""
    options = {} if seconds == 600.0 else {"max_gap_s": seconds}
    for ahead in (frames, frames + 1):
        decoder = StreamDecoder(INFO, **options)
        data = peer.counter_packet(1, ahead)
        if ahead > frames:
            with pytest.raises(ProtocolError, match=rf"{ahead} frames after .* \({frames}\)"):
                decoder.feed(data, 0)
        else:
            block = decoder.feed(data, 0)
            assert block is not None
            assert block.first_frame == frames


def test_an_index_half_of_all_ahead_counts_as_one_of_before() -> None:
    for ahead, said in ((2**29 - 1, "after the one expected"), (2**29, f"{2**29} before the one")):
        with pytest.raises(ProtocolError, match=said):
            StreamDecoder(INFO).feed(peer.counter_packet(0, ahead), 0)
    patient = StreamDecoder(INFO, max_gap_s=1e9)
    block = patient.feed(peer.counter_packet(1, 2**29 - 1), 0)
    assert block is not None
    assert block.first_frame == 2**29 - 1


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("first", "tolerance_us"), [(9, 3580), (900, 110_500)])
def test_device_time_may_differ_by_half_a_period_half_a_millisecond_and_three_percent(
    sign: int, first: int, tolerance_us: int
) -> None:
    """9 frames take 36 ms: 2000 + 500 + 1080 us; 900 frames 3.6 s: 2000 + 500 + 108000 us."""
    for beyond in (0, 1):
        decoder = StreamDecoder(INFO)
        decoder.feed(peer.counter_packet(0, 0, time_us=500_000), 0)
        time_us = 500_000 + 4000 * first + sign * (tolerance_us + beyond)
        block = decoder.feed(peer.counter_packet(1, first, flags=1, time_us=time_us), 0)
        assert block is not None
        assert block.device_ns == time_us * 1000
        assert decoder.counters.time_jumps == beyond


def test_device_time_is_the_nearest_to_what_the_index_predicts_over_any_loss() -> None:
    """2^30 us are 1074 s, in which a board at 1 SPS converts 1073 times."""
    info = decode_info(peer.info(rate=1, rates=(1,)))
    decoder = StreamDecoder(info, max_gap_s=1e5)
    decoder.feed(peer.counter_packet(0, 0, 1, time_us=100), 0)
    block = decoder.feed(peer.counter_packet(1, 5000, 1, flags=1, time_us=5_000_000_100 + 77), 0)
    assert block is not None
    assert block.device_ns == 5_000_000_177_000
    for error_us in (2**29 - 1, -(2**29)):
        decoder = StreamDecoder(info, max_gap_s=1e5)
        decoder.feed(peer.counter_packet(0, 0, 1, time_us=0), 0)
        far = peer.counter_packet(1, 5000, 1, flags=1, time_us=5_000_000_000 + error_us)
        block = decoder.feed(far, 0)
        assert block is not None
        assert block.device_ns == (5_000_000_000 + error_us) * 1000


def test_device_time_goes_on_whatever_the_board_says() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0, time_us=100_000), 0)
    block = decoder.feed(peer.counter_packet(1, 9, time_us=90_000), 0)
    assert block is not None
    assert block.device_ns == 100_001_000
    assert decoder.counters.time_jumps == 1
    block = decoder.feed(peer.counter_packet(2, 18, time_us=100_001 + 36_000), 0)
    assert block is not None
    assert block.device_ns == (100_001 + 36_000) * 1000
    assert decoder.counters.time_jumps == 1


def test_a_period_that_is_no_whole_number_of_microseconds_does_not_add_up_to_a_jump() -> None:
    info = decode_info(peer.info(rate=375, rates=(375,)))
    decoder = StreamDecoder(info)
    for number in range(200):
        time_us = round(number * 9 * 1e6 / 375)
        block = decoder.feed(peer.counter_packet(number, 9 * number, time_us=time_us), 0)
        assert block is not None
        assert isinstance(block.device_ns, int)
        assert block.device_ns == time_us * 1000
    assert decoder.counters.intact


def test_everything_that_is_wrong_is_counted_each_time() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    for number in (1, 2):  # flagged without a loss, and 10 ms late each time
        time_us = 36_000 * number + 10_000 * number
        decoder.feed(peer.counter_packet(number, 9 * number, flags=1, time_us=time_us), 0)
    decoder.feed(peer.counter_packet(5, 45, time_us=36_000 * 5 + 20_000), 0)
    for number in (3, 4, 1, 2):
        decoder.feed(peer.counter_packet(number, 9 * number), 0)
    counters = decoder.counters
    assert (counters.flag_mismatches, counters.time_jumps) == (2, 2)
    assert (counters.late, counters.duplicates) == (2, 2)


def test_frames_lost_on_the_board_add_up() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 3, flags=1), 0)
    decoder.feed(peer.counter_packet(1, 14, flags=1), 0)
    decoder.feed(peer.counter_packet(3, 33), 0)
    decoder.feed(peer.counter_packet(5, 60, flags=1), 0)
    assert decoder.gaps == [
        Gap(0, 3, 0, "board"),
        Gap(12, 2, 0, "board"),
        Gap(23, 10, 1, "air"),
        Gap(42, 18, 1, "air+board"),
    ]
    assert decoder.counters.frames_lost_on_board == 5
    assert decoder.counters.frames_lost == 33
    assert decoder.counters.packets_lost == 2
    assert decoder.counters.flag_mismatches == 0


def test_a_missing_packet_without_missing_frames_is_a_gap_of_none() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.counter_packet(0, 0), 0)
    block = decoder.feed(peer.counter_packet(2, 9), 0)
    assert block is not None
    assert block.gap == Gap(first_frame=9, n_frames=0, packets_lost=1, cause="air")
    assert decoder.counters.flag_mismatches == 0


def test_only_the_test_pattern_is_compared_with_one() -> None:
    decoder = StreamDecoder(INFO)
    decoder.feed(peer.packet(0, 0, [[5] * 8], flags=0x0C), 0)
    assert decoder.counters.pattern_errors == 0
    wrong = peer.packet(1, 1, [[5] * 8, [8 * 2 + c for c in range(8)]], flags=2)
    decoder.feed(wrong, 0)
    assert decoder.counters.pattern_errors == 8
    decoder.feed(peer.packet(2, 3, [[0] * 8], flags=2), 0)
    assert decoder.counters.pattern_errors == 16


def test_a_stream_that_is_joined_counts_from_there() -> None:
    decoder = StreamDecoder(INFO, from_start=False)
    blocks = blocks_of(decoder, [peer.counter_packet(i, 9 * i) for i in (500, 501, 503)])
    assert [block.sequence for block in blocks] == [500, 501, 503]
    assert [block.gap for block in blocks] == [None, None, Gap(4518, 9, 1, "air")]
    flagged = StreamDecoder(INFO, from_start=False)
    flagged.feed(peer.counter_packet(500, 4500, flags=1), 0)
    assert flagged.counters.intact  # it may well have lost frames before


def test_wrong_bytes_of_throughput_are_counted_each() -> None:
    decoder = StreamDecoder(INFO)
    for number in range(2):
        wrong = bytearray(peer.throughput_packet(number))
        for index in (16, 100, 243):
            wrong[index] ^= 1
        decoder.feed(bytes(wrong), 0)
    assert decoder.counters.pattern_errors == 6
    assert (decoder.counters.packets, decoder.counters.frames) == (2, 0)


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
