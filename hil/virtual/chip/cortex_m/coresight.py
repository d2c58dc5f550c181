"""What a debugger reads to find out which processor it has: identification registers."""

from __future__ import annotations

__all__ = ["identification", "rom_table"]

ARM = 0x43B
NORDIC = 0x244
ST = 0x020

_CLASS_ROM_TABLE = 0x1
_CLASS_GENERIC = 0xE

# Base address and part number of the components of an ARMv7-M processor (Arm DDI 0403, C1.2).
_COMPONENTS = {0xE000_E000: 0x00C, 0xE000_1000: 0x002, 0xE000_2000: 0x003, 0xE000_0000: 0x001}
ROM_TABLE = 0xE00F_F000

# Offsets to SCS, DWT, FPB, ITM, and to TPIU and ETM, which are marked absent.
_ROM_ENTRIES = (
    0xFFF0_F003,
    0xFFF0_2003,
    0xFFF0_3003,
    0xFFF0_1003,
    0xFFF4_1002,
    0xFFF4_2002,
)


def identification(component_class: int, designer: int, part: int) -> dict[int, int]:
    """Peripheral and component ID registers (Arm IHI 0029, B2.2), by offset.

    Parameters
    ----------
    component_class : int
        1 is a ROM table, 0xE a generic component.
    designer : int
        JEP106: continuation count in bits 8 to 11, identity in bits 0 to 6.
    part : int
        Part number, 12 bits.
    """
    continuation, identity = designer >> 8, designer & 0x7F
    return {
        0xFD0: continuation,
        0xFE0: part & 0xFF,
        0xFE4: (identity & 0xF) << 4 | part >> 8,
        0xFE8: 8 | identity >> 4,
        0xFF0: 0x0D,
        0xFF4: component_class << 4,
        0xFF8: 0x05,
        0xFFC: 0xB1,
    }


def rom_table(designer: int, part: int) -> dict[int, int]:
    """All constant registers of an ARMv7-M processor's debug components, by address.

    Parameters
    ----------
    designer, part : int
        The chip vendor's JEP106 code and the chip's part number, in the ROM table's own ID.
    """
    constants = {
        ROM_TABLE + offset: value
        for offset, value in identification(_CLASS_ROM_TABLE, designer, part).items()
    }
    constants |= {ROM_TABLE + 4 * index: entry for index, entry in enumerate(_ROM_ENTRIES)}
    for base, component in _COMPONENTS.items():
        for offset, value in identification(_CLASS_GENERIC, ARM, component).items():
            constants[base + offset] = value
    return constants
