"""The converter ADC1, regular channels by software. ST RM0434, chapter ADC.

*Assumed*: calibration takes 116 cycles and starting a conversion time, as the datasheet has it;
what was on the pin when a conversion ended is what it sampled, and EOSMP comes with EOC; disabling
and stopping take no time; the synchronous clock has the frequency of the asynchronous one; the
internal channels have the datasheet's typical values, and read 0 V while CCR does not connect
them, as does a channel that has nothing on it.
Not modelled: injected channels, DMA, triggers, watchdogs, offsets, discontinuous and waiting modes,
and the erratum that spoils the first conversion after a pause.
"""

from __future__ import annotations

from collections.abc import Callable

from eegrig.hil.virtual.chip.stm32wb.block import Block, InterruptLine
from eegrig.hil.virtual.clock import NS_PER_S, Cancellable, Clock

__all__ = ["CALIBRATION", "PINS", "Adc"]

ISR, IER, CR, CFGR, CFGR2, SMPR1, SMPR2 = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18
SQR1, SQR2, SQR3, SQR4, DR, DIFSEL, CALFACT, CCR = 0x30, 0x34, 0x38, 0x3C, 0x40, 0xB0, 0xB4, 0x308
# ISR and IER
ADRDY, EOSMP, EOC, EOS, OVR = 1, 2, 4, 8, 16
ISR_MASK = 0x7FF
# CR
ADEN, ADDIS, ADSTART, ADSTP = 1, 2, 4, 16
ADVREGEN, DEEPPWD, ADCALDIF, ADCAL = 1 << 28, 1 << 29, 1 << 30, 1 << 31
# CFGR
ALIGN, EXTEN, OVRMOD, CONT = 1 << 5, 3 << 10, 1 << 12, 1 << 13
ROVSE = 1  # of CFGR2
# CCR; TSEN and VBATEN are CH17SEL and CH18SEL in the manual.
VREFEN, CH17SEL, CH18SEL = 1 << 22, 1 << 23, 1 << 24

RESET_VALUES = {CFGR: 0x8000_0000, 0x20: 0x0FFF_0000, 0x24: 0x00FF_0000, 0x28: 0x00FF_0000}
SAMPLING = (2.5, 6.5, 12.5, 24.5, 47.5, 92.5, 247.5, 640.5)  # SMP
CONVERTING = (12.5, 10.5, 8.5, 6.5)  # RES
LEFT_BY = (4, 6, 8, 2)  # RES, with ALIGN
PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256, 256, 256, 256, 256)
CALIBRATION_CYCLES = 116
START_CYCLES = 15
CALIBRATED = 0x40  # of the 7 bits of CALFACT: assumed
CODES = 4096

PINS = (
    *(("C", pin) for pin in range(4)),
    *(("A", pin) for pin in range(8)),
    *(("C", 4), ("C", 5), ("A", 8), ("A", 9)),
)
"""Port and number of the pin of each channel from 1 on.

ADC1_IN1 to ADC1_IN16 of DS11929's table of pins, as MicroPython's
ports/stm32/boards/stm32wb55_af.csv (@070da978) has them.
"""
VREFINT, TEMPERATURE, VBAT = 0, 17, 18  # channels
VREFINT_V = 1.212  # DS11929, typical
# Of the temperature sensor, likewise; a chip that somebody read out had TS_CAL1 and TS_CAL2 of 1034
# and 1384 (community.st.com, thread 577062), where these give 1038 and 1379.
V30_V, SLOPE_V_PER_C = 0.76, 0.0025


def _sensor_v(temperature_c: float) -> float:
    return V30_V + SLOPE_V_PER_C * (temperature_c - 30)


CALIBRATION = {
    0x1FFF_75A8: round(_sensor_v(30) / 3.0 * CODES),
    0x1FFF_75AA: round(VREFINT_V / 3.6 * CODES),
    0x1FFF_75CA: round(_sensor_v(130) / 3.0 * CODES),
}
"""The factory's words on a chip with these internal channels: TS_CAL1, VREFINT, TS_CAL2.

Half-words by address; the voltages they were taken at are in stm32wbxx_ll_adc.h.
"""


