"""SBAS499C section 9.6: reset values, fixed and read-only bits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.virtual.afe.maps import register_map
from eegrig.hil.virtual.afe.registers import Mux, Registers
from eegrig.hil.virtual.afe.rules import Rule

MAP = register_map("ads1299")
RESET = "3e96c060006161616161616161000000000000000f000000"


def test_9_6_reset_values(make_rig):
    rig = make_rig()
    rig.send(0x11)
    assert rig.read(0, 24).hex() == RESET


def test_9_6_1_1_identity_of_the_eight_channel_part_and_of_another(make_rig):
    other = make_rig(identity=0x92)
    other.send(0x11)
    assert other.read(0) == b"\x92"


@pytest.mark.parametrize(
    ("name", "all_ones", "all_zeros"),
    [
        ("ID", 0x3E, 0x3E),
        ("CONFIG1", 0xF7, 0x90),
        ("CONFIG2", 0xD7, 0xC0),
        ("CONFIG3", 0xFE, 0x60),
        ("LOFF", 0xEF, 0x00),
        ("CH1SET", 0xFF, 0x00),
        ("LOFF_STATP", 0x00, 0x00),
        ("LOFF_STATN", 0x00, 0x00),
        ("GPIO", 0xFF, 0x00),
        ("MISC1", 0x20, 0x00),
        ("MISC2", 0x00, 0x00),
        ("CONFIG4", 0x0A, 0x00),
    ],
)
def test_9_6_fixed_and_read_only_bits_stay(name, all_ones, all_zeros):
    registers, address = Registers(MAP), MAP.address(name)
    registers.write(address, 0xFF)
    assert registers[address] == all_ones
    registers.write(address, 0x00)
    assert registers[address] == all_zeros


@given(st.integers(0, 40), st.integers(0, 255))
def test_9_6_write_is_idempotent_and_tells_whether_it_changed_anything(address, value):
    registers = Registers(MAP)
    before = registers[address]
    changed = registers.write(address, value)
    assert changed == (registers[address] != before)
    assert not registers.write(address, value)


def test_9_6_addresses_that_do_not_exist_read_zero(make_rig):
    rig = make_rig()
    rig.send(0x11)
    assert rig.read(0x18, 4) == bytes(4)


def test_9_6_1_6_channel_settings_are_decoded():
    registers = Registers(MAP)
    registers.write(MAP.address("CH3SET"), 0xD5)
    settings = registers.channel(2)
    assert (settings.powered, settings.gain, settings.mux) == (False, 12, Mux.TEST)


def test_9_6_1_2_reserved_data_rate_is_noticed(make_rig):
    rig = make_rig()
    rig.send(0x11)
    rig.write(0x01, 0x97)
    assert rig.afe.rules_broken[Rule.REGISTER_RESERVED_CODE] == 1


def test_states_tell_channels_bias_and_lead_off(make_rig):
    rig = make_rig()
    rig.send(0x11)
    rig.write(0x05, 0xE1, 0xE1)
    rig.write(0x03, 0xEC)
    rig.write(0x17, 0x02)
    state = rig.states[-1][1]
    assert (state.mode, state.channels_on, state.bias_on, state.lead_off_on) == (
        "on",
        6,
        True,
        True,
    )
