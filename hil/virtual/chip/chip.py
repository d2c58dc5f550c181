"""A virtual microcontroller, as a debug probe, a supervisor and a test see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from eegrig.hil.virtual.chip.bus import Bus, Peripheral
from eegrig.hil.virtual.chip.cortex_m.core import Core
from eegrig.hil.virtual.chip.cortex_m.coresight import ROM_TABLE
from eegrig.hil.virtual.chip.cortex_m.dap import AccessPort, Dap, MemoryAccessPort
from eegrig.hil.virtual.chip.cortex_m.debug import BASE, SIZE, CoreDebug
from eegrig.hil.virtual.chip.cortex_m.nvic import Nvic
from eegrig.hil.virtual.chip.cortex_m.processor import Processor
from eegrig.hil.virtual.chip.cortex_m.systick import SysTick
from eegrig.hil.virtual.chip.cortex_m.timeline import Timeline
from eegrig.hil.virtual.chip.faults import Faults
from eegrig.hil.virtual.chip.memory.nor_flash import NorFlash
from eegrig.hil.virtual.chip.memory.storage import Storage
from eegrig.hil.virtual.chip.signals import BusFault

__all__ = ["Chip"]


class Chip(ABC):
    """A chip is a composition: memories on a bus, a core, debug registers, a debug port.

    A derived class makes its memories and peripherals, calls `assemble` with what is its own,
    and says what a system reset does to it.

    Attributes
    ----------
    pyocd_target : str
        Target name pyOCD knows the chip by.
    device_id : bytes
        The chip's own serial number.
    radio_address : str
        Bluetooth address that a board with this chip has before its firmware chooses another.
    flash : NorFlash
        Its flash memory. The firmware's file system programs and erases through
        ``flash.program`` and ``flash.erase_page``, which return the time they take.
    faults : Faults
        What a test armed.
    dap : Dap
        The debug port; a probe talks to it.
    nvic : Nvic
        State of the core's exceptions; ``nvic.pend(Exc.EXTERNAL + n)`` raises interrupt n.
    on_reset : list of callables
        Called after every system reset and power cycle, when `held` says whether the
        firmware may start.
    on_held : list of callables
        Called with the new state whenever `held` changes.
    """

    pyocd_target: str
    device_id: bytes
    radio_address: str
    flash: NorFlash
    dap: Dap
    core: Core
    debug: CoreDebug
    nvic: Nvic

    def __init__(self, storage: Storage, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.timeline = Timeline()
        self.bus = Bus()
        self.on_reset: list[Callable[[], None]] = []
        self.on_held: list[Callable[[bool], None]] = []
        self._storage = storage
        self._held = False

    def assemble(
        self,
        *,
        constants: dict[int, int],
        dpidr: int,
        ports: dict[int, AccessPort],
        clock_hz: int,
        nvic: Nvic,
    ) -> None:
        """Put core, debug registers and debug port behind the bus; the chip is then powered.

        Parameters
        ----------
        constants : dict
            Identification registers by address.
        dpidr : int
            Identity of the debug port.
        ports : dict
            Access ports besides number 0, which is the bus.
        clock_hz : int
            Core clock.
        nvic : Nvic
            With the chip's number of interrupts.
        """
        self.bus.peripherals.append(
            Peripheral(
                BASE,
                SIZE,
                lambda offset: self.debug.read(offset),
                lambda offset, value: self.debug.write(offset, value),
                lambda offset: Nvic.is_bytewise(BASE + offset),
            )
        )
        self.core = Core(self.bus)
        self.nvic = nvic
        self.debug = CoreDebug(
            Processor(self.core, self.bus, self.nvic, SysTick()),
            constants=constants,
            vectors=self._read_vectors,
            system_reset=self.requested_reset,
            timeline=self.timeline,
            clock_hz=clock_hz,
            changed=self._update_held,
        )
        bus_port = MemoryAccessPort(self.bus, ROM_TABLE, lambda: not self.locked)
        self.dap = Dap(dpidr, {0: bus_port, **ports}, self.timeline, self.faults)
        self.power_cycle()

    @property
    @abstractmethod
    def locked(self) -> bool:
        """Whether the chip keeps debuggers off its bus."""

    @abstractmethod
    def reset_peripherals(self) -> None:
        """Do what a system reset does to this chip's own peripherals."""

    @property
    def elapsed_ns(self) -> int:
        """Time a debugger spent on the chip since it was opened, by the model.

        SWD transactions at the set clock, flash operations, and the core's code where the
        debugger waited for it. The time a probe's USB link costs is not in it.
        """
        return self.timeline.now_ns

    @property
    def held(self) -> bool:
        """Whether a debugger keeps the firmware from running.

        True from a halt until a reset, or until a resume that left the program counter alone: a
        core that runs a debugger's flash algorithm does not run the firmware.
        """
        return self._held

    def attach_firmware(self) -> None:
        """Say that another process runs the firmware: the core then only looks as if it did."""
        self.debug.firmware_elsewhere = True
        if not self.debug.own_code:
            self.debug.lockup = False

    def flash_bytes(self, start: int, size: int) -> memoryview:
        """Contents of flash memory, read-only and always up to date, without copying.

        Parameters
        ----------
        start, size : int
            First address and length in bytes.

        Raises
        ------
        BusFault
            If the range is not flash memory.
        """
        return self.flash.view(start, size)

    def reset(self) -> None:
        """Reset the system: the firmware starts anew, unless a debugger catches the reset."""
        self.reset_peripherals()
        self.debug.reset()
        self._update_held()
        for callback in list(self.on_reset):
            callback()

    def requested_reset(self) -> None:
        """Reset the system because program or debugger asked for it (AIRCR)."""
        self.reset()

    def set_wire_clock(self, clock_hz: int) -> None:
        """Set the SWD clock in hertz."""
        self.timeline.wire_hz = max(1, clock_hz)

    def send_bits(self, count: int) -> None:
        """Let the probe send bits that are no transaction; only their time counts."""
        self.timeline.wire_bits(count)

    def flush(self) -> None:
        """Wait until all transactions are done: they are."""
        return

    def power_cycle(self) -> None:
        """Take the supply away and give it back."""
        self.dap.power_on()
        self.debug.power_on()
        for memory in self.bus.memories:
            if memory.plain:
                memory.buffer[:] = bytes(len(memory.buffer))
        self.bus.code_changed = True
        self.reset()

    def close(self) -> None:
        """Let other processes have the chip's files; the contents are in them already."""
        self._storage.close()

    def reopen(self) -> bool:
        """Take the files again after `close`; the chip has kept its power.

        Returns
        -------
        bool
            Whether nobody else had them meanwhile. If not, this chip has no files any more.

        Raises
        ------
        InfrastructureError
            If another process has them.
        """
        return self._storage.reopen()

    def _read_vectors(self, address: int) -> tuple[int, int]:
        """Read initial stack and entry; what cannot be read is as if nothing was there."""
        try:
            return self.bus.read(address, 4), self.bus.read(address + 4, 4)
        except BusFault:
            return 0, 0

    def _update_held(self) -> None:
        held = self.debug.halted or self.debug.own_code
        if held != self._held:
            self._held = held
            for callback in list(self.on_held):
                callback(held)
