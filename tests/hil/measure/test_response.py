from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BSpline

from eegrig.boards.sinc3 import sinc3_gain
from eegrig.hil.bench import Waveform
from eegrig.hil.measure.response import as_is, sinc3


@pytest.mark.parametrize("frequency", [3.0, 20.0, 60.0])
@pytest.mark.parametrize("wave_rate", [2000.0, 16000.0])
def test_a_sine_comes_out_smaller_by_the_gain_and_not_later(frequency, wave_rate):
    time = np.arange(round(2 * wave_rate)) / wave_rate
    tone = Waveform(10**9, wave_rate, ("E",), 4e-3 + np.sin(2 * np.pi * frequency * time)[None])
    shown = sinc3(tone, 250.0)
    late = (shown.start_ns - tone.start_ns) * 1e-9
    shown_time = late + np.arange(shown.volts.shape[1]) / wave_rate
    ideal = sinc3_gain(frequency, 250.0) * np.sin(2 * np.pi * frequency * shown_time) + 4e-3
    assert shown.volts[0] == pytest.approx(ideal, abs=2e-3)
    assert late == pytest.approx(1.5 / 250, abs=1 / wave_rate)


@pytest.mark.parametrize(
    ("wave_rate", "reach"), [(2000.0, 12), (1100.0, 6), (1166.0, 6), (1000.0, 6), (750.0, 4)]
)
def test_only_what_the_whole_filter_covers_is_shown(wave_rate, reach):
    """A period and a half to either side: what lies further has no say, and no sample is lost."""
    tone = Waveform(10**9, wave_rate, ("E",), np.zeros((1, 100)))
    shown = sinc3(tone, 250.0)
    assert shown.volts.shape == (1, 100 - 2 * reach)
    assert shown.start_ns == 10**9 + round(reach * 1e9 / wave_rate)
    assert (shown.rate_hz, shown.channels) == (wave_rate, ("E",))


def test_an_impulse_shows_scipys_quadratic_b_spline():
    """Sixteen samples a period: 1.5 periods are 24, and the spline is 0 there."""
    volts = np.zeros((2, 200))
    volts[0, 100] = 1.0
    volts[1, 120] = -2.0
    shown = sinc3(Waveform(0, 4000.0, ("A", "B"), volts), 250.0)
    spline = BSpline.basis_element([-1.5, -0.5, 0.5, 1.5], extrapolate=False)
    kernel = spline(np.arange(-23, 24) / 16)
    kernel = kernel / kernel.sum()
    expected = np.zeros((2, 200 - 48))
    expected[0, 76 - 23 : 76 + 24] = kernel
    expected[1, 96 - 23 : 96 + 24] = -2 * kernel
    assert shown.volts == pytest.approx(expected, abs=1e-12)


def test_offsets_a_billion_times_the_signal_come_out_to_the_last_digit():
    """Each channel on its own: what is constant stays exactly what it is."""
    volts = np.repeat([[0.3], [-5.1], [1e-9]], 700, axis=1)
    shown = sinc3(Waveform(0, 4000.0, ("A", "B", "C"), volts), 250.0)
    assert shown.volts.tolist() == volts[:, 48:].tolist()


def test_no_filter_changes_nothing():
    tone = Waveform(0, 1000.0, ("E",), np.ones((1, 10)))
    assert as_is(tone, 250.0) is tone
