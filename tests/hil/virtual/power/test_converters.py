"""Converters: what a load costs at the battery."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards import load_part
from eegrig.hil.virtual.power.converters import Converter, chain_input_w

BUCK = Converter(load_part("tps62840"), 3.0)
BOOST = Converter(load_part("tps61099"), 5.2)
LDO = Converter(load_part("tps7a20"), 5.0)


@given(st.floats(1e-6, 0.1))
def test_no_converter_makes_power(load_a):
    load = np.array([load_a])
    for converter, input_v in ((BUCK, 3.8), (BOOST, 3.8), (LDO, 5.2)):
        assert converter.input_w(load, input_v)[0] > load_a * converter.output_v


def test_buck_at_the_points_of_its_curve():
    watts = BUCK.input_w(np.array([10e-6, 1e-3]), 3.8)
    quiescent_w = 60e-9 * 3.8
    assert watts == pytest.approx([30e-6 / 0.8 + quiescent_w, 3e-3 / 0.9 + quiescent_w])


def test_efficiency_is_interpolated_over_the_logarithm_of_the_load():
    load_a = np.array([np.sqrt(10e-6 * 100e-6)])
    assert 3.0 * load_a / BUCK.input_w(load_a, 0.0) == pytest.approx(0.84)


def test_without_a_load_the_quiescent_current_remains():
    assert BOOST.input_w(np.array([0.0]), 3.8)[0] == pytest.approx(1e-6 * 3.8)


def test_ldo_passes_its_load_and_its_ground_current():
    assert LDO.input_w(np.array([7e-3]), 5.2)[0] == pytest.approx((7.014e-3 + 6.5e-6) * 5.2)


def test_a_switching_converter_loses_by_its_efficiency_and_its_quiescent_current():
    """A milliampere of 3 V at 90 %, and 60 nA from 3.8 V."""
    assert BUCK.losses_w(np.array([1e-3, 0.0]), 3.8) == {
        "efficiency": pytest.approx([3e-3 / 0.9 - 3e-3, 0.0]),
        "quiescent": pytest.approx([60e-9 * 3.8] * 2),
    }


def test_a_linear_regulator_loses_by_its_drop_with_its_quiescent_current_and_by_its_slope():
    """From 5.2 V: 0.2 V of 7 mA and 6.5 uA from them; 0.2 % of the 7 mA."""
    assert LDO.losses_w(np.array([7e-3, 0.0]), 5.2) == {
        "quiescent": pytest.approx([0.2 * 7e-3 + 6.5e-6 * 5.2, 6.5e-6 * 5.2]),
        "ground_slope": pytest.approx([0.002 * 7e-3 * 5.2, 0.0]),
    }


@given(st.floats(0.0, 0.1), st.floats(3.0, 5.5))
def test_losses_are_all_that_a_converter_takes_and_does_not_give(load_a, input_v):
    load = np.array([load_a])
    for converter in (BUCK, BOOST, LDO):
        lost_w = sum(converter.losses_w(load, input_v).values())
        taken_w = converter.input_w(load, input_v)
        assert lost_w == pytest.approx(taken_w - load * converter.output_v, abs=1e-15)


def test_a_chain_of_three_has_each_ones_input_in_order():
    first = Converter(load_part("tps61099"), 5.0)
    load = np.array([1e-3])
    powers = chain_input_w([first, LDO, BUCK], load, 3.8)
    buck_w = BUCK.input_w(load, 5.0)
    ldo_w = LDO.input_w(buck_w / 5.0, 5.0)
    assert powers[2] == pytest.approx(buck_w)
    assert powers[1] == pytest.approx(ldo_w)
    assert powers[0] == pytest.approx(first.input_w(ldo_w / 5.0, 3.8))
    assert chain_input_w([], load, 3.8) == []


def test_a_chain_multiplies_the_losses():
    load = np.array([7.16e-3])
    boost_w, ldo_w = chain_input_w([BOOST, LDO], load, 3.8)
    assert ldo_w == pytest.approx(LDO.input_w(load, 5.2))
    assert boost_w == pytest.approx(BOOST.input_w(ldo_w / 5.2, 3.8))
    assert 0.8 < (load * 5.0 / boost_w)[0] < 0.92
