"""The ADC by register access: RM0434, chapter ADC; sequences as in the trace of the stock port."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.pins.adc import CALIBRATION, PINS, Adc
from tests.hil.virtual.chip.stm32wb.fake_clock import FakeClock, Line

ISR, IER, CR, CFGR, CFGR2, SMPR1, SMPR2 = 0, 4, 8, 0xC, 0x10, 0x14, 0x18
SQR1, SQR2, DR, DIFSEL, CALFACT, CCR = 0x30, 0x34, 0x40, 0xB0, 0xB4, 0x308
ADRDY, EOC, EOS, OVR = 1, 4, 8, 16
ADEN, ADDIS, ADSTART, ADSTP = 1, 2, 4, 16
ADVREGEN, DEEPPWD, ADCAL = 1 << 28, 1 << 29, 1 << 31
VDDA = 3.3
CYCLE_NS = 15.625  # 64 MHz


class Converter:
    def __init__(self) -> None:
        self.clock, self.line = FakeClock(), Line()
        self.volts = dict.fromkeys(range(1, 17), 0.0)
        self.adc = Adc(
            clock=self.clock,
            volts=lambda port, pin: self.volts[PINS.index((port, pin)) + 1],
            vdda_v=VDDA,
            kernel_hz=lambda: 64e6,
            irq=self.line,
        )
        self.read, self.write = self.adc.read, self.adc.write

    def ready(self) -> None:
        self.write(CR, 0)
        self.write(CR, ADVREGEN)
        self.write(CR, ADVREGEN | ADEN)
        self.clock.run_for(1000)

    def convert(self) -> int:
        self.write(CR, self.read(CR) | ADSTART)
        self.clock.run_for(20_000_000)
        return self.read(DR)


@pytest.fixture
def adc() -> Converter:
    converter = Converter()
    converter.ready()
    converter.write(SQR1, 1 << 6)  # channel 1
    return converter


def test_reset_values():
    adc = Converter()
    offsets = (ISR, CR, CFGR, SQR1, DR, CCR)
    assert [adc.read(offset) for offset in offsets] == [0, DEEPPWD, 0x8000_0000, 0, 0, 0]


def test_calibration_and_start_as_the_stock_port_does_them():
    adc = Converter()
    adc.write(CR, ADVREGEN | DEEPPWD | ADCAL)  # asleep: nothing happens
    assert not adc.read(CR) & ADCAL
    adc.write(CR, 0)
    adc.write(CR, ADVREGEN)
    adc.write(CR, 0x9000_0000)  # trace_adc
    adc.clock.run_for(1811)  # 116 cycles are 1812.5 ns
    assert adc.read(CR) == ADVREGEN | ADCAL
    adc.write(CR, ADVREGEN | ADEN)  # not during calibration
    assert not adc.read(CR) & ADEN
    adc.clock.run_for(1)
    assert adc.read(CR) == ADVREGEN
    assert adc.read(CALFACT)
    adc.write(CR, 0x1000_0001)
    assert not adc.read(ISR) & ADRDY
    adc.clock.run_for(235)
    assert adc.read(ISR) == ADRDY
    adc.write(ISR, ADRDY)
    assert adc.read(ISR) == 0
    adc.write(CR, 0x1000_0003)
    assert adc.read(CR) == ADVREGEN


def test_a_conversion_takes_sampling_and_twelve_and_a_half_cycles(adc):
    adc.volts[1] = 1.0
    adc.write(SMPR1, 2 << 3)  # trace_adc: 0x10, of channel 1: 12.5 cycles
    adc.write(CR, 0x1000_0005)
    adc.clock.run_for(390)  # 25 cycles are 390.6 ns
    assert not adc.read(ISR) & EOC
    assert adc.read(CR) & ADSTART
    adc.clock.run_for(1)
    assert adc.read(ISR) == ADRDY | 2 | EOC | EOS
    assert not adc.read(CR) & ADSTART
    assert adc.read(DR) == 1241  # 4096 / 3.3
    assert not adc.read(ISR) & EOC
    assert adc.clock.waiting == 0


@pytest.mark.parametrize(("volts", "code"), [(-1, 0), (0, 0), (VDDA / 2, 2048), (VDDA, 4095)])
def test_codes_end_at_both_ends(adc, volts, code):
    adc.volts[1] = volts
    assert adc.convert() == code


@pytest.mark.parametrize(
    ("cfgr", "result", "cycles"),
    [
        (0x00, 0x555, 15),
        (0x08, 0x155, 13),  # 10 bits
        (0x10, 0x55, 11),
        (0x18, 0x15, 9),
        (0x20, 0x5550, 15),  # to the left
        (0x28, 0x5540, 13),
        (0x30, 0x5500, 11),
        (0x38, 0x54, 9),
    ],
)
def test_resolution_and_alignment(adc, cfgr, result, cycles):
    adc.volts[1] = VDDA / 3
    adc.write(CFGR, cfgr)
    adc.write(CR, ADVREGEN | ADSTART)
    adc.clock.run_for(int(cycles * CYCLE_NS) - 1)
    assert not adc.read(ISR) & EOC
    adc.clock.run_for(2)
    assert adc.read(DR) == result


@pytest.mark.parametrize(("ccr", "divider"), [(0x40000, 2), (0x2C_0000, 256), (0x3_0000, 4)])
def test_the_clock_is_divided(adc, ccr, divider):
    adc.write(CCR, ccr)
    adc.write(CR, ADVREGEN | ADSTART)
    adc.clock.run_for(int(15 * divider * CYCLE_NS) - 1)
    assert not adc.read(ISR) & EOC
    adc.clock.run_for(2)
    assert adc.read(ISR) & EOC


def test_a_sequence_of_channels(adc):
    # Six ranks: 1, 16, 3, 4 in SQR1, 5, 6 in SQR2.
    adc.volts |= {channel: VDDA * channel / 4096 for channel in (1, 3, 4, 5, 6, 16)}
    adc.write(SQR1, 5 | 1 << 6 | 16 << 12 | 3 << 18 | 4 << 24)
    adc.write(SQR2, 5 | 6 << 6)
    adc.write(SMPR2, 7 << 18)  # of channel 16: 640.5 cycles
    adc.write(CR, ADVREGEN | ADSTART)
    codes, times = [], []
    while not adc.read(ISR) & EOS:
        adc.clock.run_for(1)
        if adc.read(ISR) & EOC:
            codes.append(adc.read(DR))
            times.append(adc.clock.now_ns())
    assert codes == [1, 16, 3, 4, 5, 6]
    assert times[1] - times[0] == 10_203  # 653 cycles
    assert not adc.read(CR) & ADSTART


@pytest.mark.parametrize(
    ("channel", "pin"),
    [(1, "C0"), (4, "C3"), (5, "A0"), (12, "A7"), (13, "C4"), (14, "C5"), (15, "A8"), (16, "A9")],
)
def test_a_channel_has_its_pin(channel, pin):
    """ports/stm32/boards/stm32wb55_af.csv."""
    assert PINS[channel - 1] == (pin[0], int(pin[1:]))
    assert len(set(PINS)) == 16


def test_a_channel_that_there_is_not_reads_nothing(adc):
    adc.volts |= dict.fromkeys(adc.volts, VDDA)
    adc.write(SQR1, 25 << 6)
    assert adc.convert() == 0


def test_what_is_not_read_in_time_is_lost(adc):
    adc.write(SQR1, 1 | 1 << 6 | 2 << 12)
    adc.volts[2] = VDDA
    assert adc.convert() == 0
    assert adc.read(ISR) & OVR
    adc.write(CFGR, 1 << 12)  # OVRMOD: the new data stay
    assert adc.convert() == 4095
    assert adc.read(ISR) & OVR
    adc.write(ISR, OVR)
    assert not adc.read(ISR) & OVR


def test_continuous_conversion_goes_on_until_it_is_stopped(adc):
    adc.write(CFGR, 1 << 13)
    adc.write(CR, ADVREGEN | ADSTART)
    for code in (1, 2, 3):
        adc.volts[1] = VDDA * code / 4096
        adc.clock.run_for(235)
        assert adc.read(DR) == code
    assert adc.read(CR) & ADSTART
    adc.write(CR, ADVREGEN | ADDIS)  # not while it converts
    assert adc.read(CR) & ADEN
    adc.write(CR, ADVREGEN | ADSTP)
    assert adc.read(CR) == ADVREGEN | ADEN
    assert adc.clock.waiting == 0


def test_oversampling(adc):
    adc.volts[1] = VDDA / 4
    adc.write(CFGR2, 1 | 3 << 2 | 2 << 5)  # 16 times, shifted by 2
    adc.write(CR, ADVREGEN | ADSTART)
    adc.clock.run_for(3749)  # 16 * 15 cycles are 3750 ns
    assert not adc.read(ISR) & EOC
    adc.clock.run_for(1)
    assert adc.read(DR) == 4096


def test_a_differential_channel(adc):
    adc.volts |= {1: 1.0, 2: 2.0}
    adc.write(DIFSEL, 1 << 1)
    assert adc.convert() == 1427  # 2048 - 2048 / 3.3


def test_internal_channels(adc):
    adc.write(SQR1, 0)
    assert adc.convert() == 0  # not connected
    adc.write(CCR, 7 << 22)
    vrefint = adc.convert()
    assert vrefint == 1504  # 1.212 V / 3.3 V
    adc.write(SQR1, 17 << 6)
    adc.adc.temperature_c = 37.0
    temperature = adc.convert()
    adc.write(SQR1, 18 << 6)
    assert adc.convert() == 1365  # a third of VDDA
    # As firmware works them out (RM0434: supply voltage, temperature), within a code or two.
    vdda = 3.6 * CALIBRATION[0x1FFF75AA] / vrefint
    assert vdda == pytest.approx(VDDA, abs=0.005)
    low, high = CALIBRATION[0x1FFF75A8], CALIBRATION[0x1FFF75CA]
    celsius = 30 + 100 * (temperature * vdda / 3.0 - low) / (high - low)
    assert celsius == pytest.approx(37.0, abs=1.0)


def test_the_line_is_the_level_of_the_enabled_flags(adc):
    adc.write(IER, EOC)
    assert not adc.line.level
    adc.write(CR, ADVREGEN | ADSTART)
    adc.clock.run_for(1000)
    assert adc.line.level
    adc.read(DR)
    assert not adc.line.level
    adc.write(IER, EOS)
    assert adc.line.level
    adc.adc.store(ISR, 1, EOS)
    assert not adc.line.level
    assert adc.read(ISR) & ADRDY  # a narrow store clears what it writes only


def test_a_trigger_never_comes(adc):
    adc.write(CFGR, 1 << 10)
    adc.write(CR, ADVREGEN | ADSTART)
    assert adc.read(CR) & ADSTART
    assert adc.clock.waiting == 0


def test_without_its_regulator_nothing_goes_on(adc):
    adc.write(CR, ADVREGEN | ADSTART)
    adc.write(CR, DEEPPWD)
    assert adc.read(CR) == DEEPPWD
    assert adc.clock.waiting == 0
