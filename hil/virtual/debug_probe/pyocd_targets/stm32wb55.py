"""The pyOCD target ``stm32wb55xg``: memory map, flash algorithm, read protection.

ST's CMSIS pack has targets of its own for these chips (``stm32wb55rgvx`` and others), and where one
is installed, or named with ``--pack``, a real board gets that. This one is for virtual boards, and
for real ones without the pack.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from pyocd.core import exceptions
from pyocd.core.memory_map import DeviceRegion, FlashRegion, MemoryMap, RamRegion, RomRegion
from pyocd.coresight.coresight_target import CoreSightTarget
from pyocd.target import TARGET
from pyocd.utility.timeout import Timeout

__all__ = ["ALGORITHM", "NAME", "Stm32wb55xg", "make_target", "register"]

NAME = "stm32wb55xg"
_LOG = logging.getLogger(__name__)
# As ST names them: STM32WB55 + package + flash size G (1 MiB) + package and grade.
_PACK_PART = re.compile(r"stm32wb55[a-z]g[a-z]x?", re.IGNORECASE)

# Assembled from stm32wb55.s; how is said there.
# fmt: off
WORDS = [
    0xBF00BE00, 0x69584B1F, 0xDA032800, 0x6098481E, 0x6098481E, 0x30FAF240, 0x69586118, 0x47700FC0,
    0xF04F4B18, 0x61584000, 0x47702000, 0xE0032104, 0x3107F3C0, 0x310200C9, 0x4B12B510, 0xF4416159,
    0x61593180, 0xF816F000, 0x61592100, 0xB5F0BD10, 0x1DCC4607, 0x4B0B08E4, 0x61592101, 0x603DCA60,
    0x3708607E, 0xF806F000, 0x3C01B908, 0x2100D1F6, 0xBDF06159, 0xF4106918, 0xD1FB2FA0, 0x31FAF240,
    0x47704008, 0x58004000, 0x45670123, 0xCDEF89AB,
]
# fmt: on
LOAD_ADDRESS = 0x2000_0000


def _entry(offset: int) -> int:
    return LOAD_ADDRESS + offset | 1


ALGORITHM = {
    "load_address": LOAD_ADDRESS,
    "instructions": WORDS,
    "pc_init": _entry(0x04),
    "pc_unInit": _entry(0x20),
    "pc_eraseAll": _entry(0x2C),
    "pc_erase_sector": _entry(0x30),
    "pc_program_page": _entry(0x4E),
    "static_base": LOAD_ADDRESS + 0x800,
    "begin_stack": LOAD_ADDRESS + 0x1000,
    "page_buffers": [LOAD_ADDRESS + 0x2000, LOAD_ADDRESS + 0x3000],
    "min_program_length": 8,
    "analyzer_supported": True,
    "analyzer_address": LOAD_ADDRESS + 0x4000,
}

# Registers and values: ST RM0434, chapter 3.
_KEYR, _OPTKEYR, _SR, _CR, _OPTR, _SFR = (
    0x5800_4000 + at for at in (0x08, 0x0C, 0x10, 0x14, 0x20, 0x80)
)
_KEYS, _OPTION_KEYS = (0x4567_0123, 0xCDEF_89AB), (0x0819_2A3B, 0x4C5D_6E7F)
_LOCKS, _OPTSTRT, _OBL_LAUNCH = 3 << 30, 1 << 17, 1 << 27
_BUSY = 1 << 16
_RDP_OPEN = 0xAA
_SFSA, _FSD = 0xFF, 1 << 8  # first page of the second processor; that it has none (assumed)
_PAGE = 0x1000
_MASS_ERASE_TIMEOUT_S = 5.0


class Stm32wb55xg(CoreSightTarget):  # type: ignore[misc]
    """An STM32WB55 with 1 MiB of flash memory; its second processor is left alone.

    Its flash memory ends where the second processor's begins, which the option bytes of each chip
    say: a tool that erases or programs the whole region would fail behind it.
    """

    VENDOR = "STMicroelectronics"
    PART_FAMILIES = ("STM32WB Series", "STM32WB5x")
    PART_NUMBER = "STM32WB55xG"
    MEMORY_MAP = MemoryMap(
        FlashRegion(
            name="flash",
            start=0x0800_0000,
            length=0x10_0000,
            sector_size=0x1000,
            page_size=0x1000,
            is_boot_memory=True,
            algo=ALGORITHM,
        ),
        # gdb reaches nothing that is not named here.
        RomRegion(name="boot", start=0x0000_0000, length=0x10_0000, alias="flash"),
        RomRegion(name="system", start=0x1FFF_0000, length=0x9000),
        DeviceRegion(name="peripherals", start=0x4000_0000, length=0x2000_0000),
        DeviceRegion(name="core", start=0xE000_0000, length=0x10_0000),
        RamRegion(name="sram1", start=0x2000_0000, length=0x3_0000),
        RamRegion(name="sram2", start=0x2003_0000, length=0x1_0000),
    )

    def __init__(self, session: Any) -> None:
        super().__init__(session, self.MEMORY_MAP)

    def create_init_sequence(self) -> Any:
        """Look at the read protection once the processor is there."""
        sequence = super().create_init_sequence()
        sequence.append(("check_read_protection", self._check_read_protection))
        return sequence

    def _check_read_protection(self) -> None:
        """Do as pyOCD does with other families: open a locked chip, unless told not to."""
        if not self.is_locked():
            return
        if self.session.options.get("auto_unlock"):
            _LOG.warning("%s is read-protected: will erase it all to open it", self.PART_NUMBER)
            self.mass_erase()
        else:
            _LOG.warning("%s is read-protected: not opening it", self.PART_NUMBER)

    def create_flash(self) -> None:
        """End the flash memory where the second processor's begins, then do as pyOCD does."""
        secure = self.read32(_SFR)
        size = (secure & _SFSA) * _PAGE
        if size and not secure & _FSD:
            for name in ("flash", "boot"):
                region = self.memory_map.get_first_matching_region(name=name)
                self.memory_map.remove_region(region)
                self.memory_map.add_region(region.clone_with_changes(length=size))
        super().create_flash()

    def is_locked(self) -> bool:
        """Whether read protection keeps a debugger off the flash memory."""
        return bool(self.read32(_OPTR) & 0xFF != _RDP_OPEN)

    def mass_erase(self) -> None:
        """Erase everything; where read protection is on, by giving it up.

        Raises
        ------
        pyocd.core.exceptions.TargetError
            If the chip does not give up its protection.
        """
        if not self.is_locked():
            super().mass_erase()
            return
        self.halt()
        for key in _KEYS:
            self.write32(_KEYR, key)
        for key in _OPTION_KEYS:
            self.write32(_OPTKEYR, key)
        self.write32(_OPTR, self.read32(_OPTR) & ~0xFF | _RDP_OPEN)
        self.write32(_CR, _OPTSTRT)
        with Timeout(_MASS_ERASE_TIMEOUT_S) as timeout:
            while timeout.check() and self.read32(_SR) & _BUSY:
                pass
        try:
            self.write32(_CR, _OBL_LAUNCH)  # resets the chip, which may cost the answer
        except exceptions.TransferError:
            self.dp.clear_sticky_err()
        self.reset_and_halt()
        if self.is_locked():
            raise exceptions.TargetError("the chip does not give up its read protection")


def register() -> None:
    """Let pyOCD know the target."""
    TARGET.setdefault(NAME, make_target)


def make_target(session: Any) -> Any:
    """Make the target for a session: from a CMSIS pack on a real board that has one, else ours."""
    from_pack = None if _is_virtual(session.probe) else _find_in_packs(session)
    return Stm32wb55xg(session) if from_pack is None else TARGET[from_pack](session)


def _is_virtual(probe: Any) -> bool:
    return getattr(probe, "is_virtual", False)


def _find_in_packs(session: Any) -> str | None:
    from pyocd.target import normalise_target_type_name
    from pyocd.target.pack.pack_target import ManagedPacks, PackTargets

    named = session.options.get("pack")
    if named:
        PackTargets.populate_targets_from_pack(named)
    parts = [str(device.part_number) for device in ManagedPacks.get_installed_targets()]
    names = [normalise_target_type_name(part) for part in parts] + list(TARGET)
    found = sorted(name for name in names if _PACK_PART.fullmatch(name))
    if not found:
        return None
    ManagedPacks.populate_target(found[0])
    return found[0] if found[0] in TARGET else None
