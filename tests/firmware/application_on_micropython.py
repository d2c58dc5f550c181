# Imported by a MicroPython process of the tests: the firmware's whole application, with its chips
# and its radio played by a few lines. One pass of its main loop after each command.
# ruff: noqa: E402, N802 (runs under MicroPython, in the port's own words)
import sys


class _Pin:
    IN = OUT = 0
    IRQ_FALLING = IRQ_RISING = 0

    def __init__(self, *_, **__):
        pass

    def __call__(self, *_):
        return 0

    value = __call__

    def irq(self, *_, **__):
        pass


class _Spi:
    def __init__(self, *_, **__):
        self._registers = bytearray(32)
        self._registers[0] = 0x3E  # an ADS1299

    def write_readinto(self, out, into):
        answer = bytes(len(out))
        if len(out) == 3 and out[0] & 0xE0 == 0x40:
            self._registers[out[0] & 0x1F] = out[2]
        elif len(out) == 3:
            answer = bytes((0, 0, self._registers[out[0] & 0x1F]))
        into[:] = answer

    def readinto(self, into):
        pass


class _Adc:
    def __init__(self, *_):
        pass

    def read_uv(self):
        return 1_900_000


class _Machine:
    ADC = _Adc
    SPI = _Spi
    Pin = _Pin

    def reset():
        raise SystemExit


class _Ble:
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
        if handle == _STREAM:
            application._throughput = None  # would go on until the STOP that cannot come
        else:
            self.sent.append((handle, bytes(data)))

    def gap_advertise(self, *_, **__):
        pass

    def gap_disconnect(self, connection):
        self.handler(2, (connection, 0, b""))


class _Bluetooth:
    FLAG_NOTIFY = FLAG_READ = FLAG_WRITE = FLAG_WRITE_NO_RESPONSE = 0
    UUID = bytes
    only = _Ble()

    def BLE():
        return _Bluetooth.only


class _Uuid(bytes):
    def __init__(self, value):
        super().__init__(16)


class _Config:
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
    SPI_ID = SPI_HZ = 4_000_000
    PIN_CS = PIN_RESET = PIN_START = PIN_PWDN = PIN_DRDY = PIN_BATTERY = 0
    BATTERY_DIVIDER = 2
    ADC_REFERENCE_UV = 3_600_000
    ADV_INTERVAL_US = 250_000
    MTU = 247
    SHORTEST_PACKET_US = 0
    OPTICS = None


class _BuildInfo:
    VERSION = "0"
    IMAGE_HASH = bytes(32)


_Bluetooth.UUID = _Uuid
sys.modules["machine"] = _Machine
sys.modules["bluetooth"] = _Bluetooth
sys.modules["board_config"] = _Config
sys.modules["build_info"] = _BuildInfo

from eeg import app, gatt, port
from eeg.drivers import ads129x

app.sleep_ms = port.sleep_ms = ads129x.sleep_ms = ads129x.sleep_us = lambda _: None
app.print = gatt.print = lambda *_: None  # the console is the tests'

application = None
_CONTROL = 1
_STREAM = 2


def boot():
    """Start the application, and connect a central to it."""
    global application
    application = app.Application()
    _Bluetooth.only.handler(1, (0, 0, b""))


def endure(commands):
    """Write commands, one after the other; return what the board notifies on Control for each."""
    ble = _Bluetooth.only
    answers = []
    for command in commands:
        ble.values[_CONTROL] = command
        ble.handler(3, (0, _CONTROL))
        application.attend()
        answers.append([data for handle, data in ble.sent if handle == _CONTROL])
        ble.sent = []
        if application._gatt.connection is None:  # it slept
            ble.handler(1, (0, 0, b""))
    return answers
