"""Recordings that show nothing, or little, on a board that is in order."""

from __future__ import annotations

import json
from pathlib import Path

import edfio
import numpy as np
import pytest

from eegrig.boards import load_board
from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.virtual.afe.source import VirtualSignalSource

from ..test_signal import RATE_HZ, eeg, write


def run(path: Path, out: Path, board: str, select: str, seconds: float = 6.0) -> Results:
    request = RunRequest(board, out, select=select, signal=str(path), seconds=seconds)
    run_suites(request, quiet=True, progress=False)
    return Results.load(out)


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (np.zeros(12 * RATE_HZ), "O2 is constant"),
        (eeg(0.1), "O2 has 0.075 uV rms, too little beside the front end's noise"),
        (eeg(20.0) + 200_000.0, "O2 reaches 200.1 mV, beyond the front end's +-187.5 mV"),
    ],
    ids=["constant", "quiet", "over range"],
)
def test_what_the_recording_cannot_show_is_undecided_and_named(tmp_path, spoilt, why):
    sites = load_board("headband8").afe.channels
    channels = {name: eeg(seed=i) for i, name in enumerate(sites)}
    path = write(tmp_path / "a.bdf", **channels | {"O2": spoilt})
    found = run(path, tmp_path / "out", "headband8", "equals_the_input or test_efficient_profile")
    for name in ("signal.gain_error", "signal.correlation"):
        figure = found.figure(name)
        assert figure is not None
        assert figure.verdict == "inconclusive"
        assert why in figure.note
        assert figure.value is not None  # of the channels that show something
    assert abs(found.figure("signal.gain_error").value) < 5e-3
    assert found.figure("signal.correlation").value > 0.999
    # The time base needs no more than one channel that shows something.
    assert found.figure("latency.efficient.mean").value > 0


def test_a_recording_that_shows_nothing_at_all_is_no_fault_of_the_board(tmp_path):
    path = write(tmp_path / "a.bdf", Oz=np.zeros(12 * RATE_HZ))
    found = run(path, tmp_path / "out", "hairclip1", "equals_the_input")
    assert {figure.verdict for figure in found.figures} <= {"inconclusive", "pass", None}
    assert found.verdict == "inconclusive"
    assert "Oz is constant" in found.figure("signal.correlation").note


def test_a_quiet_recording_is_judged_without_the_front_ends_noise(tmp_path):
    path = write(tmp_path / "a.bdf", Oz=eeg(4.0))  # at 0.5 uV of noise: a correlation of 0.992
    found = run(path, tmp_path / "out", "hairclip1", "equals_the_input", 20.0)
    assert found.figure("signal.correlation").verdict in ("pass", "marginal")
    assert found.figure("signal.correlation").value > 0.9985


def test_what_was_applied_is_kept_for_as_long_as_a_session_lasts(tmp_path, monkeypatch):
    monkeypatch.setitem(VirtualSignalSource.__init__.__kwdefaults__, "history_s", 1.0)
    path = write(tmp_path / "a.bdf", Oz=eeg())
    found = run(path, tmp_path / "out", "hairclip1", "equals_the_input")
    assert found.figure("signal.correlation").verdict == "pass"


def test_annotations_of_what_is_played_are_in_the_recording_where_their_signal_is(tmp_path):
    """A pulse at every annotation; the board's clock is a few tenths of a percent off."""
    times_s = np.arange(15 * RATE_HZ) / RATE_HZ
    at_s = [1.0, 4.2, 9.7, 13.1]
    pulses = sum(200.0 * np.exp(-0.5 * ((times_s - t) / 0.02) ** 2) for t in at_s)
    signal = edfio.EdfSignal(pulses + eeg(2.0, seed=3)[:1].mean(), RATE_HZ, label="Oz",
                             physical_dimension="uV", physical_range=(-500, 500))  # fmt: skip
    notes = [edfio.EdfAnnotation(t, None, f"go {n}") for n, t in enumerate(at_s)]
    path = tmp_path / "pulses.edf"
    edfio.Edf([signal], annotations=notes).write(path)
    run(path, tmp_path / "out", "hairclip1", "test_efficient_profile", 60.0)

    file = edfio.read_bdf(tmp_path / "out" / "recording.bdf")
    base = json.loads((tmp_path / "out" / "recording.json").read_text())["time_base"]
    assert base["fitted"]
    assert abs(base["rate_sps"] / base["nominal_sps"] - 1) > 1e-4
    rate_sps, uv = file.signals[0].sampling_frequency, file.signals[0].data
    assert rate_sps == pytest.approx(base["rate_sps"], rel=1e-6)
    found = [note for note in file.annotations if note.text.startswith("go ")]
    assert len(found) >= 15  # it is played again and again
    assert {note.text for note in found} == {"go 0", "go 1", "go 2", "go 3"}
    off_s = []
    for note in found:
        first = round((note.onset - 0.1) * rate_sps)
        if first < 0 or first + round(0.2 * rate_sps) > uv.size:
            continue
        around = uv[first : first + round(0.2 * rate_sps)]
        weight = np.maximum(around - np.median(uv) - 20, 0)
        centre = first + (weight @ np.arange(around.size)) / weight.sum()
        off_s.append(centre / rate_sps - note.onset)
    # A constant: the packets delayed least were delayed a little. At the nominal rate the last
    # ones would be some 150 ms beside their pulses.
    assert np.ptp(off_s) < 0.002
    assert abs(np.median(off_s)) < 0.01
