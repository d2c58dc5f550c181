"""Recordings play back their volts, on any clock, or say in a line why not."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import edfio
import numpy as np
import pytest
from scipy.io import savemat
from scipy.signal import resample_poly

from eegrig import signal_sim
from eegrig.signal_sim import RecordingError
from eegrig.signal_sim.recordings import mne_formats, xdf

REAL = Path(os.environ.get("EEGRIG_REAL_EDF", "no-such-file.edf"))
RATE_HZ = 256


def tone(frequency_hz: float, seconds: float = 20, rate_hz: float = RATE_HZ) -> np.ndarray:
    return 50.0 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def make_edf(
    path: Path,
    labels: tuple[str, ...] = ("EEG Fp1", "EEG T3", "EEG O2-REF"),
    *,
    units: tuple[str, ...] | None = None,
    rates_hz: tuple[float, ...] | None = None,
    bdf: bool = False,
) -> Path:
    signal, recording = (edfio.BdfSignal, edfio.Bdf) if bdf else (edfio.EdfSignal, edfio.Edf)
    signals = [
        signal(
            tone(3.0 + 4 * i, rate_hz=rates_hz[i] if rates_hz else RATE_HZ),
            rates_hz[i] if rates_hz else RATE_HZ,
            label=label,
            physical_dimension=units[i] if units else "uV",
            physical_range=(-3276.8, 3276.7),
        )
        for i, label in enumerate(labels)
    ]
    notes = [edfio.EdfAnnotation(2.5, 1.0, "blink"), edfio.EdfAnnotation(7.0, None, "start")]
    recording(signals, annotations=notes).write(path)
    return path


@pytest.mark.parametrize("bdf", [False, True])
def test_volts_and_annotations(tmp_path: Path, bdf: bool) -> None:
    path = make_edf(tmp_path / ("a.bdf" if bdf else "a.edf"), bdf=bdf)
    source = signal_sim.Recording(path)
    assert source.channels == ("Fp1", "T7", "O2")
    assert source.rate_hz == RATE_HZ
    assert source.duration_s == 20
    read = edfio.read_bdf(path) if bdf else edfio.read_edf(path)
    expected = np.stack([signal.data for signal in read.signals]) * 1e-6
    assert source.read(20 * RATE_HZ) == pytest.approx(expected, abs=1e-15)
    events = source.events(0, 20)
    assert [(e.onset_s, e.duration_s, e.name) for e in events] == [
        (2.5, 1.0, "blink"),
        (7.0, 0.0, "start"),
    ]


@pytest.mark.parametrize(("unit", "volts"), [("mV", 1e-3), ("V", 1.0), ("nV", 1e-9), ("µV", 1e-6)])
def test_any_unit_of_voltage_becomes_volts(tmp_path: Path, unit: str, volts: float) -> None:
    from eegrig.signal_sim.recordings.units import volts_per_unit

    assert volts_per_unit(unit) == volts
    if unit.isascii():
        path = make_edf(tmp_path / "a.edf", ("Cz",), units=(unit,))
        assert np.ptp(signal_sim.Recording(path).read(2000)) == pytest.approx(100 * volts, rel=0.01)


@pytest.mark.parametrize("rate_hz", [100.0, 250.0, 256.0, 500.0, 2000.0, 4096.0])
def test_any_rate_gives_the_same_tone(tmp_path: Path, rate_hz: float) -> None:
    source = signal_sim.Recording(make_edf(tmp_path / "a.edf"), rate_hz=rate_hz)
    samples = source.read(round(20 * rate_hz))
    time_s = np.arange(samples.shape[1]) / rate_hz
    inside = (time_s > 1) & (time_s < 19)
    for i, row in enumerate(samples):
        expected = 50e-6 * np.sin(2 * np.pi * (3 + 4 * i) * time_s)
        assert np.abs(row - expected)[inside].max() < 0.15e-6  # the file's step is 0.1 uV


def test_resampling_is_scipys_within_its_filter(tmp_path: Path) -> None:
    path = make_edf(tmp_path / "a.edf")
    ours = signal_sim.Recording(path, rate_hz=250).read(5000)
    theirs = resample_poly(signal_sim.Recording(path).read(20 * RATE_HZ), 125, 128, axis=1)
    assert np.abs(ours - theirs)[:, 300:4700].max() < 0.1e-6


@pytest.mark.parametrize("rate_hz", [250.0, 1000.0])
def test_blocks_states_and_loops(tmp_path: Path, rate_hz: float) -> None:
    path = make_edf(tmp_path / "a.edf")
    length = round(25 * rate_hz)
    whole = signal_sim.Recording(path, rate_hz=rate_hz).read(length)
    for chunk in (1, 10, 250):
        source = signal_sim.Recording(path, rate_hz=rate_hz)
        parts = [source.read(min(chunk, length - at)) for at in range(0, length, chunk)]
        assert np.array_equal(np.concatenate(parts, axis=1), whole)
    source = signal_sim.Recording(path, rate_hz=rate_hz)
    source.read(1234)
    again = signal_sim.Recording(path, rate_hz=rate_hz)
    again.restore(source.state())
    assert np.array_equal(again.read(3000), source.read(3000))
    inner = slice(round(2 * rate_hz), round(4 * rate_hz))
    lap = round(20 * rate_hz)
    assert whole[:, inner.start + lap : inner.stop + lap] == pytest.approx(
        whole[:, inner], abs=1e-12
    )
    once = signal_sim.Recording(path, rate_hz=rate_hz, loop=False).read(length)
    assert not once[:, round(20.5 * rate_hz) :].any()
    assert [e.name for e in source.events(19, 25)] == ["loop", "blink"]


def test_channels_are_matched_by_plain_names(tmp_path: Path) -> None:
    path = make_edf(tmp_path / "a.edf", ("EEG FP1-REF", "EEG T3", "EEG O2"))
    source = signal_sim.Recording(path, channels=["O2", "EEG T7", "fp1"])
    assert source.channels == ("O2", "EEG T7", "fp1")
    assert list(source.mapping.values()) == ["EEG O2", "EEG T3", "EEG FP1-REF"]
    assert source.notes == ()


def test_a_missing_electrode_is_taken_from_its_nearest_free_neighbour(tmp_path: Path) -> None:
    path = make_edf(tmp_path / "a.edf", ("Fp1", "Fp2", "O1"))
    source = signal_sim.Recording(path, channels=["Fp1", "AF8", "Oz"])
    assert source.mapping == {"Fp1": "Fp1", "AF8": "Fp2", "Oz": "O1"}
    assert source.notes == (
        "a.edf has no AF8: taken from Fp2",
        "a.edf has no Oz: taken from O1",
    )
    with pytest.raises(RecordingError, match="no channel 'Cz' and none near it"):
        signal_sim.Recording(path, channels=["Cz"])
    with pytest.raises(RecordingError, match="no channel 'AF7' and none near it"):
        signal_sim.Recording(path, channels=["Fp1", "AF7"])  # Fp1 is taken, Fp2 is too far


def test_other_channels_are_left_out(tmp_path: Path) -> None:
    path = make_edf(tmp_path / "a.edf", ("Cz", "Resp", "SpO2"), units=("uV", "L/s", "%"))
    assert signal_sim.Recording(path).channels == ("Cz",)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def with_gaps(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[192:197] = b"EDF+D"
    path.write_bytes(bytes(data).replace(b"+10\x14\x14", b"+12\x14\x14"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncated, r"truncated: \d+ bytes of \d+"),
        (with_gaps, r"has gaps \(EDF\+D\): 2, the first at 10 s by \+2 s"),
        (lambda path: path.write_bytes(b"0" * 100), "truncated: 100 bytes"),
        (lambda path: path.write_bytes(b"hello " * 500), "not an EDF or BDF file"),
        (lambda path: path.unlink(), "no such recording"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, spoil: object, message: str) -> None:
    path = make_edf(tmp_path / "a.edf")
    spoil(path)  # type: ignore[operator]
    with pytest.raises(RecordingError, match=message) as caught:
        signal_sim.Recording(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_voltage_channel(tmp_path: Path) -> None:
    path = make_edf(tmp_path / "a.edf", ("Resp",), units=("L/s",))
    with pytest.raises(RecordingError, match="no EEG channel in it"):
        signal_sim.Recording(path)


def test_mixed_rates(tmp_path: Path) -> None:
    path = make_edf(tmp_path / "a.edf", ("Cz", "ECG"), rates_hz=(256, 512))
    with pytest.raises(RecordingError, match=r"mixed rates \(256 and 512 Hz\)"):
        signal_sim.Recording(path)
    assert signal_sim.Recording(path, channels=["ECG"]).rate_hz == 512


def test_a_rate_without_a_common_measure(tmp_path: Path) -> None:
    path = make_edf(tmp_path / "a.edf")
    samples = signal_sim.Recording(path, rate_hz=249.9991).read(4800)
    time_s = np.arange(4800) / 249.9991
    expected = 50e-6 * np.sin(2 * np.pi * 3 * time_s)
    assert np.abs(samples[0] - expected)[300:4500].max() < 0.15e-6
    with pytest.raises(RecordingError, match=r"cannot resample from 256 to 0\.0031"):
        signal_sim.Recording(path, rate_hz=0.0031)


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="unknown kind of recording"):
        signal_sim.Recording(tmp_path / "a.wav")


def make_brainvision(folder: Path, *, gap: bool = False) -> Path:
    samples = np.stack([tone(3), tone(7)])
    (folder / "b.eeg").write_bytes(samples.T.astype("<f4").tobytes())
    marks = ["Mk1=New Segment,,1,1,0,20261122120000000000", "Mk2=Stimulus,S  1,513,1,0"]
    if gap:
        marks.append("Mk3=New Segment,,1025,1,0,20261122121000000000")
    (folder / "b.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=b.eeg\n\n[Marker Infos]\n" + "\n".join(marks) + "\n"
    )
    (folder / "b.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=b.eeg\nMarkerFile=b.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        "NumberOfChannels=2\nSamplingInterval=3906.25\n\n[Binary Infos]\n"
        "BinaryFormat=IEEE_FLOAT_32\n\n[Channel Infos]\nCh1=Fp1,,1,µV\nCh2=O2,,1,µV\n",
        encoding="utf-8",
    )
    return folder / "b.vhdr"


def test_brainvision(tmp_path: Path) -> None:
    source = signal_sim.Recording(make_brainvision(tmp_path), channels=["O2", "Fp1"])
    assert source.rate_hz == RATE_HZ
    expected = np.stack([tone(7), tone(3)]) * 1e-6
    assert source.read(20 * RATE_HZ) == pytest.approx(expected, abs=1e-10)
    assert (2.0, "Stimulus/S  1") in [(e.onset_s, e.name) for e in source.events(0, 20)]


def test_brainvision_with_a_pause(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="gap at 4 s"):
        signal_sim.Recording(make_brainvision(tmp_path, gap=True))


def make_eeglab(path: Path, *, boundary: bool = False) -> Path:
    names = np.array([("Fp1", "EEG"), ("O2", "EEG")], dtype=[("labels", "O"), ("type", "O")])
    events = [("go", 513.0, 1.0)] + ([("boundary", 1024.5, 1.0)] if boundary else [])
    eeg = {
        "data": np.stack([tone(3), tone(7)]).astype(np.float32), "nbchan": 2, "trials": 1,
        "pnts": 20 * RATE_HZ, "srate": float(RATE_HZ), "xmin": 0.0, "xmax": 20.0,
        "chanlocs": names, "icawinv": [], "icaweights": [], "icasphere": [], "epoch": [],
        "event": np.array(events, dtype=[("type", "O"), ("latency", "f8"), ("duration", "f8")]),
    }  # fmt: skip
    savemat(path, {"EEG": eeg}, appendmat=False)
    return path


def test_eeglab(tmp_path: Path) -> None:
    source = signal_sim.Recording(make_eeglab(tmp_path / "c.set"), rate_hz=250)
    assert source.channels == ("Fp1", "O2")
    time_s = np.arange(5000) / 250
    expected = 50e-6 * np.sin(2 * np.pi * 3 * time_s)
    assert np.abs(source.read(5000)[0] - expected)[300:4700].max() < 0.1e-6
    assert [(e.onset_s, e.name) for e in source.events(0, 20)] == [(2.0, "go")]


def test_eeglab_with_a_boundary(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"gap at 3\.99"):
        signal_sim.Recording(make_eeglab(tmp_path / "c.set", boundary=True))


@pytest.mark.parametrize("name", ["b.vhdr", "c.set"])
def test_a_file_mne_cannot_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("nothing of the kind")
    with pytest.raises(RecordingError, match="MNE-Python cannot read it"):
        signal_sim.Recording(tmp_path / name)


def chunk(tag: int, content: bytes) -> bytes:
    body = struct.pack("<H", tag) + content
    return b"\x04" + struct.pack("<I", len(body)) + body


def make_xdf(path: Path, *, gap: bool = False, streams: int = 1, unit: str = "microvolts") -> Path:
    """Write an XDF file by its specification (https://github.com/sccn/xdf/wiki)."""
    data = b"XDF:" + chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")
    samples = np.stack([tone(3, 4), tone(7, 4)]).astype("<f4")
    for stream in range(1, streams + 1):
        channels = "".join(
            f"<channel><label>{name}</label><unit>{unit}</unit><type>EEG</type></channel>"
            for name in ("Fp1", "O2")
        )
        header = (
            f"<?xml version='1.0'?><info><name>amp{stream}</name><type>EEG</type>"
            "<channel_count>2</channel_count><nominal_srate>256</nominal_srate>"
            "<channel_format>float32</channel_format><source_id>a</source_id>"
            f"<desc><channels>{channels}</channels></desc></info>"
        )
        data += chunk(2, struct.pack("<I", stream) + header.encode())
        content = struct.pack("<I", stream) + b"\x04" + struct.pack("<I", samples.shape[1])
        for n in range(samples.shape[1]):
            late_s = 3.0 if gap and n >= 512 else 0.0
            content += b"\x08" + struct.pack("<d", 100 + n / 256 + late_s)
            content += samples[:, n].tobytes()
        data += chunk(3, content)
        footer = "<?xml version='1.0'?><info><sample_count>1024</sample_count></info>"
        data += chunk(6, struct.pack("<I", stream) + footer.encode())
    header = (
        "<?xml version='1.0'?><info><name>marks</name><type>Markers</type>"
        "<channel_count>1</channel_count><nominal_srate>0</nominal_srate>"
        "<channel_format>string</channel_format><source_id>m</source_id><desc/></info>"
    )
    data += chunk(2, struct.pack("<I", 9) + header.encode())
    content = struct.pack("<I", 9) + b"\x04" + struct.pack("<I", 1)
    content += b"\x08" + struct.pack("<d", 101.5) + b"\x01\x02go"
    data += chunk(3, content)
    footer = "<?xml version='1.0'?><info><sample_count>1</sample_count></info>"
    data += chunk(6, struct.pack("<I", 9) + footer.encode())
    path.write_bytes(data)
    return path


@pytest.fixture
def pyxdf() -> None:
    pytest.importorskip("pyxdf", reason="XDF needs the extra eegrig[recordings]")


@pytest.mark.usefixtures("pyxdf")
def test_xdf(tmp_path: Path) -> None:
    source = signal_sim.Recording(make_xdf(tmp_path / "d.xdf"))
    assert source.channels == ("Fp1", "O2")
    expected = np.stack([tone(3, 4), tone(7, 4)]) * 1e-6
    assert source.read(4 * RATE_HZ) == pytest.approx(expected, abs=1e-10)
    (mark,) = source.events(0, 4)
    assert mark.name == "go"
    assert mark.onset_s == pytest.approx(1.5)


@pytest.mark.usefixtures("pyxdf")
def test_bad_xdf(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"gap at 2\.000 s, of 3 s"):
        signal_sim.Recording(make_xdf(tmp_path / "gap.xdf", gap=True))
    with pytest.raises(RecordingError, match="holds 2"):
        signal_sim.Recording(make_xdf(tmp_path / "two.xdf", streams=2))
    with pytest.raises(RecordingError, match="no EEG channel"):
        signal_sim.Recording(make_xdf(tmp_path / "unit.xdf", unit="lux"))
    (tmp_path / "junk.xdf").write_bytes(b"junk")
    with pytest.raises(RecordingError, match="pyxdf cannot read it"):
        signal_sim.Recording(tmp_path / "junk.xdf")


@pytest.mark.parametrize(
    ("module", "path", "what"),
    [
        (mne_formats, "x.vhdr", "MNE-Python"),
        (mne_formats, "x.set", "MNE-Python"),
        (xdf, "x.xdf", "pyxdf"),
    ],
)
def test_a_reader_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, path: str, what: str
) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(module, "import_module", missing)
    (tmp_path / path).write_text("")
    with pytest.raises(RecordingError, match=rf"needs {what}: install eegrig\[recordings\]"):
        signal_sim.Recording(tmp_path / path)


@pytest.mark.skipif(not REAL.is_file(), reason="EEGRIG_REAL_EDF names no 10-20 recording of 60 s")
def test_a_real_recording() -> None:
    names = ["Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"]
    source = signal_sim.Recording(REAL, channels=names, rate_hz=2000)
    assert source.mapping["P7"] == "EEG T5"
    samples = source.read(60 * 2000)
    assert 1e-6 < samples.std() < 100e-6
