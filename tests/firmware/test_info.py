"""The Info characteristic as the firmware writes it is the one the host reads."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eegrig.host.wire.constants import EventCode, Profile, State, StreamKind, Unit
from eegrig.host.wire.info import StreamInfo, decode_info

NAMES = st.text("abcdefghijklmnopqrstuvwxyzÄé0123456789-_. ", min_size=1, max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    state=st.sampled_from(State),
    rates=st.lists(st.integers(1, 16000), min_size=1, max_size=7),
    channels=st.lists(NAMES, min_size=1, max_size=16, unique=True),
    gain=st.integers(1, 24),
    profile=st.sampled_from(Profile),
    lsb_fv=st.integers(1, 2**32 - 1),
    delay_us=st.integers(0, 65535),
    fault=st.sampled_from(EventCode),
    board=NAMES,
    version=NAMES,
    image_hash=st.binary(min_size=32, max_size=32),
    kind=st.sampled_from(StreamKind),
)
def test_info_round_trip(
    micropython, state, rates, channels, gain, profile, lsb_fv, delay_us, fault, board, version,
    image_hash, kind,
):  # fmt: skip
    data = micropython(
        "gatt.info_bytes({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, "
        "[gatt.stream_bytes(0, {}, {}, {}, 3, ({}, -15), 0, {}), "
        "gatt.stream_bytes(1, 3, 12_500, 2, 4, (7, -12), 1, '*1,*2')])",
        int(state), rates[0], len(channels), gain, int(profile), lsb_fv, delay_us, int(fault),
        rates, (board, version, ",".join(channels)), image_hash,
        int(kind), rates[0] * 1000, len(channels), lsb_fv, ",".join(channels),
    )  # fmt: skip
    info = decode_info(data)
    assert info.state is state
    assert info.sample_rate_sps == rates[0]
    assert info.channels == tuple(channels)
    assert (info.gain, info.bits, info.lsb_fv) == (gain, 24, lsb_fv)
    assert info.profile is profile
    assert round(info.group_delay_s * 1e6) == delay_us
    assert info.fault is fault
    assert info.rates_sps == tuple(rates)
    assert (info.board, info.firmware_version) == (board, version)
    assert info.image_hash == image_hash.hex()
    assert info.kind is kind
    assert info.others == (
        StreamInfo(1, StreamKind.OPTICS, 12.5, ("*1", "*2"), 4, 7, -12, Unit.AMPERE),
    )
