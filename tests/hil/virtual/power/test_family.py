"""The ledger for other boards than headband8: other processors, supplies and front ends."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from eegrig.boards import load_board, load_part
from eegrig.hil.pages.runs.published import optical_slot_w
from eegrig.hil.virtual.afe.power import AfeState
from eegrig.hil.virtual.power.converters import Converter

MS = 1_000_000


def powers_mw(bench, run, stop_ns=1000 * MS):
    """Return the power of each group over a second of what `run` reports, in milliwatts."""

    async def taken():
        await bench.meter.start()
        run(bench.ledger)
        bench.clock.time_ns = stop_ns
        return await bench.meter.stop()

    capture = asyncio.run(taken())
    total_j = capture.energy_j["total"]
    assert sum(capture.energy_j[group] for group in bench.ledger.groups) == pytest.approx(total_j)
    return {group: joules * 1e3 for group, joules in capture.energy_j.items()}


@pytest.fixture
def bench_of(make_bench):
    return lambda name, **options: make_bench(load_board(name), **options)


def on(n_channels, **more):
    return lambda ledger: ledger.afe(0, AfeState("on", n_channels, **more))


def test_ads1298_takes_three_quarters_of_a_milliwatt_a_channel(bench_of):
    """SBAS459K, features: 0.75 mW a channel, low-power mode at 3 V and DVDD 1.8 V."""
    avdd_a, dvdd_a = bench_of("headphone8").ledger.afe.currents(AfeState("on", 8))
    assert (avdd_a * 3.0 + dvdd_a * 1.8) * 1e3 == pytest.approx(8 * 0.75, rel=0.02)


def test_ads1298_takes_more_in_high_resolution_mode(bench_of):
    state = AfeState("on", 8, high_resolution=True)
    avdd_a, dvdd_a = bench_of("headphone8").ledger.afe.currents(state)
    assert (avdd_a * 3.0 + dvdd_a * 1.8) * 1e3 == pytest.approx(8.8, rel=0.02)


def test_ads1292r_takes_a_third_of_a_milliwatt_a_channel(bench_of):
    """SBAS502, features: 335 uW a channel at 3 V and DVDD 1.8 V; one channel takes 450 uW."""
    afe = bench_of("earpatch2").ledger.afe
    for n_channels, total_uw in ((2, 670), (1, 450)):
        avdd_a, dvdd_a = afe.currents(AfeState("on", n_channels))
        assert (avdd_a * 3.0 + dvdd_a * 1.8) * 1e6 == pytest.approx(total_uw, rel=0.04)


def test_without_an_analogue_chain_avdd_comes_from_the_digital_rail(bench_of):
    power = powers_mw(bench_of("hairclip1"), on(1))
    assert power["afe_supply"] == 0
    assert power["afe"] == pytest.approx(0.131 * 3.0 + 0.0514 * 3.0, rel=0.01)
    load_a = np.array([(power["afe"] + power["mcu"]) * 1e-3 / 3.0])
    buck_w = Converter(load_part("tps62840"), 3.0).input_w(load_a, 3.8)[0]
    charger_w = 3e-6 * 3.8
    assert power["total"] * 1e-3 == pytest.approx(buck_w + charger_w)


def test_stm32wb55_waits_in_sleep_without_a_step_down_converter(bench_of):
    """calibration: Sleep at 64 MHz is 2.5 to 3 mA, at every supply voltage."""
    power = powers_mw(bench_of("headphone8"), lambda ledger: None)
    assert 2.5 <= power["mcu"] / 1.8 <= 3.0
    stock = powers_mw(bench_of("nucleo-wb55-ads1299"), lambda ledger: None)
    assert stock["mcu"] / 3.3 == pytest.approx(power["mcu"] / 1.8)


def test_stm32wb55_draws_ldo_currents_from_processor_and_radio(bench_of):
    def run(ledger):
        ledger.mcu.active(0, 100 * MS)
        ledger.radio("tx", 500 * MS, 100 * MS)
        ledger.radio("connection_event", 500 * MS, 100 * MS)

    power = powers_mw(bench_of("headphone8"), run)
    assert power["mcu"] == pytest.approx((0.1 * 8.0 + 0.9 * 2.65) * 1.8, rel=1e-3)
    assert power["radio"] == pytest.approx(0.1 * 8.8 * 1.8, rel=0.01)


def test_light_sleep_costs_microamperes_and_each_waking_its_own(bench_of):
    def asleep(ledger):
        ledger.mcu.set_sleep(0, "light")

    def waking(ledger):
        for n in range(250):
            ledger.mcu.set_sleep(n * 4 * MS, "light")
            ledger.mcu.set_sleep(n * 4 * MS + 3 * MS, "idle")
            ledger.mcu.set_sleep(n * 4 * MS + 3 * MS, "light")

    assert powers_mw(bench_of("earpatch2"), asleep)["mcu"] == pytest.approx(9.5e-3 * 1.8)
    per_wake_uj = powers_mw(bench_of("earpatch2"), waking)["mcu"] - 9.5e-3 * 1.8
    assert per_wake_uj * 1e3 / 250 == pytest.approx(0.2 * 2.0 * 1.8, rel=0.01)


def test_deep_sleep_and_a_part_without_light_sleep(bench_of):
    power = powers_mw(bench_of("earpatch2"), lambda ledger: ledger.mcu.set_sleep(0, "deep"))
    assert power["mcu"] == pytest.approx(0.6e-3 * 1.8)
    with pytest.raises(Exception, match="part nrf52840: figures: no entry 'light_sleep'"):
        bench_of("hairclip1").ledger.mcu.set_sleep(0, "light")


def test_what_the_step_down_converter_would_save(bench_of):
    """The what-if part: the same board with the SMPS on."""

    def smps(name):
        return load_part("stm32wb55-smps" if name == "stm32wb55" else name)

    def run(ledger):
        ledger.mcu.active(0, 200 * MS)

    as_it_is = powers_mw(bench_of("nucleo-wb55-ads1299"), run)
    what_if = powers_mw(bench_of("nucleo-wb55-ads1299", find_part=smps), run)
    assert 0.35 < what_if["mcu"] / as_it_is["mcu"] < 0.6


def test_converters_before_all_others_lose_on_everything(bench_of):
    """5 V from a boost at about 92 %, and 1.9 V lost in the NUCLEO's linear regulator."""
    power = powers_mw(bench_of("nucleo-wb55-ads1299"), on(8))
    drawn = power["afe"] + power["afe_supply"] + power["mcu"]
    digital_ma = (power["mcu"] + power["afe"] - 7.14 * 5) / 3.3
    expected = digital_ma * (5.2 - 3.3) + (drawn + digital_ma * 1.9) * (1 / 0.92 - 1)
    assert power["rest"] == pytest.approx(expected, rel=0.1)


