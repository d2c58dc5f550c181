"""A Cortex-M4's registers in Unicorn, by the numbers a debug port knows them by."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import uclib

__all__ = ["LR", "PC", "SP", "XPSR", "XPSR_THUMB", "Registers"]

# Register numbers as the debug port counts them (DCRSR.REGSEL, Arm DDI 0403, C1.6.3).
SP, LR, PC, XPSR = 13, 14, 15, 16
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


class Batch:
    """Some registers that are read or written together, in their order.

    Parameters
    ----------
    uc : unicorn.Uc
    numbers : sequence of int
        Unicorn's numbers; one may come twice, and then has the later value.
    """

    def __init__(self, uc: Any, numbers: Sequence[int]) -> None:
        n = len(numbers)
        self._engine = uc._uch
        self._numbers = (ctypes.c_int32 * n)(*numbers)
        self._values = (ctypes.c_uint64 * n)()
        first, size = ctypes.addressof(self._values), ctypes.sizeof(ctypes.c_uint64)
        self._pointers = (ctypes.c_void_p * n)(*(first + size * i for i in range(n)))
        self._n = n

    def read(self) -> list[int]:
        """Return the values."""
        uclib.uc_reg_read_batch(self._engine, self._numbers, self._pointers, self._n)
        return list(self._values)

    def write(self, values: Sequence[int]) -> None:
        """Set them, one after the other."""
        self._values[:] = list(values)
        uclib.uc_reg_write_batch(self._engine, self._numbers, self._pointers, self._n)


class Registers:
    """All core registers but the program counter, which Unicorn only keeps while it runs.

    Parameters
    ----------
    uc : unicorn.Uc
        The emulator.
    """

    def __init__(self, uc: Any) -> None:
        self._uc = uc
        self._masks = Batch(
            uc,
            (
                arm.UC_ARM_REG_PRIMASK,
                arm.UC_ARM_REG_FAULTMASK,
                arm.UC_ARM_REG_BASEPRI,
                arm.UC_ARM_REG_XPSR,
                arm.UC_ARM_REG_CONTROL,
            ),
        )
        stacked = [_REGISTERS[number] for number in (*range(4), 12, 14)]
        stacks = [arm.UC_ARM_REG_MSP, arm.UC_ARM_REG_PSP]
        state = [arm.UC_ARM_REG_XPSR, arm.UC_ARM_REG_CONTROL]
        # The mode first, which decides what CONTROL means; the GE bits last.
        mode = [*state, arm.UC_ARM_REG_XPSR, arm.UC_ARM_REG_XPSR_NZCVQG]
        self._entry = Batch(uc, [*stacked, *state, *stacks])
        self._enter = {stack: Batch(uc, [stack, *mode, stacked[-1]]) for stack in stacks}
        self._exit = Batch(uc, [*state, *stacks])
        self._leave = {stack: Batch(uc, [stack, *stacked, *mode]) for stack in stacks}
        floats = [_REGISTERS[64 + number] for number in range(16)]
        self._floats = Batch(uc, [*floats, arm.UC_ARM_REG_FPSCR])

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
        primask, faultmask, basepri, xpsr, control = self._masks.read()
        if control & 1 and not xpsr & 0x1FF:
            with self._privilege():
                primask, faultmask, basepri, _, _ = self._masks.read()
        return primask, faultmask, basepri

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

    # ---- entry and return, each register once

    def at_entry(self) -> list[int]:
        """Read R0 to R3, R12, LR, XPSR, CONTROL, MSP and PSP."""
        values = self._entry.read()
        if values[7] & 1 and not values[6] & 0x1FF:
            with self._privilege():
                values[8:] = self._entry.read()[8:]
        values[7] &= CONTROL_BITS
        return values

    def enter(self, stack: int, pointer: int, exception: int, control: int, link: int) -> None:
        """Set a stack pointer (by debug number), and go to Handler mode with CONTROL and LR."""
        if self.control() & 1:
            self.write(stack, pointer)
        secure = SFPA if control & FPCA else 0
        xpsr = exception | XPSR_THUMB
        self._enter[_REGISTERS[stack]].write((pointer, xpsr, control | secure, xpsr, xpsr, link))

    def at_return(self) -> list[int]:
        """Read XPSR, CONTROL, MSP and PSP; in Handler mode."""
        values = self._exit.read()
        values[1] &= CONTROL_BITS
        return values

    def leave(
        self,
        stack: int,
        pointer: int,
        words: Sequence[int],
        exception: int,
        control: int,
        xpsr: int,
    ) -> None:
        """Set a stack pointer, R0 to R3, R12 and LR, CONTROL, and XPSR; in Handler mode."""
        secure = SFPA if control & FPCA else 0
        mode = int(self._uc.reg_read(arm.UC_ARM_REG_XPSR)) & ~0x1FF | exception
        self._leave[_REGISTERS[stack]].write((pointer, *words, mode, control | secure, xpsr, xpsr))

    def floats(self) -> list[int]:
        """Read S0 to S15 and FPSCR."""
        return self._floats.read()

    def set_floats(self, values: Sequence[int]) -> None:
        """Write S0 to S15 and FPSCR."""
        self._floats.write(values)

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
