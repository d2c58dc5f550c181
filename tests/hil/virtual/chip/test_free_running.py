"""A core that runs by itself: each idiom of real images for three rounds or more."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator

import keystone
import pytest

from eegrig.hil.virtual.chip.cortex_m.nvic import Exc
from eegrig.hil.virtual.chip.cortex_m.stops import FaultKind
from eegrig.hil.virtual.chip.cortex_m.tally import TICKS, Field
from eegrig.hil.virtual.chip.free_running import WAKE_CYCLES, CoreClock, FreeRunning, Wait
from eegrig.hil.virtual.chip.nrf52840 import RAM_BASE, Nrf52840
from eegrig.hil.virtual.clock import VirtualLoop

HZ = 1_000_000
PROGRAM, VECTORS, STACK, COUNTER = RAM_BASE + 0x1000, RAM_BASE, RAM_BASE + 0x8000, RAM_BASE + 0x9000
LED = 16  # exception number of external interrupt 0
SYSTICK = """
    ldr r0, =0xE000E010
    ldr r1, =999
    str r1, [r0, #4]
    str r1, [r0, #8]
    movs r1, #7
    str r1, [r0]
"""
COUNT = """
    ldr r2, =0x20009000
    ldr r3, [r2]
    adds r3, #1
    str r3, [r2]
"""


class LowPower:
    """A chip whose deep wait is a stop of 5 us to leave."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []

    def wait_mode(self, deep: bool) -> Wait:
        return "stop" if deep else "sleep"

    def enter(self, mode: Wait) -> None:
        self.log.append(("enter", mode))

    def leave(self, mode: Wait) -> int:
        self.log.append(("leave", mode))
        return 5_000


class Rig:
    """A chip with a program in its RAM."""

    def __init__(self, *, compiled: bool) -> None:
        self.loop = VirtualLoop()
        self.chip = Nrf52840()
        self.chip.attach_firmware()
        self.low_power = LowPower()
        self.active: list[tuple[int, int]] = []
        self.faults: list[FaultKind] = []
        self.clock = CoreClock(self.loop)
        self.clock.hz = HZ
        if compiled:
            self.chip.core.compile_hook()
        self.runner = FreeRunning(
            self.chip,
            self.clock,
            self.loop,
            low_power=self.low_power,
            on_active=lambda start_ns, end_ns: self.active.append((start_ns, end_ns)),
            on_fault=lambda: self.faults.append(self.chip.core.fault.kind),
        )

    def load(self, source: str, **handlers: str) -> None:
        chip = self.chip
        at = PROGRAM
        for number, text in ((0, source), *((int(k[1:]), v) for k, v in handlers.items())):
            code = assembled(text)
            chip.bus.write_block(at, code)
            if number:
                chip.bus.write(VECTORS + 4 * number, 4, at | 1)
            at += len(code) + 64 & ~63
        chip.nvic.vtor = VECTORS
        chip.core.registers.write(17, STACK)
        chip.core.pc = PROGRAM

    def run(self, until_ns: int) -> None:
        if not self.runner.powered:
            self.runner.start()

        async def wait() -> None:
            done = self.loop.create_future()

            def end() -> None:
                self.runner.stop()
                done.set_result(None)

            self.loop.call_at_ns(until_ns, end)
            await done

        self.loop.run_until_complete(wait())

    @property
    def counter(self) -> int:
        return self.chip.bus.read(COUNTER, 4)


def assembled(source: str) -> bytes:
    assembler = keystone.Ks(keystone.KS_ARCH_ARM, keystone.KS_MODE_THUMB)
    code, _ = assembler.asm(source, PROGRAM)
    data = bytes(code)
    return data + bytes(-len(data) % 4)


@pytest.fixture(params=[False, True], ids=["python", "compiled"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[], Rig]]:
    rigs = []

    def rig() -> Rig:
        rigs.append(Rig(compiled=request.param))
        return rigs[-1]

    yield rig
    for each in rigs:
        each.runner.stop()
        each.chip.close()
        each.loop.close()


def test_a_loop_of_five_instructions_takes_five_cycles_a_round(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"loop: {COUNT} b loop")
    rig.run(6_000_000)
    assert rig.counter == pytest.approx(1200, abs=2)  # at 1 MHz
    assert rig.active[0][0] == 0
    assert sum(end - start for start, end in rig.active) == pytest.approx(6_000_000, abs=10_000)


def test_the_price_of_an_instruction_is_time(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"loop: {COUNT} b loop")
    rig.chip.core.tally.words[Field.PRICE] = round(2.5 * TICKS)
    rig.run(6_000_000)
    assert rig.counter == pytest.approx(480, abs=2)


def test_a_core_that_waits_for_interrupts_is_woken_by_its_timer(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"{SYSTICK} loop: wfi; b loop", _15=f"{COUNT} bx lr")
    rig.run(10_500_000)
    assert rig.counter == 10  # every 1000 cycles
    busy_ns = sum(end - start for start, end in rig.active)
    assert busy_ns < 11 * (WAKE_CYCLES + 40) * 1000  # it sleeps between
    starts = [start for start, _ in rig.active[2:]]
    assert all(later - earlier == 1_000_000 for earlier, later in itertools.pairwise(starts))


@pytest.mark.parametrize("hint", ["wfe", "yield"])
def test_a_core_that_comes_round_to_the_same_hint_goes_on(
    make: Callable[[], Rig], hint: str
) -> None:
    rig = make()
    rig.load(f"{SYSTICK} loop: {hint}; b loop", _15=f"{COUNT} bx lr")
    rig.run(10_500_000)
    assert rig.counter == 10
    assert rig.faults == []


def test_an_event_that_the_program_sends_lets_its_next_wait_pass(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"loop: sev; wfe; {COUNT} b loop")
    rig.run(80_000)
    assert rig.counter >= 9


def test_an_undefined_instruction_is_a_fault_and_no_hint(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load("nop; nop; .short 0xde00")
    rig.run(1_000_000)
    assert rig.faults == [FaultKind.UNDEFINED]


def test_a_timer_stands_while_the_core_is_stopped(make: Callable[[], Rig]) -> None:
    rig = make()
    deep = "ldr r0, =0xE000ED10; movs r1, #4; str r1, [r0];"
    rig.load(f"{SYSTICK} {deep} loop: wfi; b loop", _15=f"{COUNT} bx lr", _16="bx lr")
    rig.chip.nvic.write(0xE000E100, 1)
    for ms in (5, 10, 15):
        rig.loop.call_at_ns(ms * 1_000_000, rig.chip.nvic.pend, Exc.EXTERNAL)
    rig.run(20_000_000)
    assert rig.counter == 0
    assert rig.low_power.log.count(("leave", "stop")) == 3
    # The wake takes its 5 us before anything is executed.
    assert [start for start, _ in rig.active[1:]] == [5_005_000, 10_005_000, 15_005_000]


def test_a_masked_interrupt_wakes_a_core_and_is_not_taken(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"cpsid i; loop: wfi; {COUNT} b loop", _16="bkpt #1")
    rig.chip.nvic.write(0xE000E100, 1)
    rig.loop.call_at_ns(1_000_000, rig.chip.nvic.pend, Exc.EXTERNAL)
    rig.run(1_020_000)
    assert rig.counter >= 1
    assert rig.faults == []


def test_a_request_that_stays_up_is_taken_again(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load("loop: wfi; b loop", _16=f"{COUNT} bx lr")
    rig.chip.nvic.write(0xE000E100, 1)
    set_line = rig.chip.nvic.set_line
    rig.loop.call_at_ns(1_000_000, set_line, LED, 1)
    rig.loop.call_at_ns(1_200_000, set_line, LED, 0)
    rig.run(2_000_000)
    rounds = rig.counter
    assert 3 <= rounds < 40
    rig.run(3_000_000)
    assert rig.counter == rounds


def test_what_a_peripheral_schedules_happens_at_its_time(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"loop: {COUNT} b loop")
    seen: list[tuple[int, int]] = []

    def happens() -> None:
        seen.append((rig.clock.now_ns(), rig.counter))

    rig.clock.call_at_ns(600_000, happens)
    rig.run(1_000_000)
    ((when_ns, rounds),) = seen
    assert when_ns == 600_000
    assert rounds == pytest.approx(120, abs=1)


def test_both_hooks_count_alike() -> None:
    counts = []
    for compiled in (False, True):
        rig = Rig(compiled=compiled)
        rig.load(
            f"{SYSTICK} loop: {COUNT} b loop", _15="push {r4}; add.w r4, r4, #1; pop {r4}; bx lr"
        )
        rig.run(20_000_000)
        words = rig.chip.core.tally.words
        counts.append((words[Field.INSTRUCTIONS], words[Field.NOW], rig.counter))
        rig.runner.stop()
        rig.chip.close()
        rig.loop.close()
    assert counts[0] == counts[1]
    assert counts[0][0] > 15_000


def test_exceptions_leave_translations_alone(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"{SYSTICK} loop: wfi; b loop", _15=f"{COUNT} bx lr")
    rig.run(3_500_000)
    forgotten: list[None] = []
    forget = rig.chip.bus.forget_code
    rig.chip.bus.forget_code = lambda: (forgotten.append(None), forget())[1]  # type: ignore[method-assign]
    rig.run(9_500_000)
    assert rig.counter == 9
    assert forgotten == []


def test_code_in_a_memory_that_is_busy_stands(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"loop: {COUNT} b loop")
    rig.runner.keep_memory_busy(4_000_000, RAM_BASE + 0x1_0000)
    rig.run(6_000_000)
    assert rig.counter == pytest.approx(400, abs=2)


def test_code_elsewhere_runs_on_and_waits_only_where_it_asks(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"loop: {COUNT} b loop")
    rig.runner.keep_memory_busy(4_000_000, RAM_BASE)
    rig.run(1_000_000)
    assert rig.counter == pytest.approx(200, abs=2)
    assert rig.runner.memory_is_busy()
    rig.run(6_000_000)
    assert not rig.runner.memory_is_busy()


def test_what_hangs_stands_until_a_reset(make: Callable[[], Rig]) -> None:
    rig = make()
    rig.load(f"loop: {COUNT} b loop")
    rig.run(1_000_000)
    rig.runner.start()
    rig.runner.hang()
    rounds = rig.counter
    rig.run(2_000_000)
    assert rig.counter == rounds
    rig.runner.start()
    rig.runner.hang()
    rig.chip.flash.program(0, struct.pack("<2I", STACK, PROGRAM | 1))
    rig.chip.reset()
    rig.run(3_000_000)
    assert rig.counter > rounds
