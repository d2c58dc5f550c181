"""A Cortex-M4's registers in Unicorn, by the numbers a debug port knows them by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unicorn import arm_const as arm

__all__ = ["PC", "XPSR", "XPSR_THUMB", "Registers"]

# Register numbers as the debug port counts them (DCRSR.REGSEL, Arm DDI 0403, C1.6.3).
PC, XPSR = 15, 16
SPECIAL = 20  # CONTROL, FAULTMASK, BASEPRI, PRIMASK
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
CONTROL_BITS = 0x7
# Unicorn's core has the security extension, and looks at its bit beside FPCA: with only one of them
# the next floating-point instruction would start from an empty context.
FPCA, SFPA = 4, 8
# In Thread mode without privilege Unicorn hides these, from a debugger too.
_PRIVILEGED = (17, 18)


class Registers:
    """All core registers but the program counter, which Unicorn only keeps while it runs.

    Parameters
    ----------
    uc : unicorn.Uc
        The emulator.
    """

    def __init__(self, uc: Any) -> None:
        self._uc = uc

    def read(self, number: int) -> int:
        """Read a register by its debug number; unknown ones read 0."""
        if number == SPECIAL:
            primask, faultmask, basepri = self.masks()
            return self.control() << 24 | faultmask << 16 | basepri << 8 | primask
        if number not in _REGISTERS:
            return 0
        if number in _PRIVILEGED:
            with self._privilege():
                return int(self._uc.reg_read(_REGISTERS[number]))
        return int(self._uc.reg_read(_REGISTERS[number])) & 0xFFFF_FFFF

    def write(self, number: int, value: int) -> None:
        """Write a register by its debug number; unknown ones swallow it."""
        if number == SPECIAL:
            with self._privilege():
                self._uc.reg_write(arm.UC_ARM_REG_PRIMASK, value & 1)
                self._uc.reg_write(arm.UC_ARM_REG_BASEPRI, value >> 8 & 0xFF)
                self._uc.reg_write(arm.UC_ARM_REG_FAULTMASK, value >> 16 & 1)
                self._write_control(value >> 24)
        elif number in _PRIVILEGED:
            with self._privilege():
                self._uc.reg_write(_REGISTERS[number], value)
        elif number in _REGISTERS:
            self._uc.reg_write(_REGISTERS[number], value)
            if number == XPSR:  # without its GE bits, those of the DSP instructions
                self._uc.reg_write(arm.UC_ARM_REG_XPSR_NZCVQG, value)

    def masks(self) -> tuple[int, int, int]:
        """Read PRIMASK, FAULTMASK and BASEPRI."""
        with self._privilege():
            read = self._uc.reg_read
            return (
                int(read(arm.UC_ARM_REG_PRIMASK)),
                int(read(arm.UC_ARM_REG_FAULTMASK)),
                int(read(arm.UC_ARM_REG_BASEPRI)),
            )

    def control(self) -> int:
        """Read CONTROL."""
        return int(self._uc.reg_read(arm.UC_ARM_REG_CONTROL)) & CONTROL_BITS

    def set_mode(self, exception: int, control: int) -> None:
        """Go to Handler mode for an exception, with that CONTROL; keeps flags and IT state."""
        xpsr = int(self._uc.reg_read(arm.UC_ARM_REG_XPSR))
        self._uc.reg_write(arm.UC_ARM_REG_XPSR, xpsr & ~0x1FF | exception)
        self._write_control(control)

    def _write_control(self, value: int) -> None:
        secure = SFPA if value & FPCA else 0
        self._uc.reg_write(arm.UC_ARM_REG_CONTROL, value & CONTROL_BITS | secure)

    def clear_faultmask(self) -> None:
        """Clear FAULTMASK, as the return from an exception does."""
        self._uc.reg_write(arm.UC_ARM_REG_FAULTMASK, 0)

    @contextmanager
    def _privilege(self) -> Iterator[None]:
        """Be in Handler mode for a moment, where everything can be read and written."""
        xpsr = int(self._uc.reg_read(arm.UC_ARM_REG_XPSR))
        if xpsr & 0x1FF or not self.control() & 1:
            yield
            return
        self._uc.reg_write(arm.UC_ARM_REG_XPSR, xpsr | 3)
        try:
            yield
        finally:
            self._uc.reg_write(arm.UC_ARM_REG_XPSR, xpsr)

    def reset(self, stack: int) -> None:
        """Set them as a reset does, with the main stack pointer given."""
        self.set_mode(3, 0)
        self.write(SPECIAL, 0)
        self.write(XPSR, XPSR_THUMB)
        for number in range(13):
            self.write(number, 0)
        self.write(33, 0)
        self.write(17, stack & ~3)
        self.write(14, 0xFFFF_FFFF)
