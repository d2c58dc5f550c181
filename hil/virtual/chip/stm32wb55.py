"""The STM32WB55 as a debug target: CPU1, its flash memory, and the read protection.

Addresses and rules are those of ST RM0434; sizes and times of the memories are the part's
(``boards/parts``). CPU2, the radio's processor, is not there: its wireless stack is a stretch of
flash memory that CPU1 may not write.
"""

from __future__ import annotations

import mmap
from hashlib import sha256
from pathlib import Path

from eegrig.boards import load_part
from eegrig.hil.virtual.chip.bus import Memory
from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.chip.cortex_m.coresight import ST, rom_table
from eegrig.hil.virtual.chip.cortex_m.nvic import Exc, Nvic
from eegrig.hil.virtual.chip.faults import Faults
from eegrig.hil.virtual.chip.free_running import CoreClock, FreeRunning, Wait
from eegrig.hil.virtual.chip.memory.double_word_flash import DoubleWordFlash
from eegrig.hil.virtual.chip.memory.nor_flash import FlashTiming
from eegrig.hil.virtual.chip.memory.stm32_flash import IPCCBR, Stm32Flash
from eegrig.hil.virtual.chip.memory.stm32_options import OPTR, OptionBytes
from eegrig.hil.virtual.chip.memory.storage import Storage
from eegrig.hil.virtual.chip.radio_address import locally_administered
from eegrig.hil.virtual.chip.stm32wb.address_map import register_pages
from eegrig.hil.virtual.chip.stm32wb.clocks.polling import Polls
from eegrig.hil.virtual.chip.stm32wb.clocks.rcc import ResetFlag
from eegrig.hil.virtual.chip.stm32wb.pins.adc import CALIBRATION
from eegrig.hil.virtual.chip.stm32wb.system import Surroundings, System

__all__ = ["Stm32wb55"]

_PART = load_part("stm32wb55")
FLASH_BASE = 0x0800_0000
FLASH_SIZE, PAGE_SIZE = (int(_PART[key].value) for key in ("flash_size", "flash_page_size"))
RAM_BASE, SRAM1_SIZE = 0x2000_0000, 0x3_0000
SRAM2_BASE, SRAM2_ALIAS = 0x2003_0000, 0x1000_0000
SRAM2_SIZE = int(_PART["ram_size"].value) - SRAM1_SIZE
SYSTEM_BASE, OPTIONS_BASE = 0x1FFF_7000, 0x1FFF_8000
DBGMCU_IDCODE = 0xE004_2000
REVISION = 0x2001_6000
STOP_WAKE_NS, STANDBY_WAKE_NS = 5_700, 51_000
"""From a wake-up to the first instruction: Stop 2, DS11929 table 8; Standby: assumed."""
# After a reset the core runs from the MSI at 4 MHz (RM0434, 8.2.3).
CLOCK_HZ = 4_000_000

TIMING = FlashTiming.of(_PART)


