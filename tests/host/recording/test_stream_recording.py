from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path

import edfio
import mne
import numpy as np
import pytest

from eegrig.boards.errors import BoardFault, ConfigError
from eegrig.host.recording.bdf import Annotation
from eegrig.host.recording.stream_recording import GAP_TEXT, StreamRecording
from eegrig.host.wire.constants import StreamId
from eegrig.host.wire.info import Info, decode_info
from tests.host import peer

INFO: Info = decode_info(peer.info())
DELAY_S = INFO.group_delay_s
FIRST_NS = 5_000_000 - 32_000_000
"""Host time of the first frame of `recorded`, as arrivals tell it."""


def recorded(*numbers: int, info: Info = INFO) -> StreamRecording:
    """A recording of counter packets with these sequence numbers, nine frames each."""
    recording = StreamRecording(info, StreamId.EEG)
    for i in numbers:
        recording.feed(peer.counter_packet(i, 9 * i), i * 36_000_000 + 5_000_000)
    return recording


def truth(n_frames: int) -> np.ndarray:
    return np.array([[peer.counter_code(i, c) for i in range(n_frames)] for c in range(8)])


def test_samples_are_codes_times_the_devices_lsb() -> None:
    recording = recorded(*range(10))
    np.testing.assert_array_equal(recording.codes(), truth(90))
    np.testing.assert_allclose(recording.samples(), truth(90) * 22351742e-15)
    assert recording.duration_s == pytest.approx(0.36)
    assert recording.received().all()
    assert recording.annotations() == []


def test_a_gap_keeps_its_length_holds_the_last_value_and_is_marked() -> None:
    recording = recorded(0, 1, 4, 5)
    codes = recording.codes()
    assert codes.shape == (8, 54)
    expected = truth(54)
    expected[:, 18:36] = expected[:, 17:18]
    np.testing.assert_array_equal(codes, expected)
    assert np.flatnonzero(~recording.received()).tolist() == list(range(18, 36))
    assert recording.annotations() == [Annotation(18 / 250, 18 / 250, GAP_TEXT)]


@pytest.mark.parametrize(
    ("code", "at_an_end"),
    [
        (2**23 - 1, True),
        (2**23 - 128, True),  # the highest of 17 bits
        (2**23 - 129, False),
        (-(2**23), True),
        (0, False),
    ],
)
def test_samples_at_an_end_of_the_range_are_counted_by_channel(code: int, at_an_end: bool) -> None:
    recording = recorded(0, 1, 4)  # the gap is filled with what was before it
    last = recording.blocks[1]
    last.codes[3, -2:] = code
    assert recording.clipped().tolist() == [0, 0, 0, 2 * at_an_end, 0, 0, 0, 0]


def test_a_gap_at_the_start_is_filled_from_behind() -> None:
    recording = recorded(1, 2)
    assert recording.codes()[:, :9].tolist() == [[peer.counter_code(9, c)] * 9 for c in range(8)]
    assert recording.annotations() == [Annotation(0, 9 / 250, GAP_TEXT)]


def test_truncating_cuts_samples_gaps_and_markers_but_no_counter() -> None:
    recording = recorded(0, 1, 4, 5)
    recording.mark("kept", FIRST_NS + 50_000_000)
    recording.mark("beyond", FIRST_NS + 200_000_000)
    recording.truncate(20)
    assert recording.n_frames == 20
    assert recording.codes().shape == (8, 20)
    assert recording.received().sum() == 18
    assert recording.annotations() == [
        Annotation(pytest.approx(0.05 + DELAY_S), None, "kept"),
        Annotation(18 / 250, 2 / 250, GAP_TEXT),
    ]
    assert recording.counters.frames == 36


def test_the_clock_follows_the_last_frame_of_every_packet() -> None:
    recording = recorded(*range(10))
    # Frame 8 of a packet is 32 ms after its first, and the packet arrives 5 ms after that frame's
    # packet began: a constant delay, whatever the packet's length.
    assert recording.clock.to_host_ns(0) == FIRST_NS


def test_a_board_whose_time_goes_back_is_recorded_and_counted() -> None:
    recording = StreamRecording(INFO, StreamId.EEG)
    recording.feed(peer.counter_packet(0, 0, time_us=500_000), 0)
    recording.feed(peer.counter_packet(1, 9, n_frames=1, time_us=100_000), 1)
    assert recording.counters.time_jumps == 1
    np.testing.assert_array_equal(recording.codes(), truth(10))


