"""What a virtual board in the exact mode says of its firmware when that crashes or hangs."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from eegrig.boards.errors import BoardFault
from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.chip.cortex_m.nvic import Exc
from eegrig.hil.virtual.chip.cortex_m.registers import LR, SP
from eegrig.hil.virtual.chip.crash_report import Crash, Frame, headline, named, report
from eegrig.hil.virtual.chip.signals import BusFault
from eegrig.hil.virtual.clock import NS_PER_S

__all__ = ["HANG_NS", "MASKED_HANG_NS", "ExactWatch"]

HANG_NS = 60 * NS_PER_S
"""So long no firmware computes without a word or a nap: a Python program that does is told of it in
vain, once. Assumed."""
MASKED_HANG_NS = 10 * NS_PER_S
"""The same with interrupts off, or inside an exception: nothing real is meant to take so long (the
longest a port does is to erase a page of flash, 25 ms). Assumed."""
_LOOK_NS = NS_PER_S // 10
_STACK_WORDS = 16
_BASIC_FRAME, _EXTENDED_FRAME = 0x20, 0x68
_WITH_FLOATS = 1 << 4  # of EXC_RETURN: clear if the frame has floating-point registers


class ExactWatch:
    """Watches a core that runs by itself.

    Parameters
    ----------
    chip : Chip
    name : str
        Of the board.
    symbols : Mapping of int to str
        First address -> name of the firmware's functions, if they are known.
    note : callable
        Takes what the user is to be told; of several lines the first says it all.
    """

    def __init__(
        self, chip: Chip, name: str, symbols: Mapping[int, str], note: Callable[[str], None]
    ) -> None:
        self._chip = chip
        self._name = name
        self._symbols = symbols
        self._note = note
        self.forget()
        chip.debug.processor.on_hard_fault = self._hard_fault

    def forget(self) -> None:
        """Begin anew: what happens from now on is told, even if it was before."""
        self._crash: Crash | None = None
        self._awake_ns = self._masked_ns = 0
        self._looked_ns = 0
        self._told_hang = False

    # ---- faults

    def _hard_fault(self, frame: int, link: int, stacked: bool) -> None:
        """Take note of a HardFault as it is entered; the first is told, whatever becomes of it."""
        if self._chip.debug.own_code:
            return
        first = self._crash is None
        self._crash = self._state(frame, link, stacked)
        if first:
            self._note(f"{self._name} {report(self._crash, self._symbols)}")

    def _state(self, frame: int, link: int, stacked: bool) -> Crash:
        nvic = self._chip.nvic
        found = None
        if stacked:
            found = Frame(*struct.unpack("<8I", self._chip.bus.read_block(frame, _BASIC_FRAME)))
        above = frame + (_BASIC_FRAME if link & _WITH_FLOATS else _EXTENDED_FRAME)
        return Crash(
            "HardFault",
            pc=self._chip.core.pc if found is None else found.pc,
            lr=link if found is None else found.lr,
            sp=above,
            frame=found,
            stack=self._words(above),
            cfsr=nvic.cfsr,
            hfsr=nvic.hfsr,
            mmfar=nvic.mmfar,
            bfar=nvic.bfar,
        )

    def _words(self, address: int) -> list[int]:
        """Return words of the stack as far as there are any."""
        words = []
        for at in range(address, address + 4 * _STACK_WORDS, 4):
            try:
                words.append(self._chip.bus.read(at & 0xFFFF_FFFF, 4))
            except BusFault:
                break
        return words

    def locked_up(self) -> BoardFault:
        """Return the error of a core in lock-up, and tell the details.

        The core is in lock-up by a fault where even HardFault cannot be taken; what that was about
        is the HardFault before it, if there was one.
        """
        chip, nvic = self._chip, self._chip.nvic
        registers = chip.core.registers
        sp = registers.read(SP)
        crash = Crash(
            "is in lock-up",
            pc=chip.core.pc,
            lr=registers.read(LR),
            sp=sp,
            stack=self._words(sp),
            cfsr=nvic.cfsr,
            hfsr=nvic.hfsr,
            mmfar=nvic.mmfar,
            bfar=nvic.bfar,
        )
        details = report(crash, self._symbols)
        if self._crash is not None and Exc.HARD_FAULT in nvic.active:
            details += f"\nbefore that: {report(self._crash, self._symbols)}"
        error = BoardFault(f"{self._name} {headline(crash, self._symbols)}")
        error.add_note(details)
        self._note(f"{self._name} {details}")
        return error

    # ---- hangs

    def rested(self) -> None:
        """Take note that it sleeps, or has said something: it does not hang."""
        self._awake_ns = self._masked_ns = 0

    def ran(self, duration_ns: int) -> None:
        """Take note that it has executed for so long."""
        self._awake_ns += duration_ns
        if self._told_hang or self._awake_ns < _LOOK_NS:
            return
        self._looked_ns += duration_ns
        if self._looked_ns >= _LOOK_NS:
            is_masked = self._is_masked()
            self._masked_ns = self._masked_ns + self._looked_ns if is_masked else 0
            self._looked_ns = 0
            # A look that finds a tick's handler at work would tell of that, and not of the loop.
            limit_ns = HANG_NS + MASKED_HANG_NS if is_masked else HANG_NS
            if self._masked_ns >= MASKED_HANG_NS or self._awake_ns >= limit_ns:
                self._told_hang = True
                self._note(self._hang(is_masked=is_masked))

    def _is_masked(self) -> bool:
        primask, faultmask, _ = self._chip.core.registers.masks()
        return bool(primask or faultmask or self._chip.nvic.active)

    def _hang(self, *, is_masked: bool) -> str:
        core, active = self._chip.core, self._chip.nvic.active
        how = ""
        if active:
            how = f", in exception {min(active, key=self._chip.nvic.priority)}"
        elif is_masked:
            how = ", with interrupts masked"
        return (
            f"{self._name} has executed for {self._awake_ns / NS_PER_S:.0f} s without a sleep or "
            f"console output{how}: pc {named(core.pc, self._symbols)}, "
            f"lr {named(core.registers.read(LR), self._symbols)}"
        )
