"""Programs of our own that prove the core and its exceptions, on a whole board."""

from __future__ import annotations

import itertools
import struct

import pytest

from eegrig.hil.virtual.chip.cortex_m.nvic import Exc

from .conftest import PROGRAM, RESULTS, ExactRig

MSI_HZ = 4_000_000
SYSTICK = """
    ldr r0, =0xE000E010
    ldr r1, ={reload}
    str r1, [r0, #4]
    str r1, [r0, #8]
    movs r1, #7
    str r1, [r0]
"""
COUNT = f"ldr r0, ={RESULTS}; ldr r1, [r0]; adds r1, #1; str r1, [r0];"
# Appends r2 to a list whose length is its first word.
APPEND = f"ldr r0, ={RESULTS}; ldr r1, [r0]; adds r1, #1; str r1, [r0]; str r2, [r0, r1, lsl #2];"
ENABLE = "ldr r0, =0xE000E100; movs r1, #{mask}; str r1, [r0];"
PEND = "ldr r0, =0xE000E200; movs r1, #{mask}; str r1, [r0];"
# Priorities of the interrupts 0 to 3, one octet each; four bits count.
PRIORITIES = "ldr r0, =0xE000E400; ldr r1, =0x{3:02x}{2:02x}{1:02x}{0:02x}; str r1, [r0];"
MSR_BASEPRI_R0, MSR_PRIMASK_R0 = ".short 0xf380; .short 0x8811;", ".short 0xf380; .short 0x8810;"
SLEEP = "asleep: wfi; b asleep"


def appended(rig: ExactRig) -> list[int]:
    return rig.words(rig.word(), RESULTS + 4)


def test_a_tick_of_a_kilohertz(either: ExactRig) -> None:
    either.load(
        f"{SYSTICK.format(reload=MSI_HZ // 1000 - 1)} {SLEEP}",
        {15: f"ldr r2, =0xE0001004; ldr r2, [r2]; {COUNT} bx lr"},
    )
    either.start()
    either.run(100_500_000)
    assert either.word() == 100
    assert either.board.notes == []


def test_a_slower_processor_takes_as_much_longer_over_the_same_until_told_otherwise(
    either: ExactRig,
) -> None:
    """Counts in a loop for 10 ms, on processors of three speeds; a reset changes nothing."""
    either.load(f"again: {COUNT} b again")
    counted = []
    for factor in (1.0, 2.0, 2.0, 1.0):
        either.board.set_slowdown(factor)
        either.poke(RESULTS, bytes(4))
        either.board.reset()
        either.run(10_000_000)
        counted.append(either.word())
    assert counted[1] == counted[2] == pytest.approx(counted[0] / 2, rel=0.01)
    assert counted[3] == pytest.approx(counted[0], rel=0.01)


def test_nested_interrupts_go_by_their_priorities(either: ExactRig) -> None:
    """0 is the least urgent and is interrupted by 1, which 2 interrupts; 3 has to wait for 2."""
    wrap = "push {{lr}}; movs r2, #{n}; {append} {do} movs r2, #{end}; {append} pop {{pc}}"
    handlers = {
        16 + n: wrap.format(
            n=n, end=n + 16, append=APPEND, do=PEND.format(mask=mask) + "dsb; isb;" if mask else ""
        )
        for n, mask in ((0, 2), (1, 4 + 8), (2, 0), (3, 0))
    }
    either.load(
        PRIORITIES.format(0xC0, 0x80, 0x40, 0x40)
        + ENABLE.format(mask=15)
        + f"movs r4, #3; round: {PEND.format(mask=1)} dsb; isb; subs r4, #1; bne round; {SLEEP}",
        handlers,
    )
    either.start()
    either.run(1_000_000)
    assert appended(either) == [0, 1, 2, 18, 3, 19, 17, 16] * 3


