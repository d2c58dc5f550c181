from __future__ import annotations

from eegrig.hil.figures.results import Assumption
from eegrig.hil.report.assumptions import merged


def texts(*given: str) -> list[str]:
    found = merged([Assumption(text=text) for text in given])
    return [assumption.text.replace("\u00a0", " ") for assumption in found]


def test_one_assumption_of_several_captures_is_told_once_with_its_largest_share():
    assert texts(
        "ramp = 5 mA (from memory): 9.74% of the energy",
        "cell at 3.8 V",
        "CPU time: x/÷ 1.35: 10.71% of the energy",
        "ramp = 5 mA (from memory): 36.20% of the energy",
    ) == [
        "ramp = 5 mA (from memory): up to 36 % of a mode’s energy",
        "CPU time: x/÷ 1.35: up to 11 % of a mode’s energy",
        "cell at 3.8 V",
    ]


def test_small_shares_are_not_rounded_to_nothing():
    assert texts("x: 0.03% of the energy") == ["x: up to 0.03 % of a mode’s energy"]


def test_different_sources_stay_apart():
    two = [Assumption(text="a: 1% of the energy", source=source) for source in ("one", "two")]
    assert len(merged(two)) == 2
