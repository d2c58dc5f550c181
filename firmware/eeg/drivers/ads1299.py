# The ADS1299 (TI SBAS499C): 4, 6 or 8 inputs against one reference; eight are expected here.
from eeg.drivers import NORMAL, SHORTED, TEST_SQUARE
from eeg.drivers.ads129x import Ads129x

_CONFIG1, _CONFIG2, _CONFIG3, _LOFF, _CH1SET, _LOFF_SENSP, _MISC1 = 1, 2, 3, 4, 5, 0x0F, 0x15
_RATES = {250: 6, 500: 5, 1000: 4, 2000: 3, 4000: 2, 8000: 1, 16000: 0}
_GAINS = {1: 0, 2: 1, 4: 2, 6: 3, 8: 4, 12: 5, 24: 6}
_MUX = {NORMAL: 0, SHORTED: 1, TEST_SQUARE: 5}
_OFF = 0x81  # powered down, inputs shorted (section 9.6.1.6)


class Afe(Ads129x):
    """See `Ads129x`."""

    IDENTITY = 0x3E  # 8 channels
    IDENTITY_MASK = 0x1F
    RATES = tuple(_RATES)

    def settings(self, rate, gain, signal, driven):
        """Return (register, value) of all that differs from a reset chip, in order."""
        values = [
            (_CONFIG1, 0x90 | _RATES[rate]),
            (_CONFIG2, 0xD0 if signal == TEST_SQUARE else 0xC0),
            # Reference buffer on; bias amplifier on with its internal reference.
            (_CONFIG3, 0xEC),
        ]
        on = _GAINS[gain] << 4 | _MUX[signal]
        for i in range(self.INPUTS):
            values.append((_CH1SET + i, on if i < self.channels else _OFF))
        values.append((_MISC1, 0x20))  # SRB1: one reference for all negative inputs
        if driven:
            values.append((_LOFF, 0x02))  # 6 nA, 31.2 Hz
            values.append((_LOFF_SENSP, driven))
        return values

    def drive(self, rate):
        """Return current in pA and frequency in hundredths of Hz of the lead-off drive."""
        return 6000, 3125  # fCLK / 2**16
