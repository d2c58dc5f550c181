from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.protocol import (
    EventCode,
    Info,
    Profile,
    ProtocolError,
    ProtocolVersionError,
    State,
    decode_info,
)
from tests.host import wire


def test_every_field_is_where_the_specification_says() -> None:
    decoded = decode_info(wire.info(state=2, rate=500, profile=1, fault=1))
    assert decoded == Info(
        state=State.FAULT,
        sample_rate_sps=500,
        channels=wire.HEADBAND,
        gain=24,
        bits=24,
        profile=Profile.LOW_LATENCY,
        lsb_fv=22351742,
        group_delay_s=pytest.approx(0.006),
        fault=EventCode.AFE_LOST,
        rates_sps=(250, 500, 1000),
        board="headband8",
        firmware_version="0.1.0",
        image_hash=wire.IMAGE_HASH.hex(),
    )


def test_lsb_in_volts_is_the_data_sheets() -> None:
    # ADS1299, gain 24, 4.5 V reference: 0.02235 uV per count.
    assert decode_info(wire.info()).lsb_v == pytest.approx(2 * 4.5 / 24 / 2**24, rel=1e-7)


def test_frame_size_counts_every_channel() -> None:
    decoded = decode_info(wire.info(channels=("Fp1", "Fp2", "O1")))
    assert (decoded.n_channels, decoded.frame_size) == (3, 9)


def test_bytes_after_the_known_ones_are_ignored() -> None:
    assert decode_info(wire.info() + b"later versions") == decode_info(wire.info())


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused_whatever_follows(version: int) -> None:
    with pytest.raises(
        ProtocolVersionError, match=f"version {version}, this eegrig only"
    ) as caught:
        decode_info(bytes([version]))
    assert caught.value.version == version


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"bits": 16}, "16 bits per sample"),
        ({"n_channels": 0, "channels": ()}, "no channels"),
        ({"n_channels": 7}, "7 channels but names 8"),
        ({"channels": ("Fp1", "Fp1")}, "not distinct"),
        ({"channels": ("Fp1", "")}, "not distinct"),
        ({"rate": 0}, "rate of 0"),
        ({"rates": (250, 0)}, "rate of 0"),
        ({"lsb_fv": 0}, "no scale"),
        ({"gain": 0}, "no scale"),
        ({"state": 9}, "unknown value: 9 is not a valid State"),
        ({"profile": 2}, "not a valid Profile"),
        ({"fault": 77}, "not a valid EventCode"),
        ({"board": "head\nband"}, "unprintable"),
    ],
)
def test_nonsense_is_refused_with_its_reason(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        decode_info(wire.info(**fields))  # type: ignore[arg-type]


def test_every_truncation_is_refused() -> None:
    whole = wire.info()
    for size in range(len(whole)):
        with pytest.raises(ProtocolError):
            decode_info(whole[:size])


def test_text_that_is_not_utf8_is_refused() -> None:
    broken = wire.info().replace(b"headband8", b"headband\xff")
    with pytest.raises(ProtocolError, match="board name is not UTF-8"):
        decode_info(broken)


@given(st.binary(max_size=600))
def test_arbitrary_bytes_raise_nothing_but_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode_info(data)


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_changed_byte_raises_nothing_but_a_protocol_error(index: int, value: int) -> None:
    data = bytearray(wire.info())
    data[index % len(data)] = value
    with contextlib.suppress(ProtocolError):
        decode_info(bytes(data))


names = st.text("ABCFOPTZz0123456789", min_size=1, max_size=4)


@given(
    rate=st.integers(1, 0xFFFF),
    gain=st.integers(1, 255),
    lsb_fv=st.integers(1, 2**32 - 1),
    delay_us=st.integers(0, 0xFFFF),
    rates=st.lists(st.integers(1, 0xFFFF), max_size=8).map(tuple),
    channels=st.lists(names, min_size=1, max_size=32, unique=True).map(tuple),
    board=st.text("abcdefgh-µ8", max_size=20),
)
def test_every_valid_info_comes_back_as_it_was(
    rate: int,
    gain: int,
    lsb_fv: int,
    delay_us: int,
    rates: tuple[int, ...],
    channels: tuple[str, ...],
    board: str,
) -> None:
    decoded = decode_info(
        wire.info(
            rate=rate,
            gain=gain,
            lsb_fv=lsb_fv,
            group_delay_us=delay_us,
            rates=rates,
            channels=channels,
            board=board,
        )
    )
    assert decoded.sample_rate_sps == rate
    assert decoded.gain == gain
    assert decoded.lsb_fv == lsb_fv
    assert decoded.group_delay_s == pytest.approx(delay_us * 1e-6)
    assert decoded.rates_sps == rates
    assert decoded.channels == channels
    assert decoded.board == board
