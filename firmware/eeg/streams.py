# What a board sends packets of. Each stream has what its samples come from and what makes packets
# of them, and offers the application what `Stream` says; which there are, the board's
# configuration decides.
from time import sleep_ms, ticks_us

import board_config as config
from machine import SPI, Pin

from eeg import acquisition, codes, drivers, port, power
from eeg.gatt import stream_bytes
from eeg.packet import HEADER_SIZE, ThroughputPacket

NOBODY = -1  # for a tag: there is nobody to answer
_SILENT_PERIODS = 8  # a front end that misses so many conversions is lost
_SILENT_EXTRA_US = 20_000


class Run:
    """What one START asks for, until something ends it.

    The main loop sets `running`, whoever ends it `ended`, each in one store, so that a STOP may
    come at any time. Who answers the START takes its tag away before.

    Attributes
    ----------
    tag : int
        Of the START, while it waits for an answer; else NOBODY.
    payload, profile, pattern : int
        Its arguments.
    flags : int
        Of all packets.
    streams, started : list of Stream
        Those that it takes, and those that have something of it.
    running, failed, ended : bool
        Whether it has begun, whether something is wrong with it, and whether it is over.
    told_overruns : int
        Lost frames the host has had an event of.
    """

    def __init__(self, tag, payload, profile, pattern, streams):
        self.tag = tag
        self.payload = payload
        self.profile = profile
        self.pattern = pattern
        self.flags = 0
        self.streams = [stream for stream in streams if pattern in stream.patterns]
        self.started = []
        self.running = self.failed = self.ended = False
        self.told_overruns = 0


class Stream:
    """What the application asks of a stream; one that has nothing to do leaves it as it is here.

    Attributes
    ----------
    patterns : tuple of int
        The patterns of START it runs with.
    smallest : int
        Bytes of a packet with one frame.
    wrong_id : int or None
        What its front end answered at boot, if it is not the right part.
    overruns : int
        Frames lost on the board since start, as of the last `attend`.
    """

    patterns = ()
    smallest = 0
    wrong_id = None
    overruns = 0

    def entry(self):
        """Return what Info lists of it; nothing if it is not listed."""
        return b""

    def wake(self):
        """Power up and set up; raises AfeError. From the main loop: it may take long."""

    def sleep(self):
        """Undo `wake`."""

    def start(self, run):
        """Send packets as `run` says, from now on."""

    def attend(self):
        """Do the main loop's share; returns code and detail of what ends the run, else None."""
        raise NotImplementedError

    def stop(self):
        """Take no more samples. From callbacks, too."""

    def finish(self):
        """Send what is left, as far as the link takes it. From the main loop only."""

    def unfinished(self):
        """Tell whether `finish` has something to do."""
        return False