class Adc(Block):
    """ADC1 and the common registers.

    Parameters
    ----------
    clock : Clock
        Virtual time.
    volts : callable
        ``volts(port, pin)``: what is on one of `PINS`.
    vdda_v : float
        VDDA, which is also the reference.
    kernel_hz : callable
        The clock that CCIPR selects.
    irq : InterruptLine
        The interrupt.

    Attributes
    ----------
    vdda_v, vbat_v, temperature_c : float
        What the internal channels see; VBAT is as high as VDDA at first.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        volts: Callable[[str, int], float],
        vdda_v: float,
        kernel_hz: Callable[[], float],
        irq: InterruptLine,
    ) -> None:
        self.name, self.base = "ADC1", 0x5004_0000
        self.vdda_v = self.vbat_v = vdda_v
        self.temperature_c = 25.0
        self._clock = clock
        self._volts = volts
        self._kernel_hz = kernel_hz
        self._irq = irq
        self._line = False
        self._call: Cancellable | None = None
        self.reset()

    def reset(self) -> None:
        """Set the registers as a system reset does."""
        self._registers = dict(RESET_VALUES)
        self._cr, self._flags, self._data, self._rank = DEEPPWD, 0, 0, 0
        self._ready = False
        self._cancel()
        self._update()

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    # ---- registers

    def read(self, offset: int) -> int:
        """Read a register; reading DR clears EOC."""
        if offset == DR:
            self._flags &= ~EOC
            self._update()
        return self.peek(offset)

    def peek(self, offset: int) -> int:
        """Return a register and clear nothing."""
        if offset == ISR:
            return self._flags
        if offset == CR:
            return self._cr
        if offset == DR:
            return self._data
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        if offset == ISR:
            self._flags &= ~value
        elif offset == CR:
            self._control(value)
        elif offset != DR:
            self._registers[offset] = value & ISR_MASK if offset == IER else value
        self._update()

    def store(self, offset: int, size: int, value: int) -> None:
        """Write `size` bytes; those of ISR that are not written are not cleared."""
        if offset & ~3 == ISR:
            self.write(ISR, value << 8 * (offset & 3))
        else:
            super().store(offset, size, value)

    def _control(self, value: int) -> None:
        settable = ADVREGEN | DEEPPWD | ADCALDIF
        self._cr = self._cr & ~settable | value & settable
        if not self._cr & ADVREGEN or self._cr & DEEPPWD:
            self._cr &= settable  # without its regulator nothing goes on
            self._ready = False
            self._cancel()
            return
        if value & ADCAL and not self._cr & (ADEN | ADCAL):
            self._cr |= ADCAL
            self._call = self._after(CALIBRATION_CYCLES, self._calibrated)
        elif value & ADEN and not self._cr & (ADEN | ADCAL):
            self._cr |= ADEN
            self._call = self._after(START_CYCLES, self._started)
        if value & ADSTP and self._cr & ADSTART:
            self._cr &= ~ADSTART
            self._cancel()
        elif value & ADDIS and self._cr & (ADEN | ADSTART) == ADEN:
            self._cr &= ~ADEN
            self._flags &= ~ADRDY
            self._ready = False
            self._cancel()
        elif value & ADSTART and self._ready and not self._cr & ADSTART:
            self._cr |= ADSTART
            if not self._registers[CFGR] & EXTEN:  # else no trigger ever comes
                self._rank = 0
                self._convert()

    def _update(self) -> None:
        level = bool(self._flags & self._registers.get(IER, 0))
        if level != self._line:
            self._line = level
            self._irq(level)

    # ---- time

    def _after(self, cycles: float, callback: Callable[[], None]) -> Cancellable:
        common = self._registers.get(CCR, 0)
        mode = common >> 16 & 3  # CKMODE
        divider = 1 << mode - 1 if mode else PRESCALERS[common >> 18 & 15]
        duration_ns = round(cycles * divider * NS_PER_S / self._kernel_hz())
        return self._clock.call_at_ns(self._clock.now_ns() + duration_ns, callback)

    def _calibrated(self) -> None:
        self._call = None
        shift = 16 if self._cr & ADCALDIF else 0
        factors = self._registers.get(CALFACT, 0)
        self._registers[CALFACT] = factors & ~(0x7F << shift) | CALIBRATED << shift
        self._cr &= ~ADCAL

    def _started(self) -> None:
        self._call = None
        self._ready = True
        self._flags |= ADRDY
        self._update()

    # ---- conversions

    @property
    def _channel(self) -> int:
        # Five fields of six bits in each of SQR1 to SQR4; the first of all is the length.
        register, field = divmod(self._rank + 1, 5)
        return self._registers.get(SQR1 + 4 * register, 0) >> 6 * field & 31

    @property
    def _oversampling(self) -> tuple[int, int]:
        """How often a channel is converted for one result, and by what the sum is shifted."""
        settings = self._registers.get(CFGR2, 0)
        return (2 << (settings >> 2 & 7), settings >> 5 & 15) if settings & ROVSE else (1, 0)

    def _convert(self) -> None:
        channel = self._channel
        register, field = (SMPR1, channel) if channel < 10 else (SMPR2, channel - 10)
        sampling = SAMPLING[self._registers.get(register, 0) >> 3 * field & 7]
        cycles = sampling + CONVERTING[self._registers[CFGR] >> 3 & 3]
        self._call = self._after(cycles * self._oversampling[0], self._converted)

    def _converted(self) -> None:
        self._call = None
        if self._flags & EOC:
            self._flags |= OVR
        if not self._flags & EOC or self._registers[CFGR] & OVRMOD:
            self._data = self._result(self._channel)
        self._flags |= EOSMP | EOC
        if self._rank < self._registers.get(SQR1, 0) & 15:
            self._rank += 1
            self._convert()
        else:
            self._flags |= EOS
            self._rank = 0
            if self._registers[CFGR] & CONT:
                self._convert()
            else:
                self._cr &= ~ADSTART
        self._update()

    def _result(self, channel: int) -> int:
        configuration = self._registers[CFGR]
        resolution = configuration >> 3 & 3
        level = self._level_v(channel) / self.vdda_v
        if self._registers.get(DIFSEL, 0) >> channel & 1:
            level = (level - self._level_v(channel + 1) / self.vdda_v + 1) / 2
        code = min(max(int(level * CODES + 0.5), 0), CODES - 1) >> 2 * resolution
        ratio, shift = self._oversampling
        if ratio > 1:
            return code * ratio >> shift & 0xFFFF  # never left-aligned
        return code << LEFT_BY[resolution] if configuration & ALIGN else code

    def _level_v(self, channel: int) -> float:
        common = self._registers.get(CCR, 0)
        if channel == VREFINT:
            return VREFINT_V if common & VREFEN else 0.0
        if channel == TEMPERATURE:
            return _sensor_v(self.temperature_c) if common & CH17SEL else 0.0
        if channel == VBAT:
            return self.vbat_v / 3 if common & CH18SEL else 0.0
        return self._volts(*PINS[channel - 1]) if 0 < channel <= len(PINS) else 0.0
