"""The power controller: low-power modes, what they left behind, and the second processor's start.

ST RM0434, chapter "Power control (PWR)"; bits from ST's header stm32wb55xx.h, reset values from
ST's register description (STM32WB55_CM4.svd). They disagree on CR3's bits from 11 on: all of both
are storage. *Assumed*: voltages and regulators follow at once; CR3, CR4 (but for C2BOOT), the pull
registers outlast standby; SR2 shows the reset value of its SMPS flags until CR5 is written,
and then SMPSEN; the second processor clears its own stop and standby flags at once, and never
sleeps deeply, so they and C2DS read 0. Not modelled: wake-up pins, so SR1 reads 0.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.stm32wb.block import Block

__all__ = ["Pwr"]

CR1, CR2, CR3, CR4, SR2, CR5 = 0x00, 0x04, 0x08, 0x0C, 0x14, 0x1C
PUCRA, PDCRH, C2CR1, C2CR3, EXTSCR = 0x20, 0x5C, 0x80, 0x84, 0x88

LPMS, LPR = 0x7, 1 << 14  # CR1
C2BOOT = 1 << 15  # CR4
SMPSEN = 1 << 15  # CR5
SMPSBF, SMPSF, REGLPF = 1, 2, 1 << 9  # SR2
C1CSSF, C1SBF, C1STOPF = 1, 1 << 8, 1 << 9  # EXTSCR

_STOP_MODES = ("stop0", "stop1", "stop2", "standby", "shutdown", "shutdown", "shutdown", "shutdown")
# Register -> reset value and the bits that there are; pull registers: all pins of the port.
_REGISTERS = {
    CR1: (0x200, 0x4737),
    CR2: (0, 0x45F),
    CR3: (0x8000, 0xF_FF1F),
    CR4: (0, 0x831F),
    CR5: (0x4270, 0x817F),
    PUCRA: (0, 0xBFFF),
    PUCRA + 0x04: (0, 0x5FFF),
    PUCRA + 0x08: (0, 0xFFFF),
    PUCRA + 0x0C: (0, 0xFFEF),
    PUCRA + 0x10: (0, 0xFFFF),
    PUCRA + 0x14: (0, 0xFFFF),
    PUCRA + 0x18: (0, 0xFFFF),
    PUCRA + 0x1C: (0, 0xFFFF),
    PUCRA + 0x20: (0, 0x1F),
    PUCRA + 0x24: (0, 0x1F),
    PDCRH - 4: (0, 0xB),
    PDCRH: (0, 0xB),
    C2CR1: (0, 0xC037),
    C2CR3: (0x8000, 0x961F),
}
_OUTLAST_STANDBY = {CR3, CR4, *range(PUCRA, PDCRH + 4, 4)}


class Pwr(Block):
    """Low-power modes and their flags, and the second processor's start.

    Parameters
    ----------
    start_second_processor : callable
        Called when C2BOOT is set, once until the next reset.

    """

    name = "PWR"
    base = 0x5800_0400

    def __init__(self, *, start_second_processor: Callable[[], None]) -> None:
        self._start_second_processor = start_second_processor
        self.power_on_reset()

    def power_on_reset(self) -> None:
        """Set the registers as power does that comes on: what standby left behind is gone."""
        self._values: dict[int, int] = {}
        self._flags = 0
        self._wakes_from_standby = False
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does; after `note_standby`, as the end of standby."""
        for offset, (value, _) in _REGISTERS.items():
            if not self._wakes_from_standby or offset not in _OUTLAST_STANDBY:
                self._values[offset] = value
        self._values[CR4] &= ~C2BOOT
        self._smps = SMPSF
        self._wakes_from_standby = self._second_processor_runs = False

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register."""
        if offset == SR2:
            return self._smps | REGLPF * bool(self._values[CR1] & LPR)
        if offset == EXTSCR:
            return self._flags
        return self._values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset in _REGISTERS:
            reset_value, bits = _REGISTERS[offset]
            before = self._values[offset]
            self._values[offset] = value & bits | reset_value & ~bits
            if offset == CR4 and value & ~before & C2BOOT:
                self._boot_second_processor()
            elif offset == CR5:
                self._smps = SMPSF if value & SMPSEN else SMPSBF
        elif offset == EXTSCR and value & C1CSSF:
            self._flags = 0

    def _boot_second_processor(self) -> None:
        if not self._second_processor_runs:
            self._second_processor_runs = True
            self._start_second_processor()

    # ---- modes

    @property
    def stop_mode(self) -> str:
        """What LPMS makes of a deep sleep: stop0, stop1, stop2, standby or shutdown.

        Without SLEEPDEEP, which is the core's, it is sleep whatever LPMS is.
        """
        return _STOP_MODES[self._values[CR1] & LPMS]

    def note_stop(self, mode: str) -> None:
        """Take note that the system was in a stop mode: C1STOPF."""
        if mode.startswith("stop"):
            self._flags |= C1STOPF

    def note_standby(self) -> None:
        """Take note that the system was in standby: C1SBF; the reset to follow ends standby."""
        self._flags |= C1SBF
        self._wakes_from_standby = True
