"""What figures rest on: each fact once, with what rests on it in each mode."""

from __future__ import annotations

from pathlib import Path

from eegrig.boards.assumed import Assumed
from eegrig.hil.figures.assumptions import Assumption
from eegrig.hil.figures.results import Results

RAMP = Assumed(part="nrf52840", key="ramp", value=5.0, unit="mA", source="from memory")
USABLE = Assumed(part="lipo", key="usable", value=95.0, unit="%", source="no source")


def a_run() -> Results:
    return Results(board="toy", bench="virtual")


def test_a_fact_of_several_modes_is_there_once_with_its_share_of_each() -> None:
    results = a_run()
    results.assume_in("sleep", {RAMP: 0.01, USABLE: 0.5})
    results.assume([USABLE])
    results.assume_in("streaming", {RAMP: 0.3})
    assert [assumption.key for assumption in results.assumptions] == ["ramp", "usable"]
    ramp, usable = results.assumptions
    assert (ramp.shares, ramp.share) == ({"sleep": 0.01, "streaming": 0.3}, 0.3)
    assert usable.shares == {"sleep": 0.5}


def test_a_fact_that_carries_no_energy_has_no_share() -> None:
    results = a_run()
    results.assume([USABLE, USABLE])
    (usable,) = results.assumptions
    assert (usable.shares, usable.share) == ({}, None)


def test_facts_that_differ_in_anything_stay_apart() -> None:
    results = a_run()
    others = ({"part": "stm32"}, {"key": "hfxo"}, {"value": 4.0}, {"unit": "A"}, {"source": "x"})
    facts = [RAMP, *(Assumed(**{**FIELDS, **other}) for other in others)]  # type: ignore[arg-type]
    results.assume_in("sleep", dict.fromkeys(facts, 0.1))
    assert len(results.assumptions) == len(facts)


FIELDS = {name: getattr(RAMP, name) for name in RAMP.__struct_fields__}


def test_facts_survive_saving_and_loading_as_they_were(tmp_path: Path) -> None:
    results = a_run()
    values = (True, 3, 3.0, "none", None)
    results.assume(Assumed(part="p", key=f"k{i}", value=value) for i, value in enumerate(values))
    results.assume_in("sleep", {RAMP: 0.0974})
    results.save(tmp_path)
    loaded = Results.load(tmp_path).assumptions
    assert loaded == results.assumptions
    assert [type(assumption.value) for assumption in loaded[:5]] == [type(v) for v in values]
    assert isinstance(loaded[-1], Assumption)
