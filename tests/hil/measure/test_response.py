from __future__ import annotations

import numpy as np
import pytest

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


def test_no_filter_changes_nothing():
    tone = Waveform(0, 1000.0, ("E",), np.ones((1, 10)))
    assert as_is(tone, 250.0) is tone