class Electrodes(Stream):
    """Stream 0, and what can be set of it.

    Attributes
    ----------
    rate, signal : int
        Samples per second, and what the inputs are connected to (`eeg.drivers`).
    driven : int
        Electrodes with the lead-off current, by bit.
    lsb_fv : int
        One count, in femtovolts.
    """

    patterns = (codes.PATTERN_EEG, codes.PATTERN_COUNTER)

    def __init__(self, send):
        self.rate = config.DEFAULT_RATE
        self.signal = drivers.NORMAL
        self.driven = 0
        self.lsb_fv = ((2 * config.VREF_UV * 1_000_000_000 // config.GAIN) + (1 << 23)) >> 24
        self._seen = 0
        self._quiet = 0
        self._rests = 0
        self._afe = drivers.load(config.AFE_DRIVER).Afe(
            SPI(config.SPI_ID, baudrate=config.SPI_HZ, polarity=0, phase=1),
            Pin(config.PIN_CS, Pin.OUT, value=1),
            Pin(config.PIN_RESET, Pin.OUT, value=1),
            Pin(config.PIN_START, Pin.OUT, value=0),
            None if config.PIN_PWDN is None else Pin(config.PIN_PWDN, Pin.OUT, value=1),
            len(config.CHANNELS),
            config.SPI_HZ,
            config.HIGH_RESOLUTION,
        )
        self.channels = self._afe.channels
        self.wrong_id = power.check(self._afe)
        self._afe.sleep()
        drdy = Pin(config.PIN_DRDY, Pin.IN)
        self._acquisition = acquisition.load(config.ACQUISITION)(self._afe, drdy, send)
        self.smallest = HEADER_SIZE + self._acquisition.bytes_per_frame
        self.now_us = self._acquisition.now_us
        self.expect_delay = self._acquisition.expect_delay

    def entry(self):
        return stream_bytes(
            codes.STREAM_EEG,
            config.KIND,
            self.rate * 1000,
            self.channels,
            3,
            (self.lsb_fv, -15),
            codes.UNIT_VOLT,
            ",".join(config.CHANNELS),
        )

    def delay_us(self):
        """Return the group delay of the front end's filter."""
        return self._afe.filter_order * 500_000 // self.rate

    def drive(self):
        """Return the current (pA) and frequency (Hz / 100) of the lead-off drive."""
        return self._afe.drive(self.rate)

    def flags(self):
        """Return the flags of packets that are taken with the present settings."""
        flags = 0 if self.signal == drivers.NORMAL else codes.FLAG_TEST_SIGNAL
        return flags | codes.FLAG_DRIVEN if self.driven else flags

    def wake(self):
        self._afe.wake()
        self._afe.configure(self.rate, config.GAIN, self.signal, self.driven)

    def sleep(self):
        self._afe.sleep()

    def start(self, run):
        self._quiet = self.overruns = 0
        self._rests = power.rests
        self._acquisition.start(
            run.payload, run.profile, run.pattern, run.flags, self.rate, config.SHORTEST_PACKET_US
        )

    def attend(self):
        acquisition = self._acquisition
        if not acquisition.active:
            return None
        self.overruns = acquisition.overruns
        if self._is_silent(acquisition):
            return codes.AFE_LOST, acquisition.frame_index()
        errno = acquisition.error()
        return (codes.LINK_ERROR, errno) if errno else None

    def _is_silent(self, acquisition):
        if port.STOPS:  # nothing tells how long the CPU slept, but `idle` woke several times
            if self._rests == power.rests:  # or not: a command cut it short
                return False
            self._rests = power.rests
            conversions = acquisition.conversions()
            self._quiet = self._quiet + 1 if conversions == self._seen else 0
            self._seen = conversions
            return self._quiet > 1
        silence_us = acquisition.silence_us()
        return silence_us > _SILENT_PERIODS * 1_000_000 // self.rate + _SILENT_EXTRA_US

    def stop(self):
        self._acquisition.stop()

    def finish(self):
        self._acquisition.flush()

    def unfinished(self):
        return self._acquisition.waiting()


class Light(Stream):
    """Stream 1, of an optical front end; `settings` are those of the board's configuration."""

    patterns = (codes.PATTERN_EEG,)

    def __init__(self, settings, send):
        bus = port.i2c(settings["i2c"], settings["i2c_hz"])
        self._settings = settings
        self._device = drivers.load(settings["driver"]).Optics(bus, *settings["settings"])
        self._acquisition = self._device.acquisition(Pin(settings["interrupt"], Pin.IN), send)
        self.smallest = HEADER_SIZE + self._device.frame_size
        # Our reset did not reach it: its LEDs may be lit.
        self.wrong_id = power.check(self._device)

    def entry(self):
        return stream_bytes(
            codes.STREAM_OPTICS,
            codes.KIND_OPTICS,
            self._device.rate_mhz,
            self._device.channels,
            3,
            self._settings["lsb"],
            codes.UNIT_AMPERE,
            self._settings["names"],
        )

    def wake(self):
        self._device.wake()

    def start(self, run):
        self._acquisition.start(run.payload, run.profile, run.flags)

    def attend(self):
        acquisition = self._acquisition
        if not acquisition.active:
            return None
        acquisition.poll()
        if acquisition.active and acquisition.error():
            return codes.LINK_ERROR, acquisition.error()
        if acquisition.is_silent(_SILENT_PERIODS, _SILENT_EXTRA_US):
            return codes.AFE_LOST, acquisition.frame_index
        return None

    def stop(self):
        self._acquisition.stop()

    def finish(self):
        self._acquisition.finish()

    def unfinished(self):
        return self._acquisition.unfinished()


class Throughput(Stream):
    """Packets of a known pattern, as fast as the link takes them: the main loop does nothing else.

    `trial` is the watch over a new firmware (`eeg.trial.Trial`), or None.
    """

    patterns = (codes.PATTERN_THROUGHPUT,)

    def __init__(self, gatt, trial):
        self._gatt = gatt
        self._trial = trial
        self._packet = None

    def start(self, run):
        self._packet = ThroughputPacket(run.payload, codes.STREAM_THROUGHPUT)

    def attend(self):
        packet = self._packet
        data = None
        while packet is self._packet and packet is not None:
            if self._trial is not None:
                self._trial.watch()
            if data is None:
                data = packet.finish(ticks_us())
            try:
                self._gatt.stream(data)
                data = None
            except OSError as error:
                if port.REFUSES and error.errno == port.ENOMEM:
                    sleep_ms(1)
                    self._gatt.flush()
                elif self._packet is not None:
                    return codes.LINK_ERROR, abs(error.args[0])
        return None

    def stop(self):
        self._packet = None


def streams_of_board(electrodes, gatt, trial):
    """Return all streams of the board, `electrodes` first."""
    throughput = Throughput(gatt, trial)
    if config.OPTICS is None:
        return [electrodes, throughput]
    return [electrodes, Light(config.OPTICS, gatt.stream), throughput]
