"""The tester is tested: chains that cost an application something, and the figure that must tell.

Noise three times as large costs a decoder nothing of signals of the usual size: it is told by a
speller's, which are played small (`hil.suites.stretches.decoding.speller_scale`).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, lfilter

from eegrig.hil.virtual.bench import VirtualBench

from .bad import STREAM, Bad, caught, passed

SPELLER = "what_was_spelt"
CONTRACTIONS = "contractions_are_found"


def three_times_the_noise(virtual: VirtualBench) -> None:
    converter = virtual.board.afe._converter
    sigma_v = converter._sigma_v
    converter._sigma_v = lambda registers, gain: 3 * sigma_v(registers, gain)


def a_pole_at_20_hz(virtual: VirtualBench) -> None:
    inputs = virtual.board.afe._converter._inputs
    volts, after = inputs.volts, [np.zeros((1, 1))]

    def damped(electrodes, *rest):
        shown = volts(electrodes, *rest)
        b, a = butter(1, 20.0, fs=virtual.board.source.rate_hz)
        out, after[0] = lfilter(b, a, shown, zi=np.resize(after[0], (len(shown), 1)))
        return out

    inputs.volts = damped


BAD = {
    "damps what is above 20 Hz": Bad(
        hardware=a_pole_at_20_hz,
        board="earpatch2",
        select=CONTRACTIONS,
        fails=("decoding.emg.loss",),
        says="the source scores",
    ),
    "is three times as noisy": Bad(
        hardware=three_times_the_noise,
        board="hairclip1",
        select=SPELLER,
        fails=("decoding.ssvep_fbcca.loss",),
        says="the source scores",
    ),
    "drops every 20th packet": Bad(
        code=STREAM.format("data[0] % 20 == 19 or _stream(self, data)"),
        board="hairclip1",
        select=SPELLER,
        fails=("decoding.ssvep_cca.loss", "decoding.ssvep_fbcca.loss"),
        says="frames did not arrive and are filled",
    ),
    "takes the muscle's channel for the brain's": Bad(
        code="import board_config as board\nboard.CHANNELS = tuple(reversed(board.CHANNELS))\n",
        board="earpatch2",
        select=CONTRACTIONS,
        fails=("decoding.emg.loss",),
        says="the source scores",
    ),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("board", ["hairclip1", "earpatch2"])
def test_the_good_board_passes_every_selection_used_here(tmp_path, board):
    select = " or ".join({bad.select for bad in BAD.values() if bad.board == board})
    results = passed(select, tmp_path, board)
    judged = {figure.name for figure in results.figures if figure.verdict}
    assert judged >= {name for bad in BAD.values() if bad.board == board for name in bad.fails}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_chain_is_caught(tmp_path, monkeypatch, name):
    caught(BAD[name], tmp_path, monkeypatch)
