# Imported by the MicroPython process of these tests: the firmware's modules, and their
# surroundings.
# ruff: noqa: E402, F401 (runs under MicroPython, and what is imported is for the tests)
import sys


class _Bluetooth:
    FLAG_NOTIFY = FLAG_READ = FLAG_WRITE = 0
    UUID = str


sys.modules["bluetooth"] = _Bluetooth

from eeg import acquisition, battery, codes, drivers, gatt, packet


def code_names():
    return {name: getattr(codes, name) for name in dir(codes) if name.isupper()}


def test_signals():
    return {name: getattr(drivers, name) for name in ("NORMAL", "TEST_SQUARE", "SHORTED")}


def fits(payloads, frame_sizes):
    return [
        (payload, size, low, packet.frames_that_fit(payload, size, low))
        for payload in payloads
        for size in frame_sizes
        for low in (False, True)
    ]


def build_packet(payload, frames, low_latency, sequence, first, time_us, p, n, flags, lost):
    built = packet.Packet(payload, len(frames[0]), low_latency, codes.STREAM_EEG, flags)
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

    def __init__(self, channels, payload, profile, pattern, flags=0, leads=False):
        self.afe = FrontEnd(channels, leads)
        self.line = Line()
        self.sent = []
        self.errno = 0
        self.queue = []
        self.queue_full = False
        self.now = 0
        acquisition.schedule = self._schedule
        acquisition.ticks_us = self._ticks
        self.acquisition = acquisition.Acquisition(self.afe, self.line, self._send)
        self.acquisition.start(payload, profile, pattern, flags)

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
):
    recorder = Recorder(channels, payload, profile, pattern, flags, leads)
    recorder.acquisition._conversions = start_at
    recorder.acquisition._expected = start_at + 1
    recorder.errno = errno
    for step in steps:
        recorder.step(step)
    if stop:
        recorder.acquisition.stop()
    done = recorder.acquisition
    return recorder.sent, done.error, done.overruns, done.frame_index
