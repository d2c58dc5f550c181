"""The nRF52840: identity, lock, flash controller, and the time all of it takes."""

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual.chip import MODELLED_PARTS, open_chip
from eegrig.hil.virtual.chip.nrf52840 import RAM_BASE, TIMING, Nrf52840
from eegrig.hil.virtual.chip.signals import BusFault, WireError

NVMC_READY, NVMC_CONFIG, NVMC_ERASEPAGE, NVMC_ERASEALL, NVMC_ERASEUICR = (
    0x4001E400, 0x4001E504, 0x4001E508, 0x4001E50C, 0x4001E514,
)  # fmt: skip
CTRL_AP = 1 << 24


def power_up(chip):
    chip.dap.write_dp(4, 0x5000_0000)


def test_every_modelled_part_opens_and_others_are_named():
    for part in MODELLED_PARTS:
        open_chip(part).close()
    with pytest.raises(ConfigError, match="no virtual chip for 'z80'; there is one for nrf52840"):
        open_chip("z80")


def test_it_says_what_it_is():
    chip = Nrf52840(part=0x52833, seed="a")
    assert chip.bus.read(0x10000100, 4) == 0x52833
    assert chip.bus.read(0x10000104, 4) == int.from_bytes(b"AAD0", "big")
    assert chip.bus.read_block(0x10000060, 8) == chip.device_id
    assert chip.device_id != Nrf52840(seed="b").device_id
    with pytest.raises(BusFault):
        chip.bus.write(0x10000100, 4, 0)


def test_flash_is_written_only_as_whole_words_while_writing_is_enabled(debugger):
    with pytest.raises(BusFault, match=r"NVMC\.CONFIG is 0"):
        debugger.write(0x1000, 0)
    debugger.write(NVMC_CONFIG, 1)
    with pytest.raises(BusFault, match="whole words"):
        debugger.chip.bus.write(0x1000, 1, 0)
    debugger.write(0x1000, 0x1234_5678)
    assert debugger.read(0x1000) == 0x1234_5678
    assert debugger.read(NVMC_READY) == 1


def test_a_store_of_the_core_to_flash_that_is_not_enabled_is_a_fault(debugger):
    debugger.load(0x6008, 0xBE00)  # str r0, [r1]; bkpt
    debugger.set(0, 0)
    debugger.set(1, 0x1000)
    debugger.resume()
    assert debugger.lockup()
    assert debugger.chip.flash_bytes(0x1000, 4) == b"\xff" * 4


def test_a_store_of_the_core_to_enabled_flash_clears_bits_only(debugger):
    chip = debugger.chip
    chip.flash.program(0x1000, b"\x0f\xff\xff\xff")
    debugger.load(0x6008, 0xBE00)  # str r0, [r1]; bkpt
    debugger.write(0x4001E504, 1)
    debugger.set(0, 0xFFFF_FFF0)
    debugger.set(1, 0x1000)
    debugger.resume()
    assert debugger.halted()
    assert chip.flash_bytes(0x1000, 4) == b"\x00\xff\xff\xff"


def test_erasing_needs_to_be_enabled(debugger):
    chip = debugger.chip
    chip.flash.program(0x1000, bytes(4))
    debugger.write(NVMC_ERASEPAGE, 0x1000)
    assert debugger.read(0x1000) == 0
    debugger.write(NVMC_CONFIG, 2)
    debugger.write(NVMC_ERASEPAGE, 0x1000)
    assert debugger.read(0x1000) == 0xFFFF_FFFF


def test_erase_registers_reach_what_their_names_say(debugger):
    chip = debugger.chip
    for register, flash_after, uicr_after in (
        (NVMC_ERASEUICR, 0, 0xFFFF_FFFF),
        (NVMC_ERASEALL, 0xFFFF_FFFF, 0xFFFF_FFFF),
    ):
        chip.flash.program(0x2000, bytes(4))
        chip.uicr.program(0x10001080, bytes(4))
        debugger.write(NVMC_CONFIG, 2)
        debugger.write(register, 1)
        assert debugger.read(0x2000) == flash_after
        assert debugger.read(0x10001080) == uicr_after


