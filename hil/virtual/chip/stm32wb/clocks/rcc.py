"""Reset and clock control (ST RM0434, chapter 8): oscillators, the PLL, the bus clocks.

Oscillators start when asked and are ready after their time; nothing here costs an event, as whoever
waits polls. Not modelled: the second PLL, clock security, trimming.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag

from eegrig.hil.virtual.chip.stm32wb.block import Block
from eegrig.hil.virtual.clock import Clock

__all__ = ["LSE_HZ", "Rcc", "ResetFlag"]

HSI_HZ, HSE_HZ, LSE_HZ, LSI_HZ = 16_000_000, 32_000_000, 32_768, 32_000
MSI_HZ = tuple(
    1000 * khz for khz in (100, 200, 400, 800, 1000, 2000, 4000, 8000, 16000, 24000, 32000, 48000)
)

CR, CFGR, PLLCFGR, CIER, CIFR, CICR = 0x00, 0x08, 0x0C, 0x18, 0x1C, 0x20
CCIPR, BDCR, CSR, CRRCR, EXTCFGR = 0x88, 0x90, 0x94, 0x98, 0x108
RESET_VALUES = {
    CR: 0x61,  # MSI on, 4 MHz
    CFGR: 0x0007_0000,
    0x04: 0x4000_0000,  # ICSCR
    PLLCFGR: 0x2204_0100,
    0x10: 0x2204_0100,  # PLLSAI1CFGR
    0x24: 0x0000_0301,  # SMPSCR
    0x50: 0x0208_0000,  # AHB3ENR: flash memory and HSEM
    EXTCFGR: 0x0003_0000,
}
# Oscillator -> its bit that switches it on, and the one that says it is ready, in CR.
MSI, HSI, HSE, PLL = (0, 1), (8, 10), (16, 17), (24, 25)
HSE_START_NS, PLL_LOCK_NS, HSI_START_NS = 100_000, 40_000, 1_200
"""HSE and PLL: assumed (together within the 0.1 to 0.4 ms that a wake from Stop takes); HSI: the
data sheet's 0.8 to 1.2 us, from memory, assumed."""
LSE_START_NS = 250_000_000
"""Start of a 32 kHz crystal: assumed; data sheets speak of some hundred milliseconds."""
RMVF, STOPWUCK, BDRST = 1 << 23, 1 << 15, 1 << 16
_HPRE = {
    1: 3,
    2: 5,
    5: 6,
    6: 10,
    7: 32,
    8: 2,
    9: 4,
    10: 8,
    11: 16,
    12: 64,
    13: 128,
    14: 256,
    15: 512,
}
_BACKUP = (BDCR,)


class ResetFlag(IntFlag):
    """Why the chip was reset, in CSR."""

    OPTION_BYTES = 1 << 25
    PIN = 1 << 26
    POWER = 1 << 27
    SOFTWARE = 1 << 28
    WATCHDOG = 1 << 29


