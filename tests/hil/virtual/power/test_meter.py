"""The meter: what it makes of an account that was added up by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest

from eegrig.boards import Part
from eegrig.boards.assumed import Assumed
from eegrig.hil.bench import PowerCapture
from eegrig.hil.virtual.power.ledger import Account
from eegrig.hil.virtual.power.meter import VirtualPowerMeter
from eegrig.hil.virtual.power.rails import Cause

from .parts import a_part

MS = 1_000_000

PARTS = {
    "mcu": a_part("mcu", "mcu", cpu_active=1.0, idle=2.0, link_cpu=3.0),
    "buck": a_part("buck", "buck", quiescent=0.5),
}


def find_part(name: str) -> Part:
    part = PARTS[name]
    assumed = {
        key: msgspec.structs.replace(figure, assumed=key in ("idle", "quiescent"))
        for key, figure in part.figures.items()
    }
    return msgspec.structs.replace(part, figures=assumed)


MODELLED = Assumed(part="zephyr", key="cpu_time", source="modelled")
TEN_PRICES = Assumed(part="zephyr", key="prices", value=10, source="assumed")


@dataclass
class AccountLedger:
    """A ledger whose account a test has added up."""

    account: Account
    battery_v: float = 4.0
    cpu_assumptions: tuple[Assumed, ...] = (MODELLED, TEN_PRICES)
    opened: list[int] = field(default_factory=list)

    def open_account(self, step_ns: int) -> None:
        self.opened.append(step_ns)

    def close_account(self) -> Account:
        return self.account


def capture(ledger: AccountLedger, **options: Any) -> PowerCapture:
    options = {"find_part": find_part, **options}
    meter = VirtualPowerMeter(ledger, **options)  # type: ignore[arg-type]

    async def taken() -> PowerCapture:
        await meter.start()
        return await meter.stop()

    return asyncio.run(taken())


def an_account(causes_j: dict[Cause, float] | None = None, **energy_j: float) -> Account:
    return Account(
        start_ns=3 * MS,
        until_ns=8 * MS,
        step_ns=MS,
        energy_j=energy_j,
        causes_j=causes_j or {},
        bins_j=[np.array([4e-3, 8e-3]), np.array([2e-3])],
    )


def test_the_current_is_the_energy_of_a_step_over_voltage_and_time():
    """4 mJ in a millisecond at 4 V are an ampere."""
    ledger = AccountLedger(an_account(mcu=14e-3))
    taken = capture(ledger)
    assert taken.current_a == pytest.approx([1.0, 2.0, 0.5])
    assert (taken.start_ns, taken.stop_ns, taken.step_s) == (3 * MS, 8 * MS, 1e-3)
    assert taken.battery_v == 4.0
    assert ledger.opened == [MS]


def test_a_finer_trace_has_a_finer_step():
    ledger = AccountLedger(an_account(mcu=14e-3))
    taken = capture(ledger, step_s=0.25e-3)
    assert ledger.opened == [250_000]
    assert taken.step_s == pytest.approx(0.25e-3)
    assert taken.current_a == pytest.approx([4.0, 8.0, 2.0])


def test_the_step_is_the_nearest_nanosecond():
    """A third of a second is no whole number of them; 0.29 ms is one less in binary."""
    for step_s, step_ns in ((1 / 3, 333_333_333), (0.29e-3, 290_000), (2 / 3, 666_666_667)):
        ledger = AccountLedger(an_account(mcu=1.0))
        capture(ledger, step_s=step_s)
        assert ledger.opened == [step_ns]


def test_a_capture_of_no_time_has_no_trace():
    account = Account(5, 5, MS, {"mcu": 0.0})
    taken = capture(AccountLedger(account))
    assert taken.current_a.size == 0
    assert (taken.uncertainty, taken.group_uncertainty) == (0.0, {"mcu": 0.0})


def test_the_total_is_the_sum_of_the_groups():
    taken = capture(AccountLedger(an_account(afe=3.0, mcu=2.0, rest=0.5)))
    assert taken.energy_j == {"afe": 3.0, "mcu": 2.0, "rest": 0.5, "total": 5.5}


CAUSES = {
    Cause("mcu", "mcu", "cpu_active", 0.2): 3.0,
    Cause("mcu", "mcu", "idle", 0.5): 1.0,
    Cause("rest", "buck", "quiescent", 0.3): 4.0,
}


def test_causes_are_independent_and_add_up_in_quadrature():
    """By hand: 0.6, 0.5 and 1.2 J of 10 J; groups have their own causes over their own energy."""
    taken = capture(AccountLedger(an_account(CAUSES, mcu=5.0, rest=4.0, radio=1.0)))
    assert taken.uncertainty == pytest.approx(np.sqrt(0.6**2 + 0.5**2 + 1.2**2) / 10)
    assert taken.group_uncertainty == pytest.approx(
        {"mcu": np.hypot(0.6, 0.5) / 5, "rest": 1.2 / 4, "radio": 0.0}
    )


def test_processor_time_is_told_beside_the_current_it_is_spent_at():
    figures = PARTS["mcu"].figures
    current = msgspec.structs.replace(figures["cpu_active"], assumed=True)
    part = msgspec.structs.replace(PARTS["mcu"], figures={**figures, "cpu_active": current})
    ledger = AccountLedger(an_account({Cause("mcu", "mcu", "cpu_active", 0.2): 3.0}, mcu=4.0))
    taken = capture(ledger, find_part=lambda name: part)
    assert [fact.key for fact in taken.assumptions] == ["cpu_time", "prices", "cpu_active"]
    assert set(taken.assumptions.values()) == {0.75}


def test_causes_of_one_error_add_up_before_the_others_do_in_quadrature():
    """By hand: 0.2 of 3 and 2 J together, 0.5 of 1 J; of two groups they stay apart."""
    causes = {
        Cause("mcu", "mcu", "link_cpu", 0.2): 3.0,
        Cause("mcu", "mcu", "link_cpu", 0.2, ("idle",)): 2.0,
        Cause("mcu", "mcu", "idle", 0.5): 1.0,
        Cause("rest", "mcu", "link_cpu", 0.2): 4.0,
    }
    taken = capture(AccountLedger(an_account(causes, mcu=6.0, rest=4.0)))
    assert taken.group_uncertainty["mcu"] == pytest.approx(np.hypot(1.0, 0.5) / 6)
    assert taken.uncertainty == pytest.approx(np.sqrt(1.0**2 + 0.5**2 + 0.8**2) / 10)
    # What the 2 J come from is assumed, though their error is that of another entry.
    assert {fact.key: share for fact, share in taken.assumptions.items()} == {"idle": 0.3}


def test_a_cause_that_comes_from_several_entries_is_told_with_those_that_are_assumed():
    causes = {Cause("mcu", "mcu", "link_cpu", 0.2, ("link_cpu", "idle")): 3.0}
    taken = capture(AccountLedger(an_account(causes, mcu=4.0)))
    assert {fact.key: share for fact, share in taken.assumptions.items()} == {"idle": 0.75}


def test_the_stated_uncertainty_is_the_scatter_of_boards_whose_parts_differ_by_their_spreads():
    rng = np.random.default_rng(7)
    taken = capture(AccountLedger(an_account(CAUSES, mcu=4.0, rest=4.0)))
    boards_j = sum(
        joules * (1 + cause.spread * rng.normal(size=20_000)) for cause, joules in CAUSES.items()
    )
    assert taken.uncertainty == pytest.approx(boards_j.std() / 8.0, rel=0.02)


def test_nothing_drawn_or_only_charged_has_no_relative_uncertainty():
    assert capture(AccountLedger(an_account(mcu=0.0))).uncertainty == 0.0
    assert capture(AccountLedger(an_account(CAUSES, mcu=-1.0))).uncertainty == 0.0


def test_a_capture_of_a_fraction_of_a_joule_has_its_uncertainty():
    small = {cause: joules * 1e-9 for cause, joules in CAUSES.items()}
    taken = capture(AccountLedger(an_account(small, mcu=4e-9, rest=4e-9)))
    assert taken.uncertainty == pytest.approx(np.sqrt(0.6**2 + 0.5**2 + 1.2**2) / 8)


def test_assumed_figures_are_told_with_their_share_the_heaviest_first():
    causes = {**CAUSES, Cause("radio", "mcu", "link_cpu", 0.1): 2.0}
    taken = capture(AccountLedger(an_account(causes, mcu=4.0, rest=4.0, radio=2.0)))
    source = "chosen for a test"
    assert list(taken.assumptions.items()) == [
        (Assumed(part="buck", key="quiescent", value=0.5, unit="1", source=source), 0.4),
        (MODELLED, 0.3),
        (TEN_PRICES, 0.3),
        (Assumed(part="mcu", key="idle", value=2.0, unit="1", source=source), 0.1),
    ]


def test_a_figure_that_carries_no_energy_is_no_assumption_of_the_result():
    causes = {Cause("mcu", "mcu", "idle", 0.5): 0.0, Cause("rest", "buck", "quiescent", 0.3): 1.0}
    taken = capture(AccountLedger(an_account(causes, mcu=0.0, rest=1.0)))
    assert [fact.part for fact in taken.assumptions] == ["buck"]


def test_what_is_fed_back_is_as_heavy_as_what_is_drawn():
    """A converter's loss below nothing: by size, it comes first."""
    causes = {Cause("mcu", "mcu", "idle", 0.5): 1.0, Cause("rest", "buck", "quiescent", 0.3): -3.0}
    taken = capture(AccountLedger(an_account(causes, mcu=5.0, rest=-1.0)))
    assert list(taken.assumptions.values()) == [-0.75, 0.25]


def test_a_fact_that_two_groups_rest_on_is_one_with_both_energies_to_four_decimals():
    """By hand: 2 and 1 of 3 J."""
    causes = {
        Cause("mcu", "buck", "quiescent", 0.3): 1.0,
        Cause("rest", "buck", "quiescent", 0.3): 1.0,
        Cause("mcu", "mcu", "idle", 0.5): 1.0,
    }
    taken = capture(AccountLedger(an_account(causes, mcu=2.0, rest=1.0)))
    assert [(fact.part, share) for fact, share in taken.assumptions.items()] == [
        ("buck", 0.6667),
        ("mcu", 0.3333),
    ]
