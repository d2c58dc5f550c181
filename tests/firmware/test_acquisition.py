"""From DRDY edges to packets, with time, front end and link played by the test."""

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from eegrig.host.streaming.decoder import StreamCounters, StreamDecoder
from eegrig.host.wire.constants import EventCode, Flag, Pattern, Profile, State
from eegrig.host.wire.info import Info
from eegrig.host.wire.packet import decode_packet, decode_samples

CHANNELS = 8
EFFICIENT_PAYLOAD = 244
FRAMES = 9
PERIOD_US = 4000


def frame(number: int, lead_off: bytes = b"\xc0\0\0") -> bytes:
    return lead_off + b"".join(
        (number * 8 + c).to_bytes(3, "big", signed=True) for c in range(CHANNELS)
    )


def acquire(micropython, steps, profile=Profile.EFFICIENT, pattern=Pattern.EEG, **options):
    extra = "".join(f", {name}={value!r}" for name, value in options.items())
    packets, errno, overruns, index = micropython(
        "acquire({}, {}, {}, {}, {}" + extra + ")",
        CHANNELS, EFFICIENT_PAYLOAD, int(profile), int(pattern), steps,
    )  # fmt: skip
    return packets, errno, overruns, index


def decoded(packets):
    return [decode_packet(data, CHANNELS) for data in packets]


def test_frames_fill_packets_and_the_rest_goes_out_at_stop(micropython):
    packets, _, overruns, index = acquire(micropython, [frame(i) for i in range(FRAMES + 4)])
    first, last = decoded(packets)
    assert (first.first_frame, first.n_frames, first.sequence) == (0, FRAMES, 0)
    assert (last.first_frame, last.n_frames, last.sequence) == (FRAMES, 4, 1)
    assert len(packets[0]) == 16 + 24 * FRAMES
    assert last.device_time_us - first.device_time_us == FRAMES * PERIOD_US
    assert (overruns, index) == (0, FRAMES + 4)
    np.testing.assert_array_equal(
        decode_samples(first.body + last.body, CHANNELS),
        np.arange(8 * (FRAMES + 4)).reshape(-1, 8).T,
    )


def test_the_low_latency_profile_sends_two_frames_at_a_time(micropython):
    packets, *_ = acquire(micropython, [frame(i) for i in range(2 * FRAMES)], Profile.LOW_LATENCY)
    assert [p.n_frames for p in decoded(packets)] == [2] * FRAMES
    assert all(p.flags == Flag.LOW_LATENCY for p in decoded(packets))
    first = [p.first_frame for p in decoded(packets)]
    times = [p.device_time_us for p in decoded(packets)]
    np.testing.assert_array_equal(np.diff(times), np.diff(first) * PERIOD_US)


@pytest.mark.parametrize(("shortest_us", "frames"), [(8000, 2), (8001, 3), (36_001, FRAMES)])
def test_low_latency_packets_take_as_long_as_the_link_needs_for_one(
    micropython, shortest_us, frames
):
    packets, *_ = acquire(
        micropython,
        [frame(i) for i in range(2 * FRAMES)],
        Profile.LOW_LATENCY,
        shortest_us=shortest_us,
    )
    assert {p.n_frames for p in decoded(packets)} == {frames}


def test_a_conversion_nobody_had_time_for_ends_the_packet_and_is_flagged(micropython):
    steps = [frame(0), frame(1), "edge", "edge", frame(4), frame(5)]
    packets, _, overruns, _ = acquire(micropython, steps)
    before, after = decoded(packets)
    assert (before.first_frame, before.n_frames, before.flags) == (0, 2, 0)
    assert (after.first_frame, after.n_frames, after.flags) == (4, 2, Flag.FRAMES_LOST)
    assert overruns == 2