class Rcc(Block):
    """Clocks, and what reset the chip.

    Parameters
    ----------
    clock : Clock
    changed : callable
        Called when the core's clock has another frequency.

    Attributes
    ----------
    hclk_hz : int
        Clock of the first core.
    """

    name = "RCC"
    base = 0x5800_0000
    polled = frozenset({BDCR})  # the 32 kHz crystal alone takes long

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._registers: dict[int, int] = {}
        self._ready_ns: dict[tuple[int, int], int] = {}
        self._lse_ready_ns = 0
        self.hclk_hz = MSI_HZ[6]
        self.reset()

    def reset(self, flags: ResetFlag = ResetFlag.PIN) -> None:
        """Do what a system reset does: the backup domain and the flags of earlier resets stay."""
        kept = {offset: self._registers.get(offset, 0) for offset in (*_BACKUP, CSR)}
        self._registers = RESET_VALUES | kept
        self._registers[CSR] |= flags
        self._ready_ns.clear()
        self._update()

    def power_on_reset(self) -> None:
        """Do what power that comes does."""
        self._registers.clear()
        self.reset(ResetFlag.PIN | ResetFlag.POWER)

    # ---- frequencies

    @property
    def sysclk_hz(self) -> int:
        """The system clock, before its divider."""
        return (self._msi_hz, HSI_HZ, HSE_HZ, self._pll_hz(29))[self._registers[CFGR] & 3]

    @property
    def pclk1_hz(self) -> int:
        """Clock of the first peripheral bus."""
        return self.hclk_hz // _ppre(self._registers[CFGR] >> 8)

    @property
    def pclk2_hz(self) -> int:
        """Clock of the second peripheral bus."""
        return self.hclk_hz // _ppre(self._registers[CFGR] >> 11)

    def kernel_hz(self, field: int, pclk_hz: int) -> int:
        """Return what a serial port chose at bit `field` of CCIPR: its bus, SYSCLK, HSI or LSE."""
        choice = self._registers.get(CCIPR, 0) >> field & 3
        return (pclk_hz, self.sysclk_hz, HSI_HZ, LSE_HZ)[choice]

    @property
    def _msi_hz(self) -> int:
        return MSI_HZ[min(self._registers[CR] >> 4 & 0xF, len(MSI_HZ) - 1)]

    def _pll_hz(self, output: int) -> int:
        value = self._registers[PLLCFGR]
        source_hz = (0, self._msi_hz, HSI_HZ, HSE_HZ)[value & 3]
        vco_hz = source_hz // ((value >> 4 & 7) + 1) * (value >> 8 & 0x7F)
        return vco_hz // ((value >> output & 7) + 1)

    def _update(self) -> None:
        hpre = self._registers[CFGR] >> 4 & 0xF
        hclk_hz = max(self.sysclk_hz // _HPRE.get(hpre, 1), 1)
        if hclk_hz != self.hclk_hz:
            self.hclk_hz = hclk_hz
            self._changed()

    # ---- low-power modes

    def enter_stop(self) -> None:
        """Stop the fast oscillators; the core will wake on the MSI, or HSI if so chosen."""
        hsi = bool(self._registers[CFGR] & STOPWUCK)
        kept = self._registers[CR] & ~(1 << HSE[0] | 1 << PLL[0] | 1 << HSI[0] | 1 << MSI[0])
        self._registers[CR] = kept | 1 << (HSI[0] if hsi else MSI[0])
        self._registers[CFGR] = self._registers[CFGR] & ~3 | hsi
        self._ready_ns.clear()
        self._update()

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register; ready bits follow what is switched on."""
        value = self._registers.get(offset, 0)
        if offset == CR:
            return self._read_control(value)
        if offset == CFGR:
            return value & ~0xC | (value & 3) << 2 | 0x7_0000
        if offset == BDCR:
            return value & ~2 | 2 * (value & 1 and self._clock.now_ns() >= self._lse_ready_ns)
        if offset == CSR:
            return value & ~0xA | (value & 5) << 1
        if offset == CRRCR:
            return value & ~2 | (value & 1) << 1
        return value

    def _read_control(self, value: int) -> int:
        for oscillator in (MSI, HSI, HSE, PLL):
            on, ready = oscillator
            up = value >> on & 1 and self._clock.now_ns() >= self._ready_ns.get(oscillator, 0)
            value = value & ~(1 << ready) | up << ready
        return value & ~(1 << 27) | (value >> 26 & 1) << 27  # the second PLL, at once

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        before = self._registers.get(offset, 0)
        if offset == CSR:
            kept = 0 if value & RMVF else before & 0xFF00_0000
            self._registers[CSR] = kept | value & 0x0000_C00F
            return
        if offset == BDCR:
            if value & BDRST:
                value = BDRST
            if value & ~before & 1:
                self._lse_ready_ns = self._clock.now_ns() + LSE_START_NS
        elif offset == CR:
            self._start(value & ~before)
        elif offset == CICR:
            return
        self._registers[offset] = value
        if offset in (CR, CFGR, PLLCFGR):
            self._update()

    def _start(self, switched_on: int) -> None:
        now_ns = self._clock.now_ns()
        for oscillator, start_ns in ((HSI, HSI_START_NS), (HSE, HSE_START_NS), (PLL, PLL_LOCK_NS)):
            if switched_on >> oscillator[0] & 1:
                self._ready_ns[oscillator] = now_ns + start_ns


def _ppre(field: int) -> int:
    """Return the divider of a peripheral bus."""
    return 1 << max(0, (field & 7) - 3) if field & 4 else 1
