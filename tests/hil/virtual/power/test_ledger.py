"""The ledger and the meter: charge in, energy out, nothing lost on the way."""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eegrig.boards import load_board, load_part
from eegrig.hil.virtual.afe.power import AfeState
from eegrig.hil.virtual.power import ledger as ledger_module
from eegrig.hil.virtual.power.ledger import GROUPS

MS = 1_000_000


def capture(bench, run, stop_ns):
    """Take a capture of what `run` reports, from now to `stop_ns`."""

    async def taken():
        await bench.meter.start()
        run()
        bench.clock.time_ns = stop_ns
        return await bench.meter.stop()

    return asyncio.run(taken())


def stream(bench, *, seconds=1.0, busy_ns=300_000):
    """Report a second of streaming: a burst per sample, a connection event every 100 ms."""
    start_ns = bench.clock.time_ns
    bench.ledger.afe(start_ns, AfeState("on", 8, bias_on=True))
    for number in range(round(250 * seconds)):
        bench.ledger.mcu.active(start_ns + number * 4 * MS, busy_ns)
    for number in range(round(10 * seconds)):
        time_ns = start_ns + number * 100 * MS + 50 * MS
        begin_ns = time_ns
        for _ in range(3):
            bench.ledger.radio("rx", time_ns, 44_000, 2)
            bench.ledger.radio("ifs", time_ns + 44_000, 150_000)
            bench.ledger.radio("tx", time_ns + 194_000, 1_048_000, 2)
            bench.ledger.radio("ifs", time_ns + 1_242_000, 150_000)
            time_ns += 1_392_000
        bench.ledger.radio("connection_event", begin_ns, time_ns - 150_000 - begin_ns)


def test_a_known_milliampere_is_measured_as_one_milliampere(ideal_bench):
    taken = capture(ideal_bench, lambda: ideal_bench.ledger.leak(0, 1e-3), 1000 * MS)
    assert taken.current_a.shape == (1000,)
    assert taken.current_a == pytest.approx(1e-3, rel=1e-12)
    assert taken.energy_j["total"] == pytest.approx(3e-3, rel=1e-12)
    assert taken.power_w() == pytest.approx(3e-3)
    assert (taken.battery_v, taken.step_s, taken.duration_s) == (3.0, 1e-3, 1.0)


def test_a_burst_shows_in_its_own_milliseconds_only(ideal_bench, monkeypatch):
    def run():
        ideal_bench.ledger.leak(10 * MS + 500_000, 2e-3)
        ideal_bench.ledger.leak(12 * MS, 0.0)

    taken = capture(ideal_bench, run, 20 * MS)
    expected = np.zeros(20)
    expected[10], expected[11] = 1e-3, 2e-3
    assert taken.current_a == pytest.approx(expected, abs=1e-15)


def test_groups_sum_to_the_total_and_the_trace_to_the_energy(bench):
    taken = capture(bench, lambda: stream(bench), 1000 * MS + 123_456)
    total_j = taken.energy_j["total"]
    assert sum(taken.energy_j[group] for group in bench.ledger.groups) == pytest.approx(
        total_j, rel=1e-12
    )
    charge_c = taken.current_a.sum() * taken.step_s
    assert charge_c * taken.battery_v == pytest.approx(total_j, rel=1e-9)
    assert (taken.current_a >= 0).all()


def test_streaming_power_of_headband8_is_what_its_parts_say(bench):
    taken = capture(bench, lambda: stream(bench), 1000 * MS)
    power_mw = {group: taken.power_w(group) * 1e3 for group in bench.ledger.groups}
    # ADS1299: 7.16 mA at 5 V (bias amplifier on) and 0.9 mA at 3 V
    assert power_mw["afe"] == pytest.approx(7.16 * 5 + 0.9 * 3, rel=1e-3)
    # 5 V from a regulator at 5.2 V from a boost at about 91.7 %
    assert power_mw["afe_supply"] == pytest.approx(7.18 * 5.2 / 0.917 - 7.16 * 5, rel=0.02)
    # 7.5 % busy at 3.3 mA and 3 V
    assert power_mw["mcu"] == pytest.approx(0.075 * 3.3 * 3 + 0.925 * 0.00316 * 3, rel=0.03)
    assert 0.5 < power_mw["radio"] < 1.1
    assert power_mw["rest"] == pytest.approx(0.43, abs=0.1)
    assert 0.02 < taken.uncertainty < 0.06


