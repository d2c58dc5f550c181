# SPI, I2C, ADC and PWM.
#
# Over 500 lines: the name of one more would move what the firmware pays for its own names (../shim_folder.py).
import _board as _b
import _port
import micropython
from _arguments import ABSENT, INT, OBJ, REQUIRED, Table, check_number, integer, items, text
from _console import octets_of as _octets_of
from _console import place_in as _bytes_in
from _pins import device_number, pin_number

_STM32 = _port.name == "stm32"
_EIO, _ENODEV, _EINVAL = 5, 19, 22
_ADC_FULL_UV = _port.adc_full_uv


class Windows:
    # The first bytes of a buffer, by size. Slices are kept, those of all buffers at once: no heap use after
    # the first transfer of a size, whichever way later ones take.
    _all = []

    @micropython.native
    def __init__(self, view):
        self._view = view
        self._windows = {}
        self._all.append(self)

    @micropython.native
    def __getitem__(self, size):
        window = self._windows.get(size)
        if window is None:
            for other in self._all:
                other._windows[size] = other._view[:size]
            window = self._windows[size]
        return window


_MARGIN_NS = 5000  # a read that ends so shortly before the next event asks the simulator
_out = Windows(_b.out)
_in = Windows(_b.data)
_LONGEST = len(_b.data)  # of what one exchange with the simulator transfers
_zeros = Windows(memoryview(bytes(_LONGEST)))


_BYTES = (bytes, bytearray, memoryview)
_PLACES = (bytearray, memoryview)


@micropython.native
def _bytes_of(buf):
    """Return what the ports send of an object: they take all that has a buffer to read, text too."""
    return buf if isinstance(buf, _BYTES) else _octets_of(buf)


@micropython.native
def _place_in(buf):
    """Return the bytes of a buffer to read into; makes no new object of what is bytes already."""
    return buf if isinstance(buf, _PLACES) else _bytes_in(buf)


@micropython.native
def _number_of(id, kind, known):
    """Return the number of a bus: "spi0" on zephyr, 1 on stm32, where the build gives no bus a name."""
    if not _STM32:
        return device_number(id, kind, None)
    if isinstance(id, (str, bytes)):
        raise ValueError("%s(%s) doesn't exist" % (kind.upper(), text(id)))
    id = integer(id)
    if id not in known:
        raise ValueError("%s(%d) doesn't exist" % (kind.upper(), id))
    return id


@micropython.native
def _is_legacy(args, kind):
    """Say whether a bus of software is made in the way that stm32 warns of (extmod/modmachine.h)."""
    if not _STM32 or (args and (type(args[0]) is not int or args[0] != -1)):
        return False
    print("Warning: %s(-1, ...) is deprecated, use Soft%s(...) instead" % (kind, kind))
    return True


@micropython.native
def _refuse_pins(pins, what):
    for pin in pins:
        if pin is not ABSENT:
            error = ValueError if _STM32 else NotImplementedError
            raise error("explicit choice of %s is not implemented" % what)


_SPI_PINS = (("sck", OBJ, ABSENT), ("mosi", OBJ, ABSENT), ("miso", OBJ, ABSENT))
_SAME = (("baudrate", INT, -1), ("polarity", INT, -1), ("phase", INT, -1))
_SPI_INIT = Table(0, *_SAME, ("bits", INT, -1), ("firstbit", INT, -1))


@micropython.native
def _table_of_spi(first, by_position, baudrate):
    return Table(
        by_position,
        *first,
        ("baudrate", INT, baudrate),
        ("polarity", INT, 0),
        ("phase", INT, 0),
        ("bits", INT, 8),
        ("firstbit", INT, 0),
        *_SPI_PINS,
    )


