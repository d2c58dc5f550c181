"""The droop of a sinc3 filter undone, and the band of what was applied."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards.sinc3 import sinc3_gain
from eegrig.hil.bench import Waveform
from eegrig.hil.measure.decoding.droop import PASS, flat, undo_sinc3
from eegrig.hil.measure.decoding.windows import band_passed
from eegrig.hil.measure.response import sinc3

RATE_HZ = 250.0


def _amplitude(volts, frequency_hz, rate_hz):
    time_s = np.arange(volts.size) / rate_hz
    window = np.hanning(volts.size)
    tone = np.exp(-2j * np.pi * frequency_hz * time_s)
    return 2 * np.abs(np.sum(volts * window * tone)) / window.sum()


@pytest.mark.parametrize("frequency_hz", [1.0, 12.3, 41.0, 66.0, 0.93 * PASS * RATE_HZ])
def test_a_tone_that_the_filter_damped_is_as_it_was(frequency_hz):
    time_s = np.arange(1000) / RATE_HZ
    damped = sinc3_gain(frequency_hz, RATE_HZ) * np.sin(2 * np.pi * frequency_hz * time_s)
    undone = undo_sinc3(np.stack([damped, 2 * damped + 5.0]))
    inner = slice(100, 900)
    assert _amplitude(undone[0, inner], frequency_hz, RATE_HZ) == pytest.approx(1, abs=0.01)
    assert _amplitude(undone[1, inner] - 5, frequency_hz, RATE_HZ) == pytest.approx(2, abs=0.02)


def test_it_is_done_without_delay_and_offset():
    pulse = np.zeros((1, 101))
    pulse[0, 50] = 1.0
    undone = undo_sinc3(pulse)[0]
    assert undone.argmax() == 50
    assert undone == pytest.approx(undone[::-1], abs=1e-12)
    assert undo_sinc3(np.full((2, 60), 3.0)) == pytest.approx(3.0, abs=0.02)


def test_what_was_applied_and_what_arrived_are_the_same_signal(rng):
    """Broad noise through the filter, undone, is the noise in the band of `flat`."""
    source = Waveform(0, 2000.0, ("Oz",), rng.standard_normal((1, 40_000)))
    arrived, applied = (
        (w.start_ns, w.volts[0]) for w in (sinc3(source, RATE_HZ), flat(source, RATE_HZ))
    )
    first = 800  # of the source, a frame's instant
    taken = [
        volts[first - round(start_ns * 2e-6) :: 8][:4000] for start_ns, volts in (arrived, applied)
    ]
    undone = undo_sinc3(taken[0][None])[0]
    inner = slice(50, 3950)
    kept = [band_passed(v[None], RATE_HZ, 1.0, 40.0)[0, inner] for v in (undone, taken[1])]
    assert np.corrcoef(kept)[0, 1] > 0.9999
    assert kept[0].std() == pytest.approx(kept[1].std(), rel=5e-3)
    drooping = band_passed(taken[0][None], RATE_HZ, 1.0, 40.0)[0, inner]
    assert drooping.std() < 0.97 * kept[1].std()


def test_beyond_half_the_rate_nothing_of_the_source_is_left():
    time_s = np.arange(8000) / 2000.0
    source = Waveform(0, 2000.0, ("Oz",), np.sin(2 * np.pi * 150.0 * time_s)[None])
    assert np.abs(flat(source, RATE_HZ).volts).max() < 0.02
