# The port's `machine`. What the port lacks is taken away by _start.py.
import _board as _b
import _port
from _arguments import integer as _integer
from _buses import ADC, I2C, PWM, SPI, SoftI2C, SoftSPI
from _pins import Pin, Signal, time_pulse_us
from _timers import RTC, WDT, Timer

_EINVAL = 22


def reset():
    _b.enter()
    _b.call(_b.RESET, 1)


def soft_reset():
    raise SystemExit  # which the REPL, and what runs boot.py and main.py, take for it


def reset_cause():
    if _port.soft_reset is None:
        print("Warning: machine_reset_cause is not implemented")
        return 42
    return _cause


def unique_id():
    return _port.unique_id


def freq(*args):
    if args:
        raise NotImplementedError("machine.freq set not supported yet")
    return (_port.clock_hz,) * 4


def idle():
    _b.enter()
    _b.charge("idle")
    if _port.idle_sleeps:
        # Until the next interrupt, which is the system tick's at the latest.
        _b.wait_until(_b.now // 1_000_000 * 1_000_000 + 1_000_000)
    else:
        _b.call(_b.SYNC)  # on this port it only yields: the CPU does not sleep
    _b.leave()


def lightsleep(time_ms=None):
    """Stop all clocks until an interrupt, a radio event or the time has come."""
    if time_ms is not None:
        _integer(time_ms)
    _b.enter()
    _b.charge("lightsleep")
    _b.wait_until(_b.FOREVER if time_ms is None else _b.now + time_ms * 1_000_000, _b.STOP)
    _b.leave()


def deepsleep(time_ms=None):
    """Switch off; the board starts anew when the time has come."""
    if time_ms is not None:
        _integer(time_ms)
    _b.enter()
    _b.call(_b.SLEEP_RESET, -1 if time_ms is None else time_ms * 1_000_000)


def disable_irq():
    return _b.mask(1)


def enable_irq(state):
    _b.mask(state)


class _Registers:
    # No peripheral is modelled behind an address: reads give 0, writes are lost.
    def __init__(self, size):
        self._mask = (1 << 8 * size) - 1

    def __getitem__(self, address):
        return 0

    def __setitem__(self, address, value):
        value & self._mask


mem8 = _Registers(1)
mem16 = _Registers(2)
mem32 = _Registers(4)

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = _port.soft_reset
_cause = PWRON_RESET


def _set_cause(cause):
    global _cause
    _cause = SOFT_RESET if cause == 5 else cause
