from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.host.wire.errors import ProtocolError
from eegrig.host.wire.packet import (
    HEADER_SIZE,
    counter_pattern,
    decode_packet,
    decode_samples,
    frames_per_packet,
    stream_of,
    throughput_body,
)
from tests.host import peer

codes = st.integers(-(2**23), 2**23 - 1)


@st.composite
def frames(draw: st.DrawFn) -> list[list[int]]:
    n_channels = draw(st.integers(1, 16))
    row = st.lists(codes, min_size=n_channels, max_size=n_channels)
    return draw(st.lists(row, min_size=1, max_size=10))


def test_a_packet_is_the_bytes_of_the_specification() -> None:
    data = bytes.fromhex(
        "3412 00 09 04030201 08070605 01 81 02 00"  # header
        "000001 ffffff 7fffff 800000"  # one frame of four channels
    )
    packet = decode_packet(data, 4)
    assert packet[:8] == (0x1234, 0, 9, 0x01020304, 0x05060708, 1, 0x81, 2)
    assert decode_samples(packet.body, 4).tolist() == [[1], [-1], [8388607], [-8388608]]


@given(
    frames(),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**30 - 1),
    st.integers(0, 2**30 - 1),
    st.integers(0, 31),
    st.tuples(st.integers(0, 255), st.integers(0, 255)),
)
def test_every_packet_comes_back_as_it_was(
    rows: list[list[int]],
    sequence: int,
    first_frame: int,
    time_us: int,
    flags: int,
    lead_off: tuple[int, int],
) -> None:
    n_channels = len(rows[0])
    data = peer.packet(sequence, first_frame, rows, time_us=time_us, flags=flags, lead_off=lead_off)
    packet = decode_packet(data, n_channels)
    assert packet[:8] == (sequence, 0, flags, first_frame, time_us, len(rows), *lead_off)
    decoded = decode_samples(packet.body, n_channels)
    assert decoded.dtype == np.int32
    assert decoded.tolist() == np.array(rows).T.tolist()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (bytes(15), "15 bytes, its header alone 16"),
        (bytes(16), "has no frames"),
        (
            peer.counter_packet(5, 0)[:-1],
            "packet 5 has 215 bytes of samples; 9 frames .* are 216",
        ),
        (peer.counter_packet(5, 0) + b"\0", "217 bytes"),
        (peer.counter_packet(5, 0, flags=0x20), "unknown flags 0x20"),
        (
            peer.header(sequence=1, first_frame=0, time_us=0, n_frames=1, stream_id=3),
            "stream 0x03",
        ),
        (
            peer.header(sequence=1, first_frame=0, time_us=0, n_frames=1, stream_id=0x7F),
            "throughput packet 1 says it has 1 frames",
        ),
        (b"\0\0\0\0\xff\xff\xff\xff" + bytes(8), "beyond 30 bits"),
        (bytes(8) + b"\xff\xff\xff\xff" + bytes(4), "beyond 30 bits"),
    ],
)
def test_nonsense_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        decode_packet(data, 8)


@given(st.binary(max_size=300), st.integers(1, 16))
def test_arbitrary_bytes_raise_nothing_but_a_protocol_error(data: bytes, n_channels: int) -> None:
    with contextlib.suppress(ProtocolError):
        decode_packet(data, n_channels)