class SPI:
    # ports/zephyr/machine_spi.c, ports/stm32/machine_spi.c, spi.c and extmod/machine_spi.c, MicroPython 1c3c201149.
    MSB = 0
    LSB = 0x80 if _STM32 else 0x10
    _TABLE = _table_of_spi((("id", OBJ, REQUIRED),), 2, 500000 if _STM32 else 50000)

    @micropython.native
    def __new__(cls, *args, **options):
        if cls is SPI and _is_legacy(args, "SPI"):
            return SoftSPI(*args[1:], **options)
        return object.__new__(cls)

    @micropython.native
    def __init__(self, *args, **options):
        values = self._TABLE.parse(args, options)
        self._bus = _number_of(values[0], "spi", (1, 2))
        _refuse_pins(values[6:], "sck/mosi/miso" if _STM32 else "sck/miso/mosi")
        self._baudrate = self._polarity = self._phase = self._bits = self._firstbit = 0
        self._set(*values[1:6])

    @micropython.native
    def init(self, *args, **options):
        self._set(*_SPI_INIT.parse(args, options))

    @micropython.native
    def _set(self, baudrate, polarity, phase, bits, firstbit):
        """Change what is not -1."""
        if baudrate != -1:
            if _STM32:
                # The bus clock divided by a power of two, never faster than asked for.
                prescaler = 2
                while prescaler < 256 and _port.clock_hz > prescaler * baudrate > 0:
                    prescaler *= 2
                baudrate = _port.clock_hz // prescaler
            self._baudrate = baudrate
        if polarity != -1:
            self._polarity = 1 if polarity else 0
        if phase != -1:
            self._phase = 1 if phase else 0
        if bits != -1:
            if _STM32 and bits != 16:
                bits = 8
            self._bits = bits
        if firstbit != -1:
            self._firstbit = firstbit
        if self._bits != 8 or self._firstbit != SPI.MSB:
            raise NotImplementedError("SPI is modelled with 8 bits, the most significant first")
        self._mode = self._polarity << 1 | self._phase
        self._setting = (self._bus << 8 | self._mode) << 40 | self._baudrate

    @micropython.native
    def deinit(self):
        pass

    @micropython.native
    def _transfer(self, tx, rx, size):
        if size > _LONGEST:
            self._transfer_parts(tx, rx, size)
            return
        _b.enter()
        _b.charge("spi_byte" if size == 1 else "spi_transfer")
        if tx is None and size == _b.read_ahead and self._setting == _b.spi_setting:
            end = _b.now + size * 8_000_000_000 // self._baudrate
            if end + _MARGIN_NS < _b.horizon:
                rx[_b.ALL] = _in[size]
                _b.now = _b.read_end = end
                _b.read_ahead = 0
                _b.charge("spi_end")
                _b.leave()
                return
        if tx is not None:
            _out[size][_b.ALL] = tx
        elif size:
            _out[size][_b.ALL] = _zeros[size]
        _b.spi_setting = self._setting
        _b.call(_b.SPI, self._bus << 8 | self._mode, self._baudrate, 0, size)
        if rx is not None:
            rx[_b.ALL] = _in[size]
        if size != 1:
            _b.charge("spi_end")
        _b.leave()

    @micropython.native
    def _transfer_parts(self, tx, rx, size):
        tx = None if tx is None else memoryview(tx)
        rx = None if rx is None else memoryview(rx)
        for at in range(0, size, _LONGEST):
            end = min(at + _LONGEST, size)
            self._transfer(tx and tx[at:end], rx and rx[at:end], end - at)

    @micropython.native
    def write(self, _buf):
        _buf = _bytes_of(_buf)
        self._transfer(_buf, None, len(_buf))

    @micropython.native
    def readinto(self, _buf, _fill=0):
        _buf = _place_in(_buf)
        size = len(_buf)
        self._transfer(bytes((_fill & 0xFF,)) * size if _fill else None, _buf, size)

    @micropython.native
    def read(self, _n, _fill=0):
        buf = bytearray(integer(_n))
        self.readinto(buf, integer(_fill))
        return bytes(buf)

    @micropython.native
    def write_readinto(self, _write_buf, _read_buf):
        _write_buf = _bytes_of(_write_buf)
        _read_buf = _place_in(_read_buf)
        if len(_write_buf) != len(_read_buf):
            raise ValueError("buffers must be the same length")
        self._transfer(_write_buf, _read_buf, len(_write_buf))


class SoftSPI(SPI):
    _TABLE = _table_of_spi((), 1, 500000)
    _INIT = Table(3, *_SAME, ("firstbit", INT, -1), *_SPI_PINS)

    @micropython.native
    def __init__(self, *args, **options):
        *values, sck, mosi, miso = self._TABLE.parse(args, options)
        if values[3] != 8:
            raise ValueError("bits must be 8")
        if sck is ABSENT or mosi is ABSENT or miso is ABSENT:
            raise ValueError("must specify all of sck/mosi/miso")
        for pin in (sck, mosi, miso):
            pin_number(pin)
        self._bus = 0
        self._firstbit = SPI.MSB
        self._set(*values)

    @micropython.native
    def init(self, *args, **options):
        baudrate, polarity, phase, firstbit, *pins = self._INIT.parse(args, options)
        for pin in pins:
            if pin is not ABSENT:
                pin_number(pin)
        self._set(baudrate, polarity, phase, -1, firstbit)


_I2C_MEM = Table(
    3,
    ("addr", INT, REQUIRED),
    ("memaddr", INT, REQUIRED),
    ("arg", OBJ, REQUIRED),
    ("addrsize", INT, 8),
)