def test_after_a_loss_packets_are_full_for_a_while_in_the_low_latency_profile(micropython):
    steps = [frame(0), frame(1), "edge"] + [frame(i) for i in range(3, 3 + 70 * FRAMES)]
    packets, *_ = acquire(micropython, steps, Profile.LOW_LATENCY)
    sizes = [p.n_frames for p in decoded(packets)]
    assert sizes[:2] == [2, FRAMES]
    full = sizes.count(FRAMES)
    assert full == 64
    assert set(sizes[1 + full : -1]) == {2}


def test_a_full_scheduler_queue_loses_that_frame_only(micropython):
    packets, _, overruns, _ = acquire(micropython, [frame(0), "full", frame(2), frame(3)])
    assert [(p.first_frame, p.n_frames) for p in decoded(packets)] == [(0, 1), (2, 2)]
    assert overruns == 1


def test_a_frame_overtaken_while_it_is_read_is_not_used(micropython):
    packets, _, overruns, _ = acquire(micropython, [frame(0), ("overtaken", frame(1)), frame(3)])
    taken = [(p.first_frame, p.n_frames) for p in decoded(packets)]
    # The overtaking conversion is read in its place, with the bytes the chip has then.
    assert taken == [(0, 1), (2, 2)]
    assert overruns == 1


def test_a_frame_without_its_marker_is_not_used(micropython):
    packets, _, overruns, _ = acquire(micropython, [frame(0), frame(1, b"\0\0\0"), frame(2)])
    assert [(p.first_frame, p.n_frames) for p in decoded(packets)] == [(0, 1), (2, 1)]
    assert overruns == 1


def test_lead_off_bits_are_those_of_any_frame_of_the_packet(micropython):
    # Status word: 1100, LOFF_STATP, LOFF_STATN, GPIO (SBAS499C 9.4.4.2).
    p_3 = (0xC00000 | 1 << 3 + 12).to_bytes(3, "big")
    n_7 = (0xC00000 | 1 << 7 + 4).to_bytes(3, "big")
    steps = [frame(0, p_3), frame(1, n_7)] + [frame(i) for i in range(2, 2 * FRAMES)]
    first, second = decoded(acquire(micropython, steps, leads=True)[0])
    assert (first.lead_off_p, first.lead_off_n) == (0x08, 0x80)
    assert (second.lead_off_p, second.lead_off_n) == (0, 0)


def test_the_counter_pattern_replaces_samples_and_numbers_conversions(micropython):
    steps = [frame(7), "edge", frame(7), frame(7)]
    packets, *_ = acquire(micropython, steps, pattern=Pattern.COUNTER)
    decoder = StreamDecoder(_info())
    for data in packets:
        decoder.feed(data, 0)
    assert decoder.counters.pattern_errors == 0
    assert decoder.counters.frames == 3
    assert all(p.flags & Flag.TEST_PATTERN for p in decoded(packets))


def test_a_test_signal_is_flagged(micropython):
    packets, *_ = acquire(micropython, [frame(0)], flags=int(Flag.TEST_SIGNAL))
    assert decoded(packets)[0].flags == Flag.TEST_SIGNAL


def test_the_frame_index_wraps_at_30_bits_without_a_loss(micropython):
    last = (1 << 30) - 2
    packets, _, overruns, index = acquire(micropython, [frame(i) for i in range(4)], start_at=last)
    assert [(p.first_frame, p.n_frames) for p in decoded(packets)] == [(last, 4)]
    assert (overruns, index) == (0, 2)


def test_a_link_that_refuses_is_remembered_by_its_errno(micropython):
    _, errno, _, _ = acquire(micropython, [frame(i) for i in range(FRAMES)], errno=128)
    assert errno == 128


def _info() -> Info:
    return Info(
        state=State.STREAMING,
        sample_rate_sps=250,
        channels=tuple("ABCDEFGH"),
        gain=24,
        bits=24,
        profile=Profile.EFFICIENT,
        lsb_fv=22351742,
        group_delay_s=0.006,
        fault=EventCode.NONE,
        rates_sps=(250,),
        board="b",
        firmware_version="1",
        image_hash="0" * 64,
    )


