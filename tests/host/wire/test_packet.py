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
    st.integers(0, 15),
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
