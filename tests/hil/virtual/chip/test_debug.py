"""A debugger halts, steps, watches and resets the core, and the firmware's owner learns of it."""

from collections.abc import Iterator

import pytest

from eegrig.hil.virtual.chip import MODELLED_PARTS, open_chip
from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.chip.cortex_m.stops import Stop
from eegrig.hil.virtual.chip.nrf52840 import RAM_BASE  # the other chip's RAM is there too
from tests.hil.virtual.chip.programs import PROGRAMS

# Thumb code, by hand.
MOVS_R0_1, MOVS_R1_2, ADDS_R0_R0_R1, BKPT, NOP, BRANCH_SELF = (
    0x2001, 0x2102, 0x1840, 0xBE00, 0xBF00, 0xE7FE,
)  # fmt: skip
LDR_R0_R1, STR_R0_R1, UDF = 0x6808, 0x6008, 0xDE00


@pytest.fixture(params=sorted(MODELLED_PARTS))
def chip(request) -> Iterator[Chip]:
    chip = open_chip(request.param)
    yield chip
    chip.close()


def test_code_runs_until_its_breakpoint_instruction(debugger):
    debugger.load(MOVS_R0_1, MOVS_R1_2, ADDS_R0_R0_R1, BKPT)
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(0) == 3
    assert debugger.get(15) == RAM_BASE + 6
    assert debugger.read(debugger.DFSR) & 2


def test_a_step_is_one_instruction_even_in_code_that_ran_before(debugger):
    debugger.load(MOVS_R0_1, MOVS_R1_2, ADDS_R0_R0_R1, BKPT)
    debugger.resume()
    assert debugger.halted()
    debugger.set(15, RAM_BASE)
    debugger.set(0, 0)
    for expected in (2, 4, 6):
        debugger.step()
        assert debugger.halted()
        assert debugger.get(15) == RAM_BASE + expected
    assert debugger.get(0) == 3


def test_code_that_never_ends_runs_in_slices_and_can_be_halted(debugger):
    debugger.load(BRANCH_SELF)
    debugger.resume()
    assert not debugger.halted()
    debugger.halt()
    assert debugger.halted()
    assert debugger.get(15) == RAM_BASE


@pytest.mark.parametrize(("replace", "offset"), [(1, 0), (2, 2)])
def test_a_hardware_breakpoint_stops_before_its_instruction(debugger, replace, offset):
    # FPB version 1 only reaches code below 0x20000000, so the code goes to flash memory.
    debugger.halt()
    flash = debugger.chip.flash
    flash.program(flash.base + 0x100, bytes.fromhex("00bf00bf00bf00bf00be"))
    debugger.set(15, 0x100)
    debugger.write(0xE0002000, 3)
    debugger.write(0xE0002008, replace << 30 | 0x104 | 1)
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(15) == 0x104 + offset
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(15) == 0x108


def test_a_breakpoint_set_while_the_core_runs_stops_it_where_it_comes_by_next(debugger):
    # The core is caught between two slices, which end at the very head of this loop.
    debugger.halt()
    flash = debugger.chip.flash
    flash.program(flash.base + 0x100, bytes.fromhex("0130fde7"))  # adds r0, #1; b back
    debugger.set(15, 0x100)
    debugger.resume()
    assert not debugger.halted()
    running = debugger.chip.core.read_register(0)
    assert running > 1000
    debugger.write(0xE0002000, 3)
    debugger.write(0xE0002008, 1 << 30 | 0x100 | 1)
    assert debugger.halted()
    assert debugger.get(15) == 0x100
    assert debugger.get(0) == running
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(0) == running + 1


@pytest.mark.parametrize(
    ("function", "instruction"), [(5, LDR_R0_R1), (6, STR_R0_R1), (7, STR_R0_R1)]
)
def test_a_watchpoint_stops_behind_the_access(debugger, function, instruction):
    target = RAM_BASE + 0x100
    debugger.load(NOP, instruction, NOP, BKPT)
    debugger.set(0, 0x1234)
    debugger.set(1, target)
    debugger.write(0xE0001020, target)
    debugger.write(0xE0001024, 2)
    debugger.write(0xE0001028, function)
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(15) == RAM_BASE + 4
    assert debugger.read(debugger.DFSR) & 4
    assert debugger.read(0xE0001028) >> 24 & 1
    if instruction == STR_R0_R1:
        assert debugger.read(target) == 0x1234


def test_an_undefined_instruction_locks_the_core_up_and_halting_opens_it(debugger):
    debugger.load(NOP, UDF)
    debugger.resume()
    assert debugger.lockup()
    debugger.halt()
    assert debugger.halted()
    assert not debugger.lockup()


def test_a_caught_fault_halts_instead(debugger):
    debugger.load(UDF)
    debugger.write(debugger.DEMCR, 0x400)
    debugger.resume()
    assert debugger.halted()
    assert debugger.read(debugger.DFSR) & 8


