"""`make bench` fails where a ratio has fallen too far."""

from __future__ import annotations

from tests.benchmarks.gate import MOST_FALL, RATIOS, fallen, ratios

FIGURES = {"decode.gaps": 30.0, "decode.plain": 10.0, "signals.plain.best": 5.0}


def test_a_ratio_needs_both_of_its_figures() -> None:
    assert ratios(FIGURES) == {"decoding": 3.0}


def test_a_ratio_that_is_a_little_lower_passes() -> None:
    assert fallen({"decoding": 3.0 * (1 - 0.99 * MOST_FALL)}, {"decoding": 3.0}) == []


def test_a_ratio_that_is_too_low_is_named_with_what_is_stored() -> None:
    (line,) = fallen({"decoding": 1.0}, {"decoding": 3.0})
    assert line.startswith(RATIOS["decoding"].what)
    assert "stored 3" in line


def test_a_ratio_that_is_not_stored_yet_cannot_fall() -> None:
    assert fallen({"decoding": 0.1}, {}) == []
