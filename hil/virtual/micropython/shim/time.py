# The port's `time` on virtual time. Ticks are 30 bits wide, as on a 32-bit port.
import _board as _b
import _port
import micropython
from _arguments import integer as _integer
from _arguments import real as _real
from _builtin import time as _time
from _timers import RTC as _RTC
from _timers import seconds as _seconds

_EPOCH = _port.epoch_s
_PERIOD = 1 << 30
_HALF = 1 << 29


@micropython.native
def _tick(divider):
    _b.enter()
    _b.charge("ticks")
    value = (_b.now - _b.stopped) // divider & _PERIOD - 1
    _b.leave()
    return value


@micropython.native
def ticks_us():
    return _tick(1000)


@micropython.native
def ticks_ms():
    return _tick(1_000_000)


def ticks_cpu():
    return _tick(16)


def ticks_add(ticks, delta):
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & _PERIOD - 1


@micropython.native
def ticks_diff(a, b):
    return ((a - b + _HALF) & _PERIOD - 1) - _HALF


@micropython.native
def _sleep(ns):
    _b.enter()
    try:
        _b.charge("sleep")
        _b.sleep_until(_b.now + ns)
    finally:
        _b.leave()


@micropython.native
def sleep_us(us):
    _integer(us)
    _sleep(us * 1000)


@micropython.native
def sleep_ms(ms):
    _integer(ms)
    _sleep(ms * 1_000_000)


def sleep(seconds):
    # Whole milliseconds, as extmod/modtime.c has it (MicroPython 1c3c201149).
    _sleep(int(_real(seconds) * 1000) * 1_000_000)


def time():
    return time_ns() // 1_000_000_000


def time_ns():
    return _RTC._offset_ns + _b.now


def gmtime(secs=None):
    return _time.gmtime((time() if secs is None else secs) + _EPOCH)[:8]


localtime = gmtime


def mktime(parts):
    if len(parts) not in (8, 9):
        raise TypeError("mktime needs a tuple of length 8 or 9")
    return _seconds(*parts[:6]) - _EPOCH