@given(st.binary(max_size=60), st.integers(0, 9))
def test_only_whole_frames_are_decoded(body: bytes, n_channels: int) -> None:
    if n_channels and len(body) % (3 * n_channels) == 0:
        assert decode_samples(body, n_channels).shape == (n_channels, len(body) // 3 // n_channels)
    else:
        with pytest.raises(ProtocolError, match="not whole frames"):
            decode_samples(body, n_channels)


@pytest.mark.parametrize(
    ("sample_size", "body", "codes"),
    [
        (2, "0001 ffff 7fff 8000", [1, -1, 32767, -32768]),
        (3, "000001 ffffff 7fffff 800000", [1, -1, 8388607, -8388608]),
        (4, "00000001 ffffffff 7fffffff 80000000", [1, -1, 2147483647, -2147483648]),
    ],
)
def test_samples_are_big_endian_twos_complement_of_their_size(
    sample_size: int, body: str, codes: list[int]
) -> None:
    samples = decode_samples(bytes.fromhex(body), 2, sample_size)
    assert samples.dtype == np.int32
    assert samples.tolist() == [codes[0::2], codes[1::2]]
    data = peer.packet(3, 50, [codes[:2], codes[2:]], stream_id=1, sample_size=sample_size)
    packet = decode_packet(data, 2, stream_id=1, sample_size=sample_size)
    assert (packet.stream_id, packet.n_frames, packet.body) == (1, 2, bytes.fromhex(body))
    assert decode_samples(b"", 2, sample_size).shape == (2, 0)


def test_a_packet_says_which_stream_it_belongs_to() -> None:
    for stream_id in (0, 1, 2, 0x7F, 0xFF):
        head = peer.header(sequence=1, first_frame=2, time_us=3, n_frames=4, stream_id=stream_id)
        assert stream_of(head) == stream_id
    with pytest.raises(ProtocolError, match="a packet has 15 bytes, its header alone 16"):
        stream_of(bytes(15))


def test_a_packet_of_another_stream_is_refused() -> None:
    data = peer.packet(0, 0, [[1]], stream_id=1)
    assert decode_packet(data, 1, stream_id=1).stream_id == 1
    with pytest.raises(ProtocolError, match="packet 0 belongs to the unknown stream 0x01"):
        decode_packet(data, 1)
    with pytest.raises(ProtocolError, match="unknown stream 0x00"):
        decode_packet(peer.packet(0, 0, [[1]]), 1, stream_id=1)


def test_every_flag_of_the_specification_is_known_and_no_other() -> None:
    assert decode_packet(peer.counter_packet(0, 0, flags=0x1F), 8).flags == 0x1F
    for flag in (0x20, 0x40, 0x80):
        with pytest.raises(ProtocolError, match=f"unknown flags 0x{flag:02x}"):
            decode_packet(peer.counter_packet(0, 0, flags=flag | 0x05), 8)


def test_index_and_time_have_thirty_bits() -> None:
    last = 2**30 - 1
    packet = decode_packet(peer.packet(0, last, [[1]], time_us=last), 1)
    assert (packet.first_frame, packet.device_time_us) == (last, last)
    for index, time_us in ((2**30, 0), (0, 2**30)):
        head = bytes(4) + peer.u32(index) + peer.u32(time_us) + bytes([1, 0, 0, 0])
        with pytest.raises(
            ProtocolError, match="packet 0 has a frame index or time beyond 30 bits"
        ):
            decode_packet(head + bytes(3), 1)


def test_no_packet_holds_more_frames_than_its_header_can_say() -> None:
    """A byte counts them: 255 of one channel take 781 bytes."""
    assert frames_per_packet(16 + 3 * 254, 1) == 254
    assert frames_per_packet(16 + 3 * 255, 1) == 255
    assert frames_per_packet(16 + 3 * 256, 1) == 255
    assert frames_per_packet(16 + 24 + 23, 8) == 1


def test_the_counter_pattern_wraps_at_twenty_four_bits() -> None:
    assert counter_pattern(2**20 - 1, 3, 2).tolist() == [
        [2**23 - 8, -(2**23), -(2**23) + 8],
        [2**23 - 7, -(2**23) + 1, -(2**23) + 9],
    ]
    assert counter_pattern(2**21 - 1, 2, 2).tolist() == [[-8, 0], [-7, 1]]
    assert counter_pattern(0, 1, 1).dtype == np.int32


def test_the_longest_throughput_packet_of_the_last_sequence() -> None:
    """An attribute has 512 bytes at most, less the header."""
    expected = bytes((0xFFFF + k) % 256 for k in range(496))
    assert throughput_body(0xFFFF, 496) == expected
    assert throughput_body(256, 3) == b"\x00\x01\x02"


def test_a_full_packet_holds_what_the_specification_says() -> None:
    assert frames_per_packet(244, 8) == 9
    assert frames_per_packet(HEADER_SIZE + 24, 8) == 1
    assert frames_per_packet(20, 8) == 0
    assert frames_per_packet(3, 8) == 0


@given(st.integers(0, 2**30), st.integers(1, 20), st.integers(1, 16))
def test_the_counter_pattern_is_what_the_board_sends(first: int, n: int, n_channels: int) -> None:
    expected = [[peer.counter_code(first + i, c) for i in range(n)] for c in range(n_channels)]
    assert counter_pattern(first, n, n_channels).tolist() == expected


@given(st.integers(0, 2**16 - 1), st.integers(0, 500))
def test_the_throughput_body_is_what_the_board_sends(sequence: int, size: int) -> None:
    data = peer.throughput_packet(sequence, HEADER_SIZE + size)
    assert decode_packet(data, 8).body == throughput_body(sequence, size)