def test_peripherals_that_are_not_modelled_read_zero_and_swallow_writes(debugger):
    debugger.load(STR_R0_R1, LDR_R0_R1, BKPT)
    debugger.set(0, 77)
    debugger.set(1, 0x4000_2500)  # UARTE
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(0) == 0


def test_special_registers_keep_what_was_written(debugger):
    debugger.halt()
    debugger.set(20, 0x0201_4001)
    assert debugger.get(20) == 0x0201_4001


def test_a_program_can_reset_the_chip(debugger):
    seen = []
    debugger.chip.on_reset.append(lambda: seen.append(debugger.chip.held))
    debugger.load(STR_R0_R1, BRANCH_SELF)
    debugger.set(0, 0x05FA_0004)
    debugger.set(1, debugger.AIRCR)
    debugger.resume()
    debugger.status()
    assert seen == [False]


def test_a_reset_is_caught_when_asked_for(debugger):
    seen = []
    debugger.chip.on_reset.append(lambda: seen.append(debugger.chip.held))
    debugger.halt()
    debugger.system_reset(halt=True)
    assert debugger.halted()
    assert seen == [True]
    assert debugger.status() >> 25 & 1 == 0  # S_RESET_ST was cleared by the first read


def test_the_firmware_is_held_while_the_debugger_halts_it_and_let_go_by_a_resume(debugger):
    held = []
    debugger.chip.on_held.append(held.append)
    debugger.halt()
    assert debugger.chip.held
    debugger.resume()
    assert not debugger.chip.held
    assert held == [True, False]


def test_running_a_flash_algorithm_is_not_running_the_firmware(debugger):
    held = []
    debugger.chip.on_held.append(held.append)
    debugger.load(BRANCH_SELF)
    debugger.resume()
    assert not debugger.halted()
    assert debugger.chip.held
    debugger.system_reset()
    assert not debugger.chip.held
    assert held == [True, False]


def test_where_another_process_runs_the_firmware_the_core_looks_as_if_it_ran(debugger):
    assert debugger.lockup()  # an empty flash memory has no vectors
    debugger.chip.attach_firmware()
    assert not debugger.lockup()
    debugger.system_reset()
    assert not debugger.lockup()
    assert not debugger.halted()
    # Code of the debugger's own still runs.
    debugger.load(MOVS_R0_1, BKPT)
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(0) == 1


# ---- code that is changed, and stores that change none


@pytest.fixture
def flushes(chip, monkeypatch) -> list[int]:
    """A list with an entry for every time the emulator drops what it has translated."""
    dropped: list[int] = []
    forget = chip.bus.forget_code

    def counted() -> None:
        dropped.append(1)
        forget()

    monkeypatch.setattr(chip.bus, "forget_code", counted)
    return dropped


def test_a_debuggers_stores_to_ram_leave_what_is_translated(debugger, flushes):
    debugger.load(BRANCH_SELF)
    debugger.resume()
    assert not debugger.halted()
    flushes.clear()
    for number in range(50):
        debugger.write(RAM_BASE + 0x1000, number)
        debugger.chip.bus.write_block(RAM_BASE + 0x2000, bytes(4096))
        assert not debugger.halted()
    assert not flushes


def test_exceptions_leave_what_is_translated(debugger, flushes):
    chip = debugger.chip
    debugger.halt()
    chip.flash.program(chip.flash.base, PROGRAMS["two_tasks"].code)
    debugger.system_reset()
    debugger.resume()
    for _ in range(3):
        assert not debugger.halted()
    flushes.clear()
    before = debugger.read(RAM_BASE + 0x2000), debugger.read(RAM_BASE + 0x2004)
    for _ in range(10):
        assert not debugger.halted()
    assert debugger.read(RAM_BASE + 0x2000) > before[0]
    assert debugger.read(RAM_BASE + 0x2004) > before[1]  # so the tasks were switched
    assert not flushes


@pytest.mark.parametrize("store", ["word", "byte", "block"])
def test_code_in_ram_that_was_overwritten_is_executed_as_it_is_now(debugger, store):
    bus = debugger.chip.bus
    debugger.load(MOVS_R0_1, BKPT)
    debugger.resume()
    assert debugger.halted()
    if store == "word":
        bus.write(RAM_BASE, 4, BKPT << 16 | 0x2007)
    elif store == "byte":
        bus.write(RAM_BASE, 1, 7)
    else:
        bus.write_block(RAM_BASE, bytes.fromhex("072000be"))
    debugger.set(15, RAM_BASE)
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(0) == 7


def test_code_that_was_only_translated_is_changed_too(debugger):
    # The slice ends at the head of a block that has been translated and never executed.
    chip = debugger.chip
    debugger.load(BRANCH_SELF)
    debugger.set(15, RAM_BASE)
    assert chip.core.run(0) is Stop.SLICE
    chip.bus.write_block(RAM_BASE, bytes.fromhex("072000be"))
    debugger.resume()
    assert debugger.halted()
    assert debugger.get(0) == 7
