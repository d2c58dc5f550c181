from __future__ import annotations

import datetime
import json
from pathlib import Path

import mne
import numpy as np
import pytest

from eegrig.host.recording.bdf import Annotation
from eegrig.host.recording.recording import Recording
from eegrig.host.recording.stream_recording import GAP_TEXT
from eegrig.host.wire.constants import StreamId
from eegrig.host.wire.errors import ProtocolError
from eegrig.host.wire.info import decode_info
from tests.host import peer

MIXED = decode_info(peer.info(streams=[peer.stream(), peer.optics()]))


def optics_packet(sequence: int, first: int, n_frames: int = 10) -> bytes:
    codes = [[100_000 + i, 200_000 + i] for i in range(first, first + n_frames)]
    return peer.packet(sequence, first, codes, stream_id=1, rate=25)


def mixed(optics: list[tuple[int, int]]) -> Recording:
    """Four seconds of EEG, and optics by (sequence, first frame)."""
    recording = Recording(MIXED)
    packets = [(i * 36_000, peer.counter_packet(i, 9 * i)) for i in range(112)]
    packets += [(first * 40_000, optics_packet(number, first)) for number, first in optics]
    for time_us, data in sorted(packets):
        recording.feed(data, time_us * 1000 + 5_000_000)
    return recording


def test_every_stream_is_recorded_at_its_own_rate_and_scale() -> None:
    recording = mixed([(i, 10 * i) for i in range(10)])
    optics = recording.streams[StreamId.OPTICS]
    assert recording.electrodes.counters.intact
    assert optics.counters.intact
    assert (recording.electrodes.n_frames, optics.n_frames) == (1008, 100)
    assert (recording.electrodes.duration_s, optics.duration_s) == (4.032, 4.0)
    np.testing.assert_allclose(optics.samples()[:, 7], [100_007 * 7e-12, 200_007 * 7e-12])


def test_a_loss_belongs_to_its_own_stream() -> None:
    recording = mixed([(0, 0), (2, 20)])
    optics = recording.streams[StreamId.OPTICS]
    assert recording.electrodes.counters.intact
    assert (optics.counters.packets_lost, optics.counters.frames_lost) == (1, 10)
    assert optics.annotations() == [Annotation(0.4, 0.4, GAP_TEXT)]
    assert recording.electrodes.annotations() == []


def test_truncating_cuts_every_stream_to_the_same_time() -> None:
    recording = mixed([(i, 10 * i) for i in range(10)])
    recording.truncate(2)
    assert recording.streams[StreamId.OPTICS].n_frames == 50


def test_other_streams_begin_when_their_own_first_frame_was_taken(tmp_path: Path) -> None:
    recording = mixed([(i, 10 * i) for i in range(10)])
    start = datetime.datetime(2026, 11, 22, 13, 14, 15)
    recording.write_bdf(tmp_path / "a.bdf", start=start)
    electrodes, light = (
        json.loads((tmp_path / name).read_text())["time_base"]
        for name in ("a.json", "a-optics.json")
    )
    later_s = (light["first_frame_ns"] - electrodes["first_frame_ns"]) * 1e-9
    assert later_s != 0
    assert datetime.datetime.fromisoformat(light["first_frame"]) == start + datetime.timedelta(
        microseconds=later_s * 1e6 // 1
    )


def test_other_streams_have_files_of_their_own(tmp_path: Path) -> None:
    mixed([(i, 10 * i) for i in range(10)]).write_bdf(tmp_path / "recording.bdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "recording-optics.bdf",
        "recording-optics.json",
        "recording.bdf",
        "recording.json",
    ]
    raw = mne.io.read_raw_bdf(tmp_path / "recording-optics.bdf", preload=True, verbose="error")
    assert raw.ch_names == ["S1D1 760", "S1D1 850"]
    assert raw.info["sfreq"] == 25
    # MNE knows no amperes: it reads the file's microamperes as they stand.
    assert raw.get_data()[1, 3] == pytest.approx(200_003 * 7e-12 * 1e6, rel=1e-5)
    sidecar = json.loads((tmp_path / "recording-optics.json").read_text())
    assert (sidecar["stream"], sidecar["kind"], sidecar["unit"]) == (1, "optics", "ampere")
    assert sidecar["lsb"] == pytest.approx(7e-12)
    assert sidecar["counters"]["frames"] == 100


def test_a_stream_that_sent_nothing_leaves_no_file(tmp_path: Path) -> None:
    mixed([]).write_bdf(tmp_path / "recording.bdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recording.bdf", "recording.json"]


def test_a_packet_of_a_stream_that_info_does_not_list_is_refused() -> None:
    with pytest.raises(ProtocolError, match="unknown stream 0x01"):
        Recording(decode_info(peer.info())).feed(optics_packet(0, 0), 0)


def test_a_rate_that_is_no_whole_number_can_be_written(tmp_path: Path) -> None:
    info = decode_info(peer.info(streams=[peer.stream(), peer.optics(rate_mhz=12_500)]))
    recording = Recording(info)
    recording.feed(peer.counter_packet(0, 0), 0)
    recording.feed(optics_packet(0, 0), 1)
    recording.write_bdf(tmp_path / "a.bdf")
    raw = mne.io.read_raw_bdf(tmp_path / "a-optics.bdf", verbose="error")
    assert raw.info["sfreq"] == 12.5