class I2C:
    # ports/zephyr/machine_i2c.c, ports/stm32/machine_i2c.c and extmod/machine_i2c.c, MicroPython 1c3c201149.
    _TABLE = Table(
        1,
        ("id", OBJ, REQUIRED),
        ("scl", OBJ, ABSENT),
        ("sda", OBJ, ABSENT),
        ("freq", INT, 400000 if _STM32 else 0),
        ("timeout", INT, 50000 if _STM32 else 0),
    )
    # Zephyr's driver does no more than whole transfers, and one way to fail.
    _whole = not _STM32
    _absent = _ENODEV if _STM32 else _EIO

    @micropython.native
    def __new__(cls, *args, **options):
        if cls is I2C and _is_legacy(args, "I2C"):
            return SoftI2C(*args[1:], **options)
        return object.__new__(cls)

    @micropython.native
    def __init__(self, *args, **options):
        id, scl, sda, freq, timeout = self._TABLE.parse(args, options)
        self._bus = _number_of(id, "i2c", (1, 3))
        _refuse_pins((scl, sda), "scl/sda")
        if not _STM32:
            for name, value in (("freq", freq), ("timeout", timeout)):
                if value:
                    raise NotImplementedError("explicit choice of %s is not implemented" % name)
            freq = _port.i2c_hz  # of the devicetree
        self._freq = freq or 1_000_000

    @micropython.native
    def init(self, *args, **options):
        raise OSError("I2C operation not supported")

    @micropython.native
    def start(self):
        raise OSError("I2C operation not supported")

    stop = start

    @micropython.native
    def readinto(self, _buf, _nack=True):
        raise OSError("I2C operation not supported")

    @micropython.native
    def write(self, _buf):
        raise OSError("I2C operation not supported")

    @micropython.native
    def deinit(self):
        pass

    @micropython.native
    def _exchange(self, addr, out, into=None):
        """Write, then read after a repeated start."""
        _b.enter()
        size = 0
        if out is not None:
            size = len(out)
            _b.out[:size] = out
        n_read = 0 if into is None else len(into)
        _b.charge("i2c_transfer")
        wanted = addr & 0x7F | n_read << 8 | (1 << 30 if out is not None else 0)
        result = _b.call(_b.I2C, self._bus, wanted, self._freq, size)
        if n_read and result >= 0:
            into[:] = _b.data[:n_read]  # before `leave` lets a handler's own request replace it
        _b.leave()
        if result < 0:
            raise OSError(self._absent if result == -_ENODEV else -result)

    @micropython.native
    def scan(self):
        found = []
        for addr in range(8, 0x78):
            try:
                self._exchange(addr, b"")
                found.append(addr)
            except OSError:
                pass
        return found

    @micropython.native
    def _check_stop(self, stop):
        if self._whole and not stop:
            raise OSError(_EINVAL)

    @micropython.native
    def readfrom(self, _at, _n, _stop=True):
        buf = bytearray(integer(_n))
        self.readfrom_into(_at, buf, _stop)
        return bytes(buf)

    @micropython.native
    def readfrom_into(self, _at, _buf, _stop=True):
        _at = integer(_at)
        _buf = _place_in(_buf)
        self._check_stop(_stop)
        self._exchange(_at, None, _buf)

    @micropython.native
    def writeto(self, _at, _buf, _stop=True):
        _at = integer(_at)
        _buf = _bytes_of(_buf)
        self._check_stop(_stop)
        self._exchange(_at, _buf)
        return len(_buf)

    @micropython.native
    def writevto(self, _at, _vector, _stop=True):
        _at = integer(_at)
        if not isinstance(_vector, (tuple, list)):
            items(_vector, 0)
        return self.writeto(_at, b"".join([bytes(_bytes_of(part)) for part in _vector]), _stop)

    @micropython.native
    def _register(self, memaddr, addrsize):
        addrsize &= 0xFF
        if addrsize & 7 or addrsize > 32:
            raise ValueError("invalid addrsize")
        return (memaddr & (1 << addrsize) - 1).to_bytes(addrsize // 8, "big")

    @micropython.native
    def readfrom_mem(self, *args, **options):
        addr, memaddr, n, addrsize = _I2C_MEM.parse(args, options)
        buf = bytearray(integer(n))
        self._exchange(addr, self._register(memaddr, addrsize), buf)
        return bytes(buf)

    @micropython.native
    def readfrom_mem_into(self, *args, **options):
        addr, memaddr, buf, addrsize = _I2C_MEM.parse(args, options)
        buf = _place_in(buf)
        self._exchange(addr, self._register(memaddr, addrsize), buf)

    @micropython.native
    def writeto_mem(self, *args, **options):
        addr, memaddr, buf, addrsize = _I2C_MEM.parse(args, options)
        buf = _bytes_of(buf)
        self._exchange(addr, self._register(memaddr, addrsize) + buf)


class SoftI2C(I2C):
    # Bit-banged on any pins: the simulator finds the bus by its clock pin.
    _TABLE = Table(
        2,
        ("scl", OBJ, REQUIRED),
        ("sda", OBJ, REQUIRED),
        ("freq", INT, 400000),
        ("timeout", INT, 50000),
    )
    _whole = False
    _absent = _ENODEV

    @micropython.native
    def __init__(self, *args, **options):
        self.init(*args, **options)

    @micropython.native
    def init(self, *args, **options):
        scl, sda, freq, _ = self._TABLE.parse(args, options)
        number = pin_number(scl)
        pin_number(sda)
        self._bus = -1 - number
        self._freq = freq


class ADC:
    # extmod/machine_adc.c and the port's machine_adc.c, MicroPython 1c3c201149.
    if _STM32:
        VREF = 0xFFFF
        CORE_VREF = 0
        CORE_VBAT = 14
        CORE_TEMP = 17

    @micropython.native
    def __init__(self, *args, **options):
        if _STM32:
            check_number(args, options, 1, 1)
            self._channel = _channel_stm32(args[0])
        else:
            check_number(args, options, 1, None, keywords=True)
            self._channel = _channel_zephyr(args[0])

    @micropython.native
    def _microvolts(self):
        _b.enter()
        _b.charge("adc_read")
        value = _b.call(_b.ADC, self._channel)
        _b.leave()
        return value

    @micropython.native
    def read_uv(self):
        return self._microvolts()

    @micropython.native
    def read_u16(self):
        if _STM32:
            if self._channel == ADC.VREF:
                return 0xFFFF
            raw = min(4095, self._microvolts() * 4096 // _ADC_FULL_UV)
            return raw << 4 | raw >> 8
        return min(65535, self._microvolts() * 65535 // _ADC_FULL_UV)

    if not _STM32:

        @micropython.native
        def read(self):
            return min(4095, self._microvolts() * 4096 // _ADC_FULL_UV)


# The inputs of ADC1, from channel 1 on (ports/stm32/boards/stm32wb55_af.csv), as numbers of pins.
_INPUTS = (32, 33, 34, 35, 0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 8, 9)
_OF_PINS = 1000  # a channel is that of a pin from here on


@micropython.native
def _channel_stm32(source):
    if isinstance(source, int):
        return _OF_PINS + _INPUTS[source - 1] if 0 < source <= len(_INPUTS) else source
    number = pin_number(source)
    if number not in _INPUTS:
        name = "%s%d" % (chr(65 + number // 16), number % 16)
        raise ValueError("Pin(%s) does not have ADC capabilities" % name)
    return _OF_PINS + number


@micropython.native
def _channel_zephyr(source):
    if isinstance(source, ADC):
        return source._channel
    if not isinstance(source, tuple):
        raise ValueError(
            "ADC must be initialized with a tuple of (adcblock, channel) or an ADC object"
        )
    device, channel = items(source, 2)
    device = text(device)
    channel = integer(channel)
    if device != "adc":
        raise ValueError("device %s not found" % device)
    if not 0 <= channel < 8:  # as many as the chip has; which of them there are is the devicetree's
        raise ValueError("ADC channel (%s, %d) not found" % (device, channel))
    return channel


class PWM:
    @micropython.native
    def __init__(self, dest, *, freq=0, duty_u16=None, duty_ns=None, invert=False):
        self._number = dest[1] if isinstance(dest, tuple) and not _STM32 else pin_number(dest)
        self._freq = 0
        self._duty = 0
        self._invert = invert
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns)

    @micropython.native
    def init(self, *, freq=None, duty_u16=None, duty_ns=None, invert=None):
        if freq:
            self._freq = freq
        if invert is not None:
            self._invert = invert
        if duty_ns is not None:
            duty_u16 = duty_ns * self._freq * 65535 // 1_000_000_000
        if duty_u16 is not None:
            self._duty = min(65535, duty_u16)
        if self._freq:
            self._set(self._freq, 65535 - self._duty if self._invert else self._duty)

    @micropython.native
    def _set(self, freq, duty):
        _b.enter()
        _b.call(_b.PWM, self._number, freq, duty)
        _b.leave()

    @micropython.native
    def deinit(self):
        self._freq = 0
        self._set(0, 0)

    @micropython.native
    def freq(self, value=None):
        if value is None:
            return self._freq
        self.init(freq=value)

    @micropython.native
    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self.init(duty_u16=value)

    @micropython.native
    def duty_ns(self, value=None):
        if value is None:
            return self._duty * 1_000_000_000 // (65535 * self._freq) if self._freq else 0
        self.init(duty_ns=value)
