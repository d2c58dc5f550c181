"""The radio model against published measurements (docs/validation.md lists them).

V1 to V11 are the rows of `hil.pages.runs.published`, of which the page's table is made; V13 to
V15 are idle floors.
"""

from __future__ import annotations

import pytest

from eegrig.boards import load_board
from eegrig.hil.pages.runs.published import (
    RADIO_ROWS,
    advertising,
    both_awake_a,
    connection,
    event_charge_c,
    floor_a,
)


def connection_of_a_central():
    """Return the activity of one connection event of a central: an empty packet each way, 1M."""
    empty_us = 80
    return [
        ("tx", 0, empty_us),
        ("ifs", empty_us, 150),
        ("rx", empty_us + 150, empty_us),
        ("connection_event", 0, 2 * empty_us + 150),
    ]


@pytest.mark.parametrize("row", RADIO_ROWS, ids=lambda row: row.name)
def test_charges_and_currents_are_as_published(headband8, row):
    assert row.modelled(headband8) == pytest.approx(row.measured, rel=row.tolerance)


def test_some_rows_are_independent_of_the_fit_and_some_come_from_the_link_layer():
    independent = [row for row in RADIO_ROWS if not row.fitted]
    assert {"v5", "v6", "v11_200"} <= {row.name for row in independent}
    assert any(row.by_link_layer for row in independent)


def test_the_link_layer_does_what_the_rows_say_by_hand(headband8):
    """But for the widening, which it takes from the clocks, the event is the same."""
    rows = {row.name: row for row in RADIO_ROWS}
    by_hand = rows["v11_200"].modelled(headband8)
    assert rows["v11_link_200"].modelled(headband8) == pytest.approx(by_hand, rel=0.05)


def test_an_event_takes_as_much_from_a_central_as_from_a_peripheral(headband8):
    """But for the window widening: no measurement, both are the same radio."""
    central_uc = 1e6 * event_charge_c(headband8, 3.0, connection_of_a_central())
    peripheral_uc = 1e6 * event_charge_c(headband8, 3.0, connection(widening_us=0))
    assert central_uc == pytest.approx(peripheral_uc, rel=1e-9)


def test_an_empty_connection_event_takes_4_5_uc_at_3_v(headband8):
    """The figure the processor's share of an event is fitted to; 3.5 to 6.4 are published."""
    modelled_uc = 1e6 * event_charge_c(headband8, 3.0, connection(widening_us=16))
    assert modelled_uc == pytest.approx(4.5, rel=0.02)


def test_each_further_packet_costs_the_processor_a_tenth_of_a_millisecond(headband8):
    apart = [("tx", 0, 80), ("connection_event", 0, 80)]
    joined = [("tx", 0, 40), ("tx", 40, 40), ("connection_event", 0, 80)]
    one_uc = 1e6 * event_charge_c(headband8, 3.0, apart)
    two_uc = 1e6 * event_charge_c(headband8, 3.0, joined)
    assert two_uc - one_uc == pytest.approx(3.3e-3 * 0.1e-3 * 1e6)


def test_charge_falls_with_the_supply_voltage_and_energy_does_not(headband8):
    """V1 against V2: a DC/DC converter draws constant power."""
    event = advertising(17, connectable=False)
    high_uc = 1e6 * event_charge_c(headband8, 3.3, event)
    low_uc = 1e6 * event_charge_c(headband8, 2.7, event)
    assert low_uc * 2.7 == pytest.approx(high_uc * 3.3, rel=1e-6)


def test_energy_per_bit_at_2m_lies_in_the_published_band(headband8):
    """8 to 14 nJ/bit for 244-byte notifications at 2M, ten to an event."""
    event, time_us = [], 0
    for _ in range(10):
        event += [
            ("rx", time_us, 44),
            ("ifs", time_us + 44, 150),
            ("tx", time_us + 194, 1048),
            ("ifs", time_us + 1242, 150),
        ]
        time_us += 1392
    event.append(("connection_event", 0, time_us - 150))
    joules = 1e6 * event_charge_c(headband8, 3.0, event) * 1e-6 * 3.0
    assert 8e-9 < joules / (10 * 244 * 8) < 14e-9


# ------------------------------------------------------------------ the STM32WB55's idle floors


def test_v14_both_processors_awake_take_nine_milliamperes():
    """V14: 9 mA constant where Stop is not reached after power-on."""
    assert both_awake_a("stm32wb55") == pytest.approx(9e-3, rel=0.20)


def test_v14_and_v15_light_sleep_lies_between_what_was_measured_in_stop():
    """V14: 7 uA between advertising events in Stop 2; V15: 75 uA in a port that leaves more on.

    MicroPython's lightsleep enters Stop with the low-power regulator, a little above Stop 2.
    """
    assert 7e-6 <= floor_a(load_board("headphone8"), "light") <= 75e-6


def test_v14_a_plain_wait_is_no_stop():
    """What V14's faulty board shows is what the port does by design: a milliampere and more."""
    assert 1e-3 < floor_a(load_board("headphone8"), "idle") < 9e-3


def test_v13_the_nrf52840_idles_at_microamperes(headband8):
    """V13: 3.5 uA for a whole nRF52840 board with its flash asleep, tickless, RTC running."""
    assert floor_a(headband8, "idle") == pytest.approx(3.5e-6, rel=0.20)
