from __future__ import annotations

from eegrig.hil.figures.assumptions import Assumption
from eegrig.hil.report.assumptions import sentences


def texts(*given: Assumption) -> list[str]:
    return [assumption.text.replace("\u00a0", " ") for assumption in sentences(given)]


def a_fact(part="nrf52840", key="ramp", **more) -> Assumption:
    return Assumption(part=part, key=key, **more)


def test_an_assumption_is_told_with_its_largest_share_the_heaviest_first():
    assert texts(
        Assumption(
            part="zephyr",
            key="cpu_time",
            value=1.25,
            unit="x/÷",
            source="taken over",
            shares={"streaming": 0.1071},
        ),
        a_fact("lipo", "cutoff", value=3.0, unit="V", source="assumed"),
        a_fact(
            value=5.0, unit="mA", source="from memory", shares={"sleep": 0.0974, "streaming": 0.362}
        ),
    ) == [
        "nrf52840: ramp = 5 mA (from memory): up to 36 % of a mode’s energy",
        "CPU time of MicroPython is priced per bytecode event and call, taken over, no board"
        " measured (x/÷ 1.25): up to 11 % of a mode’s energy",
        "lipo: cutoff = 3 V (assumed)",
    ]


def test_small_shares_are_not_rounded_to_nothing():
    assert texts(a_fact(source="s", shares={"sleep": 0.0003})) == [
        "nrf52840: ramp (s): up to 0.03 % of a mode’s energy"
    ]


def test_different_sources_stay_apart():
    two = [a_fact(source=source, shares={"sleep": 0.01}) for source in ("one", "two")]
    assert len(sentences(two)) == 2


def test_a_fact_without_a_unit_is_told_with_its_source_apart():
    facts = [a_fact("build", f"bluetooth.{n}", value=v, source="so it is") for n, v in VALUES]
    assert texts(*facts) == [
        "build: bluetooth.a = yes",
        "build: bluetooth.b = no",
        "build: bluetooth.c = 200000",
        "build: bluetooth.d = none",
    ]
    assert {assumption.source for assumption in sentences(facts)} == {"so it is"}


VALUES = (("a", True), ("b", False), ("c", 200_000), ("d", "none"))


def test_how_many_prices_are_assumed_is_told_with_the_file_they_are_in():
    fact = a_fact("zephyr", "cpu_prices_assumed", value=31, source="boards/ports/zephyr.toml")
    assert texts(fact) == ["prices of CPU time that are assumed: 31 (boards/ports/zephyr.toml)"]
