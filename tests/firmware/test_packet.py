"""What the firmware packs under MicroPython, the host unpacks."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eegrig.host.wire.constants import StreamId
from eegrig.host.wire.packet import (
    HEADER_SIZE,
    decode_packet,
    decode_samples,
    frames_per_packet,
    throughput_body,
)

SMALL = st.integers(0, (1 << 30) - 1)
BYTE = st.integers(0, 255)
given_process = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_firmware_and_host_agree_on_how_many_frames_fit(micropython):
    payloads = [*range(600), 1000, 6136, 6160, 65535]
    channels = (1, 4, 8, 16)
    for payload, size, frames in micropython("fits({}, {})", payloads, [3 * c for c in channels]):
        assert frames == frames_per_packet(payload, size // 3), (payload, size)


@st.composite
def eeg_packets(draw):
    channels = draw(st.integers(1, 16))
    n = draw(st.integers(1, 12))
    spare = draw(st.integers(0, 3 * channels - 1))
    frames = draw(
        st.lists(st.binary(min_size=3 * channels, max_size=3 * channels), min_size=1, max_size=n)
    )
    return (HEADER_SIZE + n * 3 * channels + spare, frames)


@given_process
@given(
    what=eeg_packets(),
    sequence=st.integers(0, 0xFFFF),
    first=SMALL,
    time_us=SMALL,
    lead_off_p=BYTE,
    lead_off_n=BYTE,
    flags=st.sampled_from([0, 2, 4, 6, 8, 14]),
    lost=st.sampled_from([0, 1]),
)
def test_a_packet_decodes_to_what_was_put_in(
    micropython, what, sequence, first, time_us, lead_off_p, lead_off_n, flags, lost
):
    payload, frames = what
    n_channels = len(frames[0]) // 3
    data, next_sequence, left = micropython(
        "build_packet({}, {}, {}, {}, {}, {}, {}, {}, {})",
        payload, frames, sequence, first, time_us, lead_off_p, lead_off_n, flags, lost,
    )  # fmt: skip
    assert len(data) <= payload
    packet = decode_packet(data, n_channels)
    assert packet[:8] == (
        sequence, StreamId.EEG, flags | lost, first, time_us, len(frames), lead_off_p, lead_off_n,
    )  # fmt: skip
    assert (next_sequence, left) == ((sequence + 1) % 65536, 0)
    expected = [
        [int.from_bytes(frame[3 * c : 3 * c + 3], "big", signed=True) for frame in frames]
        for c in range(n_channels)
    ]
    np.testing.assert_array_equal(decode_samples(packet.body, n_channels), expected)


@given_process
@given(payload=st.integers(HEADER_SIZE + 1, 512), start=st.integers(0, 0xFFFF))
def test_throughput_packets_carry_the_pattern_the_host_checks(micropython, payload, start):
    for i, data in enumerate(micropython("throughput({}, {}, 3)", payload, start)):
        packet = decode_packet(data, 8)
        assert len(data) == payload
        assert packet.stream_id == StreamId.THROUGHPUT
        assert packet.sequence == (start + i) % 65536
        assert packet.body == throughput_body(packet.sequence, payload - HEADER_SIZE)
