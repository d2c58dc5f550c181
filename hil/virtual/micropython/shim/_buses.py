# SPI, I2C, ADC and PWM.
import _board as _b
import _port
import micropython
from _console import octets_of as _octets_of
from _console import place_in as _bytes_in
from _pins import Pin, pin_number

_STM32 = _port.name == "stm32"
_ENODEV = 19
_ADC_FULL_UV = _port.adc_full_uv


class Windows:
    # The first bytes of a buffer, by size. Slices are kept, those of all buffers at once: no heap use after
    # the first transfer of a size, whichever way later ones take.
    _all = []

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


def _bytes_of(buf):
    """Return what the ports send of an object: they take all that has a buffer to read, text too."""
    return buf if isinstance(buf, _BYTES) else _octets_of(buf)


@micropython.native
def _place_in(buf):
    """Return the bytes of a buffer to read into; makes no new object of what is bytes already."""
    return buf if isinstance(buf, _PLACES) else _bytes_in(buf)


def _number_of(id, kind, known):
    """Return the number of a bus: "spi0" on zephyr, 1 or "1" on stm32."""
    if _STM32:
        if isinstance(id, str) and id.isdigit():
            id = int(id)
        if isinstance(id, int) and id in known:
            return id
        raise ValueError("%s(%s) doesn't exist" % (kind.upper(), id))
    if not isinstance(id, str) or not id.startswith(kind):
        raise ValueError("device not found")
    return int(id[len(kind) :])


class SPI:
    MSB = 0
    LSB = 1
    CONTROLLER = 0
    MASTER = 0

    def __init__(
        self,
        id,
        baudrate=500000,
        polarity=0,
        phase=0,
        bits=8,
        firstbit=MSB,
        sck=None,
        mosi=None,
        miso=None,
    ):
        self._bus = _number_of(id, "spi", (1, 2))
        self.init(baudrate, polarity, phase, bits, firstbit)

    def init(
        self,
        baudrate=500000,
        polarity=0,
        phase=0,
        bits=8,
        firstbit=MSB,
        sck=None,
        mosi=None,
        miso=None,
    ):
        if bits != 8 or firstbit != SPI.MSB:
            raise ValueError("only 8 bits, most significant first")
        if _STM32:
            # The bus clock divided by a power of two, never faster than asked for.
            prescaler = 2
            while prescaler < 256 and _port.clock_hz // prescaler > baudrate:
                prescaler *= 2
            baudrate = _port.clock_hz // prescaler
        self._mode = polarity << 1 | phase
        self._baudrate = baudrate
        self._setting = (self._bus << 8 | self._mode) << 40 | baudrate

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
        _b.leave()

    def _transfer_parts(self, tx, rx, size):
        tx = None if tx is None else memoryview(tx)
        rx = None if rx is None else memoryview(rx)
        for at in range(0, size, _LONGEST):
            end = min(at + _LONGEST, size)
            self._transfer(tx and tx[at:end], rx and rx[at:end], end - at)

    def write(self, buf):
        buf = _bytes_of(buf)
        self._transfer(buf, None, len(buf))

    @micropython.native
    def readinto(self, buf, write=0):
        buf = _place_in(buf)
        size = len(buf)
        self._transfer(bytes((write & 0xFF,)) * size if write else None, buf, size)

    def read(self, nbytes, write=0):
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)

    def write_readinto(self, write_buf, read_buf):
        write_buf = _bytes_of(write_buf)
        read_buf = _place_in(read_buf)
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        self._transfer(write_buf, read_buf, len(write_buf))


class SoftSPI(SPI):
    def __init__(
        self, baudrate=500000, *, polarity=0, phase=0, bits=8, firstbit=0, sck, mosi, miso
    ):
        self._bus = 0
        self.init(baudrate, polarity, phase, bits, firstbit)


class I2C:
    def __init__(self, id, scl=None, sda=None, freq=400000, timeout=50000):
        self._bus = _number_of(id, "i2c", (1, 3))
        self._freq = freq

    def init(self, scl=None, sda=None, freq=400000):
        self._freq = freq

    def deinit(self):
        pass

    def _exchange(self, addr, out, into=None):
        """Write, then read after a repeated start."""
        _b.enter()
        size = 0
        if out is not None:
            size = len(out)
            _b.out[:size] = out
        n_read = 0 if into is None else len(into)
        _b.charge("i2c_transfer")
        wanted = addr | n_read << 8 | (1 << 30 if out is not None else 0)
        result = _b.call(_b.I2C, self._bus, wanted, self._freq, size)
        if n_read and result >= 0:
            into[:] = _b.data[:n_read]  # before `leave` lets a handler's own request replace it
        _b.leave()
        if result < 0:
            raise OSError(-result)

    def scan(self):
        found = []
        for addr in range(8, 0x78):
            try:
                self._exchange(addr, b"")
                found.append(addr)
            except OSError:
                pass
        return found

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf)
        return bytes(buf)

    def readfrom_into(self, addr, buf, stop=True):
        self._exchange(addr, None, _place_in(buf))

    def writeto(self, addr, buf, stop=True):
        buf = _bytes_of(buf)
        self._exchange(addr, buf)
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(_bytes_of(part)) for part in vector))

    def _register(self, memaddr, addrsize):
        return memaddr.to_bytes(addrsize // 8, "big")

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize=addrsize)
        return bytes(buf)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        self._exchange(addr, self._register(memaddr, addrsize), _place_in(buf))

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self._exchange(addr, self._register(memaddr, addrsize) + _bytes_of(buf))


class SoftI2C(I2C):
    # Bit-banged on any pins: the simulator finds the bus by its clock pin.
    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        self._bus = -1 - pin_number(scl)
        self._freq = freq


class ADC:
    if _STM32:
        VREF = 0xFFFF
        CORE_VREF = 0
        CORE_VBAT = 14
        CORE_TEMP = 17

    def __init__(self, id):
        if _STM32:
            self._channel = id if isinstance(id, int) else 1000 + pin_number(id)
        elif not isinstance(id, tuple) or len(id) != 2:
            raise ValueError("ADC id must be tuple of (device, channel)")
        else:
            self._channel = id[1]

    def _microvolts(self):
        _b.enter()
        _b.charge("adc_read")
        value = _b.call(_b.ADC, self._channel)
        _b.leave()
        return value

    def read_uv(self):
        return self._microvolts()

    def read_u16(self):
        if _STM32:
            if self._channel == ADC.VREF:
                return 0xFFFF
            raw = min(4095, self._microvolts() * 4096 // _ADC_FULL_UV)
            return raw << 4 | raw >> 8
        return min(65535, self._microvolts() * 65535 // _ADC_FULL_UV)


class PWM:
    def __init__(self, dest, *, freq=0, duty_u16=None, duty_ns=None, invert=False):
        self._number = dest[1] if isinstance(dest, tuple) and not _STM32 else pin_number(dest)
        self._freq = 0
        self._duty = 0
        self._invert = invert
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns)

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

    def _set(self, freq, duty):
        _b.enter()
        _b.call(_b.PWM, self._number, freq, duty)
        _b.leave()

    def deinit(self):
        self._freq = 0
        self._set(0, 0)

    def freq(self, value=None):
        if value is None:
            return self._freq
        self.init(freq=value)

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self.init(duty_u16=value)

    def duty_ns(self, value=None):
        if value is None:
            return self._duty * 1_000_000_000 // (65535 * self._freq) if self._freq else 0
        self.init(duty_ns=value)
