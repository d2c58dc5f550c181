# State of charge from the cell's voltage: a table of the open-circuit curve (docs/boards).
#
# The load of a streaming board pulls a small cell down by some millivolts only, so no correction
# is made.
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

    def __init__(self, adc, divider):
        self._adc = adc
        self._divider = divider

    def percent(self):
        """Measure, and return the charge in percent."""
        return percent(self._adc.read_uv() * self._divider // 1000)
