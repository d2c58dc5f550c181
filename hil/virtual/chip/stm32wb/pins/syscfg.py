"""The system configuration controller: which port an EXTI line listens to, and storage.

ST RM0434, chapter "System configuration controller (SYSCFG)"; bits from ST's header stm32wb55xx.h,
reset values from ST's register description (STM32WB55_CM4.svd). VREFBUF, whose two registers are
among them, is storage. *Assumed*: asking for SRAM2 to be erased is over at once (and erases
nothing), its write protection protects nothing, and the masks IMR and C2IMR mask nothing.
"""

from __future__ import annotations

from eegrig.hil.virtual.chip.stm32wb.block import Block

__all__ = ["Syscfg"]

MEMRMP, CFGR1, EXTICR1, EXTICR4 = 0x00, 0x04, 0x08, 0x14
SCSR, CFGR2, SWPR1, SKR, SWPR2 = 0x18, 0x1C, 0x20, 0x24, 0x28
VREFBUF_CSR, VREFBUF_CCR = 0x30, 0x34
IMR1, IMR2, C2IMR1, C2IMR2, SIPCR = 0x100, 0x104, 0x108, 0x10C, 0x110
C2RFD = 1 << 31

# Register -> reset value and the bits that a write changes.
_REGISTERS = {
    MEMRMP: (0, 0x7),
    CFGR1: (0x7C00_0001, 0xFC5F_0300),
    EXTICR1: (0, 0x7777),
    EXTICR1 + 4: (0, 0x7777),
    EXTICR1 + 8: (0, 0x7777),
    EXTICR4: (0, 0x7777),
    SCSR: (0, C2RFD),
    CFGR2: (0, 0xF),
    SWPR1: (0, 0xFFFF_FFFF),
    SKR: (0, 0),  # keys are only written
    SWPR2: (0, 0xFFFF_FFFF),
    VREFBUF_CSR: (0x2, 0x7),
    VREFBUF_CCR: (0, 0x3F),
    IMR1: (0, 0xFFE0_E000),
    IMR2: (0, 0x0015_0000),
    C2IMR1: (0, 0x1F79),
    C2IMR2: (0, 0x0075_FF7F),
    SIPCR: (0, 0xF),
}
_ONLY_SET = (CFGR2, SWPR1, SWPR2)  # bits that a reset clears, and nothing else
_PORTS = "ABCDE??H"


class Syscfg(Block):
    """Which memory is at address 0, which port an EXTI line listens to; the rest is storage."""

    name = "SYSCFG"
    base = 0x4001_0000
    size = 0x200  # COMP follows

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self._values = {offset: value for offset, (value, _) in _REGISTERS.items()}

    def read(self, offset: int) -> int:
        """Read a register."""
        return self._values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset not in _REGISTERS:
            return
        changes = _REGISTERS[offset][1]
        if offset in _ONLY_SET:
            changes &= value
        self._values[offset] = self._values[offset] & ~changes | value & changes

    def port_of(self, line: int) -> str:
        """Return the port (A to E, H) whose pin number `line` drives EXTI line `line` (0 to 15)."""
        return _PORTS[self._values[EXTICR1 + 4 * (line // 4)] >> 4 * (line % 4) & 7]
