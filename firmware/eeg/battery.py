# State of charge from the cell's voltage: a table of the open-circuit curve (docs/boards).
#
# The load of a streaming board pulls a small cell down by some millivolts only, so no correction
# is made.
from eeg.port import adc_microvolts

_CURVE_MV = (3270, 3690, 3730, 3770, 3800, 3840, 3870, 3950, 4020, 4110, 4200)  # 0, 10 ... 100 %


def percent(millivolts):
    """Return the charge in percent for an open-circuit voltage."""
    if millivolts <= _CURVE_MV[0]:
        return 0
    for i in range(1, len(_CURVE_MV)):
        low = _CURVE_MV[i - 1]
        high = _CURVE_MV[i]
        if millivolts < high:
            return 10 * (i - 1) + 10 * (millivolts - low) // (high - low)
    return 100


class Gauge:
    """Reads the cell through a resistive divider on an ADC channel."""

    def __init__(self, adc, divider, reference_uv=0):
        self._adc = adc
        self._divider = divider
        self._reference_uv = reference_uv

    def percent(self):
        """Measure, and return the charge in percent."""
        microvolts = adc_microvolts(self._adc, self._reference_uv)
        return percent(microvolts * self._divider // 1000)
