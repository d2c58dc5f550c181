"""Files hold what was played, and the truth about it; other software reads them."""

from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from pathlib import Path

import edfio
import mne
import numpy as np
import pytest

from eegrig import signal_sim
from eegrig.boards.errors import ConfigError
from eegrig.signal_sim import SignalError, write
from eegrig.signal_sim.files.edf import EdfWriter, Scaling


@pytest.mark.parametrize(
    ("name", "suffix", "step_v"),
    [
        ("resting", ".bdf", 0.0224e-6),
        ("resting", ".edf", 0.1e-6),
        ("ssvep-speller-dry", ".edf", 0.1e-6),
    ],
)
def test_edfio_and_mne_read_back_the_volts(
    tmp_path: Path, name: str, suffix: str, step_v: float
) -> None:
    path = tmp_path / f"a{suffix}"
    written = write(signal_sim.scene(name, seed=3), path, 30, name=name)
    assert written.n_times == 7500
    assert written.clipped == {}
    truth = signal_sim.scene(name, seed=3).read(7500)
    read = edfio.read_bdf(path) if suffix == ".bdf" else edfio.read_edf(path)
    assert read.labels == signal_sim.load_scene(name).channels
    assert read.is_continuous
    volts = np.stack([signal.data for signal in read.signals]) * 1e-6
    assert np.abs(volts - truth).max() < 0.502 * step_v
    reader = mne.io.read_raw_bdf if suffix == ".bdf" else mne.io.read_raw_edf
    raw = reader(path, verbose="error")
    assert np.abs(raw.get_data() - truth).max() < 0.502 * step_v
    events = signal_sim.scene(name, seed=3).events(0, 30)
    assert [a["description"] for a in raw.annotations] == [e.name for e in events]
    assert raw.annotations.onset == pytest.approx([e.onset_s for e in events], abs=1e-5)


def test_our_own_playback_reads_it_too(tmp_path: Path) -> None:
    write(signal_sim.scene("resting", seed=1), tmp_path / "a.bdf", 10)
    source = signal_sim.Recording(tmp_path / "a.bdf")
    truth = signal_sim.scene("resting", seed=1).read(2500)
    assert np.abs(source.read(2500) - truth).max() < 0.0113e-6


def test_npz_holds_every_bit(tmp_path: Path) -> None:
    write(signal_sim.scene("oddball", seed=3), tmp_path / "a.npz", 300.5)
    with np.load(tmp_path / "a.npz") as archive:
        assert np.array_equal(archive["data"], signal_sim.scene("oddball", seed=3).read(75125))
        assert list(archive["channels"]) == list(signal_sim.load_scene("oddball").channels)
        assert archive["rate_hz"] == 250
        assert archive["unit"] == "V"
        assert json.loads(str(archive["truth"]))["seed"] == 3


def test_currents_are_in_nanoamperes(tmp_path: Path) -> None:
    write(signal_sim.open_source("fnirs-tapping"), tmp_path / "a.bdf", 30)
    read = edfio.read_bdf(tmp_path / "a.bdf")
    assert {signal.physical_dimension for signal in read.signals} == {"nA"}
    truth = signal_sim.open_source("fnirs-tapping").read(1500)
    currents = np.stack([signal.data for signal in read.signals]) * 1e-9
    assert currents == pytest.approx(truth, rel=1e-5)


@pytest.mark.parametrize("rate_hz", [62.5, 256.0, 2000.0])
def test_records_fit_the_rate(tmp_path: Path, rate_hz: float) -> None:
    written = write(signal_sim.play(signal_sim.Background(), channels=["Cz"], rate_hz=rate_hz),
                    tmp_path / "a.bdf", 11.2)  # fmt: skip
    read = edfio.read_bdf(tmp_path / "a.bdf")
    assert read.signals[0].sampling_frequency == rate_hz
    assert len(read.signals[0].data) == written.n_times >= 11.2 * rate_hz