def test_a_busy_processor_and_a_radio_share_blocks(bench):
    def energy(*, busy):
        def run():
            start_ns = bench.clock.time_ns
            bench.ledger.radio("tx", start_ns + 20 * MS, 10 * MS)
            bench.ledger.radio("connection_event", start_ns + 20 * MS, 10 * MS)
            if busy:
                bench.ledger.mcu.active(start_ns + 20 * MS, 10 * MS)

        taken = capture(bench, run, bench.clock.time_ns + 100 * MS)
        return taken.energy_j["mcu"] + taken.energy_j["radio"]

    alone_j, together_j = energy(busy=False), energy(busy=True)
    # 8.1 mA together (PS IS0) against 6.4 mA of the radio, less the idle current it replaces
    assert together_j - alone_j == pytest.approx((8.1 - 6.4 - 0.00316) * 1e-3 * 3 * 0.01, rel=1e-6)


def test_overlapping_bursts_keep_the_processor_busy_once(bench):
    def run():
        bench.ledger.mcu.active(10 * MS, 10 * MS)
        bench.ledger.mcu.active(15 * MS, 10 * MS)

    taken = capture(bench, run, 100 * MS)
    assert taken.energy_j["mcu"] == pytest.approx((15e-3 * 3.3e-3 + 85e-3 * 3.16e-6) * 3, rel=1e-9)


def test_activity_outside_the_capture_is_not_in_it(bench):
    bench.ledger.mcu.active(0, 50 * MS)
    bench.clock.time_ns = 100 * MS
    quiet = capture(bench, lambda: None, 200 * MS)
    busy = capture(bench, lambda: bench.ledger.mcu.active(250 * MS, 100 * MS), 300 * MS)
    after = capture(bench, lambda: None, 400 * MS)
    assert quiet.energy_j["mcu"] == pytest.approx(3.16e-6 * 3 * 0.1)
    assert busy.energy_j["mcu"] == pytest.approx((3.3e-3 * 0.05 + 3.16e-6 * 0.05) * 3)
    assert after.energy_j["mcu"] == pytest.approx((3.3e-3 * 0.05 + 3.16e-6 * 0.05) * 3)


def test_states_of_processor_and_front_end(bench):
    def power_mw(run):
        taken = capture(bench, run, bench.clock.time_ns + 1000 * MS)
        return {group: joules * 1e3 for group, joules in taken.energy_j.items()}

    now = bench.clock.now_ns
    off = power_mw(lambda: bench.ledger.mcu.set_sleep(now(), "deep"))
    assert off["mcu"] == pytest.approx(0.4e-3 * 3)
    asleep = power_mw(lambda: bench.ledger.mcu.set_sleep(now(), "idle"))
    assert asleep["mcu"] == pytest.approx(3.16e-3 * 3)
    assert asleep["afe"] == pytest.approx(0.010, rel=0.02)  # SBAS499C: 10 uW in power-down
    armed = power_mw(lambda: bench.ledger.mcu.set_edge_interrupts(now(), used=True))
    assert armed["mcu"] - asleep["mcu"] == pytest.approx(15.01e-3 * 3)
    standby = power_mw(lambda: bench.ledger.afe(now(), AfeState("standby", 0)))
    assert standby["afe"] == pytest.approx(5.1, rel=0.02)  # SBAS499C: 5.1 mW
    off_channels = power_mw(lambda: bench.ledger.afe(now(), AfeState("on", 0)))
    full = power_mw(lambda: bench.ledger.afe(now(), AfeState("on", 8)))
    assert full["afe"] - off_channels["afe"] > 8 * 0.77 * 5


def test_ads1299_at_3v3_and_1v8_takes_what_the_data_sheet_says(headband8, make_bench):
    for dvdd_v, total_mw in ((3.3, 39.0), (1.8, 36.6)):
        supply = msgspec.structs.replace(headband8.supply, mcu_v=dvdd_v)
        bench = make_bench(msgspec.structs.replace(headband8, supply=supply))
        avdd_a, dvdd_a = bench.ledger.afe.currents(AfeState("on", 8))
        assert (avdd_a * 5 + dvdd_a * dvdd_v) * 1e3 == pytest.approx(total_mw, rel=0.01)


