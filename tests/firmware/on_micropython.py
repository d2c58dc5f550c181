# Imported by the MicroPython process of these tests: the firmware's modules, and their
# surroundings.
# ruff: noqa: E402, F401 (runs under MicroPython, and what is imported is for the tests)
import sys


class _Bluetooth:
    FLAG_NOTIFY = FLAG_READ = FLAG_WRITE = FLAG_WRITE_NO_RESPONSE = 0
    UUID = str


sys.modules["bluetooth"] = _Bluetooth

from eeg import (
    acquisition,
    callback_acquisition,
    codes,
    drivers,
    gatt,
    interrupt_acquisition,
    packet,
    power,
)
from eeg.drivers import adpd4101, ads129x, optics
from played_board import OpticalChip


def code_names():
    return {name: getattr(codes, name) for name in dir(codes) if name.isupper()}


def test_signals():
    return {name: getattr(drivers, name) for name in ("NORMAL", "TEST_SQUARE", "SHORTED")}


def fits(payloads, frame_sizes):
    return [
        (payload, size, packet.frames_that_fit(payload, size))
        for payload in payloads
        for size in frame_sizes
    ]


def build_packet(payload, frames, sequence, first, time_us, p, n, flags, lost):
    built = packet.Packet(payload, len(frames[0]), codes.STREAM_EEG, flags)
    built.sequence = sequence
    for i, frame in enumerate(frames):
        built.slots[i][:] = frame
    built.frames = len(frames)
    data = bytes(built.finish(first, time_us, p, n, lost))
    return data, built.sequence, built.frames


def throughput(payload, start, count):
    built = packet.ThroughputPacket(payload, codes.STREAM_THROUGHPUT)
    built.sequence = start
    return [bytes(built.finish(123)) for _ in range(count)]


class FrontEnd:
    """Hands out frames; may be overtaken by the next conversion while it is read."""

    def __init__(self, channels, watches_leads):
        self.channels = channels
        self.status_size = 3
        self.watches_leads = watches_leads
        self.frame_size = 3 + 3 * channels
        self.frame = bytes(self.frame_size)
        self.overtaken_by = None

    def start(self):
        pass

    def stop(self):
        pass

    def lead_off_p(self, status):
        return status >> 12 & 0xFF

    def lead_off_n(self, status):
        return status >> 4 & 0xFF

    def readinto(self, buffer):
        buffer[:] = self.frame
        if self.overtaken_by is not None:
            edge, self.overtaken_by = self.overtaken_by, None
            edge()


# As wide as on a 32-bit port: those of the computer wrap at 2**62.
def _ticks_add(ticks, delta):
    return (ticks + delta) & 0x3FFFFFFF


def _ticks_diff(a, b):
    return ((a - b + 0x20000000) & 0x3FFFFFFF) - 0x20000000


class Line:
    IRQ_FALLING = 2

    def irq(self, handler, trigger, hard):
        self.handler = handler


class Recorder:
    """An acquisition with its surroundings played by the test: steps in, packets out.

    Steps: bytes is a frame that is converted and read; "edge" a conversion nobody has time for
    until the next one; "full" one that finds the scheduler's queue full; "overtaken" + frame one
    that the next conversion overtakes while it is read.
    """

    def __init__(
        self,
        channels,
        payload,
        profile,
        pattern,
        flags=0,
        leads=False,
        kind=callback_acquisition.CallbackAcquisition,
        shortest_us=0,
    ):
        self.afe = FrontEnd(channels, leads)
        self.line = Line()
        self.sent = []
        self.errno = 0
        self.queue = []
        self.queue_full = False
        self.now = 0
        for module in (acquisition, callback_acquisition, interrupt_acquisition):
            module.schedule = self._schedule
            module.ticks_us = self._ticks
            module.ticks_add = _ticks_add
            module.ticks_diff = _ticks_diff
        self.acquisition = kind(self.afe, self.line, self._send)
        self.acquisition.start(payload, profile, pattern, flags, 250, shortest_us)

    def _schedule(self, function, argument):
        if self.queue_full:
            raise RuntimeError("schedule queue full")
        self.queue.append((function, argument))

    def _ticks(self):
        return self.now & 0x3FFFFFFF

    def _send(self, data):
        if self.errno:
            raise OSError(self.errno)
        self.sent.append(bytes(data))

    def edge(self):
        self.now += 4000
        self.line.handler(self.line)

    def work(self):
        while self.queue:
            function, argument = self.queue.pop(0)
            function(argument)

    def step(self, what):
        if what == "edge":
            self.edge()
        elif what == "full":
            self.queue_full = True
            self.edge()
            self.queue_full = False
        elif isinstance(what, tuple):
            self.afe.frame = what[1]
            self.afe.overtaken_by = self.edge
            self.edge()
            self.work()
        else:
            self.afe.frame = what
            self.edge()
            self.work()


def acquire(
    channels,
    payload,
    profile,
    pattern,
    steps,
    stop=True,
    start_at=0,
    errno=0,
    flags=0,
    leads=False,
    shortest_us=0,
):
    recorder = Recorder(channels, payload, profile, pattern, flags, leads, shortest_us=shortest_us)
    done = recorder.acquisition
    done._next = start_at
    recorder.errno = errno
    for step in steps:
        recorder.step(step)
    if stop:
        done.stop()
    return recorder.sent, done.error(), done.overruns, done.frame_index()


# --- a port that fetches frames in the interrupt, while a notification waits for the radio


