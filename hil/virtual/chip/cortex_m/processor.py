"""A Cortex-M4 with its exceptions: what `Core` executes, and what happens between instructions.

Entry, return and escalation follow Arm DDI 0403, B1.5. Simplified: floating-point registers are
stacked at once, never lazily; returns and entries are not tail-chained, which shows in the cycle
count only; the MPU, trapping divisions and unaligned accesses are not there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from eegrig.hil.virtual.chip.bus import Bus
from eegrig.hil.virtual.chip.cortex_m.core import Core
from eegrig.hil.virtual.chip.cortex_m.nvic import Exc, Nvic
from eegrig.hil.virtual.chip.cortex_m.registers import XPSR
from eegrig.hil.virtual.chip.cortex_m.stops import Fault, FaultKind, Stop
from eegrig.hil.virtual.chip.cortex_m.systick import NEVER, SysTick
from eegrig.hil.virtual.chip.cortex_m.tally import Field
from eegrig.hil.virtual.chip.signals import BusFault

__all__ = ["Processor"]

MSP, PSP = 17, 18
NPRIV, SPSEL, FPCA = 1, 2, 4
STACK_ALIGNED = 1 << 9  # in the stacked xPSR: a word of padding is above the frame
THUMB = 1 << 24
IT_BITS = 0x0600_FC00
NOBODY = 0xFFFF_FFFE  # where a core in lock-up is said to be

# CFSR, HFSR and SCR bits.
IBUSERR, PRECISERR, STKERR, UNSTKERR, BFARVALID = 1 << 8, 1 << 9, 1 << 12, 1 << 11, 1 << 15
UNDEFINSTR, INVSTATE, INVPC = 1 << 16, 1 << 17, 1 << 18
VECTTBL, FORCED, DEBUGEVT = 1 << 1, 1 << 30, 1 << 31
STKALIGN, SLEEPONEXIT = 1 << 9, 1 << 1
# A jump from sleep to the next tick costs as many blocks of the slice.
SLEEP_BLOCKS = 200

# DEMCR bits that catch an exception, and one for faults while one is entered.
VC_HARDERR, VC_BUSERR, VC_STATERR, VC_INTERR = 1 << 10, 1 << 8, 1 << 7, 1 << 9
_CATCHES: dict[int, int] = {
    Exc.HARD_FAULT: VC_HARDERR,
    Exc.BUS_FAULT: VC_BUSERR,
    Exc.USAGE_FAULT: VC_STATERR,
}
_CAUSES = {
    FaultKind.UNDEFINED: (Exc.USAGE_FAULT, UNDEFINSTR),
    FaultKind.STATE: (Exc.USAGE_FAULT, INVSTATE),
    FaultKind.FETCH: (Exc.BUS_FAULT, IBUSERR),
    FaultKind.ACCESS: (Exc.BUS_FAULT, PRECISERR | BFARVALID),
}


class Processor:
    """Core, interrupt controller and system timer.

    Parameters
    ----------
    core : Core
        What executes instructions.
    bus : Bus
        Where stacks and vectors are.
    nvic : Nvic
        State of the exceptions.
    systick : SysTick
        The system timer.

    Attributes
    ----------
    sleeping : bool
        The core waits for an interrupt.
    debugged : bool
        DHCSR.C_DEBUGEN: breakpoint instructions halt, and catches are looked at.
    catches : int
        DEMCR: which exceptions halt on entry.
    deadline : int
        Cycle count at which to stop; a core that sleeps stops at once then.
    on_urgent : callable
        Called when an interrupt has come up while the core sleeps.
    on_hard_fault : callable
        ``on_hard_fault(frame, link, stacked)``: a HardFault was entered, with its frame at that
        address, that EXC_RETURN in the link register, and the frame written or not.
    """

    def __init__(self, core: Core, bus: Bus, nvic: Nvic, systick: SysTick) -> None:
        self.core = core
        self.nvic = nvic
        self.systick = systick
        self.sleeping = self.debugged = False
        self.catches = 0
        self._bus = bus
        self.deadline = NEVER
        self.on_urgent: Callable[[], None] = lambda: None
        self.on_hard_fault: Callable[[int, int, bool], None] = lambda frame, link, stacked: None
        nvic.on_urgency = self._note_urgency
        bus.on_code_changed = self.set_alarm

    def _note_urgency(self) -> None:
        words = self.core.tally.words
        words[Field.URGENCY] = self.nvic.urgency
        words[Field.BASEPRI_MASK] = self.nvic.basepri_mask
        if self.sleeping and self.nvic.waiting:
            self.on_urgent()

    @property
    def is_woken(self) -> bool:
        """Whether a pending interrupt wakes the core: PRIMASK keeps it off, not from that."""
        _, faultmask, basepri = self.core.registers.masks()
        return self.nvic.next_exception((0, faultmask, basepri)) is not None

    def hasten(self, cycles: int) -> None:
        """Stop at that count, if not sooner: something happens then."""
        self.deadline = min(self.deadline, cycles)
        self.set_alarm()

    def set_alarm(self) -> None:
        """Let the core stop where the system timer or what is outside wants it."""
        at_once = self.core.executing and self._bus.code_changed  # by DMA that the core has begun
        self.core.tally.stop_at(0 if at_once else min(self.systick.alarm, self.deadline))

    def reset(self, stack: int, entry: int) -> None:
        """Set everything as a reset does, with the first two words of the vector table."""
        self.nvic.reset()
        self.systick.reset()
        self.core.reset(stack, entry)
        self.sleeping = False

    # ---- execution

    def run(self, blocks: int, *, resumed: bool) -> Stop:
        """Execute until something stops the core, at most about `blocks` basic blocks.

        Parameters
        ----------
        blocks : int
            How many at most.
        resumed : bool
            The core was halted before: a breakpoint where it stands does not stop it again.

        Returns
        -------
        Stop
            Why: `Stop.SLICE`, `Stop.SLEEP` with a deadline only, `Stop.BREAKPOINT`,
            `Stop.WATCHPOINT`, `Stop.RESET`, `Stop.CATCH`, or `Stop.FAULT` for a lock-up.

        Raises
        ------
        PowerLost
            If the supply went away in a store to flash memory.
        """
        step_over = self.core.pc if resumed else None
        while True:
            self._tick()
            if self.nvic.waiting:
                stop = self._take_pending()
                if stop is not None:
                    return stop
            if self.sleeping and self.deadline != NEVER:
                return Stop.SLEEP
            if self.core.cycles >= self.deadline:
                return Stop.SLICE
            if self.sleeping:
                if blocks <= 0 or self.systick.alarm == NEVER:
                    return Stop.SLICE
                blocks -= SLEEP_BLOCKS
                self.core.cycles = max(self.core.cycles, self.systick.alarm)
                continue
            if blocks <= 0:
                return Stop.SLICE
            self.set_alarm()
            stop = self.core.run(blocks, step_over=step_over)
            step_over = None
            blocks = self.core.blocks_left
            if stop is Stop.SLICE:
                return stop
            after = self._after(stop)
            if after is not None:
                return after

    def step(self) -> Stop:
        """Execute one instruction, or enter the exception that is due before it.

        Returns
        -------
        Stop
            As for `run`; `Stop.SLICE` is the usual end.
        """
        self._tick()
        self.set_alarm()
        self.sleeping = False
        if self.nvic.waiting:
            taken = self.nvic.next_exception(self.core.registers.masks())
            if taken is not None:
                return self._enter(taken, self.core.pc) or Stop.SLICE
        stop = self.core.step()
        return stop if stop is Stop.SLICE else self._after(stop) or Stop.SLICE

    def _after(self, stop: Stop) -> Stop | None:
        """Do what an instruction asked for; None if execution goes on."""
        if stop is Stop.ATTENTION:
            return None
        if stop is Stop.SLEEP:
            self.sleeping = True
            return None
        if stop is Stop.SUPERVISOR_CALL:
            return self._raise(Exc.SVCALL, self.core.pc)
        if stop is Stop.EXCEPTION_RETURN:
            return self._return(self.core.pc | 1)
        if stop is Stop.FAULT:
            return self._fault(self.core.fault)
        if stop is Stop.BREAKPOINT and self.core.at_bkpt and not self.debugged:
            self.nvic.hfsr |= DEBUGEVT
            return self._escalate(self.core.pc)
        return stop

    def _tick(self) -> None:
        if self.systick.expire(self.core.cycles):
            self.nvic.pend(Exc.SYSTICK)

    def _take_pending(self) -> Stop | None:
        if self.sleeping and self.is_woken:  # B1.5.17
            self.sleeping = False
        number = self.nvic.next_exception(self.core.registers.masks())
        # Where masks keep it off after all, the core must not stop for it before it moves.
        self.core.tally.words[Field.OVERLOOK] = number is None
        return None if number is None else self._enter(number, self.core.pc)

    # ---- faults

    def _fault(self, fault: Fault) -> Stop | None:
        number, bits = _CAUSES[fault.kind]
        self.nvic.cfsr |= bits
        if bits & BFARVALID:
            self.nvic.bfar = fault.address
        return self._raise(number, self.core.pc)

    def _raise(self, number: Exc, return_address: int) -> Stop | None:
        """Take a synchronous exception, or escalate it to a HardFault where it cannot be taken."""
        level = self.nvic.execution_priority(self.core.registers.masks())
        if number in self.nvic.enabled and self.nvic.group_priority(number) < level:
            return self._enter(number, return_address)
        if number is not Exc.SVCALL:
            self.nvic.hfsr |= FORCED
        return self._escalate(return_address)

    def _escalate(self, return_address: int) -> Stop | None:
        if self.nvic.execution_priority(self.core.registers.masks()) <= -1:
            return Stop.FAULT  # a fault in a fault handler: lock-up
        return self._enter(Exc.HARD_FAULT, return_address)

    # ---- entry (B1.5.6)

    def _enter(self, number: int, return_address: int) -> Stop | None:
        core = self.core
        *words, xpsr, control, msp, psp = core.registers.at_entry()
        in_thread = not xpsr & 0x1FF
        on_process_stack = in_thread and bool(control & SPSEL)
        floating = bool(control & FPCA)
        pointer = psp if on_process_stack else msp
        aligned = bool(self.nvic.ccr & STKALIGN) and bool(pointer & 4)
        frame = pointer - (0x68 if floating else 0x20)
        frame &= ~7 if self.nvic.ccr & STKALIGN or floating else ~3
        words += [return_address, xpsr & ~STACK_ALIGNED | STACK_ALIGNED * aligned]
        if floating:
            words += [*core.registers.floats(), 0]
        stacked = pushed = self._push(frame, words)
        link = 0xFFFF_FFE1 | (not floating) << 4 | in_thread << 3 | on_process_stack << 2
        try:
            entry = self._bus.read(self.nvic.vtor + 4 * number, 4)
        except BusFault:
            self.nvic.hfsr |= VECTTBL
            stacked, entry = False, 0
        stack = PSP if on_process_stack else MSP
        core.registers.enter(stack, frame, number, control & NPRIV, link)
        core.pc = entry & ~1
        if not entry & 1:
            core.write_register(XPSR, number)
        self.nvic.activate(number)
        self.sleeping = False
        if number == Exc.HARD_FAULT:
            self.on_hard_fault(frame, link, pushed)
        if not stacked and number != Exc.HARD_FAULT:
            return self._escalate(entry & ~1)
        if self._caught(number) or (not stacked and self._caught_on_entry()):
            return Stop.CATCH
        return None if stacked else Stop.FAULT

    def _push(self, frame: int, words: list[int]) -> bool:
        try:
            self._bus.write_block(frame & 0xFFFF_FFFF, struct.pack(f"<{len(words)}I", *words))
        except BusFault:
            self.nvic.cfsr |= STKERR
            self.nvic.hfsr |= FORCED
            return False
        return True

    def _caught(self, number: int) -> bool:
        return self.debugged and bool(self.catches & _CATCHES.get(number, 0))

    def _caught_on_entry(self) -> bool:
        return self.debugged and bool(self.catches & VC_INTERR)

    # ---- return (B1.5.8)

    def _return(self, link: int) -> Stop | None:
        core, nvic = self.core, self.nvic
        xpsr, control, msp, psp = core.registers.at_return()
        number = xpsr & 0x1FF
        to_thread = bool(link & 8)
        known = link & 0xFFFF_FFE0 == 0xFFFF_FFE0 and link & 0xF in (0x1, 0x9, 0xD)
        nested = len(nvic.active) > 1
        if not number or number not in nvic.active or not known or (to_thread and nested):
            nvic.cfsr |= INVPC
            core.pc = link & ~1
            return self._raise(Exc.USAGE_FAULT, core.pc)
        nvic.deactivate(number)
        if number != Exc.NMI:
            core.registers.clear_faultmask()
        stack = PSP if link & 4 else MSP
        floating = not link & 0x10
        frame = psp if link & 4 else msp
        try:
            size = 26 if floating else 8
            words = struct.unpack(f"<{size}I", self._bus.read_block(frame, 4 * size))
        except BusFault:
            nvic.cfsr |= UNSTKERR
            return self._raise(Exc.BUS_FAULT, link & ~1)
        xpsr = words[7]
        pointer = frame + 4 * len(words) | (4 if xpsr & STACK_ALIGNED else 0)
        if floating:
            core.registers.set_floats(words[8:25])
        control = control & NPRIV | (SPSEL if link & 4 else 0) | (FPCA if floating else 0)
        core.registers.leave(stack, pointer, words[:6], number, control, xpsr & ~STACK_ALIGNED)
        core.pc = words[6] & ~1
        if bool(xpsr & 0x1FF) == to_thread:
            nvic.cfsr |= INVPC
            return self._raise(Exc.USAGE_FAULT, core.pc)
        if to_thread and nvic.scr & SLEEPONEXIT:
            self.sleeping = True
        return None