def test_folding_changes_nothing(headband8, make_bench, monkeypatch):
    def taken():
        bench = make_bench(headband8)

        def run():
            for second in range(8):
                bench.clock.time_ns = second * 1000 * MS
                stream(bench)

        return capture(bench, run, 8000 * MS)

    whole = taken()
    monkeypatch.setattr(ledger_module, "_FOLD_AT", 300)
    folded = taken()
    assert folded.energy_j == pytest.approx(whole.energy_j, rel=1e-9)
    assert folded.current_a == pytest.approx(whole.current_a, rel=1e-6, abs=1e-12)
    # What the energy rests on is added up as it is.
    assert folded.uncertainty == pytest.approx(whole.uncertainty, rel=1e-9)
    assert folded.group_uncertainty == pytest.approx(whole.group_uncertainty, rel=1e-9)
    assert folded.assumptions == whole.assumptions
    assert whole.assumptions


def test_records_are_folded_when_there_are_a_hundred_and_thirty_thousand(bench):
    """2^17 of them; what is over two seconds ago is then forgotten."""
    bench.clock.time_ns = 10_000 * MS
    for number in range((1 << 17) - 1):
        bench.ledger.mcu.active(number, 1)
    assert len(bench.ledger.mcu.bursts) == (1 << 17) - 1
    bench.ledger.mcu.active(9_000 * MS, 1)
    assert len(bench.ledger.mcu.bursts) == 1


def test_records_of_all_components_count(bench, monkeypatch):
    """Eight of the processor's, and a transmission: processor, crystal, ramp and the air itself."""
    monkeypatch.setattr(ledger_module, "_FOLD_AT", 12)
    bench.clock.time_ns = 10_000 * MS
    for number in range(8):
        bench.ledger.mcu.active(number * MS, MS)
    assert len(bench.ledger.mcu.bursts) == 8
    bench.ledger.radio("tx", 9_000 * MS, MS)
    assert len(bench.ledger.mcu.bursts) == 0
    assert sum(len(bursts) for bursts in bench.ledger.radio.all_bursts) == 4
    # Those four still count: eight more make the next fold, and no fewer.
    for number in range(7):
        bench.ledger.mcu.active(number * MS, MS)
    assert len(bench.ledger.mcu.bursts) == 7
    bench.ledger.mcu.active(0, MS)
    assert len(bench.ledger.mcu.bursts) == 0


def fold_at_ten_seconds(bench, monkeypatch, *, begin_ns=0, now_ns=10_000 * MS):
    """Begin a capture and have it folded."""
    monkeypatch.setattr(ledger_module, "_FOLD_AT", 5)
    bench.clock.time_ns = begin_ns
    bench.ledger.open_account(MS)
    bench.clock.time_ns = now_ns
    for number in range(5):
        bench.ledger.mcu.active(now_ns - 1000 - number, 1)
    monkeypatch.setattr(ledger_module, "_FOLD_AT", 1000)


def test_a_component_may_report_two_seconds_back(bench, monkeypatch):
    fold_at_ten_seconds(bench, monkeypatch)
    bench.ledger.mcu.active(8_000 * MS, MS)
    late = (
        "activity at 7999999999 ns was reported after the ledger was closed up to 8000000000 ns; "
        "report within 2 s"
    )
    with pytest.raises(ValueError, match=f"^{late}$"):
        bench.ledger.mcu.active(8_000 * MS - 1, MS)


def test_only_whole_steps_are_folded(bench, monkeypatch):
    fold_at_ten_seconds(bench, monkeypatch, begin_ns=300_000, now_ns=10_000 * MS)
    # Steps end at n ms + 0.3 ms: the last whole one before 8 s at 7999.3 ms.
    bench.ledger.mcu.active(7_999 * MS + 300_000, MS)
    with pytest.raises(ValueError, match="closed up to 7999300000 ns"):
        bench.ledger.mcu.active(7_999 * MS + 299_999, MS)


def test_a_capture_younger_than_two_seconds_is_not_folded_before_its_beginning(bench, monkeypatch):
    fold_at_ten_seconds(bench, monkeypatch, begin_ns=9_500 * MS)
    bench.ledger.mcu.active(9_000 * MS, 501 * MS)
    account = bench.ledger.close_account()
    assert account.energy_j["mcu"] == pytest.approx((1e-3 * 3.3e-3 + 0.499 * 3.16e-6) * 3, rel=1e-4)


