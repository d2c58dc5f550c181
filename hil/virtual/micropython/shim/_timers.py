# Timer, RTC and watchdog.
import _board as _b
import _port
from _builtin import time as _time

_STM32 = _port.name == "stm32"
_ONE_SHOT, _PERIODIC = 0, 1


class Timer:
    ONE_SHOT = _ONE_SHOT
    PERIODIC = _PERIODIC

    def __init__(self, id=-1, **kwargs):
        if _STM32 and id != -1:
            raise ValueError("Timer doesn't exist")
        self._slot = -1
        if kwargs:
            self.init(**kwargs)

    def init(
        self, *, mode=_PERIODIC, freq=-1, period=-1, tick_hz=1000, callback=None, hard=False, _rtc=0
    ):
        if freq > 0:
            period_ns = int(1_000_000_000 / freq)
        else:
            period_ns = period * 1_000_000_000 // tick_hz
        if period_ns <= 0:
            raise ValueError("invalid period")
        _b.enter()
        if self._slot < 0:
            self._slot = len(_b.handlers)
            _b.handlers.append(None)
        _b.handlers[self._slot] = (callback, self, hard) if callback else None
        _b.call(_b.TIMER, self._slot, period_ns, mode | _rtc)
        _b.leave()

    def deinit(self):
        if self._slot >= 0:
            _b.enter()
            _b.handlers[self._slot] = None
            _b.call(_b.TIMER, self._slot, 0, 0)
            _b.leave()


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
        year, month, day, _, hours, minutes, seconds, sub = value
        at = _time.mktime((year, month, day, hours, minutes, seconds, 0, 0)) - _EPOCH_2000
        RTC._offset_ns = at * 1_000_000_000 + sub * 1000 - _b.now

    def wakeup(self, timeout, callback=None):
        if RTC._wakeup is None:
            RTC._wakeup = Timer()
        if timeout is None:
            RTC._wakeup.deinit()
        else:
            RTC._wakeup.init(mode=_PERIODIC, period=timeout, callback=callback, hard=True, _rtc=2)


_EPOCH_2000 = 946_684_800


class WDT:
    def __init__(self, id=0, timeout=5000):
        self._timeout = timeout
        self.feed()

    def feed(self):
        _b.enter()
        _b.call(_b.WDT, self._timeout)
        _b.leave()
