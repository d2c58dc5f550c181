# Timer, RTC and watchdog.
import _board as _b
import _port
import micropython
from _arguments import ABSENT, BOOL, INT, OBJ, Table, check_number, integer, items, real
from _builtin import time as _time

_STM32 = _port.name == "stm32"
_ONE_SHOT, _PERIODIC = 0, 1
_RTC_MODE = 2  # counted by the clock that runs in every sleep


_PERIOD_MAX_MS = 0x40000000
_NOT_GIVEN = 0xFFFFFFFF
_TABLE = [
    ("mode", INT, _PERIODIC),
    ("callback", OBJ, ABSENT if _port.timer_keeps_callback else None),
    ("period", INT, -1),
    ("tick_hz", INT, 1000),
    ("freq", OBJ, None),
    ("hard", BOOL, False),
]
if not _port.timer_tick_hz:
    del _TABLE[3]
_INIT = Table(0, *_TABLE)


@micropython.native
def _milliseconds(freq, period, tick_hz):
    """Return a period in whole milliseconds, as both ports have it; None: it was not given."""
    if freq is not None:
        freq = real(freq)
        return min(int(1000 / freq), _NOT_GIVEN) if freq > 0 else _NOT_GIVEN
    if period == -1:
        return None
    return (period & 0xFFFFFFFF) * 1000 // tick_hz if tick_hz else 0


class Timer:
    # extmod/machine_timer.c and ports/zephyr/machine_timer.c, MicroPython 1c3c201149.
    ONE_SHOT = _ONE_SHOT
    PERIODIC = _PERIODIC

    @micropython.native
    def __init__(self, *args, **options):
        if args and integer(args[0]) != -1:
            raise ValueError(
                "Timer doesn't exist" if _STM32 else "only virtual timers are supported"
            )
        self._slot = -1
        self._callback = None
        self._ms = _port.timer_ms
        self._mode = _PERIODIC
        self._start = 0
        if len(args) > 1 or options:
            self.init(*args[1:], **options)

    if _STM32:

        @micropython.native
        def init(self, *args, **options):
            self.deinit()
            mode, callback, period, tick_hz, freq, hard = _INIT.parse(args, options)
            self._mode = mode
            ms = _milliseconds(freq, period, tick_hz)
            if ms is not None:
                if ms >= _PERIOD_MAX_MS:
                    raise ValueError("period too large")
                self._ms = max(ms, 1)
            if callback is not ABSENT:  # else the one before
                self._callback = callback
            self._begin(mode, hard)

    else:

        @micropython.native
        def init(self, *args, **options):
            mode, callback, period, freq, hard = _INIT.parse(args, options)
            self.deinit()
            ms = _milliseconds(freq, period, 1000)
            self._mode = mode
            self._ms = _NOT_GIVEN if ms is None else max(ms, 1)
            self._callback = callback
            self._begin(mode, hard)

        @micropython.native
        def value(self):
            if self._slot < 0:
                return 0
            gone = (_b.now - self._start) // 1_000_000
            return self._ms - (gone % self._ms if self._mode == _PERIODIC else min(gone, self._ms))

    @micropython.native
    def __repr__(self):
        mode = "ONE_SHOT" if self._mode == _ONE_SHOT else "PERIODIC"
        text = "Timer(mode=%s, period=%d)" if _STM32 else "Timer(-1, mode=%s, period=%d)"
        return text % (mode, self._ms)

    @micropython.native
    def _begin(self, mode, hard, rtc=0):
        callback = self._callback
        if callback is None and not rtc:
            return
        _b.enter()
        self._start = _b.now
        self._slot = _b.take_slot()
        if callback is not None:
            _b.handlers[self._slot] = (callback, self, bool(hard))
            _b.once[self._slot] = mode == _ONE_SHOT
        _b.call(_b.TIMER, self._slot, self._ms * 1_000_000, mode | rtc)
        _b.leave()

    @micropython.native
    def _ended(self):
        # Nothing holds it any longer: a timer that has elapsed can be collected.
        slot = self._slot
        self._slot = -1
        _b.give_slot(slot)

    @micropython.native
    def deinit(self):
        if self._slot >= 0:
            _b.enter()
            _b.handlers[self._slot] = None
            _b.call(_b.TIMER, self._slot, 0, 0)
            if self._slot >= 0:
                self._ended()
            _b.leave()


