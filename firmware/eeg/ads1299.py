# Driver of the ADS1299 (TI SBAS499C). Section numbers are the datasheet's.
from time import sleep_ms, sleep_us

CHANNELS = 8
STATUS_SIZE = 3
FRAME_SIZE = STATUS_SIZE + 3 * CHANNELS
FILTER_ORDER = 3  # sinc3: group delay of 1.5 conversions

NORMAL, TEST_SQUARE, SHORTED = 0, 1, 2

_STANDBY = b"\x04"
_RDATAC = b"\x10"
_SDATAC = b"\x11"

_ID, _CONFIG1, _CONFIG2, _CONFIG3, _CH1SET, _MISC1 = 0x00, 0x01, 0x02, 0x03, 0x05, 0x15
_ID_8_CHANNELS = 0x3E
_ID_MASK = 0x1F  # the revision is none of our business

_RATES = {250: 6, 500: 5, 1000: 4, 2000: 3, 4000: 2, 8000: 1, 16000: 0}
_GAINS = {1: 0, 2: 1, 4: 2, 6: 3, 8: 4, 12: 5, 24: 6}
_MUX = {NORMAL: 0, SHORTED: 1, TEST_SQUARE: 5}


class AfeError(Exception):
    """The front end is not what it should be; `detail` is the ID it answered."""

    def __init__(self, detail):
        super().__init__("front end answered ID 0x%02x" % detail)
        self.detail = detail


class Afe:
    """One ADS1299 on a SPI bus, with its chip select, reset, start and power-down lines.

    It is powered down unless it is needed: even in standby it draws more than everything else
    on the board. `pwdn` may be None where the line is not wired; then it is put in standby.
    """

    channels = CHANNELS
    frame_size = FRAME_SIZE
    status_size = STATUS_SIZE

    def __init__(self, spi, cs, reset, start, pwdn):
        self._spi = spi
        self._cs = cs
        self._reset = reset
        self._start = start
        self._pwdn = pwdn
        self.readinto = spi.readinto  # bound once: the hot path must not allocate

    def wake(self):
        """Power up and check that it is an 8-channel ADS1299 (section 10.1.1); raises AfeError."""
        self._start(0)
        if self._pwdn is not None:
            self._pwdn(1)
        sleep_ms(150)  # 2**18 clocks after power-up
        self._reset(0)
        sleep_us(10)
        self._reset(1)
        sleep_us(50)  # 18 clocks, and some
        self._command(_SDATAC)  # registers cannot be read before this
        identity = self.read_register(_ID)
        if identity & _ID_MASK != _ID_8_CHANNELS & _ID_MASK:
            raise AfeError(identity)

    def sleep(self):
        """Power down; all settings are lost."""
        self._start(0)
        self._cs(1)
        if self._pwdn is not None:
            self._pwdn(0)
        else:
            self._command(_STANDBY)

    def configure(self, rate, gain, signal):
        """Set up all channels after `wake`, and wait until the reference is there."""
        self._write(_CONFIG1, 0x90 | _RATES[rate])
        self._write(_CONFIG2, 0xD0 if signal == TEST_SQUARE else 0xC0)
        # Reference buffer on; bias amplifier on with its internal reference.
        self._write(_CONFIG3, 0xEC)
        for channel in range(CHANNELS):
            self._write(_CH1SET + channel, _GAINS[gain] << 4 | _MUX[signal])
        self._write(_MISC1, 0x20)  # SRB1: one reference for all negative inputs
        sleep_ms(150)  # the reference's start-up

    def start(self):
        """Convert continuously; every DRDY has a frame to be read with `readinto`."""
        self._command(_RDATAC)
        self._cs(0)  # stays selected: nothing else is on the bus
        self._start(1)

    def stop(self):
        """Stop converting, and sleep."""
        self.sleep()

    def read_register(self, address):
        """Return the value of one register (section 9.5.3.10)."""
        buffer = bytearray(3)
        self._cs(0)
        self._spi.write_readinto(bytes((0x20 | address, 0, 0)), buffer)
        self._cs(1)
        return buffer[2]

    def _write(self, address, value):
        self._cs(0)
        self._spi.write(bytes((0x40 | address, 0, value)))
        self._cs(1)
        sleep_us(2)

    def _command(self, code):
        self._cs(0)
        self._spi.write(code)
        self._cs(1)
        sleep_us(2)  # 4 clocks to decode


def has_rate(rate):
    """Tell whether the chip converts at `rate` samples per second."""
    return rate in _RATES
