"""Simulated gates keep what ``docs/gate.md`` says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eegrig.hil.gate import simulation
from eegrig.hil.gate.simulation import false_alarms, power, table, with_table
from eegrig.hil.gate.stages import FALSE_ALARMS, POWER, Design, design_for
from eegrig.hil.gate.statistics import p_worse

PAGE = Path(__file__).parents[3] / "docs" / "gate.md"
THREE_PERCENT = np.array([0.03])


def test_the_page_says_what_the_simulation_finds_and_that_is_enough() -> None:
    made = table()
    text = PAGE.read_text(encoding="utf-8")
    assert with_table(text, made) == text, "run: python -m eegrig.hil.gate.simulation"
    heads, _, *rows = [line.strip("| ").split(" | ") for line in made.splitlines()]
    assert [row[0] for row in rows] == ["20", "40", "80"]
    for row in rows:
        assert float(row[heads.index("3 % worse")]) >= POWER
        assert float(row[heads.index("false alarms in 100 gates")]) <= 100 * FALSE_ALARMS


def test_five_more_runs_would_not_be_enough() -> None:
    short = Design(n_more=5, p_go_on=0.05)
    found = power(short, 40, THREE_PERCENT, np.random.default_rng(1), n_gates=3000)
    assert found[0] < 0.87


def test_a_gate_that_allows_chance_more_alarms_too_often() -> None:
    lax = Design(n_more=10, p_go_on=0.03, share=0.05)
    found = false_alarms(lax, 20, np.random.default_rng(2), n_gates=500)
    assert found.alarmed > 2 * FALSE_ALARMS


def test_wild_runs_hide_a_change() -> None:
    rng = np.random.default_rng(3)
    plain = power(design_for(40), 40, THREE_PERCENT, rng, n_gates=2000)
    wild = power(design_for(40), 40, THREE_PERCENT, rng, outliers=0.05, n_gates=2000)
    assert wild[0] < plain[0] - 0.05


def test_runs_are_counted_for_gates_that_go_on() -> None:
    always = false_alarms(Design(n_more=10, p_go_on=1.0), 2, np.random.default_rng(4), n_gates=20)
    assert (always.went_on, always.n_runs) == (1, 15)


def test_chances_of_many_gates_are_those_of_each() -> None:
    rng = np.random.default_rng(5)
    old = rng.standard_normal((3, 2, 20), dtype=np.float32)
    new = rng.standard_normal((3, 2, 5), dtype=np.float32)
    found = simulation._p(old, new)
    wanted = [[p_worse(old[i, j], new[i, j]) for j in range(2)] for i in range(3)]
    assert found == pytest.approx(np.array(wanted))


def test_a_page_without_marks_stays_as_it_is() -> None:
    assert with_table("# Nothing\n", "| x |\n") == "# Nothing\n"
