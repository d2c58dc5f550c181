"""What a core that has crashed can tell, in words: where it was, why, and what lay on its stack.

Bits of the fault registers: Arm DDI 0403 (ARMv7-M), B3.2.15 (CFSR) and B3.2.16 (HFSR).
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Crash", "Frame", "causes", "headline", "named", "report"]

_LONGEST_FUNCTION = 0x1_0000
"""A symbol farther off than that names something else: symbols have no lengths here, assumed."""
_WORDS_PER_LINE = 4
DACCVIOL, MMARVALID, PRECISERR, BFARVALID, FORCED = 1 << 1, 1 << 7, 1 << 9, 1 << 15, 1 << 30

_CFSR = {
    1 << 0: "an instruction was fetched where the MPU forbids it (IACCVIOL)",
    1 << 1: "a load or store was refused by the MPU (DACCVIOL)",
    1 << 3: "the MPU refused the stack on return from an exception (MUNSTKERR)",
    1 << 4: "the MPU refused the stack on entry to an exception (MSTKERR)",
    1 << 8: "there is nothing to fetch an instruction from (IBUSERR)",
    1 << 9: "a load or store where nothing answers (PRECISERR)",
    1 << 10: "a store where nothing answers, some instructions earlier (IMPRECISERR)",
    1 << 11: "the stack was no memory on return from an exception (UNSTKERR)",
    1 << 12: "the stack was no memory on entry to an exception (STKERR)",
    1 << 16: "an undefined instruction (UNDEFINSTR)",
    1 << 17: "a jump to an even address, which is no Thumb code (INVSTATE)",
    1 << 18: "a return from an exception that cannot be (INVPC)",
    1 << 19: "a coprocessor that is off or not there, such as the FPU (NOCP)",
    1 << 24: "an unaligned access where it is forbidden (UNALIGNED)",
    1 << 25: "a division by zero (DIVBYZERO)",
}
_HFSR = {
    1 << 1: "the vector table could not be read (VECTTBL)",
    1 << 31: "a breakpoint without a debugger (DEBUGEVT)",
}


@dataclass(frozen=True)
class Frame:
    """What an exception has stacked (Arm DDI 0403, B1.5.6)."""

    r0: int
    r1: int
    r2: int
    r3: int
    r12: int
    lr: int
    pc: int
    xpsr: int


@dataclass(frozen=True)
class Crash:
    """A core's state when it crashed.

    Attributes
    ----------
    what : str
        For the headline: ``"HardFault"``, say.
    pc, lr : int
        Where it executed, and where that was called from.
    sp : int
        Stack pointer before the exception, from which `stack` begins.
    frame : Frame or None
        What the exception stacked, if it did.
    stack : sequence of int
        Words of the stack, from `sp` upwards.
    cfsr, hfsr, mmfar, bfar : int
        Fault registers.
    """

    what: str
    pc: int
    lr: int
    sp: int
    frame: Frame | None = None
    stack: Sequence[int] = ()
    cfsr: int = 0
    hfsr: int = 0
    mmfar: int = 0
    bfar: int = 0


def named(address: int, symbols: Mapping[int, str]) -> str:
    """Return an address with the symbol that it belongs to, if one is near.

    Parameters
    ----------
    address : int
    symbols : Mapping of int to str
        First addresses of functions, with or without the Thumb bit.

    >>> named(0x0800_0105, {0x0800_0101: "main"})
    '0x08000104 (main+0x4)'
    """
    address &= ~1
    text = f"{address:#010x}"
    starts = sorted(start & ~1 for start in symbols)
    at = bisect.bisect_right(starts, address) - 1
    if at < 0 or address - starts[at] >= _LONGEST_FUNCTION:
        return text
    start = starts[at]
    name = symbols.get(start, symbols.get(start | 1, ""))
    return f"{text} ({name}+{address - start:#x})" if address > start else f"{text} ({name})"


def causes(crash: Crash) -> list[str]:
    """Return what the fault registers say, in words.

    >>> causes(Crash("HardFault", 0, 0, 0, cfsr=0x8200, bfar=0x6000_0000))
    ['a load or store where nothing answers (PRECISERR), at 0x60000000']
    """
    where = {}
    if crash.cfsr & BFARVALID:
        where[PRECISERR] = f", at {crash.bfar:#010x}"
    if crash.cfsr & MMARVALID:
        where[DACCVIOL] = f", at {crash.mmfar:#010x}"
    words = [text + where.get(bit, "") for bit, text in _CFSR.items() if crash.cfsr & bit]
    return words + [text for bit, text in _HFSR.items() if crash.hfsr & bit]


def headline(crash: Crash, symbols: Mapping[int, str]) -> str:
    """Return what happened, in one line."""
    why = "; ".join(causes(crash)) or "the fault registers say nothing"
    return f"{crash.what} at {named(crash.pc, symbols)}: {why}"


def report(crash: Crash, symbols: Mapping[int, str]) -> str:
    """Return all that is known, the headline first."""
    lines = [headline(crash, symbols)]
    frame = crash.frame
    if frame is None:
        lines.append(f"  pc {named(crash.pc, symbols)}, lr {named(crash.lr, symbols)}")
    else:
        lines += [
            f"  pc {named(frame.pc, symbols)}, lr {named(frame.lr, symbols)}, "
            f"xpsr {frame.xpsr:#010x}",
            f"  r0 {frame.r0:#010x}, r1 {frame.r1:#010x}, r2 {frame.r2:#010x}, "
            f"r3 {frame.r3:#010x}, r12 {frame.r12:#010x}",
        ]
    forced = " (escalated)" if crash.hfsr & FORCED else ""
    lines.append(f"  CFSR {crash.cfsr:#010x}, HFSR {crash.hfsr:#010x}{forced}, sp {crash.sp:#010x}")
    for at in range(0, len(crash.stack), _WORDS_PER_LINE):
        words = crash.stack[at : at + _WORDS_PER_LINE]
        lines.append(f"  {crash.sp + 4 * at:#010x}: {' '.join(f'{word:08x}' for word in words)}")
    # Odd words that lie in a known function are, more often than not, where it was called from.
    callers = [named(word, symbols) for word in crash.stack if word & 1]
    callers = [text for text in callers if "(" in text]
    if callers:
        lines.append(f"  return addresses on the stack, perhaps: {', '.join(callers)}")
    return "\n".join(lines)