def test_without_a_capture_nothing_is_too_late(bench, monkeypatch):
    monkeypatch.setattr(ledger_module, "_FOLD_AT", 5)
    bench.clock.time_ns = 10_000 * MS
    for _ in range(12):
        bench.ledger.mcu.active(0, 1)
    assert len(bench.ledger.mcu.bursts) < 5


def test_what_is_reported_from_before_a_capture_counts_from_its_beginning(bench):
    bench.clock.time_ns = 100 * MS

    def run():
        bench.ledger.mcu.active(50 * MS, 100 * MS)
        bench.ledger.mcu.active(10 * MS, 20 * MS)

    taken = capture(bench, run, 200 * MS)
    assert taken.energy_j["mcu"] == pytest.approx((50e-3 * 3.3e-3 + 50e-3 * 3.16e-6) * 3)


def test_what_takes_no_time_is_no_record(bench):
    bench.ledger.mcu.active(10, 0)
    bench.ledger.mcu.active(10, -5)
    assert len(bench.ledger.mcu.bursts) == 0
    bench.ledger.mcu.active(10, 1)
    assert len(bench.ledger.mcu.bursts) == 1


def test_each_capture_begins_anew(bench):
    def run():
        bench.ledger.mcu.active(bench.clock.time_ns, 10 * MS)

    first = capture(bench, run, 100 * MS)
    second = capture(bench, lambda: None, 200 * MS)
    third = capture(bench, run, 300 * MS)
    assert second.energy_j["mcu"] == pytest.approx(0.1 * 3.16e-6 * 3)
    assert third.energy_j == pytest.approx(first.energy_j, rel=1e-9)
    assert (first.start_ns, first.stop_ns) == (0, 100 * MS)
    assert (third.start_ns, third.stop_ns, third.current_a.size) == (200 * MS, 300 * MS, 100)
    # What is over is not kept.
    assert len(bench.ledger.mcu.bursts) == 0


def test_what_is_over_when_a_capture_begins_is_forgotten(bench):
    bench.ledger.mcu.active(0, 10 * MS)
    bench.ledger.mcu.active(0, 100 * MS)
    bench.clock.time_ns = 50 * MS
    bench.ledger.open_account(MS)
    assert len(bench.ledger.mcu.bursts) == 1


def test_a_capture_of_no_time_holds_nothing(bench):
    taken = capture(bench, lambda: None, 0)
    assert taken.current_a.size == 0
    assert taken.energy_j == dict.fromkeys([*bench.ledger.groups, "total"], 0.0)


def test_a_last_step_that_is_cut_short_holds_the_charge_that_flowed(ideal_bench):
    taken = capture(ideal_bench, lambda: ideal_bench.ledger.leak(0, 2e-3), 2 * MS + 250_000)
    assert taken.current_a == pytest.approx([2e-3, 2e-3, 0.5e-3])
    whole = capture(ideal_bench, lambda: None, 5 * MS + 250_000)
    assert whole.current_a == pytest.approx([2e-3] * 3)


@pytest.mark.parametrize(
    ("change", "before_a", "after_a"),
    [
        (lambda ledger, at: ledger.mcu.set_sleep(at, "deep"), 3.16e-6, 0.4e-6),
        (lambda ledger, at: ledger.mcu.set_edge_interrupts(at, used=True), 3.16e-6, 18.17e-6),
        (lambda ledger, at: ledger.mcu.active(at, 10 * MS), 3.16e-6, 3.3e-3),
    ],
)
def test_what_changes_within_a_step_counts_from_that_instant(bench, change, before_a, after_a):
    at_ns = 1_234_567
    taken = capture(bench, lambda: change(bench.ledger, at_ns), 3 * MS)
    charge_c = before_a * at_ns * 1e-9 + after_a * (3 * MS - at_ns) * 1e-9
    assert taken.energy_j["mcu"] == pytest.approx(charge_c * 3.0, rel=1e-9)


def test_a_leak_counts_from_the_instant_it_begins(ideal_bench):
    taken = capture(ideal_bench, lambda: ideal_bench.ledger.leak(1_234_567, 5e-3), 3 * MS)
    assert taken.energy_j["rest"] == pytest.approx(5e-3 * 3.0 * (3e-3 - 1.234567e-3), rel=1e-9)


