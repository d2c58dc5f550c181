# Pins of the port: ("gpio0", 15) on zephyr, "A15", "PA15" or a board's own name on stm32.
import _board as _b
import _port
import micropython

_BANK = _port.pins_per_bank
_STM32 = _port.name == "stm32"
_RISING, _FALLING = 1, 2  # as the simulator counts them
_taken = {}  # stm32: interrupt line -> pin number


def pin_number(identity):
    """Return the simulator's number of a pin given in any form `Pin` takes."""
    if isinstance(identity, Pin):
        return identity._number
    if _STM32:
        if isinstance(identity, str):
            text = _port.pin_aliases.get(identity, identity)
            if text[0] == "P" and len(text) > 2:
                text = text[1:]
            if "A" <= text[0] <= "H" and text[1:].isdigit() and int(text[1:]) < 16:
                return (ord(text[0]) - 65) * 16 + int(text[1:])
        raise ValueError("Pin(%s) doesn't exist" % identity)
    if not isinstance(identity, tuple) or len(identity) != 2:
        raise ValueError('Pin id must be tuple of ("port", pin#)')
    port, pin = identity
    if not port.startswith("gpio"):
        raise ValueError("device not found")
    return int(port[4:]) * 32 + pin


class _Names:
    # Pin.cpu.A4 and Pin.board.D13
    def __init__(self, table):
        self._table = table

    def __getattr__(self, name):
        if self._table is not None and name not in self._table:
            raise AttributeError(name)
        try:
            return Pin(name)
        except ValueError:
            raise AttributeError(name)


class Pin:
    if _STM32:
        IN = 0
        OUT = 1
        ALT = 2
        ANALOG = 3
        OPEN_DRAIN = 0x11
        ALT_OPEN_DRAIN = 0x12
        PULL_NONE = 0
        PULL_UP = 1
        PULL_DOWN = 2
        IRQ_RISING = 0x10110000
        IRQ_FALLING = 0x10210000
        cpu = _Names(None)
        board = _Names(_port.pin_aliases)
    else:
        IN = 1 << 16
        OUT = 1 << 17
        INOUT = IN | OUT
        OPEN_DRAIN = 1 << 2
        PULL_UP = 1 << 4
        PULL_DOWN = 1 << 5
        IRQ_RISING = 1
        IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=None, *, value=None, alt=-1, af=-1):
        self._number = pin_number(id)
        self._slot = -1
        self._pull = 0
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=None, *, value=None, alt=-1, af=-1):
        if pull is not None:
            self._pull = 1 if pull == Pin.PULL_UP else 2 if pull == Pin.PULL_DOWN else 0
        if value is not None:
            self(value)

    @micropython.native
    def __call__(self, value=None):
        _b.enter()
        if value is None:
            _b.charge("pin_read")
            value = _b.call(_b.PIN_READ, self._number, self._pull)
        else:
            _b.charge("pin_write")
            _b.call(_b.PIN_WRITE, self._number, 1 if value else 0)
            value = None
        _b.leave()
        return value

    value = __call__

    def on(self):
        self(1)

    def off(self):
        self(0)

    high = on
    low = off

    if _STM32:

        def name(self):
            return Pin._text(self._number)

    def toggle(self):
        self(not self())

    def irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING, hard=False):
        if _STM32:
            line = self._number % 16
            owner = _taken.get(line)
            if handler is not None and owner is not None and owner != self._number:
                raise OSError("IRQ resource already taken by Pin('%s')" % Pin._text(owner))
            _taken[line] = self._number if handler is not None else None
            edges = trigger >> 20 & 3
        else:
            edges = trigger & 3
        _b.enter()
        if self._slot < 0:
            self._slot = _b.take_slot()
        if handler is not None:
            _b.handlers[self._slot] = (handler, self, hard)
        else:
            _b.handlers[self._slot] = None
        _b.call(_b.PIN_IRQ, self._number, edges if handler is not None else 0, self._slot)
        _b.leave()
        return self

    @staticmethod
    def _text(number):
        return "%s%d" % (chr(65 + number // 16), number % 16)

    def __repr__(self):
        if _STM32:
            return "Pin(Pin.cpu.%s)" % Pin._text(self._number)
        return "<Pin gpio%d %d>" % (self._number // 32, self._number % 32)


class Signal:
    # A pin that may be inverted.
    def __init__(self, pin, *args, invert=False, **kwargs):
        self._pin = pin if isinstance(pin, Pin) else Pin(pin, *args, **kwargs)
        self._invert = bool(invert)

    def value(self, value=None):
        if value is None:
            return int(bool(self._pin()) != self._invert)
        self._pin(bool(value) != self._invert)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


def time_pulse_us(pin, pulse_level, timeout_us=1000000):
    """Measure a pulse; -2: it did not begin in time, -1: it did not end in time."""
    number = pin_number(pin)
    _b.enter()
    try:
        for wanted, failure in ((pulse_level, -2), (1 - pulse_level, -1)):
            start = _b.now
            limit = start + timeout_us * 1000
            while _b.call(_b.PIN_READ, number, 0) != wanted:
                if _b.now >= limit:
                    return failure
                # Nothing changes before the horizon.
                _b.now = min(max(_b.horizon, _b.now + 1000), limit)
        return (_b.now - start) // 1000
    finally:
        _b.leave()
