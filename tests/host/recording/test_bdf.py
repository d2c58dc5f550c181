from __future__ import annotations

import datetime
from pathlib import Path

import edfio
import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig.boards.errors import ConfigError
from eegrig.host.recording.bdf import Annotation, header_range, write_bdf

LSB_FV = 22351742
CODES = np.random.default_rng(7).integers(-(2**22), 2**22, (2, 1000)).astype(np.int32)


def write(path: Path, codes: np.ndarray = CODES, **changes: object) -> Path:
    settings = {
        "labels": ("Fp1", "O2"),
        "rate_sps": 250,
        "lsb_fv": LSB_FV,
        "equipment": "headband8 0.1.0",
    }
    write_bdf(path, codes, **(settings | changes))  # type: ignore[arg-type]
    return path


def worst_end(lsb_fv: int) -> float:
    """How far the header's ends are from the codes' voltages, in codes."""
    ends = header_range(lsb_fv)
    for uv in ends.physical_uv:
        assert len(f"{uv:.12g}") <= 8
    assert ends.digital[0] <= -(2**23) + 255
    assert ends.digital[1] >= 2**23 - 256
    assert ends.lsb_v == pytest.approx(lsb_fv * 1e-15, rel=1e-7)
    errors_fv = [
        uv * 1e9 - code * lsb_fv for code, uv in zip(ends.digital, ends.physical_uv, strict=True)
    ]
    return max(map(abs, errors_fv)) / lsb_fv


@given(st.integers(1_000_000, 600_000_000))
def test_any_lsb_is_stated_to_half_a_code_over_the_whole_range(lsb_fv: int) -> None:
    assert worst_end(lsb_fv) <= 0.5


@pytest.mark.parametrize("gain", [1, 2, 4, 6, 8, 12, 24])
def test_an_ads1299s_lsb_is_stated_to_a_tenth_of_a_code(gain: int) -> None:
    assert worst_end(round(2 * 4.5 / gain / 2**24 * 1e15)) < 0.1


def test_the_digital_values_of_the_file_are_the_codes_of_the_front_end(tmp_path: Path) -> None:
    file = edfio.read_bdf(write(tmp_path / "a.bdf"))
    assert [signal.label for signal in file.signals] == ["Fp1", "O2"]
    for signal, row in zip(file.signals, CODES, strict=True):
        np.testing.assert_array_equal(signal.digital, row)
        assert signal.physical_dimension == "uV"
        error_uv = signal.data - row * (LSB_FV * 1e-9)
        assert np.abs(error_uv).max() < 0.1 * LSB_FV * 1e-9


def test_mne_reads_names_volts_rate_and_annotations(tmp_path: Path) -> None:
    notes = [Annotation(1.0, 0.5, "BAD_ACQ_SKIP"), Annotation(3.25, None, "stimulus")]
    path = write(tmp_path / "a.bdf", annotations=notes)
    raw = mne.io.read_raw_bdf(path, preload=True, verbose="error")
    assert raw.ch_names == ["Fp1", "O2"]
    assert raw.info["sfreq"] == 250
    assert raw.times.size == 1000
    lsb_v = LSB_FV * 1e-15
    assert np.abs(raw.get_data() - CODES * lsb_v).max() < 0.5 * lsb_v
    read = [(a["onset"], a["duration"], str(a["description"])) for a in raw.annotations]
    assert read == [(1.0, 0.5, "BAD_ACQ_SKIP"), (3.25, 0.0, "stimulus")]


def test_codes_beyond_the_stated_ends_are_the_ends(tmp_path: Path) -> None:
    rails = np.array([[-(2**23), 2**23 - 1] * 125], np.int32)
    file = edfio.read_bdf(write(tmp_path / "a.bdf", rails, labels=("Fp1",)))
    low, high = header_range(LSB_FV).digital
    assert set(file.signals[0].digital.tolist()) == {low, high}


