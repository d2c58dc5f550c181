"""Flash memory only clears bits, erases whole pages, and fails the way it was told to."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.virtual.chip.faults import Faults
from eegrig.hil.virtual.chip.memory.nor_flash import FlashTiming, NorFlash
from eegrig.hil.virtual.chip.signals import BusFault, PowerLost

BASE, PAGE, SIZE = 0x0800_0000, 0x1000, 0x3000
TIMING = FlashTiming(word_ns=10, page_erase_ns=1000, mass_erase_ns=5000)


def make(faults: Faults | None = None) -> NorFlash:
    buffer = mmap.mmap(-1, SIZE)
    buffer[:] = b"\xff" * SIZE
    return NorFlash(BASE, PAGE, buffer, TIMING, faults or Faults())


writes = st.lists(
    st.tuples(st.integers(0, SIZE - 64), st.binary(min_size=1, max_size=64)), max_size=8
)


@given(writes=writes)
def test_programming_is_a_logical_and_with_what_is_there(writes):
    flash = make()
    model = bytearray(b"\xff" * SIZE)
    for offset, data in writes:
        flash.program(BASE + offset, data)
        for i, value in enumerate(data):
            model[offset + i] &= value
    assert flash.view(BASE, SIZE) == model


@given(offset=st.integers(0, SIZE - 1))
def test_erasing_sets_exactly_the_page_of_the_address(offset):
    flash = make()
    flash.program(BASE, bytes(SIZE))
    flash.erase_page(BASE + offset)
    page = offset // PAGE
    for other in range(SIZE // PAGE):
        expected = b"\xff" if other == page else b"\0"
        assert flash.view(BASE + other * PAGE, PAGE) == expected * PAGE


def test_operations_take_the_time_of_the_words_and_pages_they_touch():
    flash = make()
    assert flash.program(BASE + 2, b"\0" * 8) == 3 * TIMING.word_ns  # three words, two in part
    assert flash.program(BASE + 64, b"\xff" * 8) == 0  # nothing to program
    assert flash.erase_page(BASE) == TIMING.page_erase_ns
    assert flash.erase_all() == TIMING.mass_erase_ns


def test_a_view_follows_the_contents_and_cannot_be_written():
    flash = make()
    view = flash.view(BASE + 4, 4)
    flash.program(BASE + 4, b"abcd")
    assert view == b"abcd"
    with pytest.raises(TypeError):
        view[0] = 0


@pytest.mark.parametrize("address", [BASE - 1, BASE + SIZE])
def test_addresses_outside_are_refused(address):
    flash = make()
    with pytest.raises(BusFault):
        flash.program(address, b"x")
    with pytest.raises(BusFault):
        flash.erase_page(address)
    with pytest.raises(BusFault):
        flash.view(BASE, SIZE + 1)


def test_stuck_bits_survive_programming_and_erasing():
    faults = Faults()
    faults.stick(BASE + 8, ones=0x1, zeros=0x100)
    flash = make(faults)
    flash.program(BASE + 8, bytes(4))
    assert int.from_bytes(flash.view(BASE + 8, 4), "little") == 0x1
    flash.erase_page(BASE)
    assert int.from_bytes(flash.view(BASE + 8, 4), "little") == 0xFFFF_FEFF


def test_a_power_loss_tears_the_word_it_hits():
    faults = Faults()
    faults.lose_power_after(words=2)
    flash = make(faults)
    with pytest.raises(PowerLost):
        flash.program(BASE, bytes(16))
    assert flash.view(BASE, 16) == bytes(8) + b"\0\0\xff\xff" + b"\xff" * 4
    assert flash.words_programmed == 2
