"""ADS1298 after SBAS459K: what differs from the ADS1299, by section of its data sheet."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards import load_board, load_part
from eegrig.hil.virtual.afe.maps import register_map
from eegrig.hil.virtual.afe.registers import Mux, Registers

PART = load_part("ads1298")
MAP = register_map("ads1298")
TCLK_NS = 1e9 / 2.048e6
LSB_V = 2.4 / 12 / 2**23
GAIN_CODE = {6: 0, 1: 1, 2: 2, 3: 3, 4: 4, 8: 5, 12: 6}


@pytest.fixture
def make_chip(make_rig):
    class Ads1298Rig(make_rig):
        part = "ads1298"
        channels = tuple(load_board("headphone8").afe.channels)

        def set_up(self, *, config1: int = 0x06, channel: int = 0x60, settle_s: float = 0.6):
            self.send(0x11)
            self.write(0x01, config1)
            self.write(0x03, 0xC0)
            self.write(0x05, *[channel] * 8)
            self.clock.advance(settle_s)
            self.send(0x10)

    return Ads1298Rig


def test_9_6_reset_values(make_chip):
    rig = make_chip()
    rig.send(0x11)
    assert rig.read(0, 26).hex() == "92064040" + "00" * 16 + "0f0020000000"


def test_9_6_1_1_identity_is_that_of_the_part_file():
    assert MAP.reset[0] == PART["id"].value == 0x92


@pytest.mark.parametrize(
    ("name", "all_ones", "all_zeros"),
    [
        ("ID", 0x92, 0x92),
        ("CONFIG1", 0xE7, 0x00),
        ("CONFIG3", 0xFE, 0x40),
        ("CH1SET", 0xF7, 0x00),
        ("LOFF_STATP", 0x00, 0x00),
        ("RESP", 0xFF, 0x20),
        ("CONFIG4", 0xEE, 0x00),
        ("WCT2", 0xFF, 0x00),
    ],
)
def test_9_6_fixed_and_read_only_bits_stay(name, all_ones, all_zeros):
    registers, address = Registers(MAP), MAP.address(name)
    registers.write(address, 0xFF)
    assert registers[address] == all_ones
    registers.write(address, 0x00)
    assert registers[address] == all_zeros


def test_9_6_1_6_gain_and_input_codes():
    registers = Registers(MAP)
    for gain, code in GAIN_CODE.items():
        registers.write(MAP.address("CH3SET"), code << 4 | 5)
        assert registers.channel(2).gain == gain
        assert registers.channel(2).mux is Mux.TEST


@pytest.mark.parametrize(
    ("config1", "rate_sps", "settle_clocks"),
    [
        (0x00, 16000, 584),
        (0x03, 2000, 4616),
        (0x06, 250, 36872),
        (0x80, 32000, 296),
        (0x83, 4000, 2312),
        (0x86, 500, 18440),
    ],
)
def test_9_3_2_rates_and_settling_in_low_power_and_high_resolution_mode(
    make_chip, config1, rate_sps, settle_clocks
):
    rig = make_chip()
    rig.set_up(config1=config1)
    start_ns = rig.clock.time_ns
    times_ns, _ = rig.record(8 / rate_sps + settle_clocks * TCLK_NS * 1e-9)
    assert times_ns[0] - start_ns == pytest.approx(settle_clocks * TCLK_NS, abs=1)
    assert (times_ns[3] - times_ns[0]) / 3 == pytest.approx(1e9 / rate_sps, abs=1)


@pytest.mark.parametrize(
    ("config1", "rate", "gain", "table"),
    [
        (0x06, 250, 12, "noise_rms"),
        (0x04, 1000, 6, "noise_rms"),
        (0x86, 500, 12, "noise_rms_high_resolution"),
        (0x84, 2000, 1, "noise_rms_high_resolution"),
    ],
)
def test_8_1_shorted_noise_is_the_tables_in_both_modes(make_chip, config1, rate, gain, table):
    rig = make_chip()
    rig.set_up(config1=config1, channel=GAIN_CODE[gain] << 4 | 1)
    _, codes = rig.record(4000 / rate)
    measured_v = np.sqrt(np.mean(np.var(codes, axis=1))) * 2.4 / gain / 2**23
    assert measured_v == pytest.approx(PART.table(table).si(rate, gain), rel=0.02)


def test_9_3_1_8_highest_rates_have_fewer_bits(make_chip):
    rig = make_chip()
    rig.set_up(config1=0x00, channel=0x61)
    _, codes = rig.record(0.01)
    assert (codes % 2**7 == 0).all()
    assert codes.any()
    rig = make_chip()
    rig.set_up(config1=0x02, channel=0x61)
    _, codes = rig.record(0.01)
    assert (codes % 2 == 1).any()


def test_9_3_1_6_the_higher_reference_halves_the_codes_nearly(make_chip):
    def level(config3):
        rig = make_chip()
        rig.set_up(channel=0x64)
        rig.send(0x11)
        rig.write(0x03, config3)
        rig.send(0x10)
        _, codes = rig.record(0.3, skip=10)
        return codes[0].mean()

    assert level(0xC0) / level(0xE0) == pytest.approx(4.0 / 2.4, rel=1e-3)


def test_9_3_1_3_2_test_signal_is_a_millivolt(make_chip):
    rig = make_chip()
    rig.set_up(channel=0x65)
    rig.send(0x11)
    rig.write(0x02, 0x13)
    rig.send(0x10)
    _, codes = rig.record(0.5)
    assert codes[0] * LSB_V - rig.afe.offset_v[0] == pytest.approx(1e-3, rel=0.03)


def test_9_3_1_3_5_supply_measurement_is_that_of_the_board(make_chip):
    rig = make_chip(avdd_v=2.8, dvdd_v=1.8)
    rig.set_up(channel=0x13)
    _, codes = rig.record(0.3)
    volts = codes.mean(axis=1) * 2.4 / 2**23
    expected = [1.4, 1.4, 0.45, 0.45, 1.4, 1.4, 1.4, 1.4]  # channels 3 and 4: DVDD
    assert volts == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("code", "current_na"), [(0, 6), (1, 12), (2, 18), (3, 24)])
def test_9_3_1_7_lead_off_currents_at_a_quarter_of_the_rate(make_chip, code, current_na):
    rig = make_chip()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x04, code << 2 | 1)
    rig.write(0x0F, 0x01)
    rig.send(0x10)
    rig.afe.set_electrode(rig.channels[0], 50e3)
    times_ns, codes = rig.record(2, skip=10)
    phase = np.exp(-2j * np.pi * 62.5 * times_ns * 1e-9)
    tone_v = 2 * abs(np.mean((codes[0] - codes[0].mean()) * phase)) * LSB_V
    expected_v = current_na * 1e-9 * 50e3 * 4 / np.pi * np.sinc(0.25) ** 3
    assert tone_v == pytest.approx(expected_v, rel=0.25)  # +-20 % current


def test_9_3_1_7_codes_that_must_not_be_used_drive_nothing(make_chip):
    rig = make_chip()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x04, 0x0C)
    rig.write(0x0F, 0x01)
    rig.send(0x10)
    rig.afe.set_electrode(rig.channels[0], 50e3)
    _, codes = rig.record(1, skip=10)
    assert codes[0].std() * LSB_V < 1e-6


def test_9_3_1_7_an_electrode_that_is_off_sets_its_status_bits(make_chip):
    rig = make_chip()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x0F, 0xFF, 0xFF)
    rig.write(0x17, 0x02)
    rig.send(0x10)
    rig.afe.set_electrode(rig.channels[7], None)
    rig.record(0.2)
    assert rig.frames[-1][1][:3].hex() == "c80800"


def test_states_tell_the_mode_and_the_ledger_needs_it(make_chip):
    rig = make_chip()
    rig.set_up(config1=0x86)
    assert rig.states[-1][1].high_resolution
    rig = make_chip()
    rig.set_up()
    assert not rig.states[-1][1].high_resolution
