"""The onset of a muscle on tones whose answer is known."""

from __future__ import annotations

import pytest

from eegrig.hil.measure.decoding.emg import emg_scores

from .tones import lowered, raises


@pytest.mark.parametrize(("decode", "hz", "sign"), [(emg_scores, 50.0, 1)])
def test_what_it_looks_for_raises_its_score(rng, decode, hz, sign):
    found, by_chance = raises(rng, decode, hz, sign)
    assert found > 0.99
    assert by_chance == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(("decode", "hz"), [(emg_scores, 50.0)])
def test_noise_lowers_what_it_scores(rng, decode, hz):
    score, loss = lowered(rng, decode, hz)
    assert score > 0.7
    assert loss > 0.05
