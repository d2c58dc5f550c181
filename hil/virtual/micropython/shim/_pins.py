# Pins of the port: ("gpio0", 15) on zephyr; on stm32 a name of the board's, or one of the processor's, "A15".
# ports/zephyr/machine_pin.c, ports/stm32/pin.c, MicroPython 1c3c201149.
import _board as _b
import _port
import micropython
from _arguments import ABSENT, BOOL, INT, OBJ, REQUIRED, Table, check_number, integer, items, text

_BANK = _port.pins_per_bank
_STM32 = _port.name == "stm32"
_taken = {}  # stm32: interrupt line -> pin number
_settings = {}  # stm32: pin number -> mode, pull, alternate function
_ANALOG = 0x03
_MODE_NAMES = {0x00: "IN", 0x01: "OUT", 0x11: "OPEN_DRAIN", 0x02: "ALT", 0x12: "ALT_OPEN_DRAIN"}
_AF_MODES = (0x02, 0x12)
_MODES = (0x00, 0x01, 0x11, 0x03) + _AF_MODES
# Of interrupts and events (IS_GPIO_MODE of ST's HAL).
_MODES += (0x10110000, 0x10210000, 0x10310000, 0x10120000, 0x10220000, 0x10320000)
if _STM32:
    _INIT = Table(
        3,
        ("mode", INT, REQUIRED),
        ("pull", OBJ, None),
        ("af", INT, -1),
        ("value", OBJ, ABSENT),
        ("alt", INT, -1),
    )
    _EDGES = 0x10310000
else:
    _INIT = Table(2, ("mode", INT, REQUIRED), ("pull", OBJ, None), ("value", OBJ, ABSENT))
    _EDGES = 3
_IRQ = Table(3, ("handler", OBJ, None), ("trigger", INT, _EDGES), ("hard", BOOL, False))


@micropython.native
def device_number(name, kind, known):
    """Return the number of one of Zephyr's devices, "spi0"; known None: any."""
    name = text(name)
    number = name[len(kind) :]
    if not name.startswith(kind) or not number.isdigit() or (known and int(number) not in known):
        raise ValueError("device %s not found" % name)
    return int(number)


@micropython.native
def _cpu_number(name):
    """Return the number of one of the processor's pins, "A15"; None: the build has no such pin."""
    if name in _port.cpu_pins:
        return (ord(name[0]) - 65) * _BANK + int(name[1:])
    return None


@micropython.native
def pin_number(identity):
    """Return the simulator's number of a pin given in any form `Pin` takes."""
    if isinstance(identity, Pin):
        return identity._number
    if _STM32:
        # A name of the board goes before one of the processor: "A4" is PC3 on a NUCLEO.
        number = None
        if isinstance(identity, str):
            number = _cpu_number(_port.pin_aliases.get(identity, identity))
        if number is None:
            raise ValueError("Pin(%s) doesn't exist" % text(identity))
        return number
    if not isinstance(identity, tuple):
        raise ValueError('Pin id must be tuple of ("GPIO_x", pin#)')
    device, pin = items(identity, 2)
    bank = device_number(device, "gpio", (0, 1))
    pin = integer(pin)
    if not 0 <= pin < _BANK:
        raise ValueError("invalid pin")
    return bank * _BANK + pin


class _Names:
    # Pin.cpu.A4 and Pin.board.D13
    @micropython.native
    def __init__(self, of_board):
        self._of_board = of_board

    @micropython.native
    def __getattr__(self, name):
        number = _cpu_number(_port.pin_aliases.get(name, "") if self._of_board else name)
        if number is None:
            raise AttributeError("type object '%s' has no attribute '%s'" % (self, name))
        return _of_number(number)

    @micropython.native
    def __repr__(self):
        return "board" if self._of_board else "cpu"


class _Irq:
    # What zephyr's `irq` returns (shared/runtime/mpirq.c).
    @micropython.native
    def __init__(self, pin):
        self._pin = pin

    @micropython.native
    def __call__(self):
        handler, argument, _ = _b.handlers[self._pin._slot]
        handler(argument)

    @micropython.native
    def flags(self):
        return 0

    @micropython.native
    def trigger(self, _trigger=ABSENT):
        if _trigger is not ABSENT:
            self._pin._set_edges(integer(_trigger) & 3)
        return 0


