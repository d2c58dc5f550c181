from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.figures.quantities import NO_BREAK, number, quantity


def text(*arguments, **options):
    return str(quantity(*arguments, **options)).replace(NO_BREAK, " ")


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (44.9e-3, "W", "44.9 mW"),
        (6.12e-6, "W", "6.12 µW"),
        (0.0, "W", "0 W"),
        (18.34e-6, "J", "18.34 µJ"),
        (0.14e-6, "V", "140 nV"),
        (1366400.0, "bit/s", "1366 kbit/s"),
        (12.3e-3, "s", "12.3 ms"),
        (7200.0, "s", "2 h"),
        (200 * 3600.0, "s", "200 h"),
        (0.99, "1", "0.99"),
        (-1.5e-3, "V", "−1.5 mV"),
        (3.0, "furlong", "3 furlong"),
    ],
)
def test_the_unit_leaves_a_number_people_can_read(value, unit, said):
    assert text(value, unit) == said


@pytest.mark.parametrize(
    ("value", "uncertainty", "said"),
    [
        (44.91234e-3, 0.9e-3, "44.9 ± 0.9 mW"),
        (44.91234e-3, 0.123e-3, "44.91 ± 0.12 mW"),
        (44.91234e-3, 0.06e-3, "44.91 ± 0.06 mW"),
        (44.91234e-3, 3.5e-3, "44.9 ± 3.5 mW"),
        (44.91234e-3, 3.6e-3, "45 ± 4 mW"),
        (44.91234e-3, 12e-3, "45 ± 12 mW"),
        (44.91234e-3, 1e-15, "44.9123 ± < 0.0001 mW"),
        (44.9e-3, 0.0, "44.9 mW"),
        (44.9e-3, None, "44.9 mW"),
    ],
)
def test_the_uncertainty_decides_the_digits(value, uncertainty, said):
    assert text(value, "W", uncertainty) == said


@pytest.mark.parametrize(
    ("value", "unit", "shown_in", "said"),
    [
        (0.0021, "1", "%", "0.21 %"),
        (14e-6, "V", "µV", "14 µV"),
        (0.4e-3, "W", "mW", "0.4 mW"),
        (120000.0, "s", "h", "33.33 h"),
        (30.0, "h", "h", "30 h"),
        (48.0, "mW", "mW", "48 mW"),
        (48.0, "mW", "W", "0.048 W"),
    ],
)
def test_a_unit_can_be_asked_for(value, unit, shown_in, said):
    assert text(value, unit, shown_in=shown_in) == said


@given(st.floats(-1e9, 1e9), st.integers(2, 6))
def test_a_number_keeps_its_significant_digits_and_no_exponent(value, significant):
    said = number(value, significant)
    assert "e" not in said
    assert float(said.replace("−", "-")) == pytest.approx(
        value, rel=0.6 * 10 ** (1 - significant), abs=1e-300
    )


@given(
    st.floats(1e-12, 1e6),
    st.floats(1e-9, 1.0),
    st.sampled_from(["W", "J", "V", "s", "bit/s", "1"]),
)
def test_value_and_uncertainty_have_the_same_decimals(value, relative, unit):
    found = quantity(value, unit, value * relative)

    def decimals(printed):
        return len(printed.partition(".")[2])

    assert decimals(found.number) == decimals(found.uncertainty)