def test_a_reset_makes_flash_read_only_again(debugger):
    debugger.write(NVMC_CONFIG, 1)
    debugger.system_reset()
    with pytest.raises(BusFault):
        debugger.write(0x1000, 0)


def test_operations_of_the_debugger_take_their_time(debugger):
    chip = debugger.chip
    debugger.write(NVMC_CONFIG, 2)
    before = chip.elapsed_ns
    debugger.write(NVMC_ERASEPAGE, 0)
    assert chip.elapsed_ns - before == TIMING.page_erase_ns
    debugger.write(NVMC_CONFIG, 1)
    debugger.write(0, 0)
    assert chip.elapsed_ns - before == TIMING.page_erase_ns + TIMING.word_ns


def test_what_the_firmware_does_to_flash_is_not_the_debuggers_time(chip):
    assert chip.flash.erase_page(0) == TIMING.page_erase_ns
    assert chip.elapsed_ns == 0


def test_the_debugger_works_while_the_core_programs_and_waits_only_for_the_rest(debugger):
    chip = debugger.chip
    # str r0, [r1]; bkpt, with flash enabled: 41 us of the core's time.
    debugger.load(0x6008, 0xBE00)
    debugger.write(NVMC_CONFIG, 1)
    debugger.set(0, 0)
    debugger.set(1, 0x3000)
    start = chip.elapsed_ns
    debugger.resume()
    chip.timeline.wire_hz = 1_000_000
    power_up(chip)  # one transaction, 46 us: longer than the core needs
    assert debugger.halted()
    assert chip.elapsed_ns - start == 46_000
    debugger.set(15, RAM_BASE)
    debugger.set(1, 0x3004)
    start = chip.elapsed_ns
    debugger.resume()
    assert debugger.halted()
    assert chip.elapsed_ns - start >= TIMING.word_ns


def test_a_locked_chip_keeps_its_bus_closed_until_it_is_erased(chip):
    chip.flash.program(0, b"secret")
    chip.lock()
    power_up(chip)
    chip.dap.write_dp(8, 0)
    with pytest.raises(WireError):
        chip.dap.read_ap(0xC)
    chip.dap.write_dp(0, 0x1E)
    chip.dap.write_dp(8, CTRL_AP)
    assert chip.dap.read_ap(0xC) == [0]  # APPROTECTSTATUS: enabled
    chip.dap.write_ap(4, [1])
    assert chip.dap.read_ap(0xC) == [1]
    assert chip.flash_bytes(0, 6) == b"\xff" * 6
    chip.power_cycle()
    assert not chip.locked


def test_a_hardened_part_is_locked_unless_uicr_opens_it():
    chip = Nrf52840(variant="AAF0")
    assert chip.locked
    chip.uicr.program(0x10001208, b"\x5a\0\0\0")
    chip.power_cycle()
    assert not chip.locked


def test_the_control_port_resets_when_its_bit_is_released(chip):
    resets = []
    chip.on_reset.append(lambda: resets.append(chip.held))
    power_up(chip)
    chip.dap.write_dp(8, CTRL_AP)
    chip.dap.write_ap(0, [1])
    assert resets == []
    chip.dap.write_ap(0, [0])
    assert resets == [False]


def test_power_off_loses_ram_and_keeps_flash(chip, debugger):
    chip.bus.write(RAM_BASE, 4, 0x1234)
    chip.flash.program(0x1000, b"kept")
    debugger.halt()
    chip.power_cycle()
    assert chip.bus.read(RAM_BASE, 4) == 0
    assert chip.flash_bytes(0x1000, 4) == b"kept"
    assert not chip.held


def test_contents_are_kept_in_the_directory(tmp_path):
    first = Nrf52840(tmp_path)
    first.flash.program(0x1000, b"kept")
    first.lock()
    first.close()
    second = Nrf52840(tmp_path)
    assert second.flash_bytes(0x1000, 4) == b"kept"
    assert second.locked
    second.close()