STEPS = st.lists(st.sampled_from(["frame", "edge", "full", "overtaken", "garbage"]), max_size=40)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=STEPS, profile=st.sampled_from(Profile), leads=st.booleans())
def test_whatever_happens_every_frame_arrives_once_or_is_accounted_for(
    micropython, kinds, profile, leads
):
    steps: list[object] = []
    converted: dict[int, int] = {}  # what each frame that can be used holds, by index
    number = 0
    for kind in kinds:
        if kind == "frame":
            steps.append(frame(number))
            converted[number] = number
        elif kind == "overtaken":
            # The chip has the next conversion when it is read again.
            steps.append(("overtaken", frame(number)))
            converted[number + 1] = number
        else:
            steps.append(frame(number, b"\x40\0\0") if kind == "garbage" else kind)
        number += 2 if kind == "overtaken" else 1
    packets, _, overruns, _ = acquire(micropython, steps, profile, leads=leads)
    decoder = StreamDecoder(_info())
    blocks = [block for data in packets if (block := decoder.feed(data, 0)) is not None]
    assert decoder.counters == StreamCounters(
        packets=len(packets),
        frames=len(converted),
        frames_lost=overruns,
        frames_lost_on_board=overruns,
        payload_bytes=sum(map(len, packets)),
    )
    arrived = {
        block.first_frame + i: int(block.codes[0, i]) // 8
        for block in blocks
        for i in range(block.n_frames)
    }
    assert arrived == converted


@pytest.mark.parametrize("profile", Profile)
def test_nothing_is_sent_when_nothing_was_converted(micropython, profile):
    assert acquire(micropython, [], profile)[0] == []


# --- frames that are fetched in the interrupt, while a notification waits for the radio

ENOMEM, ENOTCONN = 12, 107
SMALL_PACKET = 3  # frames
WAITS = None


def squeeze(micropython, steps, profile=Profile.EFFICIENT):
    return micropython(
        "squeeze({}, {}, {}, {})",
        CHANNELS, 16 + 24 * SMALL_PACKET, steps, int(profile),
    )  # fmt: skip


def test_what_comes_while_a_packet_waits_is_sent_afterwards(micropython):
    # The first packet waits for as long as ten more frames take.
    steps = [(frame(i), WAITS if 2 <= i < 12 else 0) for i in range(18)]
    packets, errno, overruns, waiting = squeeze(micropython, steps)
    assert [(p.sequence, p.first_frame, p.n_frames) for p in decoded(packets)] == [
        (i, 3 * i, 3) for i in range(6)
    ]
    assert (errno, overruns, waiting) == (0, 0, False)
    np.testing.assert_array_equal(
        decode_samples(b"".join(p.body for p in decoded(packets)), CHANNELS),
        np.arange(8 * 18).reshape(-1, 8).T,
    )


def test_a_link_that_is_too_slow_gets_full_packets_and_recovers(micropython):
    """A packet of three frames for every seven: whole bins are lost, never parts of packets."""
    slow = [(frame(i), WAITS if i % 7 else "one") for i in range(70)]
    packets, errno, overruns, _ = squeeze(
        micropython, slow + [(frame(i), 0) for i in range(70, 100)]
    )
    taken = decoded(packets)
    assert errno == 0
    assert {p.n_frames for p in taken[:-1]} == {3}
    lost = 100 - sum(p.n_frames for p in taken)
    assert lost == overruns > 20
    gaps = [p.first_frame for p in taken if p.flags & Flag.FRAMES_LOST]
    assert gaps
    assert max(gaps) < 70 + 3 * 5  # with the four bins that waited, and the one that was lost
    assert taken[-1].first_frame + taken[-1].n_frames == 100
    assert all(
        p.body == b"".join(frame(p.first_frame + i)[3:] for i in range(3)) for p in taken[:-1]
    )


