"""What a signal cannot show is said of the signal."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards import load_board
from eegrig.hil.figures.verdict import judge
from eegrig.hil.measure.showing import told, unfit


@pytest.mark.parametrize(
    ("scale_v", "offset_v", "why"),
    [
        (20e-6, 0.0, None),
        (20e-6, 0.18, None),
        (2e-6, 0.0, None),
        (0.0, 0.0, "is constant"),
        (0.0, 0.01, "is constant"),
        (0.1e-6, 0.0, "has 0.1 uV rms, too little beside the front end's noise"),
        (20e-6, 0.2, "reaches 200.1 mV, beyond the front end's +-187.5 mV at gain 24"),
        (20e-6, -0.2, "reaches 200.1 mV, beyond"),
    ],
)
def test_channels_that_show_nothing(scale_v, offset_v, why):
    rng = np.random.default_rng(1)
    volts = np.stack([rng.normal(size=5000) * 20e-6, rng.normal(size=5000) * scale_v + offset_v])
    found = unfit(volts, ["Fp1", "O2"], load_board("headband8"))
    assert list(found) == ([] if why is None else ["O2"])
    assert why is None or why in found["O2"]


def test_a_figure_that_the_signal_cannot_show_is_undecided():
    board = load_board("headband8")
    fault = told({"O2": "is constant"})
    # Channels that do show it and miss the limit are the board's fault.
    for value, verdict in ((0.9999, "inconclusive"), (None, "inconclusive"), (0.5, "fail")):
        judged = judge(board, "signal.correlation", value, 1e-6, 100, signal_fault=fault)
        assert judged.verdict == verdict
        assert judged.note == "the signal cannot show it: O2 is constant"
    assert told({}) == ""


def test_channels_of_one_fault_are_told_together():
    faults = {"Fp1": "reaches 200 mV", "O1": "is constant", "O2": "reaches 200.1 mV"}
    assert told(faults, "a: ") == "a: Fp1, O2 reaches 200 mV; O1 is constant"