class Stm32wb55(Chip):
    """An STM32WB55xG, or another chip of its family if a test needs a wrong one.

    Parameters
    ----------
    directory : Path or None
        Where flash memory and option bytes are kept (``flash.bin``, ``option.bin``). None keeps
        them in this process.
    faults : Faults, optional
        Faults to arm.
    device : int
        What DBGMCU_IDCODE says in DEV_ID, 12 bits.
    flash_kib : int
        What the part's flash size register says; the model's memory has 1 MiB in any case.
    seed : str
        Decides the unique device ID.
    clock, outside : CoreClock, Surroundings, optional
        For a chip that runs firmware by itself: its time, and what is around it. Without them it
        has no peripherals but the flash interface, which is all a debugger needs.

    Attributes
    ----------
    system : System or None
        Its peripherals.
    runner : FreeRunning or None
        What lets it run; set by whoever made that.

    Raises
    ------
    InfrastructureError
        If another process holds the directory.
    ConfigError
        If a file in it has the wrong size.
    """

    pyocd_target = "stm32wb55xg"

    def __init__(
        self,
        directory: Path | None = None,
        faults: Faults | None = None,
        *,
        device: int = 0x495,
        flash_kib: int = FLASH_SIZE // 1024,
        seed: str = "",
        clock: CoreClock | None = None,
        outside: Surroundings | None = None,
    ) -> None:
        super().__init__(Storage(directory), faults)
        identity = sha256(seed.encode()).digest()
        self.device_id = identity[:12]
        self.radio_address = locally_administered(self.device_id)
        storage = self._storage
        memory = DoubleWordFlash(
            FLASH_BASE, PAGE_SIZE, storage.map("flash.bin", FLASH_SIZE), TIMING, self.faults
        )
        self.flash = memory
        option_memory = storage.map("option.bin", PAGE_SIZE)
        self._options = OptionBytes(option_memory)
        self._controller = Stm32Flash(
            memory,
            self._options,
            charge=self._charge_flash,
            busy=self._flash_is_busy,
            debugged=lambda: self.dap.was_connected,
            erase_secrets=self._erase_secrets,
            launch=self._load_options,
        )
        self._sram2 = mmap.mmap(-1, SRAM2_SIZE)
        self.bus.memories += [
            Memory(RAM_BASE, mmap.mmap(-1, SRAM1_SIZE), plain=True),
            *(
                Memory(
                    base,
                    memory.buffer,
                    store=self._controller.store_to_flash,
                    closed=self._is_closed,
                )
                for base in (FLASH_BASE, 0)
            ),
            *(
                Memory(base, self._sram2, plain=True, closed=self._is_closed)
                for base in (SRAM2_BASE, SRAM2_ALIAS)
            ),
            Memory(SYSTEM_BASE, _system_information(flash_kib, self.device_id)),
            Memory(OPTIONS_BASE, option_memory),
        ]
        nvic = Nvic(interrupts=63, priority_bits=4)
        self.runner: FreeRunning | None = None
        self.system: System | None = None
        self._power_on = True
        self._cause: ResetFlag | None = None
        if clock is None or outside is None:
            self.bus.peripherals += register_pages([self._controller], lambda address: None)
        else:
            self.system = System(
                self.bus,
                clock,
                outside,
                interrupt=lambda n, asserted: nvic.set_line(Exc.EXTERNAL + n, asserted),
                frequency_changed=self._frequency_changed,
                reset=lambda: self._reset_for(ResetFlag.WATCHDOG),
                table=lambda: SRAM2_BASE + 4 * (self._controller.read(IPCCBR) & 0x3FFF),
                polls=Polls(lambda: self.core.cycles, self._skip),
                more=[self._controller],
            )
            self.bus.peripherals += self.system.pages()
        self.assemble(
            constants=rom_table(ST, 0x495) | {DBGMCU_IDCODE: REVISION | device},
            dpidr=0x6BA0_2477,
            ports={},
            clock_hz=CLOCK_HZ,
            nvic=nvic,
        )

    @property
    def locked(self) -> bool:
        """Whether no debugger gets on the bus: only read protection level 2 does that."""
        return self._options.protection_level == 2

    def lock(self) -> None:
        """Set read protection to level 1 and power-cycle, as a production line does."""
        self._options.store({OPTR: self._options.stored()[OPTR] & ~0xFF | 0xBB})
        self.power_cycle()

    def reset_peripherals(self) -> None:
        """Set all registers as a system reset does, or as power that comes does."""
        self._controller.reset()
        if self.system is not None:
            if self._power_on:
                self.system.power_on_reset()
            else:
                # Every source of a reset pulls the pin down, too (RM0434, 8.1.2).
                self.system.reset(ResetFlag.PIN if self._cause is None else self._cause)
        self._power_on = False
        self._cause = None

    def requested_reset(self) -> None:
        """Reset the system: program or debugger asked for it, or what stopped the core did."""
        if self._cause is None:
            self._cause = ResetFlag.SOFTWARE | ResetFlag.PIN
        self.reset()

    def _reset_for(self, cause: ResetFlag) -> None:
        self._cause = cause | ResetFlag.PIN
        if self.core.executing:
            self.core.request_reset()
        else:
            self.reset()

    def power_cycle(self) -> None:
        """Take the supply away and give it back: the option bytes are loaded anew."""
        self._options.load()
        self._power_on = True
        super().power_cycle()

    def _is_closed(self) -> bool:
        return self._controller.closed

    def _charge_flash(self, duration_ns: int) -> None:
        self.bus.code_changed = True
        runner = self._runner_at_work
        if runner is not None:
            runner.keep_memory_busy(duration_ns, FLASH_BASE + FLASH_SIZE)
        else:
            self.timeline.charge(duration_ns)

    def _flash_is_busy(self) -> bool:
        runner = self._runner_at_work
        return runner is not None and runner.memory_is_busy()

    @property
    def _runner_at_work(self) -> FreeRunning | None:
        """What lets the firmware run, if it is that what executes now."""
        return self.runner if self.core.executing and not self.debug.own_code else None

    def _frequency_changed(self, hz: int) -> None:
        if self.runner is not None:
            self.runner.frequency_changed(hz)

    def _skip(self) -> None:
        if self.runner is not None:
            self.runner.skip()

    # ---- low-power modes

    def wait_mode(self, deep: bool) -> Wait:
        """Return how deep the core waits, by PWR_CR1.LPMS."""
        if not deep or self.system is None:
            return "sleep"
        return "stop" if self.system.pwr.stop_mode.startswith("stop") else "standby"

    def enter(self, mode: Wait) -> None:
        """Stop the clocks that stand in a mode."""
        system = self.system
        if system is None or mode == "sleep":
            return
        if mode == "stop":
            system.pwr.note_stop(system.pwr.stop_mode)
            system.rcc.enter_stop()
        else:
            system.second_processor.reset()

    def leave(self, mode: Wait) -> int:
        """Return what the way back takes; from standby everything begins anew."""
        if mode == "standby" and self.system is not None:
            self.system.pwr.note_standby()
            self._cause = ResetFlag(0)  # its end is no reset that CSR tells of: assumed
            self.bus.memories[0].buffer[:] = bytes(SRAM1_SIZE)
        return STOP_WAKE_NS if mode == "stop" else STANDBY_WAKE_NS

    def _erase_secrets(self) -> None:
        self._charge_flash(self.flash.erase_all())
        self._sram2[:] = bytes(SRAM2_SIZE)

    def _load_options(self) -> None:
        self._options.load()
        self._reset_for(ResetFlag.OPTION_BYTES)


def _system_information(flash_kib: int, identity: bytes) -> bytearray:
    """Make the page with package, calibration, unique IDs and flash size (RM0434, chapter 42)."""
    page = bytearray(b"\xff" * PAGE_SIZE)
    page[0x500:0x504] = (0x13).to_bytes(4, "little")  # package: VFQFPN68
    page[0x580:0x584] = identity[:4]  # UID64, from which the radio makes its address
    page[0x584:0x588] = (0x0080_E100 | 0x26).to_bytes(4, "little")  # ST's company ID, device ID
    page[0x590:0x59C] = identity
    for address, word in CALIBRATION.items():
        at = address - SYSTEM_BASE
        page[at : at + 2] = word.to_bytes(2, "little")
    page[0x5E0:0x5E2] = flash_kib.to_bytes(2, "little")
    return page
