from __future__ import annotations

import numpy as np
import pytest

from hil.bench import Waveform
from hil.measure.response import as_is, sinc3, sinc3_gain


def test_gain_is_that_of_three_cascaded_averages():
    n, modulator = 4096, 1.024e6
    rate = modulator / n
    frequency = np.array([0.0, 1.0, 10.0, 40.0, 65.5, 100.0])
    phase = np.exp(-2j * np.pi * frequency[:, None] * np.arange(n) / modulator)
    cascade = np.abs(phase.mean(axis=1)) ** 3
    assert sinc3_gain(frequency, rate, modulator) == pytest.approx(cascade, rel=1e-9)
    assert sinc3_gain(frequency, rate) == pytest.approx(cascade, rel=1e-5)


def test_gain_is_3_db_down_at_0_262_of_the_rate_and_nought_at_its_multiples():
    # ADS1299 data sheet SBAS499C: -3 dB bandwidth 0.262 f_DR
    assert 20 * np.log10(sinc3_gain(0.262 * 250, 250.0)) == pytest.approx(-3.0, abs=0.05)
    assert sinc3_gain([250.0, 500.0], 250.0) == pytest.approx([0, 0], abs=1e-12)


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


def test_no_filter_changes_nothing():
    tone = Waveform(0, 1000.0, ("E",), np.ones((1, 10)))
    assert as_is(tone, 250.0) is tone