def test_the_file_is_continuous_for_mne_and_later_markers_do_not_slide(tmp_path: Path) -> None:
    recording = recorded(*range(20), *range(70, 140))
    recording.mark("stimulus", FIRST_NS + 4_500_000_000, 0.1)
    path = tmp_path / "recording.bdf"
    recording.write_bdf(path)
    raw = mne.io.read_raw_bdf(path, preload=True, verbose="error")
    data = raw.get_data()[:, : recording.n_frames]
    assert np.abs(data - recording.samples()).max() < 0.5 * INFO.lsb_v
    assert raw.ch_names == list(peer.HEADBAND)
    read = {
        (round(a["onset"], 4), round(a["duration"], 4), str(a["description"]))
        for a in raw.annotations
    }
    assert (0.72, 1.8, "BAD_ACQ_SKIP") in read
    assert (round(4.5 + DELAY_S, 4), 0.1, "stimulus") in read


def test_the_sidecar_tells_counters_identity_and_scale(tmp_path: Path) -> None:
    recording = StreamRecording(INFO, StreamId.EEG)
    recording.feed(peer.counter_packet(0, 0), 0)
    recording.feed(peer.counter_packet(2, 18, lead_off=(0b101, 0)), 1)
    recording.write_bdf(tmp_path / "a.bdf")
    sidecar = json.loads((tmp_path / "a.json").read_text())
    assert sidecar["board"] == "headband8"
    assert sidecar["image_hash"] == peer.IMAGE_HASH.hex()
    assert sidecar["counters"]["frames_lost"] == 9
    assert sidecar["gaps"] == [{"first_frame": 9, "n_frames": 9, "packets_lost": 1, "cause": "air"}]
    assert sidecar["lsb_v"] == pytest.approx(2.2351742e-8)
    assert sidecar["lead_off"] == {"Fp1": 1, "C3": 1}
    assert sidecar["n_frames"] == 27


def test_the_sidecar_tells_the_time_of_the_first_frame_and_how_the_rate_is_known(
    tmp_path: Path,
) -> None:
    recording = recorded(*range(10))
    start = datetime.datetime(2026, 11, 22, 13, 14, 15, 250_000, datetime.UTC)
    recording.write_bdf(tmp_path / "a.bdf", start=start)
    sidecar = json.loads((tmp_path / "a.json").read_text())
    base = sidecar["time_base"]
    assert base["first_frame"] == "2026-11-22T13:14:15.250000+00:00"
    assert base["first_frame_ns"] == FIRST_NS
    assert (base["nominal_sps"], base["rate_sps"], base["fitted"]) == (250, 250, False)
    assert "too few packets" in base["reason"]
    assert sidecar["sample_rate_sps"] == 250
    assert edfio.read_bdf(tmp_path / "a.bdf").starttime == start.time()


def test_the_sidecar_tells_what_the_filter_does_or_that_nobody_says(tmp_path: Path) -> None:
    told = recorded(*range(10)).sidecar()["filter"]
    assert (told["kind"], told["group_delay_s"]) == ("sinc3", DELAY_S)
    assert told["cutoff_hz"] == pytest.approx(0.262 * 250)  # SBAS499C 9.3.2.2
    hz, gain = np.array(told["response"]).T
    assert hz.tolist() == np.linspace(0, 125, 11).tolist()
    np.testing.assert_allclose(gain, np.sinc(hz / 250) ** 3, atol=1e-6)
    other = dataclasses.replace(INFO, group_delay_s=0.05)
    assert recorded(0, info=other).sidecar()["filter"]["kind"] == "unknown"
    assert (
        recorded(0, info=dataclasses.replace(INFO, group_delay_s=0.0)).sidecar()["filter"] is None
    )


def test_the_same_packets_make_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        recorded(0, 1, 4).write_bdf(tmp_path / f"{name}.bdf")
    assert (tmp_path / "a.bdf").read_bytes() == (tmp_path / "b.bdf").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_recording_without_frames_is_the_boards_fault_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(BoardFault, match="headband8 sent no samples"):
        StreamRecording(INFO, StreamId.EEG).write_bdf(tmp_path / "a.bdf")
    assert list(tmp_path.iterdir()) == []


def test_channel_names_that_no_file_can_hold_are_refused_before_recording() -> None:
    info = decode_info(peer.info(channels=("Fp1", "µ")))
    with pytest.raises(ConfigError, match="channel name 'µ'"):
        StreamRecording(info, StreamId.EEG)
