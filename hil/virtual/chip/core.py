"""The processor: a Cortex-M4 executed by Unicorn, with stops and a cycle count."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from unicorn import (
    UC_ARCH_ARM,
    UC_ERR_EXCEPTION,
    UC_HOOK_BLOCK,
    UC_HOOK_CODE,
    UC_HOOK_MEM_READ,
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

from hil.virtual.chip.bus import Bus, Memory, Peripheral
from hil.virtual.chip.signals import BusFault, PowerLost

__all__ = ["Core", "Stop", "Watchpoint"]

PAGE = 0x1000
NOWHERE = 0xFFFF_FFFE  # an end address that is never reached

# Register numbers as the debug port counts them (DCRSR.REGSEL, Arm DDI 0403, C1.6.3).
PC = 15
SPECIAL = 20  # CONTROL, FAULTMASK, BASEPRI, PRIMASK
SPECIAL_BITS = 0x0301_FF01
_REGISTERS: dict[int, int] = {
    **{number: getattr(arm, f"UC_ARM_REG_R{number}") for number in range(13)},
    13: arm.UC_ARM_REG_SP,
    14: arm.UC_ARM_REG_LR,
    16: arm.UC_ARM_REG_XPSR,
    17: arm.UC_ARM_REG_MSP,
    18: arm.UC_ARM_REG_PSP,
    33: arm.UC_ARM_REG_FPSCR,
    **{64 + number: getattr(arm, f"UC_ARM_REG_S{number}") for number in range(32)},
}
XPSR_THUMB = 0x0100_0000


class Stop(Enum):
    """Why the core stopped executing."""

    SLICE = auto()
    """The slice is over; the core goes on when asked."""
    BREAKPOINT = auto()
    WATCHPOINT = auto()
    FAULT = auto()
    """A fault; exceptions are not modelled, so the core can only lock up."""
    RESET = auto()
    """The program asked for a system reset."""


@dataclass(frozen=True)
class Watchpoint:
    """A data access to stop behind.

    Attributes
    ----------
    number : int
        Comparator.
    start, size : int
        Watched bytes.
    reads, writes : bool
        Which accesses match.
    """

    number: int
    start: int
    size: int
    reads: bool
    writes: bool


class Core:
    """A Cortex-M4 without exceptions and interrupts.

    Enough for the flash algorithms a debugger runs and for stepping through code; an image
    with an operating system in it locks up at its first exception.

    Parameters
    ----------
    bus : Bus
        What the core sees; complete when the core is made.

    Attributes
    ----------
    pc : int
        Address of the next instruction.
    cycles : int
        Instructions executed, which is the assumed number of cycles (one each, no wait states).
    executing : bool
        True inside `run` and `step`.
    watch_hits : list of int
        Comparators of the watchpoints that stopped the core last.
    last_fault : str
        What the last fault was, for people.
    """

    def __init__(self, bus: Bus) -> None:
        self.pc = NOWHERE
        self.cycles = 0
        self.executing = False
        self.watch_hits: list[int] = []
        self.last_fault = ""
        self._bus = bus
        self._special = 0
        self._uc: Any = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self._closable: dict[int, tuple[Memory, bool]] = {}  # those that can be closed, and if so
        self._pinned: list[Any] = []  # the buffers Unicorn has pointers into
        self._budget = 0
        self._block_lengths: dict[tuple[int, int], int] = {}
        self._raised: Exception | None = None
        self._hit_breakpoint = False
        self._reset_requested = False
        self._step_over: int | None = None
        self._finishing = False
        self._breakpoint_hooks: list[Any] = []
        self._watch_hooks: list[Any] = []
        for memory in bus.memories:
            self._map_memory(memory)
        for peripheral in bus.peripherals:
            self._map_peripheral(peripheral)
        self._uc.hook_add(UC_HOOK_MEM_WRITE_PROT, self._on_guarded_store)
        self._uc.hook_add(UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED, self._on_unmapped)
        self._uc.hook_add(UC_HOOK_BLOCK, self._on_block)

    # ---- registers

    def read_register(self, number: int) -> int:
        """Read a core register by its debug number; unknown ones read 0."""
        if number == PC:
            return self.pc
        if number == SPECIAL:
            return self._special
        if number not in _REGISTERS:
            return 0
        return int(self._uc.reg_read(_REGISTERS[number])) & 0xFFFF_FFFF

    def write_register(self, number: int, value: int) -> None:
        """Write a core register by its debug number; unknown ones swallow it."""
        if number == PC:
            self.pc = value & ~1
        elif number == SPECIAL:
            # Kept here: Unicorn forgets parts of it, and a debugger reads back what it wrote.
            self._special = value & SPECIAL_BITS
            self._uc.reg_write(arm.UC_ARM_REG_PRIMASK, value & 1)
        elif number in _REGISTERS:
            self._uc.reg_write(_REGISTERS[number], value)

    def reset(self, stack: int, entry: int) -> None:
        """Set the registers as a reset does, with the first two words of the vector table."""
        for number in range(13):
            self.write_register(number, 0)
        self._special = 0
        self._uc.reg_write(arm.UC_ARM_REG_CONTROL, 0)
        self.write_register(16, XPSR_THUMB)
        self.write_register(17, stack & ~3)
        self.write_register(14, 0xFFFF_FFFF)
        self.pc = entry & ~1

    # ---- execution

    def run(self, blocks: int) -> Stop:
        """Execute until something stops the core, at most `blocks` basic blocks.

        Raises
        ------
        PowerLost
            If the supply went away in a store to flash memory.
        """
        # A breakpoint on the first instruction would stop the core again before it moved.
        self._step_over = self.pc if self._breakpoint_hooks else None
        return self._execute(blocks, 0)

    def step(self) -> Stop:
        """Execute one instruction.

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
        self._reset_requested = True
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
        self._bus.code_changed = True

    def _execute(self, blocks: int, count: int) -> Stop:
        self._hit_breakpoint = self._reset_requested = False
        self.watch_hits.clear()
        self.executing = True
        try:
            stop = self._emulate(blocks, count)
            if self.watch_hits:
                # A watchpoint stops behind the access: finish the instruction.
                self._finishing = self._bus.code_changed = True
                self._emulate(2, 1)
                self._finishing, self._bus.code_changed = False, True
                return Stop.WATCHPOINT
        finally:
            self.executing = False
        if self._reset_requested:
            return Stop.RESET
        return Stop.BREAKPOINT if self._hit_breakpoint else stop

    def _emulate(self, blocks: int, count: int) -> Stop:
        if self._bus.code_changed:
            self._uc.ctl_flush_tb()
            self._block_lengths.clear()
            self._bus.code_changed = False
        for memory, was_closed in list(self._closable.values()):
            self._close(memory, was_closed)
        self._raised = None
        self._budget = blocks
        stop = Stop.SLICE
        try:
            self._uc.emu_start(self.pc | 1, NOWHERE, count=count)
        except UcError as error:
            stop = self._explain(error)
        self.pc = int(self._uc.reg_read(arm.UC_ARM_REG_PC)) & ~1
        if isinstance(self._raised, PowerLost):
            raise self._raised
        return stop

    def _explain(self, error: UcError) -> Stop:
        pc = int(self._uc.reg_read(arm.UC_ARM_REG_PC)) & ~1
        if error.errno == UC_ERR_EXCEPTION:
            try:
                if self._bus.read(pc, 2) & 0xFF00 == 0xBE00:  # BKPT
                    return Stop.BREAKPOINT
            except BusFault:
                pass  # the program ran off the memory, which is a fault like any other
        self.last_fault = f"{self._raised or error} at pc {pc:#010x}"
        return Stop.FAULT

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

    def _map_peripheral(self, peripheral: Peripheral) -> None:
        def read(uc: Any, offset: int, size: int, data: Any) -> int:
            word = peripheral.read(offset & ~3)
            return (word >> (8 * (offset & 3))) & ((1 << (8 * size)) - 1)

        def write(uc: Any, offset: int, size: int, value: int, data: Any) -> None:
            peripheral.write(offset & ~3, value)

        self._uc.mmio_map(peripheral.base, peripheral.size, read, None, write, None)

    def _on_unmapped(
        self, uc: Any, access: int, address: int, size: int, value: int, data: Any
    ) -> bool:
        if address not in self._bus.quiet:
            return False
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
            return False
        return True

    def _on_block(self, uc: Any, address: int, size: int, data: Any) -> None:
        # Slices are counted in blocks, never in wall time: a stop that lands inside a store makes
        # Unicorn run that store twice, and a wall-clock slice is not reproducible.
        self._budget -= 1
        if self._budget < 0:
            uc.emu_stop()
            return
        length = self._block_lengths.get((address, size))
        if length is None:
            length = self._block_lengths[address, size] = _count_instructions(
                bytes(uc.mem_read(address, size))
            )
        self.cycles += length

    def _on_breakpoint(self, uc: Any, address: int, size: int, data: Any) -> None:
        if address != self._step_over:
            self._hit_breakpoint = True
            uc.emu_stop()
        self._step_over = None

    def _on_watched(
        self, uc: Any, access: int, address: int, size: int, value: int, watchpoint: Watchpoint
    ) -> None:
        inside = address < watchpoint.start + watchpoint.size and address + size > watchpoint.start
        if inside and not self._finishing:
            self.watch_hits.append(watchpoint.number)
            uc.emu_stop()


def _count_instructions(code: bytes) -> int:
    """Count Thumb-2 instructions: 32-bit ones start with 0b11101, 0b11110 or 0b11111."""
    count = at = 0
    while at + 1 < len(code):
        at += 4 if code[at + 1] >> 3 >= 0b11101 else 2
        count += 1
    return count
