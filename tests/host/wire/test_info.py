from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.host.wire.constants import EventCode, Profile, State, StreamId, StreamKind, Unit
from eegrig.host.wire.errors import ProtocolError, ProtocolVersionError
from eegrig.host.wire.info import Info, StreamInfo, decode_info
from tests.host import peer

INFO = decode_info(peer.info())


def test_every_field_is_where_the_specification_says() -> None:
    decoded = decode_info(peer.info(state=2, rate=500, profile=1, fault=1))
    assert decoded == Info(
        state=State.FAULT,
        sample_rate_sps=500,
        channels=peer.HEADBAND,
        gain=24,
        bits=24,
        profile=Profile.LOW_LATENCY,
        lsb_fv=22351742,
        group_delay_s=pytest.approx(0.006),
        fault=EventCode.AFE_LOST,
        rates_sps=(250, 500, 1000),
        board="headband8",
        firmware_version="0.1.0",
        image_hash=peer.IMAGE_HASH.hex(),
    )


def test_an_info_says_nothing_of_kind_and_others_unless_it_lists_them() -> None:
    assert (INFO.kind, INFO.others) == (StreamKind.EEG, ())
    none = decode_info(peer.info(streams=[]))
    assert (none.kind, none.others, none.streams) == (StreamKind.EEG, (), INFO.streams)
    assert INFO.streams == (
        StreamInfo(0, StreamKind.EEG, 250, peer.HEADBAND, 3, 22351742, -15, Unit.VOLT),
    )


def test_an_entry_of_the_list_byte_by_byte() -> None:
    entry = bytes.fromhex("02 04 10270000 02 04 40420f00 f7 02 03 612c62")
    assert decode_info(peer.info(streams=[peer.stream(), entry])).others == (
        StreamInfo(
            stream_id=2,
            kind=StreamKind.MOTION,
            rate_sps=10.0,
            channels=("a", "b"),
            sample_size=4,
            lsb_mantissa=1_000_000,
            lsb_exponent=-9,
            unit=Unit.METRE_PER_SECOND_SQUARED,
        ),
    )


@pytest.mark.parametrize("sample_size", [2, 3, 4])
def test_samples_have_two_three_or_four_bytes(sample_size: int) -> None:
    info = decode_info(peer.info(streams=[peer.stream(), peer.optics(sample_size=sample_size)]))
    assert info.others[0].sample_size == sample_size
    assert info.others[0].frame_size == 2 * sample_size


def test_an_info_fills_an_attribute_and_no_more() -> None:
    whole = peer.info(streams=[peer.stream()])
    assert decode_info(whole + bytes(512 - len(whole))) == INFO
    with pytest.raises(ProtocolError, match="has 513 bytes, more than an attribute's 512"):
        decode_info(whole + bytes(513 - len(whole)))


def test_where_an_info_is_cut_off_is_said() -> None:
    """Sizes by hand: 20 bytes, three rates, and texts each behind a byte of length."""
    names = ",".join(peer.HEADBAND)
    sizes = {
        "sample rates": 6,
        "board name": 1 + len("headband8"),
        "firmware version": 1 + len("0.1.0"),
        "channel names": 1 + len(names),
        "image hash": 32,
    }
    whole = peer.info()
    assert len(whole) == 20 + sum(sizes.values())
    start = 20
    for what, size in sizes.items():
        for cut in (start, start + 1, start + size - 1):
            with pytest.raises(ProtocolError, match=f"^Info ends in the middle of its {what}$"):
                decode_info(whole[:cut])
        start += size
    with pytest.raises(ProtocolError, match=r"^Info has 19 bytes, its fixed part alone 20$"):
        decode_info(whole[:19])


def test_where_a_list_of_streams_is_cut_off_is_said() -> None:
    bare, whole = peer.info(), peer.info(streams=[peer.stream()])
    with pytest.raises(ProtocolError, match="in the middle of its streams"):
        decode_info(whole[: len(bare) + 1])
    with pytest.raises(ProtocolError, match="in the middle of its streams"):
        decode_info(whole[: len(bare) + 1 + 13])
    with pytest.raises(ProtocolError, match="in the middle of its channel names"):
        decode_info(whole[: len(bare) + 1 + 14])