@pytest.mark.parametrize("n_times", [1, 9, 250, 499, 600, 601, 701, 997, 1000])
def test_what_fills_the_last_record_is_held_and_marked_as_no_loss(
    tmp_path: Path, n_times: int
) -> None:
    file = edfio.read_bdf(write(tmp_path / "a.bdf", CODES[:, :n_times]))
    digital = file.signals[0].digital
    np.testing.assert_array_equal(digital[:n_times], CODES[0, :n_times])
    n_padded = digital.size - n_times
    assert n_padded < 125  # never more than half a second
    if n_padded:
        assert set(digital[n_times:].tolist()) == {CODES[0, n_times - 1]}
        (note,) = file.annotations
        assert note.text == "BAD_PADDING"
        assert note.onset == pytest.approx(n_times / 250)
        assert note.duration == pytest.approx(n_padded / 250)
    else:
        assert file.annotations == ()


def test_a_length_that_divides_into_records_of_about_a_second_is_not_padded(tmp_path: Path) -> None:
    for n_times in (600, 994, 1000):
        file = edfio.read_bdf(write(tmp_path / "a.bdf", CODES[:, :n_times]))
        assert file.signals[0].digital.size == n_times
        assert file.annotations == ()
    assert file.data_record_duration == 1.0  # a whole second where it can be


@settings(max_examples=25)
@given(
    rate_sps=st.floats(9.0, 2100.0),
    n_times=st.integers(1, 30_000),
    microsecond=st.integers(0, 999_999),
)
def test_any_rate_is_stated_to_1_ppm_and_its_records_follow_each_other(
    tmp_path_factory: pytest.TempPathFactory, rate_sps: float, n_times: int, microsecond: int
) -> None:
    start = datetime.datetime(2026, 11, 22, 13, 14, 15, microsecond)
    codes = np.arange(n_times, dtype=np.int32)[None]
    note = Annotation((n_times - 1) / rate_sps, None, "last")
    path = tmp_path_factory.mktemp("rate") / "a.bdf"
    write(path, codes, labels=("Fp1",), rate_sps=rate_sps, start=start, annotations=[note])
    file = edfio.read_bdf(path)
    assert file.signals[0].sampling_frequency == pytest.approx(rate_sps, rel=1e-6)
    assert file.is_continuous
    assert file.starttime == start.time()
    np.testing.assert_array_equal(file.signals[0].digital[:n_times], codes[0])
    last = next(a for a in file.annotations if a.text == "last")
    assert last.onset * rate_sps == pytest.approx(n_times - 1, abs=0.01)
    raw = mne.io.read_raw_bdf(path, verbose="error")
    assert raw.info["sfreq"] == pytest.approx(rate_sps, rel=1e-6)


def test_an_annotation_cannot_end_another(tmp_path: Path) -> None:
    notes = [Annotation(1.0, None, "left\x14right\x00\nend")]
    (read,) = edfio.read_bdf(write(tmp_path / "a.bdf", annotations=notes)).annotations
    assert read.text == "left right  end"


def test_the_same_data_make_the_same_bytes(tmp_path: Path) -> None:
    notes = [Annotation(1.0, 0.5, "BAD_ACQ_SKIP")]
    first = write(tmp_path / "a.bdf", annotations=notes).read_bytes()
    assert write(tmp_path / "b.bdf", annotations=notes).read_bytes() == first


def test_the_header_says_what_it_was_recorded_with_and_when(tmp_path: Path) -> None:
    start = datetime.datetime(2026, 11, 22, 13, 14, 15)
    path = write(tmp_path / "a.bdf", start=start, patient="P 07", additional=("gain_24",))
    file = edfio.read_bdf(path)
    assert file.recording.equipment_code == "headband8_0.1.0"
    assert file.recording.additional == ("gain_24",)
    assert file.recording.startdate == start.date()
    assert file.starttime == start.time()
    assert file.patient.code == "P_07"
    assert file.reserved == "BDF+C"


@pytest.mark.parametrize("label", ["", "a name of 17 char", "µV", "C\n3"])
def test_a_name_that_does_not_fit_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(ConfigError, match="cannot be written to a BDF file"):
        write(tmp_path / "a.bdf", labels=("Fp1", label))
    assert list(tmp_path.iterdir()) == []


def test_no_samples_make_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without samples"):
        write(tmp_path / "a.bdf", CODES[:, :0])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot write .*a\.bdf"):
        write(tmp_path / "file" / "a.bdf")
