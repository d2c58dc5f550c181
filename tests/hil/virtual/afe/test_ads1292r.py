"""ADS1292R after SBAS502C: what differs from its eight-channel relatives, by section."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards import load_part
from eegrig.hil.virtual.afe.maps import register_map
from eegrig.hil.virtual.afe.registers import Mux, Registers
from eegrig.hil.virtual.afe.rules import Rule

PART = load_part("ads1292r")
MAP = register_map("ads1292r")
TCLK_NS = 1e9 / 512e3
LSB_V = 2.42 / 12 / 2**23
GAIN_CODE = {6: 0, 1: 1, 2: 2, 3: 3, 4: 4, 8: 5, 12: 6}
RATE_CODE = {125: 0, 250: 1, 500: 2, 1000: 3, 2000: 4, 4000: 5, 8000: 6}


@pytest.fixture
def make_chip(make_rig):
    class Ads1292rRig(make_rig):
        part = "ads1292r"
        channels = ("P9", "EMG1")
        frame_bytes = 9
        sck_hz = 1e6

        def set_up(self, *, rate: int = 250, channel: int = 0x60, settle_s: float = 0.6):
            self.send(0x11)
            self.write(0x01, RATE_CODE[rate])
            self.write(0x02, 0xA0)
            self.write(0x04, channel, channel)
            self.clock.advance(settle_s)
            self.send(0x10)

    return Ads1292rRig


def test_8_6_reset_values(make_chip):
    rig = make_chip()
    rig.send(0x11)
    assert rig.read(0, 12).hex() == "730280100000000000" + "00020c"


def test_8_6_1_1_identity_is_that_of_the_part_file():
    assert MAP.reset[0] == PART["id"].value == 0x73


@pytest.mark.parametrize(
    ("name", "all_ones", "all_zeros"),
    [
        ("ID", 0x73, 0x73),
        ("CONFIG1", 0x87, 0x00),
        ("CONFIG2", 0xFB, 0x80),
        ("LOFF", 0xFD, 0x10),
        ("CH2SET", 0xFF, 0x00),
        ("LOFF_SENS", 0x3F, 0x00),
        ("LOFF_STAT", 0x40, 0x00),
        ("RESP2", 0x87, 0x00),
        ("GPIO", 0x0F, 0x00),
    ],
)
def test_8_6_fixed_and_read_only_bits_stay(name, all_ones, all_zeros):
    registers, address = Registers(MAP), MAP.address(name)
    registers.write(address, 0xFF)
    assert registers[address] == all_ones
    registers.write(address, 0x00)
    assert registers[address] == all_zeros


def test_8_6_1_5_gain_and_input_codes():
    registers = Registers(MAP)
    for gain, code in GAIN_CODE.items():
        registers.write(MAP.address("CH2SET"), code << 4)
        assert registers.channel(1).gain == gain
    registers.write(MAP.address("CH1SET"), 0x08)
    assert registers.channel(0).mux is Mux.BIAS_DRIVE_BOTH


@pytest.mark.parametrize(
    ("rate", "settle_tmod"), [(125, 4100), (250, 2052), (1000, 516), (8000, 68)]
)
def test_8_4_settling_time_in_modulator_clocks(make_chip, rate, settle_tmod):
    rig = make_chip()
    rig.set_up(rate=rate)
    start_ns = rig.clock.time_ns
    times_ns, _ = rig.record(8 / rate + settle_tmod * 4 * TCLK_NS * 1e-9)
    assert times_ns[0] - start_ns == pytest.approx(settle_tmod * 4 * TCLK_NS, abs=1)
    assert (times_ns[3] - times_ns[0]) / 3 == pytest.approx(1e9 / rate, abs=1)


@pytest.mark.parametrize(("rate", "gain"), [(250, 12), (250, 6), (500, 6), (1000, 1), (2000, 2)])
def test_7_1_shorted_noise_is_that_of_table_1(make_chip, rate, gain):
    rig = make_chip()
    rig.set_up(rate=rate, channel=GAIN_CODE[gain] << 4 | 1)
    _, codes = rig.record(12000 / rate)
    measured_v = np.sqrt(np.mean(np.var(codes, axis=1))) * 2.42 / gain / 2**23
    assert measured_v == pytest.approx(PART.table("noise_rms").si(rate, gain), rel=0.03)


def test_8_5_frame_is_three_status_bytes_and_two_channels(make_chip):
    rig = make_chip()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x05, 0xE1)  # channel 2 off
    rig.write(0x0B, 0x03)  # GPIO outputs 11
    rig.send(0x10)
    _, codes = rig.record(0.1)
    frame = rig.frames[-1][1]
    assert len(frame) == 9
    # 1100, LOFF_STAT 00000, GPIO 11, 13 zeros
    assert frame[:3].hex() == "c06000"
    assert not codes[1].any()
    assert codes[0].any()


def test_8_5_reading_on_repeats_the_frame(make_chip):
    rig = make_chip()
    rig.set_up()
    rig.record(0.102)
    seen = rig.send(*bytes(18))
    assert seen[:9] == seen[9:] == rig.frames[-1][1]


def test_6_6_a_command_needs_eight_microseconds_a_byte(make_chip):
    rig = make_chip()
    rig.send(0x11)
    assert rig.send(0x20, 0, 0, sck_hz=1e6)[2] == 0x73
    assert rig.send(0x20, 0, 0, sck_hz=2e6)[2] == 0
    assert rig.afe.rules_broken[Rule.COMMAND_DECODE] > 0


def test_8_3_10_2_lead_off_status_has_one_bit_for_each_input(make_chip):
    rig = make_chip()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x02, 0xE0)  # comparators and reference on
    rig.write(0x07, 0x0F)
    rig.send(0x10)
    rig.afe.set_electrode("EMG1", None)
    rig.record(0.1)
    assert rig.frames[-1][1][:3].hex() == "c60000"  # IN2N, IN2P
    rig.send(0x11)
    assert rig.read(0x08) == b"\x0c"


@pytest.mark.parametrize(("code", "current_a"), [(0, 6e-9), (1, 22e-9), (2, 6e-6), (3, 22e-6)])
def test_8_6_1_4_lead_off_currents_at_a_quarter_of_the_rate(make_chip, code, current_a):
    ohm = 50e3 if current_a < 1e-6 else 1e3
    rig = make_chip()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x03, 0x11 | code << 2)
    rig.write(0x07, 0x01)
    rig.send(0x10)
    rig.afe.set_electrode("P9", ohm)
    times_ns, codes = rig.record(2, skip=10)
    phase = np.exp(-2j * np.pi * 62.5 * times_ns * 1e-9)
    tone_v = 2 * abs(np.mean((codes[0] - codes[0].mean()) * phase)) * LSB_V
    assert tone_v == pytest.approx(current_a * ohm * 4 / np.pi * np.sinc(0.25) ** 3, rel=0.25)


def test_8_3_2_2_test_signal_of_one_hertz_and_at_dc(make_chip):
    rig = make_chip()
    rig.set_up(channel=0x65)
    rig.send(0x11)
    rig.write(0x02, 0xA3)
    rig.send(0x10)
    times_ns, codes = rig.record(6)
    volts = codes[0] * LSB_V - rig.afe.offset_v[0]
    assert np.percentile(volts, 90) == pytest.approx(2.42 / 2400, rel=0.03)
    crossings = times_ns[1:][np.diff(np.sign(volts)) != 0]
    assert np.diff(crossings).mean() * 1e-9 == pytest.approx(0.512, rel=0.01)
    rig.send(0x11)
    rig.write(0x02, 0xA2)
    rig.send(0x10)
    _, codes = rig.record(0.5, skip=20)
    assert np.ptp(codes[0] * LSB_V) < 10e-6


def test_8_3_2_5_channel_2_measures_the_digital_supply(make_chip):
    rig = make_chip(avdd_v=2.8, dvdd_v=1.8)
    rig.set_up(channel=0x13)
    _, codes = rig.record(0.3)
    volts = codes.mean(axis=1) * 2.42 / 2**23
    assert volts == pytest.approx([1.4, 0.45], rel=0.015)


def test_offsetcal_cancels_the_offset_once_calibration_is_on(make_chip):
    rig = make_chip()
    rig.set_up(channel=0x61)
    rig.send(0x11)
    rig.send(0x1A)
    assert rig.afe.rules_broken[Rule.CALIBRATION_ON] == 1
    assert any(rig.afe.offset_v)
    rig.write(0x0A, 0x83)
    rig.send(0x1A)
    assert rig.afe.offset_v == [0.0, 0.0]
    rig.send(0x10)
    _, codes = rig.record(1)
    assert abs(codes[0].mean() * LSB_V) < 0.2e-6


def test_offsetcal_is_no_command_of_the_ads1299(make_rig):
    rig = make_rig()
    rig.send(0x11)
    rig.send(0x1A)
    assert any(rig.afe.offset_v)


def test_pin_pwdn_reset_resets_when_pulsed(make_chip):
    rig = make_chip()
    rig.set_up()
    rig.afe.set_reset(0)
    rig.clock.advance(20e-6)
    rig.afe.set_reset(1)
    rig.clock.advance(20 * TCLK_NS * 1e-9)
    rig.send(0x11)
    assert rig.read(0x02) == b"\x80"


@pytest.mark.parametrize("pin", ["set_reset", "set_pwdn"])
def test_pin_pwdn_reset_powers_down_when_held(make_chip, pin):
    rig = make_chip()
    rig.set_up()
    rig.afe.set_start(1)
    getattr(rig.afe, pin)(0)
    rig.clock.advance(0.1)
    assert rig.states[-1][1].mode == "power_down"
    assert rig.afe.next_drdy_ns() is None
    rig.afe.set_start(0)
    getattr(rig.afe, pin)(1)
    rig.clock.advance(0.02)
    rig.send(0x11)
    assert rig.read(0) == b"\0"  # 2^12 modulator clocks until it answers
    rig.clock.advance(0.02)
    rig.send(0x11)
    assert rig.read(0) == b"\x73"


def test_8_6_1_9_a_clock_divider_without_a_fast_clock_is_noticed(make_chip):
    rig = make_chip()
    rig.send(0x11)
    rig.write(0x08, 0x40)
    assert rig.afe.rules_broken[Rule.CLOCK_DIVIDER] == 1


def test_states_tell_which_channels_are_on(make_chip):
    rig = make_chip()
    rig.send(0x11)
    rig.write(0x05, 0x81)
    rig.write(0x06, 0x20)
    state = rig.states[-1][1]
    assert (state.channels_on, state.bias_on) == (1, True)