def test_an_empty_info_says_so() -> None:
    with pytest.raises(ProtocolError, match=r"^Info is empty: the board has not filled it in$"):
        decode_info(b"")


def test_one_channel_and_one_count_and_a_gain_of_one_are_enough() -> None:
    info = decode_info(peer.info(channels=("A",), gain=1, lsb_fv=1, rate=1, rates=(1,)))
    assert (info.channels, info.gain, info.lsb_v) == (("A",), 1, pytest.approx(1e-15))
    streams = [peer.stream(), peer.optics(lsb=(1, -12), rate_mhz=1)]
    optics = decode_info(peer.info(streams=streams)).others[0]
    assert (optics.rate_sps, optics.lsb) == (0.001, 1e-12)


def test_text_is_measured_in_bytes_of_utf8() -> None:
    info = decode_info(peer.info(board="µµµ", firmware_version="é", channels=("Ü", "B")))
    assert (info.board, info.firmware_version, info.channels) == ("µµµ", "é", ("Ü", "B"))
    assert decode_info(peer.info(board="")).board == ""


@pytest.mark.parametrize("what", ["board", "firmware_version"])
def test_each_text_that_cannot_be_printed_is_named(what: str) -> None:
    name = {"board": "board name", "firmware_version": "firmware version"}[what]
    with pytest.raises(ProtocolError, match=f"^Info's {name} has unprintable characters"):
        decode_info(peer.info(**{what: "a\x07"}))  # type: ignore[arg-type]
    for field, plain in (("headband8", "board name"), ("0.1.0", "firmware version")):
        broken = peer.info().replace(field.encode(), b"\xff" * len(field))
        with pytest.raises(ProtocolError, match=f"^Info's {plain} is not UTF-8$"):
            decode_info(broken)
    with pytest.raises(ProtocolError, match=r"^Info's channel names has unprintable"):
        decode_info(peer.info(channels=("A\n", "B")))
    with pytest.raises(ProtocolError, match=r"^Info's channel names has unprintable"):
        decode_info(peer.info(streams=[peer.stream(), peer.optics(channels=("A\n", "B"))]))


def test_lsb_in_volts_is_the_data_sheets() -> None:
    # ADS1299, gain 24, 4.5 V reference: 0.02235 uV per count.
    assert decode_info(peer.info()).lsb_v == pytest.approx(2 * 4.5 / 24 / 2**24, rel=1e-7)


def test_frame_size_counts_every_channel() -> None:
    decoded = decode_info(peer.info(channels=("Fp1", "Fp2", "O1")))
    assert (decoded.n_channels, decoded.frame_size) == (3, 9)


def test_bytes_after_the_known_ones_are_ignored() -> None:
    listed = peer.info(streams=[peer.stream()])
    assert decode_info(listed + b"later versions") == decode_info(listed) == INFO


def test_streams_besides_the_first_are_listed_with_their_scale() -> None:
    info = decode_info(peer.info(streams=[peer.stream(kind=2), peer.optics()]))
    assert info.kind is StreamKind.EXG
    optics = info.stream(StreamId.OPTICS)
    assert info.streams[1:] == info.others == (optics,)
    assert (optics.kind, optics.unit) == (StreamKind.OPTICS, Unit.AMPERE)
    assert (optics.rate_sps, optics.lsb) == (25.0, 7e-12)
    assert optics.channels == ("S1D1 760", "S1D1 850")
    assert optics.frame_size == 6
    with pytest.raises(ProtocolError, match="unknown stream 0x02"):
        info.stream(StreamId.MOTION)


