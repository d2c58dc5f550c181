# The ADPD4101 on I2C (Analog Devices, data sheet of the ADPD4100/ADPD4101, Rev. 0; registers as in
# the manufacturer's public driver). Every optical channel has a time slot: one LED, one photodiode,
# its pulses summed to 24 bits. A driver of this kind has
#   channels, frame_size, rate_mhz
#   wake() raises AfeError; start(); stop()
#   acquisition(interrupt, send) makes packets of what it gives
#   available() frames to be read; read_frame(slot); skip(); overflowed()
from eeg.drivers import AfeError
from eeg.drivers.optics import OpticalAcquisition

_ADDRESS = 0x24
_LONG = 0x8000  # a register address of two bytes

_FIFO_STATUS, _FIFO_TH, _CHIP_ID, _TS_FREQ, _TS_FREQH = 0x00, 0x06, 0x08, 0x0D, 0x0E
_SYS_CTL, _OPMODE, _INT_ENABLE_XD, _GPIO_CFG, _GPIO01, _FIFO_DATA = (
    0x0F,
    0x10,
    0x14,
    0x22,
    0x23,
    0x2F,
)
_TS_CTRL, _INPUTS, _AFE_TRIM, _LED_POW12, _LED_POW34 = 0x100, 0x102, 0x104, 0x105, 0x106
_COUNTS, _LED_PULSE, _DATA1 = 0x107, 0x109, 0x110
_SLOT_STEP = 0x20

_IDENTITY = 0xC2
_RESET = 0x8000
_MHZ_OSCILLATOR = 0x0006  # on, and the time base
_TIME_BASE_MHZ = 1_000_000_000  # 1 MHz
_FIFO_INTERRUPT = 0x8000
_CLEAR, _OVERFLOW = 0x8000, 0x2000
_COUNT = 0x07FF
_GO = 0x0001
_GPIO0_OUTPUT, _GPIO0_INTERRUPT_X = 0x0002, 0x0002
_LED_OFFSET_US = 16
_LED_STEP_UA = 1333
_BYTES = 3
_TIA_OHM = (200_000, 100_000, 50_000, 25_000, 12_500)


class Optics:
    """One ADPD4101.

    Parameters
    ----------
    i2c : machine.I2C
    pairs, wavelengths : int
        Pairs of emitter and detector, and wavelengths of each: their product is the number of
        channels. LED output 1A belongs to the first channel, 1B to the second, 2A to the third
        and so on; input 1 to the first pair, 3 to the second.
    rate_mhz : int
        Samples per 1000 s.
    led_ua, pulses, pulse_us, tia_ohm : int
        What a time slot does.
    """

    def __init__(self, i2c, pairs, wavelengths, rate_mhz, led_ua, pulses, pulse_us, tia_ohm):
        self._i2c = i2c
        self._wavelengths = wavelengths
        self.channels = pairs * wavelengths
        self.frame_size = _BYTES * self.channels
        self.rate_mhz = rate_mhz
        self._led = (led_ua + _LED_STEP_UA // 2) // _LED_STEP_UA
        self._pulses = pulses
        self._pulse_us = pulse_us
        self._tia = _TIA_OHM.index(tia_ohm)
        self._word = bytearray(2)
        self._frame = bytearray(self.frame_size)
        self._status = 0

    def acquisition(self, interrupt, send):
        """Return what takes its samples when `interrupt` rises, and hands packets to `send`."""
        return OpticalAcquisition(self, interrupt, send)

    def wake(self):
        """Reset, check that it is the right part, and set everything up; raises AfeError."""
        try:
            self._write(_SYS_CTL, _RESET)
            identity = self._read(_CHIP_ID) & 0xFF
        except OSError:  # nobody answers on the bus
            raise AfeError(0)
        if identity != _IDENTITY:
            raise AfeError(identity)
        self._write(_SYS_CTL, _MHZ_OSCILLATOR)
        cycles = _TIME_BASE_MHZ // self.rate_mhz
        self._write(_TS_FREQ, cycles & 0xFFFF)
        self._write(_TS_FREQH, cycles >> 16)
        for i in range(self.channels):
            self._set_slot(i)
        self._write(_FIFO_TH, self.frame_size - 1)  # an interrupt when there is more than that
        self._write(_INT_ENABLE_XD, _FIFO_INTERRUPT)
        self._write(_GPIO01, _GPIO0_INTERRUPT_X)
        self._write(_GPIO_CFG, _GPIO0_OUTPUT)

    def _set_slot(self, i):
        at = i * _SLOT_STEP
        self._write(at + _TS_CTRL, 0)
        self._write(at + _INPUTS, 1 << 4 * (i // self._wavelengths))
        self._write(at + _AFE_TRIM, self._read(at + _AFE_TRIM) & ~0x3F | self._tia)
        led = self._led | (i & 1) << 7  # output A or B
        self._write(at + _LED_POW12, led << 8 * (i >> 1) if i < 4 else 0)
        self._write(at + _LED_POW34, led << 8 * ((i >> 1) - 2) if i >= 4 else 0)
        self._write(at + _COUNTS, 0x0100 | self._pulses)
        self._write(at + _LED_PULSE, self._pulse_us << 8 | _LED_OFFSET_US)
        self._write(at + _DATA1, _BYTES)

    def start(self):
        """Begin to sample."""
        self._write(_FIFO_STATUS, _CLEAR | _OVERFLOW)
        self._write(_OPMODE, (self.channels - 1) << 8 | _GO)

    def stop(self):
        """Stop sampling, and rest."""
        self._write(_OPMODE, 0)
        self._write(_FIFO_STATUS, _CLEAR)

    def available(self):
        """Return how many frames can be read."""
        self._status = self._read(_FIFO_STATUS)
        return (self._status & _COUNT) // self.frame_size

    def overflowed(self):
        """Tell, once, whether samples were lost before the last `available`."""
        if not self._status & _OVERFLOW:
            return False
        self._write(_FIFO_STATUS, _OVERFLOW)
        return True

    def read_frame(self, slot):
        """Fetch one frame into `slot`, most significant byte first."""
        frame = self._frame
        self._i2c.readfrom_mem_into(_ADDRESS, _LONG | _FIFO_DATA, frame, addrsize=16)
        for i in range(0, len(frame), _BYTES):  # the FIFO gives the low word first
            slot[i] = frame[i + 2]
            slot[i + 1] = frame[i]
            slot[i + 2] = frame[i + 1]

    def skip(self):
        """Fetch one frame for nothing."""
        self._i2c.readfrom_mem_into(_ADDRESS, _LONG | _FIFO_DATA, self._frame, addrsize=16)

    def _read(self, register):
        word = self._word
        self._i2c.readfrom_mem_into(_ADDRESS, _LONG | register, word, addrsize=16)
        return word[0] << 8 | word[1]

    def _write(self, register, value):
        self._i2c.writeto_mem(
            _ADDRESS, _LONG | register, bytes((value >> 8, value & 0xFF)), addrsize=16
        )
