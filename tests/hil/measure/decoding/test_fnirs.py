"""Activity that is told from the light of two wavelengths."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.measure.decoding.fnirs import fnirs_scores, oxyhaemoglobin
from eegrig.hil.measure.decoding.paired import paired_auc
from eegrig.signal_sim.fnirs import EXTINCTION


def test_oxyhaemoglobin_is_told_from_two_wavelengths():
    time_s = np.arange(500) / 25.0
    oxy = 1e-6 * np.sin(2 * np.pi * 0.05 * time_s)
    deoxy = -0.3e-6 * np.cos(2 * np.pi * 0.03 * time_s)
    path_mm = 180.0
    currents = np.stack(
        [
            5e-9 * np.exp(-path_mm * (EXTINCTION[nm][0] * oxy + EXTINCTION[nm][1] * deoxy))
            for nm in (760, 850)
        ]
    )
    found = oxyhaemoglobin(currents, (760, 850), EXTINCTION)
    assert np.corrcoef(found, oxy)[0, 1] > 0.999
    assert np.ptp(found) == pytest.approx(path_mm * np.ptp(oxy), rel=0.02)
    with pytest.raises(ValueError, match="saw no light"):
        oxyhaemoglobin(currents - 5e-9, (760, 850), EXTINCTION)


def test_activity_is_found_beside_what_blood_does_anyway(rng):
    rate_hz, n = 25.0, 40
    n_times = round(4 * rate_hz)
    time_s = np.arange(round((12 * n + 30) * rate_hz)) / rate_hz
    skin = np.cumsum(rng.standard_normal(time_s.size)) * 0.05
    onsets_s = 12.0 * np.arange(1, n + 1)
    answer = sum(np.exp(-0.5 * ((time_s - at - 6) / 2) ** 2) for at in onsets_s)
    first = np.concatenate(
        [np.rint((onsets_s + later) * rate_hz).astype(int) for later in (4.0, -2.0)]
    )
    scores = fnirs_scores(answer + skin, rate_hz, first, n_times)
    active = np.repeat([True, False], n)
    assert paired_auc(scores, scores, active).first > 0.95
