"""Exceptions on the emulated core, by the rules of Arm DDI 0403, B1.5; on both chips."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from eegrig.hil.virtual.chip import MODELLED_PARTS, open_chip
from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.chip.cortex_m.nvic import Exc
from tests.hil.virtual.chip.conftest import Debugger
from tests.hil.virtual.chip.programs import PROGRAMS

CODE, HANDLERS, VECTORS, COUNTER, STACK = (
    0x2000_0000, 0x2000_0400, 0x2000_1000, 0x2000_2000, 0x2000_4000
)  # fmt: skip
ICSR, VTOR, SHCSR, CFSR, HFSR, BFAR = (
    0xE000_ED04, 0xE000_ED08, 0xE000_ED24, 0xE000_ED28, 0xE000_ED2C, 0xE000_ED38
)  # fmt: skip
VC_HARDERR = 0x400
LR, PC, XPSR, MSP, PSP, SPECIAL = 14, 15, 16, 17, 18, 20
SLEEPING = 1 << 18


class Image(Debugger):
    """A chip with a program and handlers in RAM, ready to go."""

    def start(self, program: str, **handlers: str) -> None:
        """Load a program, and handlers for exceptions (``exc_11="name"``)."""
        self.halt()
        self.chip.bus.write_block(CODE, padded(PROGRAMS[program].code))
        self.write(VTOR, VECTORS)
        for index, (name, handler) in enumerate(handlers.items()):
            address = HANDLERS + 0x100 * index
            self.chip.bus.write_block(address, padded(PROGRAMS[handler].code))
            self.write(VECTORS + 4 * int(name.removeprefix("exc_")), address | 1)
        self.set(MSP, STACK)
        self.set(PC, CODE)

    def go(self) -> None:
        """Run until it halts."""
        self.resume()
        for _ in range(10):
            if self.halted():
                return
        raise AssertionError(f"still running at {self.chip.core.pc:#x}")


def padded(code: bytes) -> bytes:
    return code + bytes(-len(code) % 4)


@pytest.fixture(params=sorted(MODELLED_PARTS))
def image(request) -> Iterator[Image]:
    chip = open_chip(request.param)
    yield Image(chip)
    chip.close()


@pytest.mark.skipif(
    shutil.which("llvm-mc") is None, reason="no assembler (llvm-mc) on this machine"
)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_what_its_source_assembles_to(tmp_path, name):
    source, binary = tmp_path / "program.s", tmp_path / "program.bin"
    source.write_text(f".syntax unified\n.thumb\n{PROGRAMS[name].source}\n")
    object_file = tmp_path / "program.o"
    triple = ["-triple=thumbv7em-none-eabi", "-mattr=+vfp4d16sp", "-filetype=obj"]
    subprocess.run(["llvm-mc", *triple, str(source), "-o", str(object_file)], check=True)
    subprocess.run(
        ["llvm-objcopy", "-O", "binary", "-j", ".text", str(object_file), str(binary)], check=True
    )
    assert binary.read_bytes() == PROGRAMS[name].code


# ---- B1.5.6 and B1.5.8: entry and return


def test_a_supervisor_call_stacks_and_unstacks(image):
    image.start("call_supervisor", exc_11="look_around")
    image.go()
    assert [image.get(register) for register in range(4)] == [17, 2, 3, 4]
    assert image.get(4) == 11  # IPSR in the handler
    assert image.get(5) == 0xFFFF_FFF9
    assert image.get(6) == STACK - 32
    assert image.get(MSP) == STACK
    return_address, xpsr = (image.read(STACK - 32 + at) for at in (24, 28))
    assert return_address == CODE + 10
    assert xpsr >> 24 & 1
    assert xpsr & 0x1FF == 0


def test_a_stack_that_is_not_aligned_gets_a_word_of_padding(image):
    image.start("call_supervisor", exc_11="look_around")
    image.set(MSP, STACK - 4)
    image.go()
    assert image.get(6) == STACK - 40
    assert image.read(STACK - 40 + 28) >> 9 & 1
    assert image.get(MSP) == STACK - 4


def test_from_the_process_stack_the_handler_runs_on_the_main_stack(image):
    image.start("on_process_stack", exc_11="look_around")
    image.go()
    assert image.get(5) == 0xFFFF_FFFD
    assert image.get(6) == STACK
    assert image.get(7) & 2 == 0  # SPSEL is clear in the handler
    assert image.get(0) == image.get(PSP) == 0x2000_3000
    assert image.get(SPECIAL) >> 24 == 2


def test_a_thread_without_privilege_keeps_its_level_over_an_exception(image):
    image.start("without_privilege", exc_11="look_around")
    image.go()
    assert image.get(4) == 11
    assert image.get(SPECIAL) == 1 << 24  # nPRIV, and PRIMASK could not be set
    image.set(MSP, 0x2000_3F00)  # a debugger may do what the thread may not
    assert image.get(MSP) == 0x2000_3F00


def test_floating_point_registers_are_stacked_when_they_were_used(image):
    image.start("use_floats", exc_11="spoil_floats")
    image.go()
    assert image.get(5) == 0xFFFF_FFE9
    assert image.get(6) == STACK - 0x68
    assert image.get(0) == 0x4040_0000  # 3.0: s0 and s1 were restored
    assert image.get(SPECIAL) >> 24 & 4


def test_the_floating_point_status_is_restored(image):
    image.start("round_down", exc_11="round_up")
    image.go()
    assert image.get(1) == 0x80_0000


def test_the_flags_of_parallel_additions_are_restored(image):
    image.start("add_bytes", exc_11="add_other_bytes")
    image.go()
    assert image.get(7) >> 16 & 0xF == 0b1010
    assert image.get(6) >> 16 & 0xF == 0b0101


def test_a_handler_that_returns_leaves_faults_unmasked(image):
    image.start("call_supervisor", exc_11="mask_faults")
    image.go()
    assert image.get(SPECIAL) >> 16 & 1 == 0


def test_a_return_value_that_is_none_is_a_usage_fault(image):
    image.start("call_supervisor", exc_11="bad_return", exc_3="stop")
    image.go()
    assert image.get(XPSR) & 0x1FF == Exc.HARD_FAULT
    assert image.read(CFSR) == 1 << 18  # INVPC
    assert image.read(HFSR) == 1 << 30  # FORCED


# ---- PendSV, SysTick, external interrupts


def test_pendsv_is_taken_before_the_next_instruction_behind_a_barrier(image):
    image.start("pend_itself", exc_14="count_r2_in_memory")
    image.go()
    assert image.read(COUNTER) == 1
    assert image.read(ICSR) >> 28 & 1 == 0


def test_systick_counts_cycles(image):
    image.start("three_ticks", exc_15="count_r2_in_memory")
    before = image.chip.core.cycles
    image.go()
    assert image.read(COUNTER) == 3
    assert 3000 <= image.chip.core.cycles - before < 3100
    assert image.read(0xE000_E014) == 999
    assert image.read(0xE000_E018) < 1000


def test_waiting_for_an_interrupt_lets_time_pass_to_the_next_tick(image):
    image.start("sleep_until_ticks", exc_15="count_r2_in_memory")
    before_ns, before = image.chip.elapsed_ns, image.chip.core.cycles
    image.go()
    assert image.read(COUNTER) == 3
    cycles = image.chip.core.cycles - before
    assert 3_000_000 <= cycles < 3_000_100
    assert image.chip.elapsed_ns - before_ns > 3_000_000 / 64e6 * 1e9


def test_a_core_that_nothing_wakes_sleeps(image):
    image.start("sleep", exc_21="look_around")
    image.resume()
    assert image.status() & SLEEPING
    image.chip.nvic.enabled.add(Exc.EXTERNAL + 5)
    image.chip.nvic.pend(Exc.EXTERNAL + 5)
    assert image.halted()
    assert image.get(4) == 21
    assert image.get(0) == 7


def test_a_halt_ends_a_sleep(image):
    image.start("sleep")
    image.resume()
    assert image.status() & SLEEPING
    image.halt()
    assert not image.status() & SLEEPING
    image.go()
    assert image.get(0) == 7


def test_waiting_for_an_event_ends_with_an_interrupt(image):
    image.start("wait_for_event", exc_21="look_around")
    image.resume()
    assert image.status() & SLEEPING
    image.chip.nvic.enabled.add(Exc.EXTERNAL + 5)
    image.chip.nvic.pend(Exc.EXTERNAL + 5)
    assert image.halted()
    assert image.get(0) == 5


def test_a_core_set_to_sleep_on_exit_only_works_in_handlers(image):
    image.start("sleep", exc_21="look_around")
    image.write(0xE000_ED10, 2)  # SCR.SLEEPONEXIT
    image.resume()
    image.chip.nvic.enabled.add(Exc.EXTERNAL + 5)
    image.chip.nvic.pend(Exc.EXTERNAL + 5)
    assert image.status() & SLEEPING
    image.halt()
    assert image.get(4) == 21
    assert image.get(0) != 7


def test_an_interrupt_waits_while_primask_is_set(image):
    image.start("interrupt_5", exc_21="look_around")
    image.write(0xE000_E404, 0x2020_2020)
    image.go()
    assert image.get(7) == 0  # not taken before cpsie
    assert image.get(6) == 21  # and then at once
    assert image.read(0xE000_E404) == 0x2020_C020  # a byte was stored, its neighbours stay


def test_a_more_urgent_interrupt_comes_in_between(image):
    image.start("nest", exc_17="raise_2_inside_1", exc_18="look_around")
    image.go()
    assert image.get(4) == 18
    assert image.get(5) == 0xFFFF_FFF1  # it returns to a handler
    assert image.get(XPSR) & 0x1FF == 0


def test_basepri_holds_back_what_is_less_urgent(image):
    image.start("masked_by_basepri", exc_17="note_1", exc_18="note_2")
    image.go()
    assert image.get(7) == 2  # only the urgent one, and the other when the mask went
    assert image.get(3) == 0x21


# ---- faults


def test_an_undefined_instruction_is_a_hard_fault_with_its_address_stacked(image):
    image.start("undefined", exc_3="skip_it")
    image.go()
    assert image.get(4) == Exc.HARD_FAULT
    assert image.get(5) == CODE + 2
    assert image.get(0) == 9
    assert image.read(CFSR) == 1 << 16  # UNDEFINSTR
    assert image.read(HFSR) == 1 << 30
    image.write(CFSR, 1 << 16)
    assert image.read(CFSR) == 0


def test_a_usage_fault_is_taken_as_such_where_it_is_enabled(image):
    image.start("undefined", exc_6="skip_it")
    image.write(SHCSR, 1 << 18)
    image.go()
    assert image.get(4) == Exc.USAGE_FAULT
    assert image.read(HFSR) == 0


def test_a_bus_fault_tells_the_address(image):
    image.start("load_from_nowhere", exc_5="skip_it")
    image.write(SHCSR, 1 << 17)
    image.go()
    assert image.get(4) == Exc.BUS_FAULT
    assert image.get(5) == CODE + 4
    assert image.read(CFSR) == 1 << 9 | 1 << 15  # PRECISERR, BFARVALID
    assert image.read(BFAR) == 0x6000_0000


def test_a_breakpoint_instruction_without_a_debugger_is_a_hard_fault(image):
    image.start("stop", exc_3="skip_it")
    image.write(image.DHCSR, image.KEY)
    image.status()
    image.halt()
    assert image.get(4) == Exc.HARD_FAULT
    assert image.read(HFSR) >> 31


def test_a_fault_in_the_hard_fault_handler_locks_up(image):
    image.start("undefined", exc_3="undefined")
    image.resume()
    assert image.lockup()


def test_a_caught_fault_halts_at_its_handler(image):
    image.start("undefined", exc_3="skip_it")
    image.write(image.DEMCR, VC_HARDERR)
    image.go()
    assert image.get(PC) == HANDLERS
    assert image.get(XPSR) & 0x1FF == Exc.HARD_FAULT
    assert image.read(image.DFSR) & 8
    image.go()
    assert image.get(0) == 9


# ---- a debugger and interrupts


def test_a_step_enters_what_is_pending_unless_interrupts_are_masked(image):
    image.start("call_supervisor", exc_15="count_r2_in_memory")
    image.write(ICSR, 1 << 26)  # PENDSTSET
    image.write(image.DHCSR, image.KEY | 8 | 3)
    image.write(image.DHCSR, image.KEY | 8 | 5)
    assert image.get(PC) == CODE + 2
    image.write(image.DHCSR, image.KEY | 3)
    image.step()
    assert image.get(PC) == HANDLERS
    assert image.get(XPSR) & 0x1FF == Exc.SYSTICK


def test_stepping_goes_into_a_supervisor_call_and_out_again(image):
    image.start("call_supervisor", exc_11="look_around")
    trace = []
    for _ in range(14):
        image.step()
        trace.append(image.get(PC) - (HANDLERS if image.get(PC) >= HANDLERS else CODE))
    assert trace == [2, 4, 6, 8, 0, 4, 6, 8, 12, 14, 16, 10, 12, 12]


@pytest.mark.parametrize(("program", "registers"), [
    ("load_over_its_address", {0: 0x1234}),
    ("pull_and_push", {0: COUNTER + 8, 1: 0x1234, 2: 0x5678}),
])  # fmt: skip
def test_a_watched_access_is_done_once(image, program, registers):
    image.start(program)
    image.write(COUNTER, 0x1234)
    image.write(COUNTER + 4, 0x5678)
    image.set(0, COUNTER)
    image.write(0xE000_1020, COUNTER)
    image.write(0xE000_1024, 2)
    image.write(0xE000_1028, 5)
    image.go()
    assert image.get(PC) == CODE + 2
    assert {number: image.get(number) for number in registers} == registers


def test_the_cycle_counter_counts_when_enabled_and_keeps_what_is_written(image):
    counter, control = 0xE000_1004, 0xE000_1000
    image.start("three_ticks", exc_15="count_r2_in_memory")
    image.write(counter, 100)
    assert image.read(counter) == 100
    image.write(control, image.read(control) | 1)
    image.go()
    assert 100 + 3000 <= image.read(counter) < 100 + 3100


# ---- a whole image


def test_two_tasks_take_turns_out_of_flash_memory(image):
    chip: Chip = image.chip
    chip.flash.program(chip.flash.base, PROGRAMS["two_tasks"].code)
    chip.reset()
    image.write(image.DHCSR, image.KEY | 1)
    for _ in range(3):
        assert not image.halted()
        assert not image.lockup()
    image.halt()
    first, second = image.read(COUNTER), image.read(COUNTER + 4)
    assert first > 1000
    assert second > 1000
    assert second % 2 == 0
    assert image.get(SPECIAL) >> 24 & 2


def test_the_same_image_takes_the_same_course_every_time():
    courses = []
    for _ in range(2):
        image = Image(open_chip("nrf52840"))
        image.chip.flash.program(0, PROGRAMS["two_tasks"].code)
        image.chip.reset()
        image.write(image.DHCSR, image.KEY | 1)
        image.status()
        image.halt()
        courses.append([image.get(register) for register in range(19)])
    assert courses[0] == courses[1]
