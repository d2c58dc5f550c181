"""What a user is told when firmware crashes, hangs, or uses what is not modelled."""

from __future__ import annotations

import asyncio
import logging
import struct
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import BoardFault
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.hil.virtual.board.exact_watch import HANG_NS, MASKED_HANG_NS
from eegrig.hil.virtual.chip.cortex_m.tally import Field

from .conftest import BOARD, PROGRAM, RESULTS, SRAM2, STACK, ExactRig, Make

RESET = "ldr r0, =0xE000ED0C; ldr r1, =0x05FA0004; str r1, [r0]; b ."
BAD_STORE = """
    movs r1, #0x11
    movs r2, #0x22
    movs r3, #0x33
    ldr r0, =0x12345678
    push {r0, lr}
    ldr r0, =0x60000000
    str r1, [r0]
    b .
"""
TICKER = """
    ldr r0, =0xE000E010
    ldr r1, =3999999
    str r1, [r0, #4]
    str r1, [r0, #8]
    movs r1, #7
    str r1, [r0]
"""


def test_a_hard_fault_that_resets_is_told_once(either: ExactRig) -> None:
    either.load(BAD_STORE, {3: RESET})
    either.start()
    either.run(1_000_000)  # it comes up again and again
    assert either.failures == []
    (note,) = either.board.notes
    lines = note.splitlines()
    assert lines[0] == (
        f"nucleo-wb55-ads1299 HardFault at {PROGRAM + 12:#010x}: a load or store where nothing "
        "answers (PRECISERR), at 0x60000000"
    )
    assert "r0 0x60000000, r1 0x00000011, r2 0x00000022, r3 0x00000033" in note
    assert "CFSR 0x00008200, HFSR 0x40000000 (escalated)" in note
    assert f"{STACK - 8:#010x}: 12345678" in note


def test_a_fault_is_told_again_after_power_came_back(rig: ExactRig) -> None:
    rig.load(BAD_STORE, {3: RESET})
    rig.start()
    rig.run(100_000)
    assert len(rig.board.notes) == 1
    other = BAD_STORE.replace("movs r1, #0x11", "nop; movs r1, #0x11")
    for reset in (rig.start, rig.board.reset):
        rig.load(other, {3: RESET})
        reset()
        rig.run(100_000)
    assert len(rig.board.notes) == 2  # the same is told once


def test_a_second_kind_of_fault_in_a_boot_loop_is_not_told(rig: ExactRig) -> None:
    count = f"ldr r4, ={SRAM2 + 0x8000}; ldr r5, [r4]; adds r5, #1; str r5, [r4]"
    rig.load(f"{count}; cmp r5, #1; bne other; {BAD_STORE} other: .short 0xde00", {3: RESET})
    rig.start()
    rig.run(500_000)
    assert rig.word(SRAM2 + 0x8000) >= 3
    (note,) = rig.board.notes
    assert "PRECISERR" in note


def test_symbols_name_where_it_was(make: Make) -> None:
    rig = make(symbols={PROGRAM | 1: "main", PROGRAM + 0x200: "far_away"})
    rig.load(BAD_STORE, {3: RESET})
    rig.start()
    rig.run(100_000)
    assert f"HardFault at {PROGRAM + 12:#010x} (main+0xc)" in rig.board.notes[0]


def test_a_lock_up_is_a_fault_of_the_board(either: ExactRig, caplog: pytest.LogCaptureFixture):
    either.load("ldr r0, =0x70000000; ldr r0, [r0]; b .", {3: "nop; .short 0xde00"})
    either.start()
    with caplog.at_level(logging.WARNING):
        either.run(1_000_000)
    (error,) = either.failures
    assert isinstance(error, BoardFault)
    assert "\n" not in str(error)
    assert "is in lock-up at 0x0800" in str(error)
    assert "an undefined instruction (UNDEFINSTR)" in str(error)
    (details,) = error.__notes__
    assert "before that: HardFault" in details
    assert "at 0x70000000" in details
    assert either.board.state == "in lock-up"
    assert len(either.board.notes) == 2  # the HardFault, and the lock-up
    assert "is in lock-up" in caplog.text
    # Virtual time goes on, and a reset starts it anew.
    either.load("ldr r0, =0x20000000; movs r1, #7; str r1, [r0]; wfi; b .")
    either.board.reset()
    either.run(1_000_000)
    assert either.word() == 7