def test_front_end_and_light_count_from_the_instant_they_change(make_bench):
    bench = make_bench(load_board("forehead2-nirs"))
    at_ns = 1_234_567
    late_s, whole_s = 3e-3 - at_ns * 1e-9, 3e-3

    def run():
        bench.ledger.afe(at_ns, AfeState("on", 2))
        bench.ledger.optics.set_running(at_ns, running=True)
        bench.ledger.optics.slot(at_ns + 1, 3 * MS, 5e-3)

    taken = capture(bench, run, 3 * MS)
    afe = bench.ledger.afe
    on_a, off_a = afe.currents(AfeState("on", 2)), afe.currents(AfeState("power_down", 0))
    supply = load_board("forehead2-nirs").supply
    volts = (supply.afe_v[-1] if supply.afe else supply.mcu_v, supply.mcu_v)
    expected_j = sum(
        v * (off * (whole_s - late_s) + on * late_s)
        for v, on, off in zip(volts, on_a, off_a, strict=True)
    )
    assert taken.energy_j["afe"] == pytest.approx(expected_j, rel=1e-9)
    part = load_part("adpd4101")
    drawn_c = part["iavdd_standby"].si * (whole_s - late_s) + part["iavdd_go"].si * late_s
    drawn_c += part["iavdd_slot"].si * (late_s - 1e-9)
    led_c = 5e-3 * (late_s - 1e-9)
    # A linear regulator: the battery gives what is drawn, and a little for itself.
    by_hand_j = (drawn_c + led_c) * bench.ledger.battery_v
    assert taken.energy_j["optics"] == pytest.approx(by_hand_j, rel=0.015)


def test_a_time_base_of_light_counts_from_the_instant_it_runs(make_bench):
    """0.25 uA in standby, 6 uA from 1 ms on; and the regulator's 25 nA and a hundredth."""
    bench = make_bench(load_board("forehead2-nirs"))
    taken = capture(bench, lambda: bench.ledger.optics.set_running(MS, running=True), 3 * MS)
    drawn_c = (0.25e-6 * 1e-3 + 6e-6 * 2e-3) * 1.01 + 25e-9 * 3e-3
    assert taken.energy_j["optics"] == pytest.approx(drawn_c * bench.ledger.battery_v, rel=1e-3)


def test_the_battery_is_in_the_middle_of_its_discharge_unless_it_is_told(headband8, make_bench):
    middle = make_bench(headband8).ledger.battery_v
    assert middle == load_part("lipo-400mah")["measurement_voltage"].si == 3.8
    assert make_bench(headband8, battery_v=4.1).ledger.battery_v == 4.1


def test_groups_are_those_of_the_board_in_their_order(bench, make_bench):
    assert bench.ledger.groups == ("afe", "afe_supply", "mcu", "radio", "rest")
    assert bench.ledger.optics is None
    light = make_bench(load_board("forehead2-nirs")).ledger
    assert light.groups == GROUPS == ("afe", "afe_supply", "optics", "mcu", "radio", "rest")
    assert light.optics is not None


def test_memory_is_bounded_without_a_capture(bench, monkeypatch):
    monkeypatch.setattr(ledger_module, "_FOLD_AT", 1000)
    for second in range(40):
        bench.clock.time_ns = second * 1000 * MS
        stream(bench)
    assert len(bench.ledger.mcu.bursts) < 2000


def test_activity_reported_too_late_is_an_error(bench, monkeypatch):
    monkeypatch.setattr(ledger_module, "_FOLD_AT", 300)

    def run():
        for second in range(5):
            bench.clock.time_ns = second * 1000 * MS
            stream(bench)
        bench.ledger.mcu.active(100 * MS, MS)

    with pytest.raises(ValueError, match="reported after the ledger was closed"):
        capture(bench, run, 6000 * MS)


def test_one_capture_at_a_time(bench, headband8, make_bench):
    async def twice():
        await bench.meter.start()
        await bench.meter.start()

    with pytest.raises(ValueError, match="a capture is running"):
        asyncio.run(twice())
    with pytest.raises(ValueError, match="no capture is running"):
        asyncio.run(make_bench(headband8).meter.stop())


def test_assumptions_are_named_with_their_share_the_heaviest_first(bench):
    taken = capture(bench, lambda: stream(bench), 1000 * MS)
    first = next(iter(taken.assumptions))
    assert (first.part, first.key) == ("tps61099", "efficiency")
    assert any(fact.key == "cpu_time" for fact in taken.assumptions)
    assert not any("iavdd" in fact.key for fact in taken.assumptions)
    # Reception at 2M takes 0.55 mA more: for 30 times 44 us, 2 uJ of some 60 mJ.
    extra = next(fact for fact in taken.assumptions if fact.key == "rx_2m_extra")
    assert taken.assumptions[extra] == 0.0
    shares = list(taken.assumptions.values())
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[-2] < shares[0] < 1


