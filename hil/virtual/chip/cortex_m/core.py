"""What executes instructions: a Cortex-M4 in Unicorn, with stops and a cycle count."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

from unicorn import (
    UC_ARCH_ARM,
    UC_ERR_FETCH_PROT,
    UC_ERR_FETCH_UNMAPPED,
    UC_ERR_INSN_INVALID,
    UC_HOOK_BLOCK,
    UC_HOOK_CODE,
    UC_HOOK_INTR,
    UC_HOOK_MEM_READ,
    UC_HOOK_MEM_READ_PROT,
    UC_HOOK_MEM_READ_UNMAPPED,
    UC_HOOK_MEM_WRITE,
    UC_HOOK_MEM_WRITE_PROT,
    UC_HOOK_MEM_WRITE_UNMAPPED,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_ALL,
    UC_PROT_EXEC,
    UC_PROT_NONE,
    UC_PROT_READ,
    Uc,
    UcError,
)
from unicorn import arm_const as arm

from eegrig.hil.virtual.chip.bus import Bus, Memory, Peripheral, RegisterPage
from eegrig.hil.virtual.chip.cortex_m.registers import PC, XPSR, XPSR_THUMB, Registers
from eegrig.hil.virtual.chip.cortex_m.stops import Fault, FaultKind, Stop, Watchpoint
from eegrig.hil.virtual.chip.cortex_m.tally import NONE, Field, Reason, Tally
from eegrig.hil.virtual.chip.signals import BusFault, PowerLost

__all__ = ["Core"]

PAGE = 0x1000
NOWHERE = 0xFFFF_FFFE  # an end address that is never reached

# Numbers of Unicorn's interrupt hook.
TRAP_SUPERVISOR_CALL, TRAP_BKPT, TRAP_EXCEPTION_RETURN = 2, 7, 8
# Hints that Unicorn takes for invalid, with the program counter behind them already.
WFE, YIELD, SEV = b"\x20\xbf", b"\x10\xbf", b"\x40\xbf"


class Core:
    """A Cortex-M4 that stops where an exception comes in; `Processor` does the rest.

    Parameters
    ----------
    bus : Bus
        What the core sees; complete when the core is made.

    Attributes
    ----------
    pc : int
        Address of the next instruction.
    registers : Registers
        All other registers.
    tally : Tally
        What it counts before every basic block, and what stops it there. An instruction is one
        cycle unless it is given another price: assumed, without wait states.
    executing : bool
        True inside `run` and `step`.
    watch_hits : list of int
        Comparators of the watchpoints that stopped the core last.
    fault : Fault
        The last fault.
    at_bkpt : bool
        Whether the last breakpoint was an instruction.
    """

    def __init__(self, bus: Bus) -> None:
        self.pc = NOWHERE
        self.tally = Tally()
        self.executing = False
        self.watch_hits: list[int] = []
        self.fault = Fault(FaultKind.UNDEFINED, 0, "")
        self.at_bkpt = False
        self._bus = bus
        self._uc: Any = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self.registers = Registers(self._uc)
        self._closable: dict[int, tuple[Memory, bool]] = {}  # those that can be closed, and if so
        self._pinned: list[Any] = []  # the buffers Unicorn has pointers into
        self._stop: Stop | None = None
        self._bad_address = 0
        self._block_lengths: dict[tuple[int, int], int] = {}
        self._raised: Exception | None = None
        self._step_over: int | None = None
        self._breakpoint_hooks: list[Any] = []
        self._watch_hooks: list[Any] = []
        for memory in bus.memories:
            self._map_memory(memory)
        for peripheral in bus.peripherals:
            self._map_peripheral(peripheral)
        self._uc.hook_add(UC_HOOK_MEM_WRITE_PROT, self._on_guarded_store)
        self._uc.hook_add(
            UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED | UC_HOOK_MEM_READ_PROT,
            self._on_refused,
        )
        self._uc.hook_add(UC_HOOK_INTR, self._on_trap)
        self._block_hook = self._uc.hook_add(UC_HOOK_BLOCK, self._on_block)

    def compile_hook(self) -> None:
        """Count in compiled code from now on: for a core that executes firmware.

        Raises
        ------
        ImportError
            If what compiles it is not installed.
        """
        from eegrig.hil.virtual.chip.cortex_m.compiled_hook import add_compiled_hook

        for memory in self._bus.memories:
            code_map = self._bus.code_map(memory)
            contents, marks = (
                (ctypes.c_char * len(buffer)).from_buffer(buffer)
                for buffer in (memory.buffer, code_map)
            )
            self._pinned += [contents, marks]
            self.tally.add_memory(
                memory.base, memory.end, ctypes.addressof(contents), ctypes.addressof(marks)
            )
        add_compiled_hook(self._uc, self.tally.address)
        self._uc.hook_del(self._block_hook)

    # ---- registers

    def read_register(self, number: int) -> int:
        """Read a core register by its debug number; unknown ones read 0."""
        return self.pc if number == PC else self.registers.read(number)

    def write_register(self, number: int, value: int) -> None:
        """Write a core register by its debug number; unknown ones swallow it."""
        if number == PC:
            self.pc = value & ~1
        else:
            self.registers.write(number, value)

    def reset(self, stack: int, entry: int) -> None:
        """Set the registers as a reset does, with the first two words of the vector table."""
        self.registers.reset(stack)
        self.pc = entry & ~1

    # ---- execution

    def run(self, blocks: int, *, step_over: int | None = None) -> Stop:
        """Execute until something stops the core, at most `blocks` basic blocks.

        Parameters
        ----------
        blocks : int
            How many at most; what is left of them is then in `blocks_left`.
        step_over : int, optional
            Address where a breakpoint does not stop the first instruction: a core that is let go
            where it stopped would otherwise never move.

        Raises
        ------
        PowerLost
            If the supply went away in a store to flash memory.
        """
        self._step_over = step_over if self._breakpoint_hooks else None
        return self._execute(blocks, 0)

    @property
    def cycles(self) -> int:
        """Cycles executed or slept so far."""
        return self.tally.cycles

    @cycles.setter
    def cycles(self, cycles: int) -> None:
        self.tally.cycles = cycles

    @property
    def blocks_left(self) -> int:
        """What was left of the blocks given to `run`."""
        return self.tally.words[Field.BLOCKS_LEFT]

    def step(self) -> Stop:
        """Execute one instruction; an IT block counts as one.

        Raises
        ------
        PowerLost
            If the supply went away in a store to flash memory.
        """
        self._step_over = self.pc
        self._bus.code_changed = True  # blocks translated without a count ignore it
        stop = self._execute(2, 1)
        self._bus.code_changed = True
        return stop

    def request_reset(self) -> None:
        """Stop as soon as possible, because the program asked for a reset."""
        self._stop = Stop.RESET
        self._uc.emu_stop()

    def set_breakpoints(self, addresses: Iterable[int]) -> None:
        """Replace all breakpoints."""
        for hook in self._breakpoint_hooks:
            self._uc.hook_del(hook)
        self._breakpoint_hooks = [
            self._uc.hook_add(UC_HOOK_CODE, self._on_breakpoint, begin=address, end=address)
            for address in addresses
        ]
        self._bus.code_changed = True

    def set_watchpoints(self, watchpoints: Iterable[Watchpoint]) -> None:
        """Replace all watchpoints."""
        for hook in self._watch_hooks:
            self._uc.hook_del(hook)
        self._watch_hooks = []
        for watchpoint in watchpoints:
            kinds = UC_HOOK_MEM_READ * watchpoint.reads | UC_HOOK_MEM_WRITE * watchpoint.writes
            self._watch_hooks.append(
                self._uc.hook_add(
                    kinds,
                    self._on_watched,
                    watchpoint,
                    begin=watchpoint.start - 3,
                    end=watchpoint.start + watchpoint.size - 1,
                )
            )
        if self._watch_hooks:
            self._watch_hooks.append(self._uc.hook_add(UC_HOOK_CODE, self._on_instruction))
        self._bus.code_changed = True

    def _execute(self, blocks: int, count: int) -> Stop:
        if self._bus.code_changed:
            self._uc.ctl_flush_tb()
            self._block_lengths.clear()
            self._bus.forget_code()
        for memory, was_closed in list(self._closable.values()):
            self._close(memory, was_closed)
        self._forget()
        words = self.tally.words
        words[Field.BLOCKS_LEFT] = blocks
        words[Field.REASON] = Reason.NOT
        error: UcError | None = None
        self.executing = True
        try:
            self._uc.emu_start(self.pc | 1, NOWHERE, count=count)
        except UcError as raised:
            error = raised
        finally:
            self.executing = False
        self.pc = int(self._uc.reg_read(arm.UC_ARM_REG_PC)) & ~1
        if isinstance(self._raised, PowerLost):
            raise self._raised
        lost: BaseException | None = self._uc._hook_exception
        if error is not None and lost is not None:
            raise lost  # in a hook, Ctrl-C among them: the emulator tells of a refused access only
        if error is not None:
            return self._explain(error)
        if self.watch_hits and self._stop is not Stop.RESET:
            return Stop.WATCHPOINT
        if self._stop is not None:
            return self._stop
        if words[Field.REASON]:
            return Stop.ATTENTION if words[Field.REASON] == Reason.ATTENTION else Stop.SLICE
        # Nothing stopped it: it went to sleep, or the one instruction asked for is done.
        return Stop.SLICE if count else Stop.SLEEP

    def _forget(self) -> None:
        self._raised = self._stop = None
        self.at_bkpt = False
        self.watch_hits.clear()

    def _explain(self, error: UcError) -> Stop:
        # An instruction that is none begins its block; a hint ends one, wherever it began before.
        if error.errno == UC_ERR_INSN_INVALID and self.pc != self.tally.words[Field.LAST_START]:
            hint = self._halfword(self.pc - 2)
            # An event that the program itself sent just before lets it pass.
            if hint == YIELD or (hint == WFE and self._halfword(self.pc - 4) == SEV):
                return Stop.ATTENTION
            if hint == WFE:
                return Stop.SLEEP
        reason = f"{self._raised or error} at pc {self.pc:#010x}"
        kind, address = FaultKind.ACCESS, self._bad_address
        if error.errno in (UC_ERR_FETCH_PROT, UC_ERR_FETCH_UNMAPPED):
            kind, address = FaultKind.FETCH, self.pc
        elif error.errno == UC_ERR_INSN_INVALID:
            thumb = self.registers.read(XPSR) & XPSR_THUMB
            kind, address = FaultKind.UNDEFINED if thumb else FaultKind.STATE, self.pc
        self.fault = Fault(kind, address, reason)
        return Stop.FAULT

    def _halfword(self, address: int) -> bytes:
        try:
            return self._bus.read(address, 2).to_bytes(2, "little")
        except BusFault:
            return b""

    # ---- what Unicorn calls

    def _map_memory(self, memory: Memory) -> None:
        size = len(memory.buffer)
        window = (ctypes.c_char * size).from_buffer(memory.buffer)
        self._pinned.append(window)
        # Mapped writable and then protected: only then does Unicorn leave the store to the hook.
        # Mapped read-only at once, the raw value lands in memory behind the hook's back.
        self._uc.mem_map_ptr(memory.base, size, UC_PROT_ALL, ctypes.addressof(window))
        if not memory.plain:
            self._uc.mem_protect(memory.base, size, UC_PROT_READ | UC_PROT_EXEC)
        if memory.closed is not None:
            self._closable[memory.base] = (memory, False)

    def _close(self, memory: Memory, was_closed: bool) -> None:
        closed = memory.closed is not None and memory.closed()
        if closed == was_closed:
            return
        self._closable[memory.base] = (memory, closed)
        usual = UC_PROT_ALL if memory.plain else UC_PROT_READ | UC_PROT_EXEC
        self._uc.mem_protect(memory.base, len(memory.buffer), UC_PROT_NONE if closed else usual)

    def _map_peripheral(self, peripheral: RegisterPage) -> None:
        def read(uc: Any, offset: int, size: int, data: Any) -> int:
            return peripheral.load(offset, size)

        def write(uc: Any, offset: int, size: int, value: int, data: Any) -> None:
            peripheral.store(offset, size, value)

        self._uc.mmio_map(peripheral.base, peripheral.size, read, None, write, None)

    def _on_refused(
        self, uc: Any, access: int, address: int, size: int, value: int, data: Any
    ) -> bool:
        self._bad_address = address
        if address not in self._bus.quiet or self._bus.memory_at(address, size) is not None:
            return False
        self._bus.on_quiet(address)
        page = address & ~(PAGE - 1)
        self._map_peripheral(Peripheral(page, PAGE, lambda offset: 0, lambda offset, value: None))
        return True

    def _on_guarded_store(
        self, uc: Any, access: int, address: int, size: int, value: int, data: Any
    ) -> bool:
        memory = self._bus.memory_at(address, size)
        try:
            if memory is None or memory.store is None:
                raise BusFault(f"store to read-only memory at {address:#010x}")
            memory.store(address, size, value & 0xFFFF_FFFF)
        except (BusFault, PowerLost) as error:
            self._raised = error
            self._bad_address = address
            return False
        return True

    def _on_block(self, uc: Any, address: int, size: int, data: Any) -> None:
        # Slices are counted in blocks, never in wall time: a stop that lands inside a store makes
        # Unicorn run that store twice, and a wall-clock slice is not reproducible.
        length = self._block_lengths.get((address, size))
        if length is None:  # before any stop: Unicorn has translated it already
            length = self._block_lengths[address, size] = _count_instructions(
                bytes(uc.mem_read(address, size))
            )
            self._bus.note_code(address, size)
        words = self.tally.words
        if words[Field.NOW] < words[Field.BUSY] and address < words[Field.BUSY_END]:
            words[Field.NOW] = words[Field.BUSY]
        if words[Field.NOW] >= words[Field.ALARM] or (
            words[Field.URGENCY] < NONE and not words[Field.OVERLOOK] and self._is_due()
        ):
            words[Field.REASON] = Reason.ATTENTION
            uc.emu_stop()
            return
        words[Field.OVERLOOK] = 0
        if words[Field.BLOCKS_LEFT] <= 0:
            words[Field.REASON] = Reason.SLICE
            uc.emu_stop()
            return
        words[Field.BLOCKS_LEFT] -= 1
        words[Field.INSTRUCTIONS] += length
        words[Field.NOW] += length * words[Field.PRICE]
        words[Field.LAST_START], words[Field.LAST_END] = address, address + size

    def _is_due(self) -> bool:
        words = self.tally.words
        primask, faultmask, basepri = self.registers.masks()
        if faultmask or words[Field.URGENCY] < 0:
            return not faultmask
        basepri &= words[Field.BASEPRI_MASK]
        return not primask and (not basepri or words[Field.URGENCY] < basepri)

    def _on_breakpoint(self, uc: Any, address: int, size: int, data: Any) -> None:
        if address != self._step_over:
            self._stop = Stop.BREAKPOINT
            uc.emu_stop()
        self._step_over = None

    def _on_watched(
        self, uc: Any, access: int, address: int, size: int, value: int, watchpoint: Watchpoint
    ) -> None:
        if address < watchpoint.start + watchpoint.size and address + size > watchpoint.start:
            self.watch_hits.append(watchpoint.number)

    def _on_instruction(self, uc: Any, address: int, size: int, data: Any) -> None:
        # A stop inside the access would make Unicorn do it twice: stop before what comes next.
        if self.watch_hits:
            uc.emu_stop()

    def _on_trap(self, uc: Any, number: int, data: Any) -> None:
        if number == TRAP_SUPERVISOR_CALL:
            self._stop = Stop.SUPERVISOR_CALL
        elif number == TRAP_EXCEPTION_RETURN:
            self._stop = Stop.EXCEPTION_RETURN
        elif number == TRAP_BKPT:
            self._stop = Stop.BREAKPOINT
            self.at_bkpt = True
        else:
            self.fault = Fault(FaultKind.UNDEFINED, 0, f"trap {number}")
            self._stop = Stop.FAULT
        uc.emu_stop()


def _count_instructions(code: bytes) -> int:
    """Count Thumb-2 instructions: 32-bit ones start with 0b11101, 0b11110 or 0b11111."""
    count = at = 0
    while at + 1 < len(code):
        at += 4 if code[at + 1] >> 3 >= 0b11101 else 2
        count += 1
    return count
