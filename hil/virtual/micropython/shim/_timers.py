# Timer, RTC and watchdog.
import _board as _b
import _port
from _builtin import time as _time

_STM32 = _port.name == "stm32"
_ONE_SHOT, _PERIODIC = 0, 1
_RTC_MODE = 2  # counted by the clock that runs in every sleep


_PERIOD_MAX_MS = 0x40000000


def _int(value):
    if not isinstance(value, int):
        raise TypeError("can't convert %s to int" % type(value).__name__)
    return value


def _milliseconds(freq, period, tick_hz):
    """Return a period in whole milliseconds, as both ports have it; None: it was not given."""
    if freq is not None:
        return int(1000 / freq) if freq else 0xFFFFFFFF
    if period == -1:
        return None
    return (_int(period) & 0xFFFFFFFF) * 1000 // _int(tick_hz)


class Timer:
    # extmod/machine_timer.c and ports/zephyr/machine_timer.c, MicroPython 1c3c201149.
    ONE_SHOT = _ONE_SHOT
    PERIODIC = _PERIODIC

    def __init__(self, id=-1, **kwargs):
        if _int(id) != -1:
            raise ValueError(
                "Timer doesn't exist" if _STM32 else "only virtual timers are supported"
            )
        self._slot = -1
        self._callback = None
        self._ms = 1000
        if kwargs:
            self.init(**kwargs)

    if _STM32:

        def init(
            self, *, mode=_PERIODIC, callback=False, period=-1, tick_hz=1000, freq=None, hard=False
        ):
            self.deinit()
            ms = _milliseconds(freq, period, tick_hz)
            if ms is not None:
                if ms >= _PERIOD_MAX_MS:
                    raise ValueError("period too large")
                self._ms = max(ms, 1)
            if callback is not False:  # else the one before
                self._callback = callback
            self._begin(_int(mode), hard)

    else:

        def init(self, *, mode=_PERIODIC, callback=None, period=-1, freq=None, hard=False):
            self.deinit()
            ms = _milliseconds(freq, period, 1000)
            self._ms = 0xFFFFFFFF if ms is None else max(ms, 1)
            self._callback = callback
            self._begin(_int(mode), hard)

    def _begin(self, mode, hard, rtc=0):
        callback = self._callback
        if callback is None and not rtc:
            return
        _b.enter()
        self._slot = _b.take_slot()
        if callback is not None:
            _b.handlers[self._slot] = (callback, self, bool(hard))
            _b.once[self._slot] = mode == _ONE_SHOT
        _b.call(_b.TIMER, self._slot, self._ms * 1_000_000, mode | rtc)
        _b.leave()

    def _ended(self):
        # Nothing holds it any longer: a timer that has elapsed can be collected.
        slot = self._slot
        self._slot = -1
        _b.give_slot(slot)

    def deinit(self):
        if self._slot >= 0:
            _b.enter()
            _b.handlers[self._slot] = None
            _b.call(_b.TIMER, self._slot, 0, 0)
            if self._slot >= 0:
                self._ended()
            _b.leave()


def _days(year, month):
    """Return the days from 1970-01-01 to the first of a month."""
    month -= 1
    year += month // 12
    month %= 12
    leap = year - 1 if month < 2 else year
    before = leap // 4 - leap // 100 + leap // 400 - 477  # leap days since 1970
    return (
        (year - 1970) * 365
        + before
        + (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)[month]
    )


def seconds(year, month, day, hours, minutes, seconds):
    """Return the seconds since 1970-01-01; the PC's own function would look at its time zone."""
    return (_days(year, month) + day - 1) * 86400 + hours * 3600 + minutes * 60 + seconds


class RTC:
    # Seconds since the port's epoch, 2000-01-01, at local time 0.
    _offset_ns = 0
    _wakeup = None

    def __init__(self, id=0):
        pass

    def init(self, *args):
        if args:
            self.datetime(args[0])

    def datetime(self, value=None):
        if value is None:
            ns = RTC._offset_ns + _b.now
            t = _time.gmtime(ns // 1_000_000_000 + _EPOCH_2000)
            # The clock counts down 1/32768 s; subseconds are microseconds in the stock build.
            return (t[0], t[1], t[2], t[6] + 1, t[3], t[4], t[5], ns // 1000 % 1_000_000)
        year, month, day, _, hours, minutes, secs, sub = value
        at = seconds(year, month, day, hours, minutes, secs) - _EPOCH_2000
        RTC._offset_ns = at * 1_000_000_000 + sub * 1000 - _b.now

    def wakeup(self, timeout, callback=None):
        if RTC._wakeup is None:
            RTC._wakeup = Timer()
        if timeout is None:
            RTC._wakeup.deinit()
        else:
            RTC._wakeup.deinit()
            RTC._wakeup._ms = _int(timeout)
            RTC._wakeup._callback = callback
            RTC._wakeup._begin(_PERIODIC, hard=True, rtc=_RTC_MODE)


_EPOCH_2000 = 946_684_800


class WDT:
    def __init__(self, id=0, timeout=5000):
        self._timeout = timeout
        self.feed()

    def feed(self):
        _b.enter()
        _b.call(_b.WDT, self._timeout)
        _b.leave()
