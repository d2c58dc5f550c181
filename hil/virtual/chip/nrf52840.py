"""The nRF52840 as a debug target.

Register addresses are those of the nRF52840 product specification; sizes and times of the memories
are the part's (``boards/parts``).
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from eegrig.boards import load_part
from eegrig.hil.virtual.chip.bus import Memory, Peripheral
from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.chip.cortex_m.coresight import NORDIC, rom_table
from eegrig.hil.virtual.chip.cortex_m.dap import IDR, AccessPort
from eegrig.hil.virtual.chip.cortex_m.nvic import Nvic
from eegrig.hil.virtual.chip.faults import Faults
from eegrig.hil.virtual.chip.memory.nor_flash import FlashTiming, NorFlash
from eegrig.hil.virtual.chip.memory.nvmc import Nvmc
from eegrig.hil.virtual.chip.memory.storage import Storage
from eegrig.hil.virtual.chip.radio_address import static_random

__all__ = ["Nrf52840"]

_PART = load_part("nrf52840")
FLASH_SIZE, PAGE_SIZE = (int(_PART[key].value) for key in ("flash_size", "flash_page_size"))
RAM_BASE, RAM_SIZE = 0x2000_0000, int(_PART["ram_size"].value)
FICR_BASE, UICR_BASE = 0x1000_0000, 0x1000_1000
APPROTECT = UICR_BASE + 0x208
CLOCK_HZ = 64_000_000

TIMING = FlashTiming.of(_PART)


class NordicCtrlAp(AccessPort):
    """Nordic's control access port: erase everything, reset, and the state of the lock."""

    idr = 0x1288_0000
    RESET, ERASEALL, ERASEALLSTATUS, APPROTECTSTATUS = 0x00, 0x04, 0x08, 0x0C

    def __init__(
        self,
        *,
        erase_all: Callable[[], None],
        reset: Callable[[], None],
        locked: Callable[[], bool],
    ) -> None:
        self._erase_all = erase_all
        self._reset = reset
        self._locked = locked
        self._registers: dict[int, int] = {}

    def power_on(self) -> None:
        """Set the registers as they are after power-on."""
        self._registers.clear()

    def read(self, register: int) -> int:
        """Read a register."""
        if register == self.APPROTECTSTATUS:
            return 0 if self._locked() else 1
        if register == self.ERASEALLSTATUS:
            return 0  # ready: the time was charged when erasing started
        return self.idr if register == IDR else self._registers.get(register, 0)

    def write(self, register: int, value: int) -> None:
        """Write a register."""
        released = register == self.RESET and not value & 1 and self._registers.get(self.RESET, 0)
        self._registers[register] = value
        if register == self.ERASEALL and value & 1:
            self._erase_all()
        if released:
            self._reset()


class Nrf52840(Chip):
    """An nRF52840, or another chip of its family if a test needs a wrong one.

    Parameters
    ----------
    directory : Path or None
        Where flash memory and UICR are kept (``flash.bin``, ``uicr.bin``). None keeps them in
        this process.
    faults : Faults, optional
        Faults to arm.
    part : int
        What FICR.INFO.PART says.
    variant : str
        What FICR.INFO.VARIANT says. From build code F0 on APPROTECT is hardened: the chip is
        locked unless UICR says otherwise, and pyOCD writes UICR at every connection.
    seed : str
        Decides the device ID and the radio address.

    Raises
    ------
    InfrastructureError
        If another process holds the directory.
    ConfigError
        If a file in it has the wrong size.
    """

    pyocd_target = "nrf52840"

    def __init__(
        self,
        directory: Path | None = None,
        faults: Faults | None = None,
        *,
        part: int = 0x52840,
        variant: str = "AAD0",
        seed: str = "",
    ) -> None:
        super().__init__(Storage(directory), faults)
        identity = sha256(seed.encode()).digest()
        self.device_id = identity[:8]
        self.radio_address = static_random(identity[8:14])
        self._hardened = variant[2:] >= "F0"
        self._locked = False
        self._erased_while_locked = False
        self.flash = NorFlash(
            0, PAGE_SIZE, self._storage.map("flash.bin", FLASH_SIZE), TIMING, self.faults
        )
        self.uicr = NorFlash(
            UICR_BASE, PAGE_SIZE, self._storage.map("uicr.bin", PAGE_SIZE), TIMING, self.faults
        )
        self._nvmc = Nvmc(self.flash, self.uicr, self._charge_flash)
        self.bus.memories += [
            Memory(RAM_BASE, mmap.mmap(-1, RAM_SIZE), plain=True),
            Memory(0, self.flash.buffer, store=self._nvmc.store),
            Memory(UICR_BASE, self.uicr.buffer, store=self._nvmc.store),
            Memory(FICR_BASE, _factory_information(part, variant, identity)),
        ]
        self.bus.peripherals.append(
            Peripheral(Nvmc.BASE, 0x1000, self._nvmc.read, self._nvmc.write)
        )
        ctrl_ap = NordicCtrlAp(
            erase_all=self._erase_everything, reset=self.reset, locked=lambda: self.locked
        )
        self.assemble(
            constants=rom_table(NORDIC, 0x008),
            dpidr=0x2BA0_1477,
            ports={1: ctrl_ap},
            clock_hz=CLOCK_HZ,
            nvic=Nvic(interrupts=48, priority_bits=3),
        )

    @property
    def locked(self) -> bool:
        """Whether APPROTECT keeps debuggers off the bus."""
        return self._locked and not self._erased_while_locked

    def lock(self) -> None:
        """Enable APPROTECT in UICR and power-cycle, as a production line does."""
        self.uicr.program_word(APPROTECT, 0xFFFF_FF00)
        self.power_cycle()

    def reset_peripherals(self) -> None:
        """Read UICR.APPROTECT and set the flash controller to read-only."""
        protection = self.uicr.view(APPROTECT, 1)[0]
        self._locked = protection != (0x5A if self._hardened else 0xFF)
        self._nvmc.reset()

    def power_cycle(self) -> None:
        """Take the supply away and give it back: a lock opened by erasing falls shut again."""
        self._erased_while_locked = False
        super().power_cycle()

    def _charge_flash(self, duration_ns: int) -> None:
        self.bus.code_changed = True
        self.timeline.charge(duration_ns)

    def _erase_everything(self) -> None:
        self.uicr.erase_all()
        self._charge_flash(self.flash.erase_all())
        for memory in self.bus.memories:
            if memory.plain:
                memory.buffer[:] = bytes(len(memory.buffer))
        self._erased_while_locked = True


def _factory_information(part: int, variant: str, identity: bytes) -> bytearray:
    """Make the FICR page; offsets from the product specification."""
    page = bytearray(b"\xff" * 0x1000)

    def put(offset: int, value: int) -> None:
        page[offset : offset + 4] = value.to_bytes(4, "little")

    put(0x010, PAGE_SIZE)
    put(0x014, FLASH_SIZE // PAGE_SIZE)
    page[0x060:0x068] = identity[:8]  # DEVICEID
    put(0x0A0, 0xFFFF_FFFF)  # DEVICEADDRTYPE: random
    page[0x0A4:0x0AA] = identity[8:14]  # DEVICEADDR
    put(0x100, part)
    put(0x104, int.from_bytes(variant.encode("ascii"), "big"))
    put(0x108, 0x2004)  # package QI
    put(0x10C, RAM_SIZE // 1024)
    put(0x110, FLASH_SIZE // 1024)
    return page