def test_truth_lies_beside_the_signal(tmp_path: Path) -> None:
    written = write(signal_sim.scene("ssvep-speller", seed=3), tmp_path / "a.bdf", 30, name="s")
    truth = json.loads(written.truth_path.read_text())
    assert written.truth_path == tmp_path / "a.truth.json"
    assert truth["name"] == "s"
    assert truth["provenance"] == "simulated"
    assert truth["n_times"] == 7500
    stimuli = [e for e in truth["events"] if e["kind"] == "stimulus"]
    assert len(stimuli) == 6
    assert {"target", "frequency_hz", "phase_rad", "onset_s"} <= set(stimuli[0])
    assert set(truth["electrodes"]) == {*truth["channels"], "Cz", "GND"}
    assert truth["electrodes"]["Oz"]["impedance_ohm"] > 0


def test_truth_says_which_samples_carry_an_artefact(tmp_path: Path) -> None:
    source = signal_sim.scene("noisy-gym", seed=3)
    written = write(source, tmp_path / "a.npz", 60)
    truth = json.loads(written.truth_path.read_text())
    for channel, spans in truth["artefacts"].items():
        assert spans == sorted(spans)
        assert all(0 <= first < last <= truth["n_times"] for first, last in spans)
        assert all(a[1] < b[0] for a, b in pairwise(spans))
        off = any(first <= 28 * 250 and last >= 32 * 250 for first, last in spans)
        assert off == (channel == "O1")
    blink = next(e for e in truth["events"] if e["name"] == "blink")
    at = round((blink["onset_s"] + 0.05) * 250)
    assert all(any(f <= at < e for f, e in spans) for spans in truth["artefacts"].values())


def test_truth_has_the_hypnogram(tmp_path: Path) -> None:
    source = signal_sim.scene("sleep", rate_hz=100, channels=["C3"])
    truth = json.loads(write(source, tmp_path / "a.npz", 1200).truth_path.read_text())
    assert len(truth["hypnogram"]) == 40
    assert truth["hypnogram"][0] == "W"


def test_what_does_not_fit_is_clipped_and_counted(tmp_path: Path) -> None:
    source = signal_sim.dc_offset(0.5, channels=["A", "B"], rate_hz=100, only=["B"])
    written = write(source, tmp_path / "a.bdf", 2)
    assert written.clipped == {"B": 200}
    read = edfio.read_bdf(tmp_path / "a.bdf")
    assert np.all(read.signals[1].data == pytest.approx(187_500))


@pytest.mark.parametrize(
    ("name", "seconds", "message"),
    [
        ("a.wav", 5, "cannot write .wav"),
        ("a", 5, "cannot write a file without an ending"),
        ("a.bdf", 0, "0 seconds: give a positive length"),
        ("a.bdf", float("nan"), "nan seconds"),
        ("no/a.bdf", 5, "there is no folder"),
    ],
)
def test_mistakes_leave_nothing_behind(
    tmp_path: Path, name: str, seconds: float, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        write(signal_sim.silence(channels=["A"], rate_hz=10), tmp_path / name, seconds)
    assert list(tmp_path.iterdir()) == []


def test_a_rate_without_records_leaves_nothing_behind(tmp_path: Path) -> None:
    source = signal_sim.silence(channels=["A"], rate_hz=250.0013)
    with pytest.raises(SignalError, match="does not fit EDF's records"):
        write(source, tmp_path / "a.edf", 5)
    assert list(tmp_path.iterdir()) == []


def test_a_label_too_long_for_the_header_is_named(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file, pytest.raises(SignalError, match="too long"):
        EdfWriter(
            file, bits=16, channels=["a label of more than sixteen"], rate_hz=10, n_times=10,
            scalings=[Scaling("uV", 1e-6, -100, 100)], events=[], reference="none",
        )  # fmt: skip


def test_progress_goes_to_one(tmp_path: Path) -> None:
    seen: list[float] = []
    source = signal_sim.silence(channels=["A"], rate_hz=10_000)
    write(source, tmp_path / "a.npz", 30, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_memory_of_a_stream_does_not_grow_with_its_length(tmp_path: Path) -> None:
    def peak_bytes(seconds: float) -> int:
        tracemalloc.start()
        write(signal_sim.scene("sleep", rate_hz=100), tmp_path / "a.bdf", seconds)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    peak_bytes(10)  # whatever is imported and built once
    short, long = peak_bytes(1200), peak_bytes(4800)
    assert long < 60e6
    # Four times the length: only the list of what happened may grow.
    assert long - short < 5e6
