# What TI's ADS1299, ADS1298 and ADS1292R have in common: commands, status word, timing rules in
# clocks of the chip. Tables and settings of each are in a module of its own. Section numbers are
# those of the ADS1299's datasheet, SBAS499C. Waits are for the slowest oscillator, 2.5 % below its
# nominal frequency (7.5), and rely on nothing that Python needs time for.
from time import sleep_ms, sleep_us

from eeg.drivers import AfeError

_WAKEUP = 0x02
_STANDBY = 0x04
_RDATAC = 0x10
_SDATAC = 0x11
_RREG = 0x20
_WREG = 0x40
_ID = 0x00


class Ads129x:
    """One front end on a SPI bus, with its chip select, reset, start and power-down lines.

    It is powered down unless it is needed: even in standby it may draw more than everything else
    on the board. `pwdn` may be None where the line is not wired; then it is put in standby.
    `docs/front-end-rules.md` lists what the datasheets ask for; tests hold it to all of that.
    """

    # What a part has to say:
    IDENTITY = IDENTITY_MASK = 0  # the revision is none of our business
    INPUTS = 8
    RATES = ()  # samples per second it converts at
    POWER_UP_MS = 150
    REFERENCE_MS = 150  # until the reference has settled
    RESET_US = 50  # 18 clocks, and some
    DECODE_US = 3  # 4 clocks: between bytes of a command, before chip select ends, after a command
    watches_leads = False  # the comparators of its electrodes are off
    filter_order = 3  # sinc3: group delay of 1.5 conversions
    status_size = 3

    def __init__(self, spi, cs, reset, start, pwdn, channels, spi_hz, high_resolution=False):
        self._spi = spi
        self._cs = cs
        self._reset = reset
        self._start = start
        self._pwdn = pwdn
        self.high_resolution = high_resolution
        self._in_standby = False
        # Faster than the chip decodes: bytes of a command must wait for each other.
        self._paced = 8_000_000 // spi_hz < self.DECODE_US
        self.channels = channels
        self.frame_size = self.status_size + 3 * self.INPUTS
        self.readinto = spi.readinto  # bound once: the hot path must not allocate

    def settings(self, rate, gain, signal, driven):
        """Return (register, value) of all that differs from a reset chip, in order.

        Channels beyond `self.channels` are powered down; `driven` has a bit for each electrode
        that gets the lead-off current.
        """
        raise NotImplementedError

    def wake(self):
        """Power up and check that it is the right part (section 11.1); raises AfeError."""
        self._start(0)
        self._cs(1)
        pulse_us = 10 * self.DECODE_US
        if self._pwdn is not None:
            sleep_us(pulse_us)  # it may have gone down just now, and may be the reset pin as well
            self._pwdn(1)
        elif self._in_standby:
            self._in_standby = False
            self._command(_WAKEUP)  # nothing else is taken in standby
        sleep_ms(self.POWER_UP_MS)
        self._reset(0)
        sleep_us(pulse_us)
        self._reset(1)
        sleep_us(self.RESET_US)
        self._command(_SDATAC)  # registers cannot be read before this
        identity = self.read_register(_ID)
        if identity & self.IDENTITY_MASK != self.IDENTITY & self.IDENTITY_MASK:
            raise AfeError(identity)

    def sleep(self):
        """Power down, or stand by; all settings are lost with the next `wake`."""
        self._start(0)
        sleep_us(self.DECODE_US)  # a frame may have been read just now
        self._cs(1)
        if self._pwdn is not None:
            self._pwdn(0)
        elif not self._in_standby:
            sleep_us(self.DECODE_US)
            self._command(_SDATAC)  # while it reads continuously it ignores all others
            self._command(_STANDBY)
            self._in_standby = True

    def configure(self, rate, gain, signal, driven=0):
        """Set up all channels after `wake`, and wait until the reference is there."""
        for address, value in self.settings(rate, gain, signal, driven):
            self._exchange(bytes((_WREG | address, 0, value)))
        sleep_ms(self.REFERENCE_MS)

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
        return self._exchange(bytes((_RREG | address, 0, 0)))[2]

    def lead_off_p(self, status):
        """Return the positive electrodes that are off, by the 24 bits of a status word."""
        return status >> 12 & 0xFF

    def lead_off_n(self, status):
        """Return the negative electrodes that are off."""
        return status >> 4 & 0xFF

    def _command(self, code):
        self._exchange(bytes((code,)))

    def _exchange(self, request):
        """Send a command and return what came back meanwhile."""
        answer = bytearray(len(request))
        self._cs(0)
        if self._paced:
            byte = memoryview(answer)
            for i in range(len(request)):
                self._spi.write_readinto(request[i : i + 1], byte[i : i + 1])
                sleep_us(self.DECODE_US)
        else:
            self._spi.write_readinto(request, answer)
            sleep_us(self.DECODE_US)
        self._cs(1)
        sleep_us(self.DECODE_US)
        return answer
