# What the board draws, and what it draws it from: the CPU rests as its port can, front ends are up
# only for as long as a stream needs them, and the battery is watched.
from time import sleep_ms, time

import machine

from eeg.drivers import AfeError
from eeg.port import STOPS

# Every conversion wakes a CPU in `lightsleep`: that often, before the main loop has a look.
_WAKES = 16
rests = 0  # that ran to their end
_PERIOD_S = 60  # between looks at the battery
_LOW = 5  # percent
# The open-circuit curve of the cell at 0, 10 ... 100 % (docs/boards). The load of a streaming board
# pulls a small cell down by some millivolts only, so no correction is made.
_CURVE_MV = (3270, 3690, 3730, 3770, 3800, 3840, 3870, 3950, 4020, 4110, 4200)


# --- the CPU


def idle(ms, attention):
    """Rest for so long; where interrupts wake, for some wakes or until `attention.wanted`."""
    global rests
    if not STOPS:
        sleep_ms(ms)
        return
    sleep = machine.lightsleep
    for _ in range(_WAKES):
        if attention.wanted:
            break
        sleep(ms)
    else:
        rests += 1
    attention.wanted = False


def rest(seconds):
    """Sleep for so long, whatever happens meanwhile."""
    if STOPS:
        end = time() + seconds
        while time() < end:
            machine.lightsleep(1000)
    else:
        sleep_ms(seconds * 1000)


# --- front ends


def check(front_end):
    """Wake a front end once; returns None if it is the right part, else the ID it answered."""
    try:
        front_end.wake()
    except AfeError as error:
        print("eegrig:", error)
        return error.detail
    return None


def up(streams):
    """Power up what some streams are taken with; raises AfeError, and then all of it is down."""
    try:
        for stream in streams:
            stream.wake()
    except AfeError:
        down(streams)
        raise


def down(streams):
    """Power down what some streams are taken with."""
    for stream in streams:
        stream.sleep()


# --- the battery


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


class Battery:
    """Watches the cell through a resistive divider on an ADC channel.

    Parameters
    ----------
    adc : machine.ADC
    divider : int
    reference_uv : int
        The ADC's full scale, where the port cannot tell what it reads in microvolts.

    Attributes
    ----------
    due_s : int
        The second after which it is to be looked at again.
    """

    def __init__(self, adc, divider, reference_uv=0):
        self._adc = adc
        self._divider = divider
        self._reference_uv = reference_uv
        self._is_low = False
        self.due_s = 0

    def look(self):
        """Measure, and return the charge in percent."""
        self.due_s = time() + _PERIOD_S
        if STOPS:
            microvolts = self._adc.read_u16() * (self._reference_uv // 1000) // 65535 * 1000
        else:
            microvolts = self._adc.read_uv()
        return percent(microvolts * self._divider // 1000)

    def is_newly_low(self, percent):
        """Tell whether a host has to hear of this charge: once for each that is connected."""
        was_low = self._is_low
        self._is_low = percent <= _LOW
        return self._is_low and not was_low

    def forget_host(self):
        """The next host wants to know, too."""
        self._is_low = False
