"""How long a cell lasts at a constant power."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from eegrig.boards import load_part
from eegrig.hil.measure.battery import battery_life

CELL = load_part("lipo-400mah")


def with_figure(key, value):
    figures = CELL.figures | {key: msgspec.structs.replace(CELL.figures[key], value=value)}
    return msgspec.structs.replace(CELL, figures=figures)


def cell(open_v, **figures):
    """The cell with an open-circuit voltage that is linear from empty to full, and figures."""
    made = CELL
    for key, value in figures.items():
        changed = msgspec.structs.replace(made.figures[key], value=value)
        made = msgspec.structs.replace(made, figures=made.figures | {key: changed})
    curve = msgspec.structs.replace(made.curves["open_circuit"], x=[0, 100], y=list(open_v))
    return msgspec.structs.replace(made, curves={"open_circuit": curve})


def without_losses(open_v, **figures):
    """A cell of 400 mAh that has what is given and loses nothing else."""
    lossless = {"series_resistance": 0.0, "self_discharge": 0.0, "usable": 100.0, "cutoff": 0.0}
    return cell(open_v, **(lossless | figures))


def life_by_quadrature_s(of_cell, power_w):
    """Integrate dq / (P / V + leak), V being the upper root of V (E - V) / R = P."""
    empty_v, full_v = of_cell.curve("open_circuit").y_si
    resistance = of_cell["series_resistance"].si
    leak_a = of_cell["self_discharge"].si * of_cell["capacity"].si

    def terminal_v(level):
        open_v = empty_v + (full_v - empty_v) * level
        return brentq(lambda v: v * (open_v - v) - power_w * resistance, open_v / 2, open_v)

    usable_c = of_cell["capacity"].si * of_cell["usable"].si
    seconds, _ = quad(lambda q: usable_c / (power_w / terminal_v(q) + leak_a), 0, 1)
    return seconds


@pytest.mark.parametrize("ohm", [0.0, 0.15, 5.0])
@pytest.mark.parametrize("percent_a_month", [0.0, 3.0, 300.0])
def test_life_is_the_integral_over_the_cells_charge(ohm, percent_a_month):
    """300 % a month are 1.7 mA, of the size of what the load takes."""
    made = cell(
        (3.3, 4.2), series_resistance=ohm, self_discharge=percent_a_month, usable=90.0, cutoff=0.0
    )
    life = battery_life(made, 20e-3)
    assert life.life_s == pytest.approx(life_by_quadrature_s(made, 20e-3), rel=1e-6)


def test_self_discharge_and_resistance_shorten_life_by_what_they_take():
    """A cell of 4 V: 10 mA into 40 mW; 2 mA of its own is a sixth of all; 10 Ohm take 0.1 V."""
    plain = battery_life(without_losses((4.0, 4.0)), 40e-3)
    assert plain.life_s == pytest.approx(40 * 3600)
    month_h = 30.44 * 24
    leaking = without_losses((4.0, 4.0), self_discharge=2e-3 * month_h / 0.4 * 100)
    assert battery_life(leaking, 40e-3).life_s == pytest.approx(40 * 3600 * 10 / 12)
    # 3.9 V and 10 mA behind 10 Ohm are 39 mW.
    resistive = battery_life(without_losses((4.0, 4.0), series_resistance=10.0), 39e-3)
    assert resistive.life_s == pytest.approx(40 * 3600)
    assert resistive.mean_v == pytest.approx(3.9)


def test_mean_voltage_is_weighted_with_the_time_it_lasts():
    """P = const: the time at a voltage goes with it, so the mean is that of V^2 over that of V."""
    life = battery_life(without_losses((3.0, 4.0)), 10e-3)
    assert life.mean_v == pytest.approx((4.0**3 - 3.0**3) / 3 / 3.5, rel=1e-6)


def test_life_ends_where_the_voltage_falls_below_the_cut_off():
    half = battery_life(without_losses((3.0, 4.0), cutoff=3.5), 10e-3)
    assert half.life_s == pytest.approx(0.4 * 3600 / 2 * 3.75 / 10e-3, rel=1e-5)
    # At the cut-off it is not below it.
    at = battery_life(without_losses((3.0, 3.0), cutoff=3.0), 10e-3)
    assert at.life_s == pytest.approx(0.4 * 3600 * 3.0 / 10e-3)


def test_a_charge_is_told_in_two_thousand_portions():
    """A cell that is above the cut-off for the first of them only lasts that long."""
    brief = battery_life(without_losses((3.0, 4.0), cutoff=3.9997), 10e-3)
    assert brief.life_s == pytest.approx(0.4 * 3600 / 2000 * 3.99975 / 10e-3, rel=1e-9)


def test_life_ends_where_the_cell_cannot_give_the_power():
    """At most E^2 / 4R: 4 W out of 4 V behind 1 Ohm, at half the voltage."""
    most = battery_life(without_losses((4.0, 4.0), series_resistance=1.0), 4.0)
    assert (most.life_s, most.mean_v) == pytest.approx((0.4 * 3600 * 2.0 / 4.0, 2.0))
    with pytest.raises(ValueError, match=r"cannot give 4\.1 W"):
        battery_life(without_losses((4.0, 4.0), series_resistance=1.0), 4.1)
    # From 4 V down to 3 V: E^2 / 4 is 3.0625 W in the middle, at 3.5 V, with no cut-off before.
    half = battery_life(without_losses((3.0, 4.0), series_resistance=1.0), 3.0625)
    upper = np.linspace(3.5, 4.0, 200_001)
    terminal_v = (upper + np.sqrt(upper**2 - 4 * 3.0625)) / 2
    assert half.life_s == pytest.approx(0.4 * 3600 / 2 * terminal_v.mean() / 3.0625, rel=1e-4)


def test_life_at_the_streaming_power_agrees_with_arithmetic():
    life = battery_life(CELL, 45e-3)
    by_hand_s = 400e-3 * 3600 * 0.95 * life.mean_v / 45e-3
    assert life.life_s == pytest.approx(by_hand_s, rel=1e-2)
    assert 3.8 < life.mean_v < 3.9


def test_an_ideal_cell_gives_charge_times_voltage():
    assert battery_life(without_losses((3.7, 3.7)), 10e-3).life_s == pytest.approx(
        0.4 * 3600 * 3.7 / 10e-3
    )


def test_life_falls_with_power_resistance_and_cut_off():
    base = battery_life(CELL, 45e-3).life_s
    assert battery_life(CELL, 90e-3).life_s < base / 2 + 1
    assert battery_life(with_figure("series_resistance", 5.0), 45e-3).life_s < base
    assert battery_life(with_figure("cutoff", 3.7), 45e-3).life_s < base


def test_self_discharge_limits_life_on_the_shelf():
    year_s = 365 * 86400
    assert battery_life(CELL, 1e-9).life_s < 5 * year_s


def test_uncertainty_is_that_of_the_cells_usable_charge_as_its_part_says():
    doubt = msgspec.structs.replace(CELL.figures["usable"], spread=0.12)
    doubted = msgspec.structs.replace(CELL, figures=CELL.figures | {"usable": doubt})
    life = battery_life(doubted, 45e-3)
    assert life.uncertainty_s == pytest.approx(0.12 * life.life_s)


def test_uncertainty_has_that_of_the_power_and_of_the_cell():
    exact = battery_life(CELL, 45e-3)
    rough = battery_life(CELL, 45e-3, 4.5e-3)
    assert exact.uncertainty_s / exact.life_s == pytest.approx(0.05)
    assert rough.uncertainty_s / rough.life_s == pytest.approx((0.05**2 + 0.1**2) ** 0.5)


def test_assumed_figures_of_the_cell_are_named():
    named = [fact.key for fact in battery_life(CELL, 45e-3).assumptions]
    assert named == ["series_resistance", "cutoff", "usable", "self_discharge"]
    sure = {key: msgspec.structs.replace(f, assumed=False) for key, f in CELL.figures.items()}
    assert battery_life(msgspec.structs.replace(CELL, figures=sure), 45e-3).assumptions == ()


@pytest.mark.parametrize("power_w", [0.0, -1.0])
def test_no_power_is_an_error(power_w):
    with pytest.raises(ValueError, match="positive power"):
        battery_life(CELL, power_w)


def test_more_than_the_cell_can_give_is_an_error():
    with pytest.raises(ValueError, match=r"cannot give 100\.0 W even when full"):
        battery_life(CELL, 100.0)