class Pin:
    if _STM32:
        IN = 0
        OUT = OUT_PP = 1
        ALT = AF_PP = 2
        ANALOG = 3
        OPEN_DRAIN = OUT_OD = 0x11
        ALT_OPEN_DRAIN = AF_OD = 0x12
        PULL_NONE = 0
        PULL_UP = 1
        PULL_DOWN = 2
        IRQ_RISING = 0x10110000
        IRQ_FALLING = 0x10210000
        cpu = _Names(of_board=False)
        board = _Names(of_board=True)
    else:
        IN = 1 << 16
        OUT = 1 << 17 | IN
        OPEN_DRAIN = OUT | 1 << 2 | 1 << 1
        PULL_UP = 1 << 4
        PULL_DOWN = 1 << 5
        IRQ_RISING = 1
        IRQ_FALLING = 2

    @micropython.native
    def __init__(self, *args, **options):
        check_number(args, options, 1, None, keywords=True)
        self._number = pin_number(args[0])
        self._slot = -1
        self._pull = 0
        if len(args) > 1 or options:
            self.init(*args[1:], **options)

    if _STM32:

        @micropython.native
        def init(self, *args, **options):
            mode, pull, af, value, alt = _INIT.parse(args, options)
            if mode not in _MODES:
                raise ValueError("invalid pin mode: %d" % mode)
            pull = 0 if pull is None else integer(pull)
            if not 0 <= pull <= 2:
                raise ValueError("invalid pin pull: %d" % pull)
            if alt == -1:
                alt = af
            if mode in _AF_MODES and not 0 <= alt <= 15:
                raise ValueError("invalid pin af: %d" % alt)
            self._pull = pull
            _settings[self._number] = mode, pull, alt
            if value is not ABSENT:
                self(value)

    else:

        @micropython.native
        def init(self, *args, **options):
            _, pull, value = _INIT.parse(args, options)
            pull = 0 if pull is None else integer(pull)
            self._pull = 1 if pull & Pin.PULL_UP else 2 if pull & Pin.PULL_DOWN else 0
            if value is not ABSENT:
                self(value)

    @micropython.native
    def __call__(self, _level=ABSENT):
        _b.enter()
        if _level is ABSENT:
            _b.charge("pin_read")
            _level = _b.call(_b.PIN_READ, self._number, self._pull)
        else:
            _b.charge("pin_write")
            _b.call(_b.PIN_WRITE, self._number, 1 if _level else 0)
            _level = None
        _b.leave()
        return _level

    value = __call__

    @micropython.native
    def on(self):
        self(1)

    @micropython.native
    def off(self):
        self(0)

    if _STM32:
        high = on
        low = off

        @micropython.native
        def name(self):
            return Pin._text(self._number)

    @micropython.native
    def irq(self, *args, **options):
        handler, trigger, hard = _IRQ.parse(args, options)
        if args or options:
            self._set_irq(handler, trigger >> (20 if _STM32 else 0) & 3, hard)
        return _Irq(self) if _port.pin_irq_object else None

    @micropython.native
    def _set_irq(self, handler, edges, hard):
        if _STM32:
            line = self._number % 16
            owner = _taken.get(line)
            if owner is not None and owner != self._number:
                raise OSError("IRQ resource already taken by Pin('%s')" % Pin._text(owner))
            _taken[line] = self._number if handler is not None else None
        _b.enter()
        if self._slot < 0:
            self._slot = _b.take_slot()
        _b.handlers[self._slot] = None if handler is None else (handler, self, hard)
        _b.leave()
        self._set_edges(edges if handler is not None else 0)

    @micropython.native
    def _set_edges(self, edges):
        _b.enter()
        _b.call(_b.PIN_IRQ, self._number, edges, self._slot)
        _b.leave()

    @staticmethod
    @micropython.native
    def _text(number):
        return "%s%d" % (chr(65 + number // 16), number % 16)

    @micropython.native
    def __repr__(self):
        if _STM32:
            return "Pin(Pin.cpu.%s, mode=Pin.%s)" % (
                Pin._text(self._number),
                _setting_text(self._number),
            )
        return "<Pin gpio%d %d>" % (self._number // 32, self._number % 32)


@micropython.native
def _setting_text(number):
    mode, pull, alt = _settings.get(number, (_ANALOG, 0, -1))
    name = _MODE_NAMES.get(mode, "ANALOG")
    if name == "ANALOG":
        return name
    if pull:
        name += ", pull=Pin.PULL_UP" if pull == 1 else ", pull=Pin.PULL_DOWN"
    return name + (", alt=%d" % alt if mode in _AF_MODES else "")


@micropython.native
def _of_number(number):
    pin = object.__new__(Pin)
    pin._number = number
    pin._slot = -1
    pin._pull = 0
    return pin


class Signal:
    # A pin that may be inverted (extmod/machine_signal.c).
    @micropython.native
    def __init__(self, *args, **options):
        self._invert = bool(options.pop("invert", False))
        if args and isinstance(args[0], (Pin, Signal)):
            if len(args) > 1 or options:
                raise TypeError
            self._pin = args[0]
            return
        if self._invert and "value" in options:
            options["value"] = not options["value"]
        self._pin = Pin(*args, **options)

    @micropython.native
    def value(self, _level=ABSENT):
        if _level is ABSENT:
            return int(bool(self._pin.value()) != self._invert)
        self._pin.value(bool(_level) != self._invert)

    __call__ = value

    @micropython.native
    def on(self):
        self.value(1)

    @micropython.native
    def off(self):
        self.value(0)


@micropython.native
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