def test_low_latency_packets_share_a_bin_and_its_last_frame_does_not_go_alone(micropython):
    steps = [(frame(i), 0) for i in range(9)]
    packets, *_ = squeeze(micropython, steps, profile=Profile.LOW_LATENCY)
    assert [p.n_frames for p in decoded(packets)] == [3, 3, 3]  # not 2 and 1 of each three


def test_a_link_that_is_too_slow_gets_full_packets_in_the_low_latency_profile(micropython):
    steps = [(frame(i), WAITS if i % 7 else "one") for i in range(110)]
    packets, *_ = squeeze(micropython, steps, profile=Profile.LOW_LATENCY)
    taken = [p.n_frames for p in decoded(packets)]
    assert len(taken) > 15
    assert set(taken[3:]) == {3}, taken


def test_a_packet_the_port_has_no_memory_for_is_sent_later_and_in_order(micropython):
    steps = [(frame(i), ENOMEM if 2 <= i < 11 else 0) for i in range(18)]
    packets, errno, overruns, waiting = squeeze(micropython, steps)
    assert [(p.sequence, p.first_frame, p.n_frames) for p in decoded(packets)] == [
        (i, 3 * i, 3) for i in range(6)
    ]
    assert (errno, overruns, waiting) == (0, 0, False)


def test_when_all_bins_wait_frames_are_lost_and_flagged(micropython):
    steps = [(frame(i), ENOMEM if i < 20 else 0) for i in range(30)]
    packets, _, overruns, _ = squeeze(micropython, steps)
    taken = [(p.first_frame, p.n_frames, p.flags) for p in decoded(packets)]
    # One packet and four bins hold frames 0 to 14; every frame that is lost asks the link again.
    assert taken[:5] == [(3 * i, 3, 0) for i in range(5)]
    assert taken[5][2] == Flag.FRAMES_LOST
    assert overruns == taken[5][0] - 15 == 6


def test_any_other_refusal_is_an_error_of_the_link(micropython):
    _, errno, _, waiting = squeeze(micropython, [(frame(i), ENOTCONN) for i in range(4)])
    assert (errno, waiting) == (ENOTCONN, False)


def test_where_ticks_stand_still_the_front_end_is_the_clock(micropython):
    steps = [(frame(i), 0) for i in range(9)]
    times = [p.device_time_us for p in decoded(squeeze(micropython, steps)[0])]
    assert np.diff(times).tolist() == [3 * PERIOD_US] * 2


def test_a_frame_without_its_marker_splits_its_packet_there_too(micropython):
    steps = [(frame(i, b"\0\0\0" if i == 4 else b"\xc0\0\0"), 0) for i in range(9)]
    packets, _, overruns, _ = squeeze(micropython, steps)
    taken = [(p.first_frame, p.n_frames, p.flags) for p in decoded(packets)]
    assert taken == [(0, 3, 0), (3, 1, 0), (5, 1, Flag.FRAMES_LOST), (6, 3, 0)]
    assert overruns == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(st.sampled_from([0, 0, WAITS, "one", ENOMEM]), max_size=80),
    profile=st.sampled_from(Profile),
)
def test_whatever_the_radio_does_every_frame_arrives_once_or_is_accounted_for(
    micropython, answers, profile
):
    steps = [(frame(i), answer) for i, answer in enumerate(answers)]
    packets, errno, overruns, waiting = squeeze(micropython, steps, profile)
    decoder = StreamDecoder(_info())
    blocks = [block for data in packets if (block := decoder.feed(data, 0)) is not None]
    assert (errno, waiting) == (0, False)
    assert decoder.counters.flag_mismatches == decoder.counters.time_jumps == 0
    assert decoder.counters.packets_lost == decoder.counters.duplicates == 0
    arrived = [
        (block.first_frame + i, int(block.codes[0, i]) // 8)
        for block in blocks
        for i in range(block.n_frames)
    ]
    assert all(index == value for index, value in arrived)
    assert decoder.counters.frames_lost == overruns
    # What was lost at the very end has no later packet to show it.
    assert len(arrived) + overruns <= len(answers)
    event("lost") if overruns else event("nothing lost")