def test_of_two_with_one_priority_the_first_goes_first(either: ExactRig) -> None:
    either.load(
        PRIORITIES.format(0x80, 0x80, 0x80, 0x40)
        + ENABLE.format(mask=15)
        + "movs r4, #3; round:"
        + PEND.format(mask=15)
        + f"dsb; isb; subs r4, #1; bne round; {SLEEP}",
        {16 + n: f"movs r2, #{n}; {APPEND} bx lr" for n in range(4)},
    )
    either.start()
    either.run(1_000_000)
    assert appended(either) == [3, 0, 1, 2] * 3


def test_pendsv_comes_after_the_tick_that_asked_for_it(either: ExactRig) -> None:
    """As a kernel does: the tick pends PendSV, the lowest of all, which runs before the thread."""
    lowest = "ldr r0, =0xE000ED20; ldr r1, =0x00F00000; str r1, [r0];"
    ask = "ldr r0, =0xE000ED04; ldr r1, =0x10000000; str r1, [r0];"
    either.load(
        f"{lowest} {SYSTICK.format(reload=MSI_HZ // 1000 - 1)}"
        f"again: wfi; movs r2, #3; cpsid i; {APPEND} cpsie i; b again",
        {
            15: f"push {{lr}}; movs r2, #1; {ask} {APPEND} movs r2, #4; {APPEND} pop {{pc}}",
            14: f"movs r2, #2; {APPEND} bx lr",
        },
    )
    either.start()
    either.run(4_500_000)
    assert appended(either) == [1, 4, 2, 3] * 4


def test_basepri_keeps_off_what_is_less_urgent(either: ExactRig) -> None:
    either.load(
        PRIORITIES.format(0x80, 0x40, 0x30, 0)
        + ENABLE.format(mask=7)
        + "movs r4, #3; round: movs r0, #0x40;"
        + MSR_BASEPRI_R0
        + PEND.format(mask=7)
        + f"dsb; isb; movs r2, #9; {APPEND} movs r0, #0;"
        + MSR_BASEPRI_R0
        + f"isb; subs r4, #1; bne round; {SLEEP}",
        {16 + n: f"movs r2, #{n}; {APPEND} bx lr" for n in range(3)},
    )
    either.start()
    either.run(1_000_000)
    assert appended(either) == [2, 9, 1, 0] * 3


def test_a_wait_behind_primask_loses_no_interrupt(either: ExactRig) -> None:
    """Ask, mask, look, wait, unmask: the idiom of every port's wait for an event."""
    flag = RESULTS + 0x400
    either.load(
        ENABLE.format(mask=1)
        + f"ldr r5, ={flag}; again: cpsid i; ldr r2, [r5]; cbnz r2, seen; wfi; seen: cpsie i; isb;"
        f"ldr r2, [r5]; cmp r2, #0; beq again; movs r3, #0; str r3, [r5]; {APPEND} b again",
        {16: f"ldr r0, ={flag}; movs r1, #7; str r1, [r0]; bx lr"},
    )
    either.start()
    # At every phase of the loop: 251 is no multiple of anything in it.
    for n in range(40):
        either.loop.call_at_ns(100_000 + 40_251 * n, either.chip.nvic.pend, Exc.EXTERNAL)
    either.run(2_000_000)
    assert appended(either) == [7] * 40


def test_a_wait_ends_at_once_by_what_is_pending_and_masked(either: ExactRig) -> None:
    either.load(
        ENABLE.format(mask=1)
        + f"cpsid i; movs r4, #3; again: {PEND.format(mask=1)} dsb; isb; wfi; movs r2, #5; {APPEND}"
        f"cpsie i; isb; cpsid i; subs r4, #1; bne again; {SLEEP}",
        {16: f"movs r2, #6; {APPEND} bx lr"},
    )
    either.start()
    either.run(1_000_000)
    assert appended(either) == [5, 6] * 3


def test_stir_pends_an_interrupt_by_its_number(either: ExactRig) -> None:
    either.load(
        ENABLE.format(mask=15)
        + "ldr r5, =0xE000EF00; movs r4, #3; again: movs r3, #0; next: str r3, [r5]; dsb; isb;"
        "adds r3, #1; cmp r3, #4; bne next; subs r4, #1; bne again;" + SLEEP,
        {16 + n: f"movs r2, #{n}; {APPEND} bx lr" for n in range(4)},
    )
    either.start()
    either.run(1_000_000)
    assert appended(either) == [0, 1, 2, 3] * 3


