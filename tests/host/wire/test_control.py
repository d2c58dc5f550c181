from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.host.wire.constants import EventCode, Pattern, Profile, Status, TestSignal
from eegrig.host.wire.control import (
    Event,
    Response,
    decode_control,
    encode_impedance,
    encode_ping,
    encode_set_rate,
    encode_sleep,
    encode_start,
    encode_stop,
    encode_test_signal,
)
from eegrig.host.wire.errors import ProtocolError
from tests.host import peer


def test_commands_are_the_bytes_of_the_specification() -> None:
    start = encode_start(7, 244, Profile.LOW_LATENCY, Pattern.THROUGHPUT)
    assert start == bytes.fromhex("01 07 f400 01 02")
    assert encode_stop(8) == bytes.fromhex("02 08")
    assert encode_set_rate(9, 1000) == bytes.fromhex("03 09 e803")
    assert encode_test_signal(10, TestSignal.SHORTED) == bytes.fromhex("04 0a 02")
    assert encode_sleep(11, 600) == bytes.fromhex("06 0b 5802")
    assert encode_ping(255) == bytes.fromhex("05 ff")
    assert encode_impedance(12, 0b1000_0001) == bytes.fromhex("10 0c 81")


def test_a_response_and_an_event_byte_by_byte() -> None:
    answered = decode_control(bytes.fromhex("84 07 03 f4010000"))
    assert answered == Response(opcode=4, tag=7, status=Status.BAD_RATE, detail=500)
    assert decode_control(bytes.fromhex("ff 08 01")) == Response(0x7F, 8, Status.UNKNOWN_COMMAND)
    assert Response(1, 2, Status.OK).detail is None
    happened = decode_control(bytes.fromhex("e0 04 04030201"))
    assert happened == Event(EventCode.OVERRUN, 0x01020304)


@given(
    st.integers(0, 0x7F).filter(lambda opcode: opcode != 0x60),
    st.integers(0, 255),
    st.sampled_from(Status),
    st.none() | st.integers(0, 2**32 - 1),
)
def test_every_response_comes_back_as_it_was(
    opcode: int, tag: int, status: Status, detail: int | None
) -> None:
    data = peer.response(opcode, tag, status, detail)
    assert decode_control(data) == Response(opcode, tag, status, detail)


@given(st.sampled_from([code for code in EventCode if code]), st.integers(0, 2**32 - 1))
def test_every_event_comes_back_as_it_was(code: EventCode, detail: int) -> None:
    assert decode_control(peer.event(code, detail)) == Event(code, detail)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x01\x00\x00", "neither response nor event"),
        (b"\x7f\x00\x00", "begins with 0x7f: neither"),
        (b"\x80", "has 1 bytes, it must have 3 or 7"),
        (b"\x81\x00\x00" + bytes(3), "has 6 bytes"),
        (b"\x81\x00\x00" + bytes(5), "has 8 bytes"),
        (b"\x81\x00\x09", "unknown status 9"),
        (b"\xe0\x01" + bytes(5), "event has 7 bytes, it must have 6"),
        (b"\xe0\x07" + bytes(4), "unknown code 7"),
        (b"\x81\x00", "has 2 bytes"),
        (b"\x81\x00\x00\x01", "has 4 bytes"),
        (b"\x81\x00\x63", "unknown status 99"),
        (b"\xe0\x01", "event has 2 bytes"),
        (b"\xe0\x63\x00\x00\x00\x00", "unknown code 99"),
        (b"\xe0\x00\x00\x00\x00\x00", "no event"),
    ],
)
def test_nonsense_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        decode_control(data)


@given(st.binary(max_size=12))
def test_arbitrary_bytes_raise_nothing_but_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode_control(data)