def test_stream_0_is_what_the_first_fields_say_whether_listed_or_not() -> None:
    main = INFO.stream(0)
    assert decode_info(peer.info(streams=[peer.stream()])).stream(0) == main
    assert (main.rate_sps, main.channels, main.sample_size) == (250, peer.HEADBAND, 3)
    assert main.lsb == pytest.approx(INFO.lsb_v, rel=1e-12)
    assert main.frame_size == INFO.frame_size


@pytest.mark.parametrize(
    ("streams", "reason"),
    [
        ([peer.stream(rate_mhz=500_000)], "contradicts"),
        ([peer.stream(channels=("A",))], "contradicts"),
        ([peer.stream(lsb=(1, -15))], "contradicts"),
        ([peer.stream(unit=1)], "contradicts"),
        ([peer.optics()], "must begin with 0"),
        ([peer.stream(), peer.optics(2), peer.optics(1)], "must begin with 0 and rise"),
        ([peer.stream(), peer.optics(1), peer.optics(1)], "must begin with 0 and rise"),
        ([peer.stream(), peer.optics(0x7F)], "no stream of samples"),
        ([peer.stream(), peer.optics(n_channels=3)], "has 3 channels but names"),
        ([peer.stream(), peer.optics(channels=("A", ""))], "has 2 channels but names"),
        ([peer.stream(), peer.optics(channels=(), n_channels=1)], "0x01 has 1 channels but names"),
        ([peer.stream(), peer.optics(channels=())], "stream 0x01 has no channels"),
        ([peer.stream(), peer.optics(n_channels=0)], "stream 0x01 has no channels"),
        ([peer.stream(), peer.optics(sample_size=1)], "stream 0x01 has samples of 1 bytes"),
        ([peer.stream(), peer.optics(lsb=(0, -9))], "rate or an LSB of 0"),
        ([peer.stream(rate_mhz=250_001)], "contradicts"),
        ([peer.stream(channels=peer.HEADBAND[::-1])], "contradicts"),
        ([peer.stream(sample_size=4)], "contradicts"),
        ([peer.stream(), peer.optics(channels=("S1", "O2"))], "not distinct: S1, O2"),
        ([peer.stream(), peer.optics(channels=("S1", "S1"))], "not distinct: S1, S1"),
        ([peer.stream(), peer.optics(channels=("Fp1",))], "not distinct"),
        ([peer.stream(), peer.optics(sample_size=5)], "samples of 5 bytes"),
        ([peer.stream(), peer.optics(rate_mhz=0)], "rate or an LSB of 0"),
        ([peer.stream(), peer.optics(lsb=(0, 0))], "rate or an LSB of 0"),
        ([peer.stream(), peer.optics(kind=9)], "not a valid StreamKind"),
        ([peer.stream(), peer.optics(unit=9)], "not a valid Unit"),
    ],
)
def test_streams_that_make_no_sense_are_refused(streams: list[bytes], reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        decode_info(peer.info(streams=streams))


def test_a_list_of_streams_cut_short_is_refused() -> None:
    bare, whole = peer.info(), peer.info(streams=[peer.stream(), peer.optics()])
    for size in range(len(bare) + 1, len(whole)):
        with pytest.raises(ProtocolError):
            decode_info(whole[:size])


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
        ({"n_channels": 1, "channels": ()}, "1 channels but names 0: ''"),
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
        decode_info(peer.info(**fields))  # type: ignore[arg-type]


def test_every_truncation_is_refused() -> None:
    whole = peer.info()
    for size in range(len(whole)):
        with pytest.raises(ProtocolError):
            decode_info(whole[:size])


def test_text_that_is_not_utf8_is_refused() -> None:
    broken = peer.info().replace(b"headband8", b"headband\xff")
    with pytest.raises(ProtocolError, match="board name is not UTF-8"):
        decode_info(broken)


@given(st.binary(max_size=600))
def test_arbitrary_bytes_raise_nothing_but_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode_info(data)


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_changed_byte_raises_nothing_but_a_protocol_error(index: int, value: int) -> None:
    data = bytearray(peer.info())
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
        peer.info(
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
