"""What a chip tells a probe: part, serial number, and the address MicroPython makes of it."""

from __future__ import annotations

import pytest

from eegrig.boards import load_board
from eegrig.hil.virtual.chip import open_chip
from eegrig.host.flashing.chip_identity import identify

FICR, UID96 = 0x1000_0000, 0x1FFF_7590
NRF = {
    FICR + 0x60: 0x0BAD_F00D,
    FICR + 0x64: 0xCAFE_0001,
    FICR + 0xA0: 0xFFFF_FFFF,
    FICR + 0xA4: 0x4433_2211,
    FICR + 0xA8: 0xFFFF_6655,
    FICR + 0x100: 0x52840,
}
ST = {
    0xE004_2000: 0x2001_6495,
    0x1FFF_75E0: 0xFFFF_0400,
    UID96: 0x1413_1211,
    UID96 + 4: 0x1817_1615,
    UID96 + 8: 0x1C1B_1A19,
}


def test_an_nrf52840_has_the_static_address_that_zephyr_reads():
    chip = identify("nrf52840", NRF.__getitem__)
    assert (chip.part, chip.unique_id) == ("nrf52840", "cafe00010badf00d")
    assert chip.radio_address == "E6:55:44:33:22:11"


def test_an_nrf52840_with_a_public_address_tells_none():
    assert identify("nrf52840", {**NRF, FICR + 0xA0: 0xFFFF_FFFE}.__getitem__).radio_address is None


def test_an_stm32wb55_has_the_address_that_the_stm32_port_makes():
    chip = identify("stm32wb55xg", ST.__getitem__)
    assert (chip.part, chip.unique_id) == ("stm32wb55xg", "1c1b1a191817161514131211")
    assert chip.radio_address == "02:CB:A9:87:13:46"


def test_of_another_chip_nothing_is_known():
    assert identify("stm32l476rg", ST.__getitem__) is None


@pytest.mark.parametrize("name", ["headband8", "headphone8"])
def test_virtual_chips_of_other_names_have_other_addresses(name):
    mcu = load_board(name).mcu
    chips = [open_chip(mcu.part, seed=seed) for seed in ("left", "right")]
    told = [
        identify(mcu.pyocd_target, lambda at, chip=chip: chip.bus.read(at, 4)) for chip in chips
    ]
    assert {identity.part for identity in told} == {mcu.pyocd_target}
    assert len({identity.radio_address for identity in told}) == 2