def test_a_stack_that_is_no_memory_locks_up(rig: ExactRig) -> None:
    rig.load("ldr r0, =0x20100000; mov sp, r0; .short 0xde00", {3: "b ."})
    rig.start()
    rig.run(100_000)
    (error,) = rig.failures
    assert "the stack was no memory on entry" in str(error)
    assert "pc 0x" in error.__notes__[0]


@pytest.mark.parametrize(
    ("source", "handlers", "after_ns", "how"),
    [
        ("cpsid i; b .", {}, MASKED_HANG_NS, ", with interrupts masked"),
        ("b .", {}, HANG_NS, ""),
        (f"{TICKER} b .", {15: "bx lr"}, HANG_NS, ""),
        ("svc #0", {11: "b ."}, MASKED_HANG_NS, ", in exception 11"),
    ],
    ids=["masked", "loop", "with ticks", "handler"],
)
def test_a_hang_is_told_with_its_place(make: Make, source, handlers, after_ns, how) -> None:
    rig = make(symbols={PROGRAM: "loop"})
    rig.chip.core.tally.words[Field.PRICE] *= 100_000  # or a minute would take one
    rig.load(f"ldr r0, =0x1234; mov lr, r0; {source}", handlers)
    rig.start()
    rig.run(after_ns - 1_000_000_000)
    assert rig.board.notes == []
    rig.run(2_000_000_000)
    (note,) = rig.board.notes
    assert f"s without a sleep or console output{how}: pc 0x0800" in note
    assert "(loop" in note
    rig.run(after_ns)
    assert len(rig.board.notes) == 1


@pytest.mark.parametrize("rest", ["wfi", "ldr r3, =0x40013800; movs r2, #65; str r2, [r3, #0x28]"])
def test_a_program_that_rests_now_and_then_does_not_hang(rig: ExactRig, rest: str) -> None:
    rig.chip.core.tally.words[Field.PRICE] *= 100_000
    port = """
        ldr r0, =0x40013800
        movs r1, #0x22
        str r1, [r0, #0x0C]
        movs r1, #0x0D
        str r1, [r0]
    """
    rig.load(f"{TICKER} {port} again: {rest}; ldr r0, =8; wait: subs r0, #1; bne wait; b again",
             {15: "bx lr"})  # fmt: skip
    rig.start()
    rig.run(4 * HANG_NS)
    assert rig.board.notes == []


def test_what_is_not_modelled_is_told_once(either: ExactRig) -> None:
    touch = "ldr r2, ={}; ldr r1, [r2]; str r1, [r2]; ldr r1, [r2, #4]"
    either.load(
        f"again: {touch.format('0x40005404')}; {touch.format('0x40000404')}; "
        f"{touch.format('0x40007004')}; {touch.format('0x48009004')};"
        f"ldr r0, ={RESULTS}; ldr r1, [r0]; adds r1, #1; str r1, [r0]; b again"
    )
    either.start()
    either.run(1_000_000)
    assert either.word() >= 3
    told = [note.split(": ")[1].partition(",")[0] for note in either.board.notes]
    assert told == [
        "the firmware uses I2C1 (at 0x40005404)",
        "the firmware uses peripheral 0x40000400 (at 0x40000404)",
        "the firmware uses peripheral 0x40007000 (at 0x40007004)",
        "the firmware uses peripheral 0x48009000 (at 0x48009004)",
    ]


def test_a_bench_ends_a_run_whose_board_locks_up_and_hands_on_its_notes(tmp_path: Path) -> None:
    with VirtualBench(load_board(BOARD), runtime=tmp_path / "none") as virtual:
        flash = virtual.board.chip.bus.memory_at(PROGRAM, 4)
        assert flash is not None
        flash.buffer[:8] = struct.pack("<II", STACK, PROGRAM | 1)
        flash.buffer[0x400:0x402] = b"\x00\xde"  # undefined, and there is no vector for it
        virtual.board.supply.on()
        with pytest.raises(BoardFault, match="in lock-up"):
            virtual.bench.run(asyncio.sleep(1))
        assert virtual.bench.notes() == virtual.board.notes
        assert len(virtual.board.notes) == 2
