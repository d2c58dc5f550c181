# The ADS1298 (TI SBAS459K): eight differential inputs. Its high-resolution mode takes twice the
# modulator clock, more current, and no less than 500 SPS.
from eeg.drivers import NORMAL, SHORTED, TEST_SQUARE
from eeg.drivers.ads129x import Ads129x

_CONFIG1, _CONFIG2, _CONFIG3, _LOFF, _CH1SET, _LOFF_SENSP = 1, 2, 3, 4, 5, 0x0F
_RATES = {250: 6, 500: 5, 1000: 4, 2000: 3, 4000: 2, 8000: 1, 16000: 0}
_GAINS = {6: 0, 1: 1, 2: 2, 3: 3, 4: 4, 8: 5, 12: 6}
_MUX = {NORMAL: 0, SHORTED: 1, TEST_SQUARE: 5}
_OFF = 0x81  # powered down, inputs shorted


class Afe(Ads129x):
    """See `Ads129x`."""

    IDENTITY = 0x92  # family 100, 8 channels
    IDENTITY_MASK = 0xFF
    RATES = tuple(_RATES)

    def settings(self, rate, gain, signal, driven):
        """Return (register, value) of all that differs from a reset chip, in order."""
        values = [
            (_CONFIG1, 0x80 | _RATES[rate // 2] if self.high_resolution else _RATES[rate]),
            (_CONFIG2, 0x10 if signal == TEST_SQUARE else 0x00),
            # Reference buffer on at 2.4 V; right-leg drive on with its internal reference.
            (_CONFIG3, 0xCC),
        ]
        on = _GAINS[gain] << 4 | _MUX[signal]
        for i in range(self.INPUTS):
            values.append((_CH1SET + i, on if i < self.channels else _OFF))
        if driven:
            values.append((_LOFF, 0x01))  # 6 nA, fDR / 4: the only AC drive it has
            values.append((_LOFF_SENSP, driven))
        return values

    def drive(self, rate):
        """Return current in pA and frequency in hundredths of Hz of the lead-off drive."""
        return 6000, 25 * rate
