"""What MicroPython's ports make of a chip's own numbers, here and where the host reads a chip."""

from __future__ import annotations

import pytest

from eegrig.boards import list_boards, load_board
from eegrig.hil.virtual.chip import open_chip
from eegrig.hil.virtual.chip.radio_address import locally_administered, static_random
from eegrig.host.flashing.chip_identity import identify

DEVICEADDRTYPE = 0x1000_00A0


def test_zephyr_shows_the_makers_random_address_as_a_static_one():
    assert static_random(bytes.fromhex("112233445566")) == "E6:55:44:33:22:11"


def test_a_virtual_nrf52840_has_a_random_address_as_zephyr_asks_for():
    assert open_chip("nrf52840").bus.read(DEVICEADDRTYPE, 4) & 1


def test_the_stm32_port_makes_a_local_address_of_nine_of_the_unique_ids_octets():
    # id[11] << 4 | id[10] & 15, then 9 and 8, 7 and 6; id[2]; id[0] << 2 | 2
    assert locally_administered(bytes(range(0x11, 0x1D))) == "02:CB:A9:87:13:46"


@pytest.mark.parametrize("name", list_boards())
@pytest.mark.parametrize("seed", ["left", "right", "1", "2", "3"])
def test_host_and_board_tell_the_same_of_every_board(name, seed):
    board = load_board(name)
    chip = open_chip(board.mcu.part, seed=seed)
    told = identify(board.mcu.pyocd_target, lambda address: chip.bus.read(address, 4))
    assert told is not None
    assert chip.radio_address == told.radio_address
