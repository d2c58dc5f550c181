# The port's `machine` (zephyr profile): pins, SPI and ADC of the virtual board.
#
# What the port lacks (lightsleep, deepsleep, freq, unique_id) is lacking here too.
import _board as _b
import micropython


def _pin_number(identity):
    if isinstance(identity, Pin):
        return identity._number
    if not isinstance(identity, tuple) or len(identity) != 2:
        raise ValueError('Pin id must be tuple of ("port", pin#)')
    port, pin = identity
    if not port.startswith("gpio"):
        raise ValueError("device not found")
    return int(port[4:]) * 32 + pin


class Pin:
    IN = 1 << 16
    OUT = 1 << 17
    INOUT = IN | OUT
    OPEN_DRAIN = 1 << 2
    PULL_UP = 1 << 4
    PULL_DOWN = 1 << 5
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=None, *, value=None):
        self._number = _pin_number(id)
        self._slot = -1
        if value is not None:
            self(value)

    def init(self, mode=-1, pull=None, *, value=None):
        if value is not None:
            self(value)

    @micropython.native
    def __call__(self, value=None):
        _b.enter()
        _b.charge("pin")
        if value is None:
            value = _b.call(_b.PIN_READ, self._number)
        else:
            _b.call(_b.PIN_WRITE, self._number, 1 if value else 0)
            value = None
        _b.leave()
        return value

    value = __call__

    def on(self):
        self(1)

    def off(self):
        self(0)

    def irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING, hard=False):
        _b.enter()
        if self._slot < 0:
            self._slot = len(_b.handlers)
            _b.handlers.append(None)
        if handler is not None:
            ns, jumps = _b.cost_of(handler)
            _b.handlers[self._slot] = (handler, self, hard, ns, jumps)
        else:
            _b.handlers[self._slot] = None
        _b.call(_b.PIN_IRQ, self._number, trigger if handler is not None else 0, self._slot)
        _b.leave()
        return self

    def __repr__(self):
        return "<Pin gpio%d %d>" % (self._number // 32, self._number % 32)


class _Windows:
    # The first bytes of a buffer, by size. Slices are kept: no heap use after the first transfer of a size.
    def __init__(self, view):
        self._view = view
        self._windows = {}

    @micropython.native
    def __getitem__(self, size):
        window = self._windows.get(size)
        if window is None:
            window = self._windows[size] = self._view[:size]
        return window


_MARGIN_NS = 5000  # a read that ends so shortly before the next event asks the simulator
_out = _Windows(_b.out)
_in = _Windows(_b.data)
_zeros = _Windows(memoryview(bytes(448)))


class SPI:
    MSB = 0
    LSB = 1

    def __init__(self, id, baudrate=500000, polarity=0, phase=0, bits=8, firstbit=MSB):
        if not isinstance(id, str) or not id.startswith("spi"):
            raise ValueError("device not found")
        self._bus = int(id[3:])
        self.init(baudrate, polarity, phase, bits, firstbit)

    def init(self, baudrate=500000, polarity=0, phase=0, bits=8, firstbit=MSB):
        if bits != 8 or firstbit != SPI.MSB:
            raise ValueError("only 8 bits, most significant first")
        self._mode = polarity << 1 | phase
        self._baudrate = baudrate
        self._setting = (self._bus << 8 | self._mode) << 40 | baudrate

    def deinit(self):
        pass

    @micropython.native
    def _transfer(self, tx, rx, size):
        _b.enter()
        _b.charge("spi")
        if tx is None and size == _b.read_ahead and self._setting == _b.spi_setting:
            end = _b.now + size * 8_000_000_000 // self._baudrate
            if end + _MARGIN_NS < _b.horizon:
                rx[:] = _in[size]
                _b.now = _b.read_end = end
                _b.read_ahead = 0
                _b.leave()
                return
        if tx is not None:
            _out[size][:] = tx
        elif size:
            _out[size][:] = _zeros[size]
        _b.spi_setting = self._setting
        _b.call(_b.SPI, self._bus << 8 | self._mode, self._baudrate, 0, size)
        if rx is not None:
            rx[:] = _in[size]
        _b.leave()

    def write(self, buf):
        self._transfer(buf, None, len(buf))

    @micropython.native
    def readinto(self, buf, write=0):
        self._transfer(None, buf, len(buf))

    def read(self, nbytes, write=0):
        buf = bytearray(nbytes)
        self._transfer(None, buf, nbytes)
        return bytes(buf)

    def write_readinto(self, write_buf, read_buf):
        self._transfer(write_buf, read_buf, len(write_buf))


class ADC:
    def __init__(self, id):
        if not isinstance(id, tuple) or len(id) != 2:
            raise ValueError("ADC id must be tuple of (device, channel)")
        self._channel = id[1]

    def read_uv(self):
        _b.enter()
        _b.charge("adc")
        value = _b.call(_b.ADC, self._channel)
        _b.leave()
        return value

    def read_u16(self):
        return min(65535, self.read_uv() * 65535 // 3_600_000)


class WDT:
    def __init__(self, id=0, timeout=5000):
        self._timeout = timeout
        self.feed()

    def feed(self):
        _b.enter()
        _b.call(_b.WDT, self._timeout)
        _b.leave()


def reset():
    _b.enter()
    _b.call(_b.RESET, 1)


def soft_reset():
    _b.enter()
    _b.call(_b.RESET, 0)


def reset_cause():
    return _cause


def idle():
    # On this port it only yields: the CPU does not sleep.
    _b.enter()
    _b.charge("idle")
    _b.call(_b.SYNC)
    _b.leave()


def disable_irq():
    return _b.mask(1)


def enable_irq(state):
    _b.mask(state)


PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
SOFT_RESET = 5
_cause = PWRON_RESET
