"""The debug registers of an ARMv7-M processor: halting, registers, breakpoints, watchpoints.

Register layouts are those of Arm DDI 0403 (ARMv7-M), chapter C1.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.cortex_m.nvic import AIRCR, Nvic
from eegrig.hil.virtual.chip.cortex_m.processor import Processor
from eegrig.hil.virtual.chip.cortex_m.stops import Stop, Watchpoint
from eegrig.hil.virtual.chip.cortex_m.timeline import Timeline

__all__ = ["CoreDebug"]

BASE = 0xE000_0000
SIZE = 0x10_0000

ICTR, CPUID, DFSR = 0xE000_E004, 0xE000_ED00, 0xE000_ED30
SYSTICK, SYSTICK_END = 0xE000_E010, 0xE000_E020
DHCSR, DCRSR, DCRDR, DEMCR = 0xE000_EDF0, 0xE000_EDF4, 0xE000_EDF8, 0xE000_EDFC
FP_CTRL, FP_COMP, FP_COMP_END = 0xE000_2000, 0xE000_2008, 0xE000_2028
DWT, DWT_END, DWT_CTRL, DWT_CYCCNT, DWT_COMP = 0xE000_1000, 0xE000_1FD0, 0x000, 0x004, 0x020

# Identity of a Cortex-M4 with its floating-point unit (Arm DDI 0439).
CORTEX_M4 = {
    ICTR: 1,
    CPUID: 0x410F_C241,
    0xE000_ED6C: 0x0111_1131,  # ID_ISAR3
    0xE000_ED90: 0x0000_0800,  # MPU_TYPE
    0xE000_EF40: 0x1011_0021,  # MVFR0
    0xE000_EF44: 0x1100_0011,  # MVFR1
}

C_DEBUGEN, C_HALT, C_STEP, C_MASKINTS = 1, 2, 4, 8
DHCSR_KEPT = 0x2F
VC_CORERESET = 1
DFSR_HALTED, DFSR_BKPT, DFSR_DWTTRAP, DFSR_VCATCH = 1, 2, 4, 8
AIRCR_KEY, SYSRESETREQ, VECTRESET = 0x05FA, 4, 1
CYCCNTENA = 1
PC = 15

# Basic blocks the core runs each time the debugger looks: a page of flash takes about 7000.
SLICE_BLOCKS = 20_000


class CoreDebug:
    """Debug and system control registers, and the state of the core behind them.

    The core executes only when the debugger reads DHCSR, which every debugger does to wait.

    Parameters
    ----------
    processor : Processor
        What executes.
    constants : dict
        Read-only registers by address: the chip's ROM table and IDs.
    vectors : callable
        ``vectors(address) -> (stack, entry)``: reads the vector table.
    system_reset : callable
        What a reset request resets: the chip, which calls `reset` in turn.
    timeline : Timeline
        Where the core's time is charged.
    clock_hz : int
        Core clock.
    changed : callable
        Called after the core was halted or let go.

    Attributes
    ----------
    processor : Processor
    halted, lockup : bool
        State of the core.
    own_code : bool
        The debugger moved the program counter since the last reset: what runs now is its code
        (a flash algorithm), not the firmware.
    firmware_elsewhere : bool
        Another process runs the firmware: after a reset the core only looks as if it ran.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        constants: dict[int, int],
        vectors: Callable[[int], tuple[int, int]],
        system_reset: Callable[[], None],
        timeline: Timeline,
        clock_hz: int,
        changed: Callable[[], None],
    ) -> None:
        self.processor = processor
        self._core = processor.core
        self._nvic = processor.nvic
        self._systick = processor.systick
        self._constants = CORTEX_M4 | constants
        self._vectors = vectors
        self._system_reset = system_reset
        self._timeline = timeline
        self._clock_hz = clock_hz
        self._changed = changed
        self.firmware_elsewhere = False
        self.power_on()

    def power_on(self) -> None:
        """Clear all registers; `reset` comes next."""
        self.halted = self.lockup = self.own_code = False
        self._dhcsr = self._demcr = self._dcrdr = self._dfsr = 0
        self._cyccnt = 0  # while it stands; the difference to the core's count while it runs
        self._retired = False
        self._was_reset = True
        self._resumed = False
        self._other: dict[int, int] = {}
        self._dwt = {DWT_CTRL: 0x4000_0000}  # four comparators
        self._fp_ctrl = 0x260  # six code and two literal comparators
        self._fp_comp = [0] * 8
        self._core.set_breakpoints([])
        self._core.set_watchpoints([])

    def reset(self) -> None:
        """Start from the reset vector, halted if the debugger asked for that."""
        stack, entry = self._vectors(0)
        self.processor.reset(stack, entry)
        self._tell_processor()
        self.halted = self._retired = self.own_code = False
        self._was_reset = True
        self.lockup = not self.firmware_elsewhere and (not entry & 1 or entry >= 0xFFFF_FFF0)
        if self._dhcsr & C_DEBUGEN and self._demcr & VC_CORERESET:
            self._halt(DFSR_VCATCH)
        elif self._dhcsr & (C_DEBUGEN | C_HALT) == C_DEBUGEN | C_HALT:
            self._halt(DFSR_HALTED)
        self._timeline.core_resumed()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read the register at `offset` from 0xE0000000."""
        address = BASE + offset
        if address in self._constants:
            return self._constants[address]
        if address == DHCSR:
            return self._read_status()
        if FP_COMP <= address < FP_COMP_END:
            return self._fp_comp[(address - FP_COMP) >> 2]
        if SYSTICK <= address < SYSTICK_END:
            return self._systick.read(address, self._core.cycles)
        if Nvic.owns(address) and address != DFSR:
            return self._nvic.read(address, self._core.read_register(16) & 0x1FF)
        if address == DWT + DWT_CYCCNT:
            return self._cyccnt + self._counted() & 0xFFFF_FFFF
        if DWT <= address < DWT_END:
            return self._dwt.get(address - DWT, 0)
        return {
            DCRDR: self._dcrdr,
            DEMCR: self._demcr,
            DFSR: self._dfsr,
            FP_CTRL: self._fp_ctrl,
        }.get(address, self._other.get(address, 0))

    def write(self, offset: int, value: int) -> None:
        """Write the register at `offset` from 0xE0000000."""
        address = BASE + offset
        if address == DHCSR:
            self._control(value)
        elif address == DCRSR:
            self._transfer_register(value)
        elif address == DCRDR:
            self._dcrdr = value
        elif address == DEMCR:
            self._demcr = value
            self._tell_processor()
        elif address == DFSR:
            self._dfsr &= ~value
        elif SYSTICK <= address < SYSTICK_END:
            self._systick.write(address, value, self._core.cycles)
            self.processor.set_alarm()
        elif address == AIRCR:
            self._write_aircr(value)
        elif Nvic.owns(address):
            self._nvic.write(address, value)
        elif address == FP_CTRL:
            if value & 2:  # KEY
                self._fp_ctrl = self._fp_ctrl & ~1 | value & 1
                self._set_breakpoints()
        elif FP_COMP <= address < FP_COMP_END:
            self._fp_comp[(address - FP_COMP) >> 2] = value
            self._set_breakpoints()
        elif DWT <= address < DWT_END:
            self._write_dwt(address - DWT, value)
        elif address not in self._constants:
            self._other[address] = value

    def _read_status(self) -> int:
        if not self.halted and not self._core.executing:
            self._let_run()
        if self.halted:
            self._timeline.core_stopped()
        status = self._dhcsr & DHCSR_KEPT
        status |= (C_HALT | 1 << 17) if self.halted else 0
        status |= 1 << 16  # S_REGRDY
        status |= self.processor.sleeping << 18
        status |= self.lockup << 19 | self._retired << 24 | self._was_reset << 25
        self._was_reset = self._retired = False
        return status

    def _control(self, value: int) -> None:
        if value >> 16 != 0xA05F:
            return
        self._dhcsr = value & DHCSR_KEPT
        self._tell_processor()
        if not value & C_DEBUGEN:
            self._resume()
        elif value & C_HALT:
            if not self.halted:
                self._halt(DFSR_HALTED)
        elif value & C_STEP and self.halted:
            self._step()
        else:
            self._resume()

    def _transfer_register(self, value: int) -> None:
        if not self.halted:
            return
        number = value & 0x7F
        if not value & 0x1_0000:
            self._dcrdr = self._core.read_register(number)
            return
        self._core.write_register(number, self._dcrdr)
        self.own_code = self.own_code or number == PC

    def _tell_processor(self) -> None:
        debugged = bool(self._dhcsr & C_DEBUGEN)
        self.processor.debugged = debugged
        self.processor.catches = self._demcr
        self._nvic.hold_interrupts = debugged and bool(self._dhcsr & C_MASKINTS)

    def _write_aircr(self, value: int) -> None:
        if value >> 16 != AIRCR_KEY:
            return
        self._nvic.write(AIRCR, value)
        if not value & (SYSRESETREQ | VECTRESET):
            return
        if self._core.executing:
            self._core.request_reset()
        else:
            self._system_reset()

    def _set_breakpoints(self) -> None:
        addresses = []
        if self._fp_ctrl & 1:
            for comparator in self._fp_comp:
                if comparator & 1:
                    upper_half = 2 if comparator >> 30 == 2 else 0
                    addresses.append((comparator & 0x1FFF_FFFC) + upper_half)
        self._core.set_breakpoints(addresses)

    def _write_dwt(self, offset: int, value: int) -> None:
        if offset == DWT_CYCCNT:
            self._cyccnt = value - self._counted()
            return
        if offset == DWT_CTRL:
            now = self._cyccnt + self._counted()
            self._dwt[DWT_CTRL] = value
            self._cyccnt = now - self._counted()
        self._dwt[offset] = 0x4000_0000 | value & 0x0FFF_FFFF if offset == DWT_CTRL else value
        if offset < DWT_COMP:
            return
        watchpoints = []
        for number in range(4):
            base = DWT_COMP + 16 * number
            function = self._dwt.get(base + 8, 0) & 0xF
            if function in (5, 6, 7):
                size = 1 << self._dwt.get(base + 4, 0)
                start = self._dwt.get(base, 0) & ~(size - 1)
                watchpoints.append(
                    Watchpoint(number, start, size, function in (5, 7), function in (6, 7))
                )
        self._core.set_watchpoints(watchpoints)

    def _counted(self) -> int:
        return self._core.cycles if self._dwt[DWT_CTRL] & CYCCNTENA else 0

    # ---- execution

    def _halt(self, reason: int) -> None:
        self.halted = True
        self.lockup = False
        self.processor.sleeping = False  # entering debug state ends a sleep (B1.5.19)
        self._dfsr |= reason
        self._changed()

    def _resume(self) -> None:
        if self.halted:
            self.halted = False
            self._resumed = True
            self._timeline.core_resumed()
            self._changed()

    def _step(self) -> None:
        self.halted = False  # it never runs freely, so nobody is told
        self._timeline.core_resumed()
        self.stopped(self._charged(self.processor.step))
        if not self.halted:
            self._halt(DFSR_HALTED)

    def _let_run(self) -> None:
        if self.lockup or (self.firmware_elsewhere and not self.own_code):
            return
        resumed, self._resumed = self._resumed, False
        self.stopped(self._charged(lambda: self.processor.run(SLICE_BLOCKS, resumed=resumed)))

    def _charged(self, execute: Callable[[], Stop]) -> Stop:
        before = self._core.cycles
        self._timeline.core_executing = True
        try:
            return execute()
        finally:
            cycles = self._core.cycles - before
            self._timeline.charge(cycles * 1_000_000_000 // self._clock_hz)
            self._timeline.core_executing = False
            self._retired = True

    def stopped(self, stop: Stop) -> None:
        """Do what follows of the core having stopped for a reason."""
        if stop is Stop.RESET:
            self._system_reset()
        elif stop is Stop.BREAKPOINT:
            self._halt(DFSR_BKPT)
        elif stop is Stop.WATCHPOINT:
            for number in self._core.watch_hits:
                self._dwt[DWT_COMP + 16 * number + 8] |= 1 << 24  # MATCHED
            self._halt(DFSR_DWTTRAP)
        elif stop is Stop.CATCH:
            self._halt(DFSR_VCATCH)
        elif stop is Stop.FAULT:
            self.lockup = True
