"""Resets of every kind: what they take, and what they leave behind."""

from __future__ import annotations

import pytest

from eegrig.hil.virtual.chip.free_running import RESET_NS
from eegrig.hil.virtual.chip.stm32wb.clocks.rcc import ResetFlag
from eegrig.hil.virtual.chip.stm32wb55 import STANDBY_WAKE_NS

from .conftest import RESULTS, SRAM2, ExactRig, waits

CSR, RESET_FLAGS = 0x5800_0094, 0xFE00_0000
# Keeps its results in the second memory, which outlasts standby and every reset but that of power.
COUNT_AND_NOTE_FLAGS = f"""
    ldr r0, ={SRAM2 + 0x8000}
    ldr r1, [r0]
    adds r1, #1
    str r1, [r0]
    ldr r2, ={CSR}
    ldr r3, [r2]
    str r3, [r0, r1, lsl #2]
    movs r3, #1
    lsls r3, r3, #23
    str r3, [r2]
"""
ASK_FOR_RESET = "ldr r0, =0xE000ED0C; ldr r1, =0x05FA0004; str r1, [r0]; b ."
WATCHDOG = """
    ldr r0, =0x40003000
    ldr r1, =0x5555
    str r1, [r0]
    movs r1, #31
    str r1, [r0, #8]
    ldr r1, =0xCCCC
    str r1, [r0]
"""
BITE_NS = 4_000_000  # 32 counts of 4 cycles of 32 kHz
DEEP = """
    ldr r0, =0xE000ED10
    movs r1, #4
    str r1, [r0]
    ldr r0, =0x58000400
    movs r1, #{mode}
    str r1, [r0]
"""
FOREVER = "again: wfi; b again"


def flags(rig: ExactRig, n: int) -> list[ResetFlag]:
    return [ResetFlag(word & RESET_FLAGS) for word in rig.words(n, SRAM2 + 0x8004)]


def starts(rig: ExactRig) -> int:
    return rig.word(SRAM2 + 0x8000)


def test_firmware_that_resets_at_once_takes_its_time(either: ExactRig) -> None:
    either.load(f"{COUNT_AND_NOTE_FLAGS} {ASK_FOR_RESET}")
    either.start()
    either.run(1_000_000)
    per_start_ns = RESET_NS + 15 * 250  # 13 instructions at 4 MHz, and what is before the first
    assert starts(either) == pytest.approx(1_000_000 / per_start_ns, rel=0.05)
    assert flags(either, 3) == [
        ResetFlag.PIN | ResetFlag.POWER,
        *[ResetFlag.PIN | ResetFlag.SOFTWARE] * 2,
    ]


@pytest.mark.parametrize("waits", ["b .", FOREVER], ids=["busy", "asleep"])
def test_the_watchdog_bites_and_says_so(either: ExactRig, waits: str) -> None:
    either.load(f"{COUNT_AND_NOTE_FLAGS} {WATCHDOG} {waits}")
    either.start()
    either.run(BITE_NS - 100_000)
    assert starts(either) == 1
    either.run(3 * BITE_NS)
    assert starts(either) == 4
    assert flags(either, 4)[1:] == [ResetFlag.PIN | ResetFlag.WATCHDOG] * 3


def test_a_watchdog_that_is_fed_too_early_bites_at_once(either: ExactRig) -> None:
    window = "movs r1, #10; str r1, [r0, #0x10];"
    feed = "ldr r1, =0xAAAA; str r1, [r0]; b ."
    early = WATCHDOG.replace("ldr r1, =0xCCCC", f"{window} ldr r1, =0xCCCC")
    either.load(f"{COUNT_AND_NOTE_FLAGS} {early} {feed}")
    either.start()
    either.run(100_000)
    assert starts(either) >= 3
    assert flags(either, 3)[1:] == [ResetFlag.PIN | ResetFlag.WATCHDOG] * 2


def test_a_bite_in_stop_ends_the_sleep_of_the_ledger_too(rig: ExactRig) -> None:
    rig.load(
        f"{COUNT_AND_NOTE_FLAGS} cmp r1, #2; beq busy; {WATCHDOG} {DEEP.format(mode=1)} {FOREVER};"
        "busy: b ."
    )
    rig.start()
    rig.run(BITE_NS // 2)
    assert waits(rig) == {"light_sleep"}
    rig.run(BITE_NS)
    assert starts(rig) == 2
    assert waits(rig) != {"light_sleep"}


def test_standby_begins_anew_after_its_time(either: ExactRig) -> None:
    """The wake-up timer of the RTC ends it, after 10 ticks of 16 cycles of 32768 Hz."""
    wakeup = """
        ldr r0, =0x40002800
        movs r1, #0xCA
        str r1, [r0, #0x24]
        movs r1, #0x53
        str r1, [r0, #0x24]
        movs r1, #0
        str r1, [r0, #8]
        movs r1, #9
        str r1, [r0, #0x14]
        ldr r1, =0x4400
        str r1, [r0, #8]
        ldr r0, =0x58000800
        ldr r1, =0x80000
        str r1, [r0]
        str r1, [r0, #0x0C]
        str r1, [r0, #0x80]
        ldr r0, =0xE000E100
        movs r1, #8
        str r1, [r0]
    """
    clear = "ldr r0, =0x40002800; movs r1, #0; str r1, [r0, #0x0C];"
    note_ram = f"ldr r0, ={RESULTS}; ldr r1, [r0]; adds r1, #1; str r1, [r0];"
    either.load(
        f"{COUNT_AND_NOTE_FLAGS} {note_ram} {clear} {wakeup} {DEEP.format(mode=3)} {FOREVER}"
    )
    either.start()
    edge_ns = 16 / 32768 * 1e9
    period_ns = 10 * edge_ns
    resets_ns: list[int] = []
    either.chip.on_reset.append(lambda: resets_ns.append(either.loop.now_ns()))
    either.run(round(3.5 * (period_ns + STANDBY_WAKE_NS)))
    assert starts(either) == 4
    assert [at % edge_ns for at in resets_ns] == pytest.approx([STANDBY_WAKE_NS] * 3, abs=2)
    assert flags(either, 4)[1:] == [ResetFlag(0)] * 3
    assert either.word() == 1  # the first memory was lost every time
    assert either.word(0x5800_0488) & 1 << 8  # C1SBF


def test_power_that_goes_in_a_word_of_flash_is_no_error(either: ExactRig) -> None:
    either.load(f"""
        {COUNT_AND_NOTE_FLAGS}
        ldr r0, =0x58004000
        ldr r1, =0x45670123
        str r1, [r0, #8]
        ldr r1, =0xCDEF89AB
        str r1, [r0, #8]
        movs r1, #1
        str r1, [r0, #0x14]
        ldr r2, =0x08080000
        ldr r3, =0x12345678
        str r3, [r2]
        str r3, [r2, #4]
        ldr r2, =0x08080008
        str r3, [r2]
        str r3, [r2, #4]
        again: wfi
        b again
    """)
    either.board.supply.brown_out(after_words=1)
    either.start()
    either.run(1_000_000)
    assert either.failures == []
    assert not either.board.supply.is_on
    either.run(200_000_000)
    assert either.board.supply.is_on
    assert either.words(2, 0x0808_0000) == [0x12345678, 0xFFFFFFFF]  # torn
