"""SBAS499C section 9.4: reset, start, settling, continuous and single-shot conversion."""

from __future__ import annotations

import pytest

from eegrig.hil.virtual.afe.rules import Rule

PERIOD_NS = 4e6
TCLK_NS = 1e9 / 2.048e6


def test_9_4_1_power_down_stops_everything_and_power_up_begins_anew(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.afe.set_start(1)
    rig.clock.advance(0.1)
    rig.afe.set_pwdn(0)
    assert rig.states[-1][1].mode == "power_down"
    assert rig.afe.next_drdy_ns() is None
    rig.afe.set_start(0)
    rig.afe.set_pwdn(1)
    assert rig.read(0, 1) == b"\0"  # not ready for 2^18 clocks
    rig.clock.advance(0.15)
    rig.send(0x11)
    assert rig.read(0, 4).hex() == "3e96c060"


def test_9_4_2_reset_pin_restores_registers_and_rdatac(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.afe.set_reset(0)
    assert rig.afe.transfer(bytes(3), sck_hz=4e6) == bytes(3)
    rig.afe.set_reset(1)
    rig.clock.advance(20 * TCLK_NS * 1e-9)
    assert rig.send(0x20, 0, 0) == b"\xc0\0\0"  # RREG is ignored: these are data
    rig.send(0x11)
    assert rig.read(0x05) == b"\x61"


def test_9_4_2_reset_takes_18_clocks(make_rig):
    rig = make_rig()
    rig.send(0x11)
    rig.afe.set_cs(0)
    rig.afe.transfer(b"\x06", sck_hz=20e6)
    rig.clock.run_until(rig.clock.time_ns + 4 * TCLK_NS)
    rig.afe.transfer(b"\x11", sck_hz=20e6)
    assert rig.afe.rules_broken[Rule.RESET_WAIT] == 1
    rig.clock.run_until(rig.clock.time_ns + 18 * TCLK_NS)
    rig.afe.set_cs(1)
    assert rig.send(0x20, 0, 0) == b"\xc0\0\0"  # the SDATAC was lost
    rig.send(0x11)
    assert rig.read(0) == b"\x3e"


def test_9_4_2_a_new_config1_resets_the_filter_and_an_equal_one_does_not(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.afe.set_start(1)
    rig.clock.advance(0.030)
    rig.send(0x11)
    before_ns = rig.afe.next_drdy_ns()
    rig.write(0x01, 0x96)
    assert rig.afe.next_drdy_ns() == before_ns
    written_ns = rig.clock.time_ns
    rig.write(0x01, 0x95)
    assert rig.afe.next_drdy_ns() == pytest.approx(written_ns + 16393 * TCLK_NS, abs=1)


@pytest.mark.parametrize(
    ("code", "settle_clocks", "period_clocks"),
    [
        (0, 521, 128),
        (1, 1033, 256),
        (2, 2057, 512),
        (3, 4105, 1024),
        (4, 8201, 2048),
        (5, 16393, 4096),
        (6, 32777, 8192),
    ],
)
def test_9_4_4_first_data_after_tsettle_then_every_period(
    make_rig, code, settle_clocks, period_clocks
):
    rig = make_rig()
    rig.set_up(rate_code=code)
    start_ns = rig.clock.time_ns
    times_ns, _ = rig.record(6 * settle_clocks * TCLK_NS * 1e-9)
    assert times_ns[0] - start_ns == pytest.approx(settle_clocks * TCLK_NS, abs=1)
    assert times_ns[3] - times_ns[0] == pytest.approx(3 * period_clocks * TCLK_NS, abs=1)


def test_9_4_4_data_rate_follows_the_oscillator(make_rig):
    rig = make_rig(oscillator_error=0.004)
    rig.set_up()
    times_ns, _ = rig.record(4.5)
    assert (times_ns[1000] - times_ns[0]) * 1e-9 == pytest.approx(4.0 / 1.004, rel=1e-9)
    assert rig.afe.rate_sps == pytest.approx(251.0)


def test_oscillator_errors_differ_between_chips_within_the_limit(make_rig):
    errors = [make_rig(seed=seed, oscillator_error=None).afe.oscillator_error for seed in range(20)]
    assert len(set(errors)) == 20
    assert max(abs(error) for error in errors) <= 0.005


def test_9_4_3_start_pin_low_completes_the_conversion_in_progress(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.record(0.1)
    count = len(rig.frames)
    rig.reading = True
    rig.afe.set_start(0)
    rig.clock.advance(0.1)
    assert len(rig.frames) == count + 1
    assert rig.afe.next_drdy_ns() is None


def test_9_5_3_start_and_stop_commands(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.reading = True
    rig.send(0x08)
    rig.clock.advance(0.1)
    assert len(rig.frames) == 22  # 16 ms to settle, then one every 4 ms
    rig.send(0x0A)
    rig.clock.advance(0.1)
    assert len(rig.frames) == 23


def test_9_4_5_single_shot_makes_one_conversion_per_start(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x17, 0x08)
    rig.send(0x10)
    rig.record(0.1)
    assert len(rig.frames) == 1
    rig.afe.set_start(0)
    rig.record(0.1)
    assert len(rig.frames) == 1  # record() begins a new list: one more


def test_9_5_3_standby_and_wakeup(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.send(0x11)
    rig.afe.set_start(1)
    rig.clock.advance(0.05)
    rig.send(0x04)
    assert rig.states[-1][1].mode == "standby"
    edges = len(rig.edges)
    rig.clock.advance(0.1)
    assert len(rig.edges) == edges
    rig.read(0)  # only WAKEUP is taken
    assert rig.afe.rules_broken[Rule.STANDBY_WAKEUP_ONLY] == 1
    woken_ns = rig.clock.time_ns
    rig.send(0x02)
    assert rig.states[-1][1].mode == "on"
    expected_ns = woken_ns + 31_250 + 32777 * TCLK_NS
    assert rig.afe.next_drdy_ns() == pytest.approx(expected_ns, abs=2)


def test_a_lost_chip_neither_converts_nor_answers(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.record(0.1)
    rig.afe.lose()
    edges = len(rig.edges)
    rig.clock.advance(0.1)
    assert rig.send(0x11, 0x20, 0, 0) == bytes(4)
    assert len(rig.edges) == edges
    rig.afe.set_start(0)
    rig.afe.restore()
    rig.clock.advance(0.2)
    rig.send(0x11)
    assert rig.read(0) == b"\x3e"