def squeeze(channels, payload, steps, profile=codes.EFFICIENT):
    """Run such an acquisition: steps are (frame, what the radio does then).

    That is 0 if it takes all packets, an errno to refuse them, or None to let them wait; "one" if
    it takes one and lets the next wait.
    """
    before = acquisition.REFUSES
    acquisition.REFUSES = True
    try:
        kind = interrupt_acquisition.InterruptAcquisition
        recorder = Recorder(channels, payload, profile, codes.PATTERN_EEG, kind=kind)
        done = recorder.acquisition
        steps = iter(steps)
        room = [-1]  # packets the radio takes, -1: all

        def convert(frame, answer):
            room[0] = 1 if answer == "one" else 0 if answer is None else -1
            recorder.errno = answer if isinstance(answer, int) else 0
            recorder.afe.frame = frame
            recorder.edge()

        def send(data):
            # Time goes by while the port waits: the next frames come before it has sent this.
            while not room[0]:
                step = next(steps, None)
                if step is None:
                    break
                convert(*step)
            if room[0] > 0:
                room[0] -= 1
            recorder._send(data)

        done._outbox._send = send
        for step in steps:
            convert(*step)
            recorder.work()
        recorder.errno = 0
        room[0] = -1
        done.stop()
        done.flush()
        return recorder.sent, done.error(), done.overruns, done.waiting()
    finally:
        acquisition.REFUSES = before


# --- drivers


class Chip:
    """A front end's registers, and notes of what a driver does to its lines and how long it waits.

    Bytes make a command from one fall of chip select to the next, however they are sent.
    """

    def __init__(self, identity):
        self.registers = bytearray(32)
        self.registers[0] = identity
        self.log = []
        self._command = b""

    def write_readinto(self, out, into):
        self.log.append(("spi", bytes(out)))
        for i in range(len(out)):
            into[i] = self._take(out[i])

    def _take(self, byte):
        command = self._command = self._command + bytes((byte,))
        address = command[0] & 0x1F
        if len(command) == 3 and command[0] & 0xE0 == 0x40:
            self.registers[address] = byte
        elif len(command) == 3 and command[0] & 0xE0 == 0x20:
            return self.registers[address]
        return 0

    def readinto(self, into):
        pass

    def pin(self, name):
        def drive(level):
            self.log.append((name, level))
            if name == "cs":
                self._command = b""

        return drive

    def wait_us(self, us):
        self.log.append(("wait_us", us))

    def wait_ms(self, ms):
        self.wait_us(1000 * ms)


def driver_of(chip, name, channels, spi_hz=1_000_000, high_resolution=False, has_pwdn=True):
    pins = [chip.pin(pin) for pin in ("cs", "reset", "start")]
    pwdn = chip.pin("pwdn") if has_pwdn else None
    return drivers.load(name).Afe(
        chip, pins[0], pins[1], pins[2], pwdn, channels, spi_hz, high_resolution
    )


def front_end(name, channels, identity, high_resolution=False):
    chip = Chip(identity)
    return chip, driver_of(chip, name, channels, high_resolution=high_resolution)


def registers_of(name, channels, rate, gain, signal, driven=0, high_resolution=False):
    """Return the registers that differ from zero after configuring a front end."""
    chip, afe = front_end(name, channels, 0, high_resolution=high_resolution)
    afe.configure(rate, gain, signal, driven)
    return {i: value for i, value in enumerate(chip.registers) if value}, afe.drive(rate)


def identity_accepted(name, identity):
    afe = front_end(name, 1, identity)[1]
    try:
        afe.wake()
    except drivers.AfeError as error:
        return error.detail
    return None


def lines_of(name, identity, spi_hz, has_pwdn, calls):
    """Return what a driver did to its lines in each of some calls: name and arguments.

    The call "reboot" makes a new driver, as a restart of the firmware does.
    """
    chip = Chip(identity)
    waits = ads129x.sleep_us, ads129x.sleep_ms
    ads129x.sleep_us, ads129x.sleep_ms = chip.wait_us, chip.wait_ms
    try:
        afe = driver_of(chip, name, 2, spi_hz, has_pwdn=has_pwdn)
        logs = []
        for call in calls:
            chip.log = []
            if call[0] == "reboot":
                afe = driver_of(chip, name, 2, spi_hz, has_pwdn=has_pwdn)
            else:
                getattr(afe, call[0])(*call[1:])
            logs.append(chip.log)
        return logs
    finally:
        ads129x.sleep_us, ads129x.sleep_ms = waits


def leads(name, status):
    afe = front_end(name, 1, 0)[1]
    return afe.lead_off_p(status), afe.lead_off_n(status)


def optical_registers(*settings):
    chip = OpticalChip()
    device = adpd4101.Optics(chip, *settings)
    device.wake()
    device.start()
    return chip.registers


def optical_writes(calls, *settings):
    """Return the register writes of some calls of the optical driver, in order."""
    chip = OpticalChip()
    device = adpd4101.Optics(chip, *settings)
    for call in calls:
        getattr(device, call)()
    return chip.written


def optical_packets(settings, payload, batches, overflow_before=-1):
    """Interrupt at the first frame of each batch of FIFO bytes, and fetch them after the last."""
    chip = OpticalChip()
    device = adpd4101.Optics(chip, *settings)
    line = Line()
    line.IRQ_RISING = 1
    sent, now = [], [0]
    optics.ticks_us = lambda: now[0] & 0x3FFFFFFF
    stream = device.acquisition(line, lambda data: sent.append(bytes(data)))
    stream.start(payload, codes.EFFICIENT, 0)
    for i, batch in enumerate(batches):
        period_us = 1_000_000_000 // device.rate_mhz
        now[0] += period_us
        line.handler(line)
        now[0] += period_us * (len(batch) // device.frame_size - 1)
        chip.fifo += batch
        if i == overflow_before:
            chip.status |= 0x2000
            now[0] += 3 * period_us
        stream.poll()
    stream.stop()
    stream.finish()
    return sent, stream.frame_index
