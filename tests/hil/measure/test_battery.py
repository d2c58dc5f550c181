"""How long a cell lasts at a constant power."""

from __future__ import annotations

import msgspec
import pytest

from eegrig.boards import load_part
from eegrig.hil.measure.battery import battery_life

CELL = load_part("lipo-400mah")


def with_figure(key, value):
    figures = CELL.figures | {key: msgspec.structs.replace(CELL.figures[key], value=value)}
    return msgspec.structs.replace(CELL, figures=figures)


def test_life_at_the_streaming_power_agrees_with_arithmetic():
    life = battery_life(CELL, 45e-3)
    by_hand_s = 400e-3 * 3600 * 0.95 * life.mean_v / 45e-3
    assert life.life_s == pytest.approx(by_hand_s, rel=1e-2)
    assert 3.8 < life.mean_v < 3.9


def test_an_ideal_cell_gives_charge_times_voltage():
    ideal = CELL
    for key, value in (
        ("series_resistance", 0),
        ("self_discharge", 0),
        ("usable", 100),
        ("cutoff", 0),
    ):
        figures = ideal.figures | {key: msgspec.structs.replace(ideal.figures[key], value=value)}
        ideal = msgspec.structs.replace(ideal, figures=figures)
    flat = msgspec.structs.replace(ideal.curves["open_circuit"], x=[0, 100], y=[3.7, 3.7])
    ideal = msgspec.structs.replace(ideal, curves={"open_circuit": flat})
    assert battery_life(ideal, 10e-3).life_s == pytest.approx(0.4 * 3600 * 3.7 / 10e-3)


def test_life_falls_with_power_resistance_and_cut_off():
    base = battery_life(CELL, 45e-3).life_s
    assert battery_life(CELL, 90e-3).life_s < base / 2 + 1
    assert battery_life(with_figure("series_resistance", 5.0), 45e-3).life_s < base
    assert battery_life(with_figure("cutoff", 3.7), 45e-3).life_s < base


def test_self_discharge_limits_life_on_the_shelf():
    year_s = 365 * 86400
    assert battery_life(CELL, 1e-9).life_s < 5 * year_s


def test_uncertainty_has_that_of_the_power_and_of_the_cell():
    exact = battery_life(CELL, 45e-3)
    rough = battery_life(CELL, 45e-3, 4.5e-3)
    assert exact.uncertainty_s / exact.life_s == pytest.approx(0.05)
    assert rough.uncertainty_s / rough.life_s == pytest.approx((0.05**2 + 0.1**2) ** 0.5)


def test_assumed_figures_of_the_cell_are_named():
    assert len(battery_life(CELL, 45e-3).assumptions) == 4


@pytest.mark.parametrize("power_w", [0.0, -1.0])
def test_no_power_is_an_error(power_w):
    with pytest.raises(ValueError, match="positive power"):
        battery_life(CELL, power_w)


def test_more_than_the_cell_can_give_is_an_error():
    with pytest.raises(ValueError, match=r"cannot give 100\.0 W even when full"):
        battery_life(CELL, 100.0)
