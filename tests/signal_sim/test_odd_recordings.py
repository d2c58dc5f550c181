"""Recordings as they are found: named wrongly, labelled oddly, never closed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from eegrig import signal_sim
from eegrig.signal_sim import RecordingError
from eegrig.signal_sim.montage import canonical
from eegrig.signal_sim.recordings.overheard import overheard
from eegrig.signal_sim.recordings.stamps import break_in, time_base
from eegrig.signal_sim.recordings.units import volts_per_unit

from .test_recordings import chunk, make_brainvision, tone

RATE_HZ = 250
SECONDS = 6
CHANNELS = ("Fp1", "C3", "O1")


def write_edf(
    path: Path,
    *,
    labels: tuple[str, ...] = CHANNELS,
    units: tuple[bytes, ...] = (b"uV",) * 3,
    kind: bytes = b"",
    records: int | None = SECONDS,
    stamps: list[bytes] | None = None,
    bdf: bool = False,
) -> Path:
    """Write a file field by field, as the specification has it and as writers depart from it.

    Channel i is a sine of 10 (i + 1) uV peak at 5 + i Hz; `stamps` are the records' annotations.
    """
    width, top = (3, 2**23 - 1) if bdf else (2, 32767)
    n = len(labels) + (stamps is not None)
    rows = [label.encode() for label in labels]
    note = b"BDF Annotations" if bdf else b"EDF Annotations"
    extra = [note] if stamps is not None else []
    columns = [
        (16, rows + extra),
        (80, [b""] * n),
        (8, [*units[: len(labels)], *([b""] * len(extra))]),
        (8, [b"-500"] * len(rows) + [b"-1"] * len(extra)),
        (8, [b"500"] * len(rows) + [b"1"] * len(extra)),
        (8, [str(-top).encode()] * n),
        (8, [str(top).encode()] * n),
        (80, [b""] * n),
        (8, [str(RATE_HZ).encode()] * len(rows) + [b"20"] * len(extra)),
        (32, [b""] * n),
    ]
    fields = [(8, b"\xffBIOSEMI" if bdf else b"0"), (80, b"X"), (80, b""), (8, b"01.01.26")]
    fields += [(8, b"00.00.00"), (8, str(256 * (n + 1)).encode()), (44, kind)]
    fields += [(8, str(records).encode()), (8, b"1"), (4, str(n).encode())]
    head = b"".join(value.ljust(size) for size, value in fields)
    head += b"".join(value.ljust(size) for size, values in columns for value in values)
    time_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    body = b""
    for second in range(SECONDS):
        part = slice(second * RATE_HZ, (second + 1) * RATE_HZ)
        for i in range(len(labels)):
            volts = 10 * (i + 1) * np.sin(2 * np.pi * (5 + i) * time_s[part]) / 500 * top
            codes = np.rint(volts).astype("<i4").view(np.uint8).reshape(-1, 4)
            body += codes[:, :width].tobytes()
        if stamps is not None:
            body += stamps[second].ljust(20 * width, b"\x00")
    path.write_bytes(head + body)
    return path


def in_order(source: signal_sim.Recording) -> None:
    """Assert that a source gives the sines of `write_edf`."""
    samples = source.read(SECONDS * RATE_HZ)
    time_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    for i, row in enumerate(samples):
        expected = 10e-6 * (i + 1) * np.sin(2 * np.pi * (5 + i) * time_s)
        assert row == pytest.approx(expected, abs=0.02e-6)


# ---- what it is follows from what is in it


@pytest.mark.parametrize("bdf", [False, True])
@pytest.mark.parametrize("name", ["a.edf", "a.bdf", "a.rec", "noname", "a.set"])
def test_a_file_is_what_its_content_says(tmp_path: Path, name: str, bdf: bool) -> None:
    in_order(signal_sim.Recording(write_edf(tmp_path / name, bdf=bdf), channels=CHANNELS))


def test_a_name_without_an_ending_is_a_recording_where_it_is_a_file(tmp_path: Path) -> None:
    source = signal_sim.open_source(str(write_edf(tmp_path / "noname")))
    assert source.channels == CHANNELS
    assert signal_sim.open_source("resting").channels != CHANNELS


# ---- units


@pytest.mark.parametrize(
    ("unit", "volts"),
    [
        ("uV", 1e-6), ("UV", 1e-6), ("µV", 1e-6), ("μV", 1e-6), ("uVolts", 1e-6), ("µVolt", 1e-6),
        ("microvolts", 1e-6), ("MicroVolt", 1e-6), ("micro V", 1e-6), ("uV.", 1e-6), ("[uV]", 1e-6),
        ("Âµv", 1e-6), ("mkV", 1e-6), ("мкВ", 1e-6), ("mV", 1e-3), ("millivolt", 1e-3),
        ("nV", 1e-9), ("nanovolts", 1e-9), ("V", 1.0), ("Volts", 1.0),
        ("", None), ("counts", None), ("mA", None), ("%", None), ("uV/s", None), ("uV^2", None),
        ("VA", None), ("u", None),
    ],
)  # fmt: skip
def test_units(unit: str, volts: float | None) -> None:
    assert volts_per_unit(unit) == volts


@pytest.mark.parametrize(
    "unit", [b"\xb5V", "µV".encode(), "μV".encode(), b"uVolts", b"\xe6V", b"\xecV", b"uV\x00"]
)
def test_microvolts_in_any_encoding(tmp_path: Path, unit: bytes) -> None:
    in_order(signal_sim.Recording(write_edf(tmp_path / "a.edf", units=(unit,) * 3)))


def test_brainvision_with_a_greek_mu(tmp_path: Path) -> None:
    path = make_brainvision(tmp_path)
    path.write_text(path.read_text("utf-8").replace("\u00b5V", "\u03bcV"), "utf-8")
    source = signal_sim.Recording(path, channels=["Fp1"])
    assert source.read(5120)[0] == pytest.approx(tone(3) * 1e-6, abs=1e-10)
    path.write_text(path.read_text("utf-8").replace("O2,,1,\u03bcV", "O2,,1,lux"), "utf-8")
    with pytest.raises(RecordingError, match="O2 is in 'lux', which is no voltage"):
        signal_sim.Recording(path, channels=["Fp1", "O2"])


@pytest.mark.parametrize("unit", [b"", b"counts"])
def test_a_channel_that_is_no_voltage_is_said_to_be_so(tmp_path: Path, unit: bytes) -> None:
    labels = ("Fp1", "PO7", "EEG O1-REF")
    path = write_edf(tmp_path / "a.edf", labels=labels, units=(b"uV", b"uV", unit))
    with pytest.raises(RecordingError, match=rf"O1 is in '{unit.decode()}', which is no voltage"):
        signal_sim.Recording(path, channels=["Fp1", "O1"])
    assert signal_sim.Recording(path, channels=["Fp1"]).channels == ("Fp1",)
    by_hand = signal_sim.Recording(path, channels=["Fp1", "O1"], assign={"O1": "PO7"})
    assert by_hand.mapping == {"Fp1": "Fp1", "O1": "PO7"}


def test_a_file_without_any_voltage_names_what_it_has(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "a.edf", units=(b"counts",) * 3)
    with pytest.raises(RecordingError, match=r"no EEG channel in it .*Fp1 is in 'counts'"):
        signal_sim.Recording(path)


# ---- files that were not closed, discontinuous ones, ones without time stamps


@pytest.mark.parametrize("records", [-1, 0])
@pytest.mark.parametrize("bdf", [False, True])
def test_a_file_that_was_not_closed_is_read_by_its_size(
    tmp_path: Path, records: int, bdf: bool
) -> None:
    path = write_edf(tmp_path / "a.edf", records=records, bdf=bdf)
    path.write_bytes(path.read_bytes()[:-700])  # the recorder died within a record
    source = signal_sim.Recording(path)
    assert source.duration_s == SECONDS - 1
    assert source.notes == ("a.edf was not closed by its recorder: 5 records of 1 s by its size",)
    assert source.read(500)[2] == pytest.approx(
        30e-6 * np.sin(2 * np.pi * 7 * np.arange(500) / RATE_HZ), abs=0.02e-6
    )


def test_more_than_the_header_says_is_said(tmp_path: Path) -> None:
    source = signal_sim.Recording(write_edf(tmp_path / "a.edf", records=4))
    assert source.duration_s == 4
    assert source.notes == ("a.edf holds 2 records more than its header says: they are not played",)


def keeping(*seconds: float) -> list[bytes]:
    return [b"+%g\x14\x14\x00" % second for second in seconds]


@pytest.mark.parametrize("bdf", [False, True])
def test_a_discontinuous_file_without_a_gap_plays(tmp_path: Path, bdf: bool) -> None:
    stamps = keeping(0.5, 1.5, 2.5, 3.5, 4.5, 5.5)
    stamps[2] += b"+3.5\x14go\x14\x00"
    kind = b"BDF+D" if bdf else b"EDF+D"
    source = signal_sim.Recording(write_edf(tmp_path / "a", kind=kind, stamps=stamps, bdf=bdf))
    in_order(source)
    assert source.notes == ()
    # Onsets count from the header's time; the first record begins half a second later.
    assert [(e.onset_s, e.name) for e in source.events(0, 6)] == [(3.0, "go")]


@pytest.mark.parametrize("at", [1, 3, 5])
def test_gaps_that_are_there_are_named(tmp_path: Path, at: int) -> None:
    stamps = keeping(*(k + (0.3 if k >= at else 0) for k in range(6)))
    path = write_edf(tmp_path / "a.edf", kind=b"EDF+D", stamps=stamps)
    with pytest.raises(RecordingError, match=rf"gaps \(EDF\+D\): 1, the first at {at} s by \+0.3"):
        signal_sim.Recording(path)
    path = write_edf(tmp_path / "a.edf", kind=b"EDF+C", stamps=stamps)
    (note,) = signal_sim.Recording(path).notes
    assert f"jump (at {at} s by +0.3 s), though it says it is without gaps" in note


@pytest.mark.parametrize("record", [b"", b"\x14\x14\x00", b"no list at all", b"+x\x14\x14\x00"])
def test_edf_plus_without_time_stamps_plays_with_a_note(tmp_path: Path, record: bytes) -> None:
    path = write_edf(tmp_path / "a.edf", kind=b"EDF+C", stamps=[record] * 6)
    source = signal_sim.Recording(path)
    in_order(source)
    assert "a.edf is EDF+C without time stamps in its records" in source.notes[0]
    assert source.events(0, 6) == []


# ---- what cannot be read is said to be so


def test_a_width_that_the_values_do_not_fit_in_is_no_noise(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "a.edf", bdf=True)
    path.write_bytes(b"0".ljust(8) + path.read_bytes()[8:])
    with pytest.raises(RecordingError, match="says 16-bit samples, and its header has values"):
        signal_sim.Recording(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08" + bytes(500), "is compressed"),
        (b"PK\x03\x04" + bytes(500), "is an archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of git-lfs"),
    ],
)
def test_a_recording_that_is_wrapped_is_said_to_be_so(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "a.edf").write_bytes(content)
    with pytest.raises(RecordingError, match=said):
        signal_sim.Recording(tmp_path / "a.edf")


def test_a_folder_an_unreadable_file_and_an_unknown_kind_are_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is a folder"):
        signal_sim.Recording(tmp_path)
    with pytest.raises(RecordingError, match="cannot be read: Input/output error"):
        signal_sim.Recording("/proc/self/mem")
    (tmp_path / "a.gdf").write_bytes(b"GDF 2.20" + bytes(500))
    with pytest.raises(RecordingError, match=r"unknown kind of recording \(there are: \.bdf, "):
        signal_sim.Recording(tmp_path / "a.gdf")


def test_brainvision_data_that_end_within_a_sample_are_told(tmp_path: Path) -> None:
    path = make_brainvision(tmp_path)
    data = next(tmp_path.glob("*.eeg"))
    assert signal_sim.Recording(path, channels=["Fp1"]).notes == ()
    data.write_bytes(data.read_bytes()[:-1])
    assert "ends within a sample" in signal_sim.Recording(path, channels=["Fp1"]).notes[-1]


# ---- labels


def test_channels_of_one_name_are_told(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "a.edf", labels=("Fp1", "EEG Fp1-REF", "O1"))
    notes = signal_sim.Recording(path, channels=["Fp1", "O1"]).notes
    assert notes == ("a.edf has 2 channels that are Fp1: which is which, only its recorder knows",)


@pytest.mark.parametrize(
    "label",
    [
        "Fp1", "FP1", "EEG Fp1", "EEG FP1-REF", "POL Fp1", "Fp1-A1A2", "EEG Fp1-A1A2", "[Fp1-A2]",
        "EEG_Fp1_REF", "Fp1:M1", "Fp1/A1", "EEG Fp1-G2", "EEGFp1", "EEGFp1-LE", "Fp1.", "EEG:Fp1",
        "EEG Fp1 - M1+M2", "Fp1_AVG", "(Fp1)", "eeg fp1 linked ears", "Fp1\u2013A2",
    ],
)  # fmt: skip
def test_usual_label_styles(label: str) -> None:
    assert canonical(label) == "Fp1"


@pytest.mark.parametrize(
    ("label", "plain"),
    [
        ("EEG T3-REF", "T7"), ("Fp1-F7", "Fp1-F7"), ("EEG C3-P3", "C3-P3"), ("EEG1", "EEG1"),
        ("Status", "Status"), ("A1", "A1"), ("REF", "REF"), ("EEG 001", "001"), ("EMG1", "EMG1"),
    ],
)  # fmt: skip
def test_labels_that_are_something_else(label: str, plain: str) -> None:
    assert canonical(label) == plain


def test_any_channel_can_be_assigned_by_hand(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "a.edf", labels=("EEG 001", "EEG 002", "Aux"))
    source = signal_sim.Recording(
        path, channels=["C3", "Fp1"], assign={"Fp1": "EEG 001", "C3": "aux"}
    )
    assert source.mapping == {"C3": "Aux", "Fp1": "EEG 001"}
    assert np.ptp(source.read(1500), axis=1) == pytest.approx([60e-6, 20e-6], rel=0.01)
    with pytest.raises(RecordingError, match="Fp1=EEG 007: no channel 'EEG 007' in it"):
        signal_sim.Recording(path, channels=["Fp1"], assign={"Fp1": "EEG 007"})
    with pytest.raises(RecordingError, match="O1=Aux: no channel 'O1' is wanted"):
        signal_sim.Recording(path, channels=["Fp1"], assign={"Fp1": "Aux", "O1": "Aux"})


# ---- time stamps


def packets(rng: np.random.Generator, n: int, late_s: float, size: int = 8) -> np.ndarray:
    """Return stamps of samples that come in packets of `size`, each late by a chance."""
    return np.repeat(rng.exponential(late_s, -(-n // size)), size)[:n]


@pytest.mark.parametrize("late_s", [0.0, 1e-4, 0.01, 0.04])
def test_stamps_that_are_only_late_have_no_break(late_s: float) -> None:
    rng = np.random.default_rng(4)
    for rate_hz in (128.0, 249.7, 1000.0):
        n = round(60 * rate_hz)
        stamps_s = 5000 + np.arange(n) / rate_hz + packets(rng, n, late_s)
        assert break_in(stamps_s) is None
        base = time_base(stamps_s)
        assert 1 / base.period_s == pytest.approx(rate_hz, rel=max(5 * base.uncertainty, 1e-9))


@pytest.mark.parametrize("step_s", [0.3, 0.9, -0.5, 5.0])
@pytest.mark.parametrize("late_s", [0.0, 0.005])
@pytest.mark.parametrize("at_s", [1.5, 6.0, 10.5])
def test_a_step_of_the_stamps_is_found(step_s: float, late_s: float, at_s: float) -> None:
    n = 3000
    stamps_s = np.arange(n) / 250 + packets(np.random.default_rng(1), n, late_s)
    stamps_s[round(at_s * 250) :] += step_s
    found = break_in(stamps_s)
    assert found is not None
    assert found[0] == pytest.approx(at_s, abs=0.05)
    assert found[1] == pytest.approx(step_s, abs=0.05)


@pytest.mark.parametrize("at", [1, 3, 100, 1500, 2990, 2999])
def test_one_lost_sample_is_found_where_stamps_are_good(at: int) -> None:
    stamps_s = np.arange(3000) / 250
    stamps_s[at:] += 1 / 250
    found = break_in(stamps_s)
    assert found is not None
    assert found == (pytest.approx(at / 250), pytest.approx(1 / 250))


def write_xdf(path: Path, stamps_s: np.ndarray, nominal: str, marker_s: float) -> Path:
    """Write one EEG stream (C3: 7 Hz by its real rate of 250 Hz) and a marker."""
    import struct

    def stream(number: int, kind: str, rate: str, form: str, content: bytes) -> bytes:
        header = (
            f"<?xml version='1.0'?><info><name>s{number}</name><type>{kind}</type>"
            f"<channel_count>1</channel_count><nominal_srate>{rate}</nominal_srate>"
            f"<channel_format>{form}</channel_format><source_id>a</source_id><desc><channels>"
            "<channel><label>C3</label><unit>uV</unit></channel></channels></desc></info>"
        )
        tag = struct.pack("<I", number)
        footer = b"<?xml version='1.0'?><info></info>"
        return chunk(2, tag + header.encode()) + chunk(3, tag + content) + chunk(6, tag + footer)

    wave = 30 * np.sin(2 * np.pi * 7 * np.arange(stamps_s.size) / 250)
    content = b"\x04" + struct.pack("<I", stamps_s.size)
    for stamp, value in zip(stamps_s, wave, strict=True):
        content += b"\x08" + struct.pack("<df", stamp, value)
    mark = b"\x04" + struct.pack("<I", 1) + b"\x08" + struct.pack("<d", marker_s) + b"\x01\x02go"
    data = b"XDF:" + chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")
    data += stream(1, "EEG", nominal, "float32", content)
    path.write_bytes(data + stream(2, "Markers", "0", "string", mark))
    return path


@pytest.mark.parametrize(("nominal", "said"), [("250", ""), ("256", "-2.3 %"), ("0", "no rate")])
def test_xdf_plays_at_the_rate_of_its_stamps(tmp_path: Path, nominal: str, said: str) -> None:
    pytest.importorskip("pyxdf", reason="XDF needs the extra eegrig[recordings]")
    stamps_s = 100 + np.arange(3000) / 250
    source = signal_sim.Recording(write_xdf(tmp_path / "a.xdf", stamps_s, nominal, 102.0))
    assert source.rate_hz == 250
    assert len(source.notes) == bool(said)
    assert all(said in note for note in source.notes)
    (mark,) = source.events(0, 12)
    assert mark.onset_s == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize(
    ("step_s", "what"),
    [(0.3, "a gap at 6.000 s, of 0.3 s"), (0.9, "a gap at 6.000 s, of 0.9 s"),
     (-0.5, "a clock that goes back at 6.000 s, of 0.5 s")],
)  # fmt: skip
def test_xdf_that_breaks_is_refused(tmp_path: Path, step_s: float, what: str) -> None:
    pytest.importorskip("pyxdf", reason="XDF needs the extra eegrig[recordings]")
    stamps_s = 100 + np.arange(3000) / 250
    stamps_s[1500:] += step_s
    with pytest.raises(RecordingError, match=what):
        signal_sim.Recording(write_xdf(tmp_path / "a.xdf", stamps_s, "250", 102.0))


def test_clocks_of_two_computers_are_brought_together_for_the_markers(tmp_path: Path) -> None:
    pytest.importorskip("pyxdf", reason="XDF needs the extra eegrig[recordings]")
    import struct

    path = write_xdf(tmp_path / "a.xdf", 100 + np.arange(3000) / 250, "250", 5102.0)
    with path.open("ab") as file:
        for number, zero_s, offset_s in ((1, 100.0, 0.0), (2, 5100.0, -5000.0)):
            for k in range(3):
                offset = struct.pack("<Idd", number, zero_s + 5 * k, offset_s)
                file.write(chunk(4, offset))
    source = signal_sim.Recording(path)
    assert source.rate_hz == 250
    assert source.notes == ()
    (mark,) = source.events(0, 12)
    assert mark.onset_s == pytest.approx(2.0, abs=1e-3)


# ---- other readers, and what they say


def test_fif(tmp_path: Path) -> None:
    mne = pytest.importorskip("mne", reason="FIF needs the extra eegrig[recordings]")
    info = mne.create_info(["Fp1", "O2", "trigger"], 256.0, ["eeg", "eeg", "stim"])
    data = np.stack([tone(3), tone(7), 0 * tone(7)]) * 1e-6
    raw = mne.io.RawArray(data, info, verbose="error")
    raw.set_annotations(mne.Annotations([2.0], [0.0], ["go"]))
    raw.save(tmp_path / "a_raw.fif", verbose="error")
    source = signal_sim.Recording(tmp_path / "a_raw.fif")
    assert source.channels == ("Fp1", "O2")
    assert source.read(5120) == pytest.approx(data[:2], abs=1e-10)
    assert [(e.onset_s, e.name) for e in source.events(0, 20)] == [(2.0, "go")]
    raw.set_annotations(mne.Annotations([4.0], [1.0], ["BAD_ACQ_SKIP"]))
    raw.save(tmp_path / "a_raw.fif", overwrite=True, verbose="error")
    with pytest.raises(RecordingError, match="a gap at 4 s"):
        signal_sim.Recording(tmp_path / "a_raw.fif")


def test_a_recording_is_the_same_whatever_surroundings_tell_its_reader(tmp_path: Path) -> None:
    mne = pytest.importorskip("mne", reason="FIF needs the extra eegrig[recordings]")
    raw = mne.io.RawArray(
        np.stack([tone(3)]) * 1e-6, mne.create_info(["Fp1"], 256.0, "eeg"), verbose="error"
    )
    raw.save(tmp_path / "a_raw.fif", verbose="error")
    (tmp_path / ".mne").mkdir()
    (tmp_path / ".mne" / "mne-python.json").write_text('{"MNE_LOGGING_LEVEL": "nonsense"}')
    strange = {
        "HOME": str(tmp_path),
        "MNE_LOGGING_LEVEL": "nonsense",
        "MNE_USE_NUMBA": "nonsense",
        "NUMBA_DISABLE_JIT": "nonsense",
        "NUMEXPR_MAX_THREADS": "nonsense",
        "MPLCONFIGDIR": "/dev/null/nowhere",
        "PYTHONWARNINGS": "error",
        "PYTHONSAFEPATH": "1",
        "LC_ALL": "C",
    }
    code = (
        "import hashlib, os, sys; before = dict(os.environ)\n"
        "from eegrig import signal_sim; source = signal_sim.Recording(sys.argv[1], rate_hz=250)\n"
        "print(hashlib.sha256(source.read(1000)).hexdigest(), source.notes)\n"
        "assert before == dict(os.environ)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "a_raw.fif")],
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        for more in ({}, strange)
    ]
    assert [done.stderr for done in said] == ["", ""]
    assert said[0].stdout == said[1].stdout != ""


def test_matlab_73_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eegrig.signal_sim.recordings import mne_formats

    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(mne_formats, "import_module", missing)
    (tmp_path / "a.set").write_bytes(b"MATLAB 7.3 MAT-file, Platform: x".ljust(512))
    with pytest.raises(RecordingError, match=r"pymatreader and h5py: install eegrig\[recordings\]"):
        signal_sim.Recording(tmp_path / "a.set")


def test_what_a_library_says_becomes_notes(capsys: pytest.CaptureFixture[str]) -> None:
    with overheard("Lib", "some.lib", "a.xdf", ignore=("own doing",)) as notes:
        warnings.warn("units are\n odd", RuntimeWarning, stacklevel=1)
        logging.getLogger("some.lib.inner").warning("stream %d is short", 2)
        logging.getLogger("some.lib").warning("our own doing")
    assert notes == [
        "a.xdf: Lib remarks: stream 2 is short",
        "a.xdf: Lib remarks: units are odd",
    ]
    assert capsys.readouterr().err == ""
