from __future__ import annotations

import json
from pathlib import Path

import mne
import numpy as np
import pytest

from boards.errors import BoardFault, ConfigError
from host.bdf import Annotation
from host.protocol import Info, decode_info
from host.recorder import GAP_TEXT, Recording
from tests.host import wire

INFO: Info = decode_info(wire.info())


def recorded(*numbers: int, info: Info = INFO) -> Recording:
    """A recording of counter packets with these sequence numbers, nine frames each."""
    recording = Recording(info)
    for i in numbers:
        recording.feed(wire.counter_packet(i, 9 * i), i * 36_000_000 + 5_000_000)
    return recording


def truth(n_frames: int) -> np.ndarray:
    return np.array([[wire.counter_code(i, c) for i in range(n_frames)] for c in range(8)])


def test_samples_are_codes_times_the_devices_lsb() -> None:
    recording = recorded(*range(10))
    np.testing.assert_array_equal(recording.codes(), truth(90))
    np.testing.assert_allclose(recording.samples_v(), truth(90) * 22351742e-15)
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


def test_a_gap_at_the_start_is_filled_from_behind() -> None:
    recording = recorded(1, 2)
    assert recording.codes()[:, :9].tolist() == [[wire.counter_code(9, c)] * 9 for c in range(8)]
    assert recording.annotations() == [Annotation(0, 9 / 250, GAP_TEXT)]


def test_truncating_cuts_samples_gaps_and_markers_but_no_counter() -> None:
    recording = recorded(0, 1, 4, 5)
    recording.mark(0.05, "kept")
    recording.mark(0.2, "beyond")
    recording.truncate(20)
    assert recording.n_frames == 20
    assert recording.codes().shape == (8, 20)
    assert recording.received().sum() == 18
    assert recording.annotations() == [
        Annotation(0.05, None, "kept"),
        Annotation(18 / 250, 2 / 250, GAP_TEXT),
    ]
    assert recording.counters.frames == 36


def test_the_clock_follows_the_last_frame_of_every_packet() -> None:
    recording = recorded(*range(10))
    # Frame 8 of a packet is 32 ms after its first, and the packet arrives 5 ms after that frame's
    # packet began: a constant delay, whatever the packet's length.
    assert recording.clock.to_host_ns(0) == 5_000_000 - 32_000_000


def test_a_board_whose_time_goes_back_is_recorded_and_counted() -> None:
    recording = Recording(INFO)
    recording.feed(wire.counter_packet(0, 0, time_us=500_000), 0)
    recording.feed(wire.counter_packet(1, 9, n_frames=1, time_us=100_000), 1)
    assert recording.counters.time_jumps == 1
    np.testing.assert_array_equal(recording.codes(), truth(10))


def test_the_file_is_continuous_for_mne_and_later_markers_do_not_slide(tmp_path: Path) -> None:
    recording = recorded(*range(20), *range(70, 140))
    recording.mark(4.5, "stimulus", 0.1)
    path = tmp_path / "recording.bdf"
    recording.write_bdf(path)
    raw = mne.io.read_raw_bdf(path, preload=True, verbose="error")
    data = raw.get_data()[:, : recording.n_frames]
    assert np.abs(data - recording.samples_v()).max() < 0.5 * INFO.lsb_v
    assert raw.ch_names == list(wire.HEADBAND)
    read = {
        (round(a["onset"], 4), round(a["duration"], 4), str(a["description"]))
        for a in raw.annotations
    }
    assert (0.72, 1.8, "BAD_ACQ_SKIP") in read
    assert (4.5, 0.1, "stimulus") in read


def test_the_sidecar_tells_counters_identity_and_scale(tmp_path: Path) -> None:
    recording = Recording(INFO)
    recording.feed(wire.counter_packet(0, 0), 0)
    recording.feed(wire.counter_packet(2, 18, lead_off=(0b101, 0)), 1)
    recording.write_bdf(tmp_path / "a.bdf")
    sidecar = json.loads((tmp_path / "a.json").read_text())
    assert sidecar["board"] == "headband8"
    assert sidecar["image_hash"] == wire.IMAGE_HASH.hex()
    assert sidecar["counters"]["frames_lost"] == 9
    assert sidecar["gaps"] == [{"first_frame": 9, "n_frames": 9, "packets_lost": 1, "cause": "air"}]
    assert sidecar["lsb_v"] == pytest.approx(2.2351742e-8)
    assert sidecar["lead_off"] == {"Fp1": 1, "C3": 1}
    assert sidecar["n_frames"] == 27


def test_the_same_packets_make_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        recorded(0, 1, 4).write_bdf(tmp_path / f"{name}.bdf")
    assert (tmp_path / "a.bdf").read_bytes() == (tmp_path / "b.bdf").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_recording_without_frames_is_the_boards_fault_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(BoardFault, match="headband8 sent no samples"):
        Recording(INFO).write_bdf(tmp_path / "a.bdf")
    assert list(tmp_path.iterdir()) == []


def test_channel_names_that_no_file_can_hold_are_refused_before_recording() -> None:
    info = decode_info(wire.info(channels=("Fp1", "µ")))
    with pytest.raises(ConfigError, match="channel name 'µ'"):
        Recording(info)
