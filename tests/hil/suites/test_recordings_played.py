"""Recordings that show nothing, or little, on a board that is in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from boards import load_board
from hil.results import Results
from hil.run import RunRequest, run_suites
from hil.virtual.afe import VirtualSignalSource

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
