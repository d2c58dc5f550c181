"""What is said of a crash."""

import pytest

from eegrig.hil.virtual.chip.crash_report import Crash, Frame, causes, headline, named, report

SYMBOLS = {0x0800_0101: "main", 0x0800_0200: "gc_collect"}
FRAME = Frame(1, 2, 3, 4, 12, 0x0800_0105, 0x0800_0210, 0x2100_0000)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (0x0800_0100, "0x08000100 (main)"),
        (0x0800_0105, "0x08000104 (main+0x4)"),
        (0x0800_0210, "0x08000210 (gc_collect+0x10)"),
        (0x0800_00FE, "0x080000fe"),
        (0x2000_0000, "0x20000000"),  # no function is so long
    ],
)
def test_an_address_has_the_name_of_the_function_it_is_in(address: int, text: str) -> None:
    assert named(address, SYMBOLS) == text


def test_without_symbols_an_address_is_a_number() -> None:
    assert named(0x0800_0101, {}) == "0x08000100"


@pytest.mark.parametrize("bit", [0, 1, 3, 4, 8, 9, 10, 11, 12, 16, 17, 18, 19, 24, 25])
def test_every_cause_has_words(bit: int) -> None:
    (text,) = causes(Crash("x", 0, 0, 0, cfsr=1 << bit))
    assert text.endswith(")")


def test_addresses_are_told_where_they_are_valid() -> None:
    bad = {"mmfar": 0x10, "bfar": 0x20}
    assert not any("at 0x" in text for text in causes(Crash("x", 0, 0, 0, cfsr=0x202, **bad)))
    mpu, bus = causes(Crash("x", 0, 0, 0, cfsr=0x8282, **bad))
    assert mpu.endswith("(DACCVIOL), at 0x00000010")
    assert bus.endswith("(PRECISERR), at 0x00000020")


def test_a_headline_is_one_line() -> None:
    crash = Crash("HardFault", 0x0800_0210, 0, 0, cfsr=1 << 16, hfsr=1 << 31)
    assert headline(crash, SYMBOLS) == (
        "HardFault at 0x08000210 (gc_collect+0x10): an undefined instruction (UNDEFINSTR); "
        "a breakpoint without a debugger (DEBUGEVT)"
    )
    assert headline(Crash("x", 0, 0, 0), {}).endswith("the fault registers say nothing")


def test_a_report_has_registers_and_stack() -> None:
    crash = Crash(
        "HardFault",
        0x0800_0210,
        0x0800_0105,
        0x2000_1000,
        frame=FRAME,
        stack=[0xDEAD_BEEF, 0x0800_0111, 0, 1, 2],
        cfsr=1 << 16,
        hfsr=1 << 30,
    )
    assert report(crash, SYMBOLS).splitlines()[1:] == [
        "  pc 0x08000210 (gc_collect+0x10), lr 0x08000104 (main+0x4), xpsr 0x21000000",
        "  r0 0x00000001, r1 0x00000002, r2 0x00000003, r3 0x00000004, r12 0x0000000c",
        "  CFSR 0x00010000, HFSR 0x40000000 (escalated), sp 0x20001000",
        "  0x20001000: deadbeef 08000111 00000000 00000001",
        "  0x20001010: 00000002",
        "  return addresses on the stack, perhaps: 0x08000110 (main+0x10)",
    ]


def test_without_a_frame_the_live_registers_are_told() -> None:
    lines = report(Crash("is in lock-up", 0x0800_0210, 0x0800_0105, 0), SYMBOLS).splitlines()
    assert lines[1] == "  pc 0x08000210 (gc_collect+0x10), lr 0x08000104 (main+0x4)"
