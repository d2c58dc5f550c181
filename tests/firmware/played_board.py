# Imported by MicroPython processes of the tests, before the firmware: a board's chips and its
# radio, played by a few lines. Nothing of this takes time by itself.
# ruff: noqa: N802 (runs under MicroPython, in the port's own words)
import sys

_RATES = {6: 250, 5: 500, 4: 1000}  # by the low bits of CONFIG1
_SDATAC, _RDATAC = 0x11, 0x10

INFO, CONTROL, STREAM, UPDATE = 0, 1, 2, 3  # handles, as the services are registered


class Pin:
    """One line; a test finds it by its name."""

    IN = OUT = 0
    IRQ_FALLING = IRQ_RISING = 0
    lines = {}  # noqa: RUF012 (the test's own)
    on_level = None

    def __init__(self, name, *_, value=0, **__):
        self.name = name
        self.level = value
        self.handler = None
        self.lines[name] = self

    def __call__(self, level):
        self.level = level
        if self.name == "cs" and not level:
            FrontEnd.only.command = b""
        if Pin.on_level is not None:
            Pin.on_level(self.name, level)

    def irq(self, handler, **__):
        self.handler = handler


class FrontEnd:
    """An ADS1299 on its bus. Bytes make a command from one fall of chip select to the next."""

    only = None
    identity = 0x3E
    on_command = None

    def __init__(self, *_, **__):
        FrontEnd.only = self
        self.registers = bytearray(32)
        self.command = b""

    def write_readinto(self, out, into):
        for i in range(len(out)):
            into[i] = self._take(out[i])

    def _take(self, byte):
        command = self.command = self.command + bytes((byte,))
        address = command[0] & 0x1F
        if len(command) == 1 and FrontEnd.on_command is not None:
            FrontEnd.on_command(byte)
        if command == b"\x11":  # SDATAC is the first after a reset
            self.registers[:] = bytes(32)
            self.registers[0] = FrontEnd.identity
        elif len(command) == 3 and command[0] & 0xE0 == 0x40:
            self.registers[address] = byte
        elif len(command) == 3 and command[0] & 0xE0 == 0x20:
            return self.registers[address]
        return 0

    def readinto(self, into):
        into[0] = 0xC0

    def converts(self):
        """Tell whether it makes frames."""
        return bool(Pin.lines["start"].level and Pin.lines["pwdn"].level)

    def period_us(self):
        """Return the time between two frames."""
        return 1_000_000 // _RATES[self.registers[1] & 7]


class OpticalChip:
    """An ADPD4101's registers and FIFO on an I2C bus."""

    only = None

    def __init__(self, identity=0xC2, fifo=b""):
        OpticalChip.only = self
        self.registers = {0x08: identity, 0x104: 0x03C0}
        self.fifo = fifo
        self.status = 0
        self.written = []

    def writeto_mem(self, address, register, data, *, addrsize):
        self.written.append((register & 0x7FFF, bytes(data)))
        self.registers[register & 0x7FFF] = data[0] << 8 | data[1]
        if register & 0x7FFF == 0:
            self.status &= ~(data[0] << 8 | data[1])
            if data[0] & 0x80:
                self.fifo = b""

    def readfrom_mem_into(self, address, register, into, *, addrsize):
        register &= 0x7FFF
        if register == 0x2F:
            into[:] = self.fifo[: len(into)]
            self.fifo = self.fifo[len(into) :]
            return
        value = self.status | len(self.fifo) if register == 0 else self.registers.get(register, 0)
        into[:] = bytes((value >> 8, value & 0xFF))

    def converts(self):
        """Tell whether it makes frames."""
        return bool(self.registers.get(0x10, 0) & 1)


class _Adc:
    def __init__(self, *_):
        pass

    def read_uv(self):
        return 1_900_000

    def read_u16(self):
        return 34_000


def _reset():
    raise SystemExit


class Radio:
    """What `bluetooth` offers; the central is the test."""

    def __init__(self):
        self.values = {}
        self.sent = []

    def active(self, on):
        pass

    def irq(self, handler):
        self.handler = handler

    def gatts_register_services(self, services):
        handle = 0
        handles = []
        for _, characteristics in services:
            handles.append(tuple(range(handle, handle + len(characteristics))))
            handle += len(characteristics)
        return handles

    def gatts_set_buffer(self, handle, size, append=False):
        pass

    def gatts_write(self, handle, data):
        self.values[handle] = bytes(data)

    def gatts_read(self, handle):
        return self.values.get(handle, b"")

    def gatts_notify(self, connection, handle, data):
        self.sent.append((handle, bytes(data)))

    def gap_advertise(self, *_, **__):
        pass

    def gap_disconnect(self, connection):
        self.leave()

    def arrive(self):
        """A central connects."""
        self.handler(1, (0, 0, b""))

    def leave(self):
        """It is gone."""
        self.handler(2, (0, 0, b""))

    def write(self, handle, data):
        """It writes to a characteristic."""
        self.values[handle] = data
        self.handler(3, (0, handle))


class _Uuid(bytes):
    def __init__(self, value):
        super().__init__(16)


class Config:
    NAME = "headband8"
    BLE_NAME = "eegrig-headband8"
    CHANNELS = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    KIND = 0
    GAIN = 24
    VREF_UV = 4_500_000
    RATES = (250, 500, 1000)
    DEFAULT_RATE = 250
    HIGH_RESOLUTION = False
    AFE_DRIVER = "ads1299"
    ACQUISITION = "callback_acquisition"
    SPI_ID = 0
    SPI_HZ = 4_000_000
    PIN_CS = "cs"
    PIN_RESET = "reset"
    PIN_START = "start"
    PIN_PWDN = "pwdn"
    PIN_DRDY = "drdy"
    PIN_BATTERY = "battery"
    BATTERY_DIVIDER = 2
    ADC_REFERENCE_UV = 3_600_000
    ADV_INTERVAL_US = 250_000
    MTU = 247
    SHORTEST_PACKET_US = 0
    OPTICS = None


class _BuildInfo:
    VERSION = "0"
    IMAGE_HASH = bytes(32)


class Machine:
    ADC = _Adc
    SPI = FrontEnd
    Pin = Pin
    reset = _reset

    def I2C(*_, **__):
        return OpticalChip()


class _Bluetooth:
    FLAG_NOTIFY = FLAG_READ = FLAG_WRITE = FLAG_WRITE_NO_RESPONSE = 0
    UUID = _Uuid
    radio = Radio()

    def BLE():
        return _Bluetooth.radio


def install(radio):
    """Let the firmware find all of this, with this radio."""
    _Bluetooth.radio = radio
    sys.modules["machine"] = Machine
    sys.modules["bluetooth"] = _Bluetooth
    sys.modules["board_config"] = Config
    sys.modules["build_info"] = _BuildInfo
