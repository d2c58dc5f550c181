"""Spindles and slow waves on tones whose answer is known."""

from __future__ import annotations

import pytest

from eegrig.hil.measure.decoding.sleep import slow_wave_scores, spindle_scores

from .tones import lowered, raises


@pytest.mark.parametrize(
    ("decode", "hz", "sign"), [(spindle_scores, 13.5, 1), (slow_wave_scores, 1.0, 1)]
)
def test_what_it_looks_for_raises_its_score(rng, decode, hz, sign):
    found, by_chance = raises(rng, decode, hz, sign)
    assert found > 0.99
    assert by_chance == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(("decode", "hz"), [(spindle_scores, 13.5)])
def test_noise_lowers_what_it_scores(rng, decode, hz):
    score, loss = lowered(rng, decode, hz)
    assert score > 0.7
    assert loss > 0.05