def test_floating_point_registers_outlive_interrupts(either: ExactRig) -> None:
    """Handler and thread use the same registers, and rounding mode; no sum may go wrong."""
    fpu = "ldr r0, =0xE000ED88; ldr r1, =0x00F00000; str r1, [r0]; dsb; isb;"
    spoil = "".join(f"vmov.f32 s{n}, #3.0;" for n in (0, 1, 2, 15))
    either.load(
        f"{fpu} {SYSTICK.format(reload=400)} movs r4, #200; vmov.f32 s0, #0.5; vsub.f32 s1, s0, s0;"
        f"vmov.f32 s16, #2.0; round: vadd.f32 s1, s1, s0; vmul.f32 s2, s16, s0; subs r4, #1;"
        f"vmov.f32 s15, s2; nop; nop; nop; nop; nop; nop; nop; nop; bne round;"
        f"ldr r0, ={RESULTS + 0x100}; vstr s1, [r0]; vstr s2, [r0, #4]; vstr s15, [r0, #8];"
        + SLEEP,
        {15: f"{spoil} vadd.f32 s2, s1, s0; vmov.f32 s16, #2.0; {COUNT} bx lr"},
    )
    either.start()
    either.run(900_000)
    assert either.word() >= 5  # interrupts came
    assert struct.unpack("<3f", either.chip.bus.read_block(RESULTS + 0x100, 12)) == (100, 1, 1)


@pytest.mark.parametrize("by", ["core", "dma"])
def test_code_that_was_overwritten_is_executed_as_it_is_now(either: ExactRig, by: str) -> None:
    """A routine in RAM returns a number that is changed each round: movs r2, #n; bx lr."""
    code, source = RESULTS + 0x1000, RESULTS + 0x2000
    write = f"ldr r0, ={code}; orr r3, r4, #0x2200; strh r3, [r0];"
    if by == "dma":  # memory to memory, 16 bits each
        write = f"""
            ldr r0, ={source}
            orr r3, r4, #0x2200
            strh r3, [r0]
            ldr r1, =0x40020000
            movs r3, #0
            str r3, [r1, #0x08]
            movs r3, #1
            str r3, [r1, #0x0C]
            str r0, [r1, #0x10]
            ldr r0, ={code}
            str r0, [r1, #0x14]
            ldr r3, =0x4541
            str r3, [r1, #0x08]
        """
    either.load(f"""
        ldr r0, ={code}
        ldr r1, =0x47702200
        str r1, [r0]
        ldr r6, ={code | 1}
        movs r4, #1
        round: {write}
        dsb
        isb
        blx r6
        {APPEND}
        adds r4, #1
        cmp r4, #6
        bne round
        {SLEEP}
    """)
    either.start()
    either.run(1_000_000)
    assert appended(either) == [1, 2, 3, 4, 5]


def test_sleep_on_exit_needs_no_loop(either: ExactRig) -> None:
    either.load(
        f"{SYSTICK.format(reload=MSI_HZ // 1000 - 1)} ldr r0, =0xE000ED10; movs r1, #2;"
        f"str r1, [r0]; wfi; ldr r0, ={RESULTS + 0x100}; movs r1, #1; str r1, [r0]; b .",
        {15: f"{COUNT} bx lr"},
    )
    either.start()
    either.run(5_500_000)
    assert either.word() == 5
    assert either.word(RESULTS + 0x100) == 0


def test_two_runs_are_the_same_to_the_cycle(make) -> None:
    counts = []
    for _ in range(2):
        rig = make()
        rig.load(f"{SYSTICK.format(reload=997)} loop: {COUNT} b loop", {15: f"{COUNT} bx lr"})
        rig.start()
        rig.run(3_000_000)
        counts.append((rig.word(), list(rig.chip.core.tally.words[:7])))
    assert all(a == b for a, b in itertools.pairwise(counts))
    assert counts[0][0] > 2000
    assert PROGRAM <= rig.chip.core.pc < PROGRAM + 0x100