def test_optics_is_a_group_of_its_own_with_leds_at_the_battery(bench_of):
    bench = bench_of("forehead2-nirs")

    def run(ledger):
        ledger.optics.set_running(0, running=True)
        for n in range(25):
            ledger.optics.slot(n * 40 * MS, n * 40 * MS + MS, 5e-3)

    power = powers_mw(bench, run)
    led_mw = 25 * 1e-3 * 5.0 * bench.ledger.battery_v
    # 1.8 V from the battery through a linear regulator: the same current at 3.8 V
    chip_mw = (6e-3 + 25e-3 * 4.0) * bench.ledger.battery_v
    assert power["optics"] == pytest.approx(led_mw + chip_mw, rel=0.02)
    assert "optics" not in bench_of("hairclip1").ledger.groups


def test_adpd4101_with_one_slot_at_25_hz_is_in_the_class_of_the_data_sheet(bench_of):
    """DS, features: 30 uW for PPG at 25 Hz, chip and LED; here the chip alone, at its pins."""
    assert 15e-6 < optical_slot_w() < 30e-6


def test_overlapping_slots_add_up(bench_of):
    bench = bench_of("forehead2-nirs")

    def run(ledger):
        ledger.optics.slot(0, 500 * MS, 5e-3)
        ledger.optics.slot(0, 500 * MS, 5e-3)
        ledger.optics.slot(0, 500 * MS, 3e-3)

    power = powers_mw(bench, run)
    current_ma = 0.5 * (5.0 + 5.0 + 3.0 + 3 * 4.0)  # LEDs, and the chip in three slots
    assert power["optics"] == pytest.approx(current_ma * bench.ledger.battery_v, rel=0.01)