@micropython.native
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


@micropython.native
def seconds(year, month, day, hours, minutes, seconds):
    """Return the seconds since 1970-01-01; the PC's own function would look at its time zone."""
    return (_days(year, month) + day - 1) * 86400 + hours * 3600 + minutes * 60 + seconds


class RTC:
    # ports/stm32/rtc.c, MicroPython 1c3c201149. Seconds since the port's epoch, 2000-01-01, at local time 0.
    _offset_ns = 0
    _wakeup = None

    @micropython.native
    def __init__(self, *args, **options):
        check_number(args, options, 0, 0)

    def init(self):
        pass

    @micropython.native
    def datetime(self, _value=ABSENT):
        if _value is ABSENT:
            ns = RTC._offset_ns + _b.now
            t = _time.gmtime(ns // 1_000_000_000 + _EPOCH_2000)
            # The clock counts down 1/32768 s; subseconds are microseconds in the stock build.
            return (t[0], t[1], t[2], t[6] + 1, t[3], t[4], t[5], ns // 1000 % 1_000_000)
        year, month, day, weekday, hours, minutes, secs = [
            integer(item) for item in items(_value, 8)[:7]
        ]
        at = seconds(year, month, day, hours, minutes, secs) - _EPOCH_2000
        RTC._offset_ns = at * 1_000_000_000 - _b.now

    @micropython.native
    def wakeup(self, timeout, callback=None):
        if RTC._wakeup is None:
            RTC._wakeup = Timer()
        if timeout is None:
            RTC._wakeup.deinit()
        else:
            RTC._wakeup.deinit()
            RTC._wakeup._ms = integer(timeout)
            RTC._wakeup._callback = callback
            RTC._wakeup._begin(_PERIODIC, hard=True, rtc=_RTC_MODE)


_EPOCH_2000 = 946_684_800


_EBUSY, _EINVAL = 16, 22


class WDT:
    # extmod/machine_wdt.c and the port's machine_wdt.c, MicroPython 1c3c201149.
    _TABLE = Table(2, ("id", OBJ, 0), ("timeout", INT, 5000))
    _running = False

    @micropython.native
    def __init__(self, *args, **options):
        id, timeout = WDT._TABLE.parse(args, options)
        if _STM32:
            _check_stm32(id, timeout)
        else:
            _check_zephyr(id, timeout)
        WDT._running = True
        self._timeout = timeout
        self.feed()

    @micropython.native
    def feed(self):
        _b.enter()
        _b.call(_b.WDT, self._timeout)
        _b.leave()


@micropython.native
def _check_stm32(id, timeout):
    longest = _port.watchdog_max_ms
    told = ""
    if isinstance(id, str):
        if id == "WWDG":  # 7 bits of the bus clock by 4096 and by up to 128
            longest = 64 * 4096 * 128 // (_port.clock_hz // 1000)
            told = ", max %dms" % longest
        elif id != "IWDG":
            raise ValueError("WDT(%s) doesn't exist" % id)
    elif integer(id) != 0:
        raise ValueError("WDT(%d) doesn't exist" % id)
    if timeout == 0 or (timeout < 0 and not told):
        raise ValueError("WDT timeout too short")
    if not 0 < timeout <= longest:
        raise ValueError("WDT timeout too long" + told)


@micropython.native
def _check_zephyr(id, timeout):
    if type(id) is not int or id != 0:
        raise ValueError("invalid WDT id")
    if timeout <= 0:
        raise ValueError("watchdog timeout too short")
    # drivers/watchdog/wdt_nrfx.c of Zephyr @0202bd86: once started it is not set up again
    if WDT._running:
        raise OSError(_EBUSY)
    if timeout > _port.watchdog_max_ms:
        raise OSError(_EINVAL)