OFF, STANDBY = AfeState("power_down", 0), AfeState("standby", 0)
ON_8, ON_2, FINE_8 = AfeState("on", 8), AfeState("on", 2), AfeState("on", 8, high_resolution=True)


@pytest.mark.parametrize(
    ("board", "state", "milliwatts", "assumed"),
    [
        # By part file and hand: power in milliwatts and its relative error, of each cause.
        ("headband8", OFF, [(7.5e-3, 0.3), (2.4e-3, 0.3)], "iavdd_power_down idvdd_power_down"),
        ("headband8", STANDBY, [(4.9, 0.1), (0.18, 0.3)], "idvdd_standby"),
        ("headband8", ON_8, [(35.7, 0.026), (2.7, 0.026)], ""),
        (
            "headband8",
            AfeState("on", 8, bias_on=True, lead_off_on=True),
            [(35.7, 0.026), (0.1, 0.1), (0.1, 1.0), (2.7, 0.026)],
            "iavdd_lead_off",
        ),
        ("headphone8", STANDBY, [(1.68, 0.3), (0.108, 0.3)], "iavdd_standby idvdd_standby"),
        # 1.568 mW of the base, 3.472 or 0.868 mW of the channels: the larger's 10 % or 15 %.
        ("headphone8", ON_8, [(5.04, 0.1), (0.54, 0.3)], "iavdd_base idvdd_1v8"),
        ("headphone8", ON_2, [(2.436, 0.15), (0.54, 0.3)], "iavdd_base idvdd_1v8"),
        (
            "headphone8",
            FINE_8,
            [(7.7, 0.3), (0.54, 0.3)],
            "iavdd_base_high_resolution iavdd_channel_high_resolution idvdd_1v8",
        ),
        ("earpatch2", STANDBY, [(0.126, 0.3), (0.0252, 0.3)], "iavdd_standby idvdd_standby"),
        ("earpatch2", ON_2, [(0.574, 0.1), (0.0576, 0.15)], "iavdd_base"),
        # DVDD of 3 V: 0.2 of 32 uA and 0.8 of 75 uA, of which the second is assumed.
        ("hairclip1", ON_2, [(0.615, 0.1), (0.1992, 0.3)], "iavdd_base idvdd_3v3"),
    ],
)
def test_each_state_of_a_front_end_is_as_sure_as_its_part_file_says(
    make_bench, board, state, milliwatts, assumed
):
    bench = make_bench(load_board(board))
    taken = capture(bench, lambda: bench.ledger.afe(0, state), 1000 * MS)
    total_mw = sum(power for power, _ in milliwatts)
    assert taken.energy_j["afe"] == pytest.approx(total_mw * 1e-3, rel=1e-12)
    error_mw = np.sqrt(sum((power * spread) ** 2 for power, spread in milliwatts))
    assert taken.group_uncertainty["afe"] == pytest.approx(error_mw / total_mw, rel=1e-9)
    part = load_board(board).afe.part
    assert {fact.key for fact in taken.assumptions if fact.part == part} == set(assumed.split())


def test_a_front_end_that_changes_rests_on_every_state_it_was_in(bench):
    """40 ms off, 40 ms standing by and 20 ms on, of AVDD 5 V and DVDD 3 V."""

    def run():
        bench.ledger.afe(40 * MS, STANDBY)
        bench.ledger.afe(80 * MS, ON_8)

    taken = capture(bench, run, 100 * MS)
    by_hand_uj = [
        (7.5e-3 * 40, 0.3),
        (2.4e-3 * 40, 0.3),
        (4.9 * 40, 0.1),
        (0.18 * 40, 0.3),
        (35.7 * 20, 0.026),
        (2.7 * 20, 0.026),
    ]
    total_uj = sum(energy for energy, _ in by_hand_uj)
    assert taken.energy_j["afe"] == pytest.approx(total_uj * 1e-6, rel=1e-12)
    error_uj = np.sqrt(sum((energy * spread) ** 2 for energy, spread in by_hand_uj))
    assert taken.group_uncertainty["afe"] == pytest.approx(error_uj / total_uj, rel=1e-9)
    shares = {fact.key: share for fact, share in taken.assumptions.items()}
    total_j = taken.energy_j["total"]
    assert shares["idvdd_standby"] == round(0.18e-3 * 0.04 / total_j, 4)
    assert {"iavdd_power_down", "idvdd_power_down"} <= shares.keys()


