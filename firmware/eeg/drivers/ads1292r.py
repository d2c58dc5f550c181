# The ADS1292R (TI SBAS502B): two differential inputs and a clock of 512 kHz, a quarter of its
# relatives'. Its respiration circuit is left off.
from eeg.drivers import NORMAL, SHORTED, TEST_SQUARE
from eeg.drivers.ads129x import Ads129x

_CONFIG1, _CONFIG2, _LOFF, _CH1SET, _RLD_SENS, _LOFF_SENS = 1, 2, 3, 4, 6, 7
_RESP1, _RESP2 = 9, 10
_RATES = {125: 0, 250: 1, 500: 2, 1000: 3, 2000: 4, 4000: 5, 8000: 6}
_GAINS = {6: 0, 1: 1, 2: 2, 3: 3, 4: 4, 8: 5, 12: 6}
_MUX = {NORMAL: 0, SHORTED: 1, TEST_SQUARE: 5}
_OFF = 0x81  # powered down, inputs shorted


class Afe(Ads129x):
    """See `Ads129x`."""

    IDENTITY = 0x73
    IDENTITY_MASK = 0xFF
    INPUTS = 2
    RATES = tuple(_RATES)
    RESET_US = 100
    DECODE_US = 9

    def __init__(self, spi, cs, reset, start, pwdn, channels, spi_hz, high_resolution=False):
        # One pin of the part is both RESET and PWDN.
        pwdn = pwdn or reset
        super().__init__(spi, cs, reset, start, pwdn, channels, spi_hz, high_resolution)

    def settings(self, rate, gain, signal, driven):
        """Return (register, value) of all that differs from a reset chip, in order."""
        on = _GAINS[gain] << 4 | _MUX[signal]
        values = [
            (_CONFIG1, _RATES[rate]),
            # Reference buffer on at 2.42 V; the test signal is a square wave of 1 Hz.
            (_CONFIG2, 0xA3 if signal == TEST_SQUARE else 0xA0),
            (_CH1SET, on),
            (_CH1SET + 1, on if self.channels > 1 else _OFF),
            (_RLD_SENS, 0x20),  # right-leg drive on
            (_RESP1, 0x02),  # respiration off
            (_RESP2, 0x03),  # the drive's reference is internal
        ]
        if driven:
            values.append((_LOFF, 0x11))  # 6 nA, fDR / 4: the only AC drive it has
            values.append((_LOFF_SENS, (driven & 1) | (driven & 2) << 1))
        return values

    def drive(self, rate):
        """Return current in pA and frequency in hundredths of Hz of the lead-off drive."""
        return 6000, 25 * rate

    def lead_off_p(self, status):
        """Return the positive electrodes that are off: IN1P is bit 15, IN2P bit 17."""
        return status >> 15 & 1 | status >> 16 & 2

    def lead_off_n(self, status):
        """Return the negative electrodes that are off: IN1N is bit 16, IN2N bit 18."""
        return status >> 16 & 1 | status >> 17 & 2