def test_unknown_radio_activity_is_refused(bench):
    with pytest.raises(ValueError, match="unknown radio activity 'zap'"):
        bench.ledger.radio("zap", 0, 1)


@pytest.mark.parametrize("last", ["idle", "light"])
def test_how_sure_waiting_is_does_not_depend_on_how_the_capture_ends(make_bench, last):
    """An STM32WB idles at 2.65 mA (15 %) for 60 ms, and sleeps at 9.5 uA (30 %) for 40 ms."""
    bench = make_bench(load_board("nucleo-wb55-ads1299"))
    turns = {"idle": [(0, "light"), (40, "idle")], "light": [(60, "light")]}

    def run():
        for at_ms, mode in turns[last]:
            bench.ledger.mcu.set_sleep(at_ms * MS, mode)

    taken = capture(bench, run, 100 * MS)
    idle_c, asleep_c, wake_c = 2.65e-3 * 60e-3, 9.5e-6 * 40e-3, 0.0
    if last == "idle":  # for 0.2 ms, and before that it does not sleep less
        wake_c = 2e-3 * 0.2e-3
    by_hand_c = np.sqrt((0.15 * idle_c) ** 2 + (0.3 * asleep_c) ** 2 + 2 * (0.5 * wake_c) ** 2)
    expected = by_hand_c / (idle_c + asleep_c + wake_c)
    assert taken.group_uncertainty["mcu"] == pytest.approx(expected, rel=1e-9)
    shares = {fact.key for fact in taken.assumptions if fact.part == "stm32wb55"}
    waking = {"light_sleep_wake", "light_sleep_wake_time"} if last == "idle" else set()
    assert shares == {"idle", "light_sleep"} | waking


def test_every_assumed_figure_of_an_stm32_that_carries_energy_is_listed(make_bench):
    """It sends beside a busy processor, and receives at 2M, which takes nothing more."""
    bench = make_bench(load_board("nucleo-wb55-ads1299"))

    def run():
        bench.ledger.mcu.active(20 * MS, 10 * MS)
        bench.ledger.radio("tx", 20 * MS, MS, 2)
        bench.ledger.radio("connection_event", 20 * MS, MS)
        bench.ledger.radio("rx", 60 * MS, MS, 2)
        bench.ledger.radio("connection_event", 60 * MS, MS)

    taken = capture(bench, run, 100 * MS)
    shares = {fact.key: share for fact, share in taken.assumptions.items()}
    processor = {"idle", "cpu_active", "cpu_time", "cpu_prices_assumed"}
    link = {"tx_0dbm", "cpu_and_tx", "rx_1m", "ramp", "hfxo", "link_cpu", "event_post_time"}
    supplies = {"efficiency", "quiescent", "ground_slope"}
    front_end = {"iavdd_power_down", "idvdd_power_down"}
    assert shares.keys() == processor | link | supplies | front_end
    # 8 mA, 8.3 mA besides, 7.9 mA; of 3.3 V.
    total_j = taken.energy_j["total"]
    for key, charge_c in (("cpu_active", 8e-5), ("cpu_and_tx", 8.3e-6), ("rx_1m", 7.9e-6)):
        assert shares[key] == round(charge_c * 3.3 / total_j, 4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 999), st.integers(1, 300)), max_size=12),
    st.integers(1, 1100),
)
def test_busy_time_is_the_union_of_the_bursts(headband8, make_bench, bursts, stop_us):
    bench = make_bench(headband8)
    taken = capture(
        bench,
        lambda: [bench.ledger.mcu.active(a * 1000, n * 1000) for a, n in bursts],
        stop_us * 1000,
    )
    busy = {us for a, n in bursts for us in range(a, a + n) if us < stop_us}
    charge_c = (len(busy) * 3.3e-3 + (stop_us - len(busy)) * 3.16e-6) * 1e-6
    assert taken.energy_j["mcu"] == pytest.approx(charge_c * 3.0, rel=1e-9)
    assert sum(taken.energy_j[g] for g in bench.ledger.groups) == pytest.approx(
        taken.energy_j["total"]
    )
