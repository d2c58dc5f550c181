# From DRDY to packets. The interrupt only counts, dates and schedules; the frame is fetched
# outside of it.
#
# In the steady state nothing here allocates: no new objects, no floats, no integers above 30 bits.
from time import ticks_add, ticks_diff, ticks_us

from micropython import const, schedule

from eeg import codes
from eeg.outbox import Outbox
from eeg.packet import HEADER_SIZE, Packet
from eeg.port import PACKETS, STOPS

_MASK30 = const(0x3FFFFFFF)  # what a small integer of a 32-bit port holds
_MARK = const(0xC0)  # how a frame begins, with all electrodes on


class Acquisition:
    """Reads frames from a front end and hands packets to `send`.

    Parameters
    ----------
    afe : eeg.drivers front end
        Set up.
    drdy : machine.Pin
        Its data-ready line.
    send : callable
        Takes the bytes of one packet; raises OSError if the link does not.
    """

    def __init__(self, afe, drdy, send):
        self._afe = afe
        self._outbox = Outbox(send)
        self._readinto = afe.readinto
        self._frame = bytearray(afe.frame_size)
        self._samples = memoryview(self._frame)[
            afe.status_size : afe.status_size + 3 * afe.channels
        ]
        self.bytes_per_frame = len(self._samples)
        self._service_ref = self._service  # a bound method is an object: make it once
        self._drdy = drdy
        self._packet = Packet(HEADER_SIZE, 1, False, codes.STREAM_EEG, 0)  # until start: no room
        self._counter = False
        self._pattern = bytearray(self.bytes_per_frame)
        self._pattern_high = 0
        self.active = False
        self.overruns = 0  # frames lost on the board since start
        self._reset()
        handler = self._on_drdy_counted if STOPS else self._on_drdy
        drdy.irq(handler=handler, trigger=drdy.IRQ_FALLING, hard=True)

    def _reset(self):
        self._pending = False
        self._conversions = 0  # DRDY edges since start
        self._expected = 1  # what `_conversions` is at the next frame
        self._n = 0  # frames in the packet
        self._slots = self._packet.slots
        self._last = self._packet.capacity - 1
        self._first_time = 0
        self._time = ticks_us()
        self._period_us = 0
        self._status = 0
        self._lost = 0
        self._outbox.clear()
        self._heed()

    def _heed(self):
        """Decide whether frames need more than to be put into the packet."""
        full = self._outbox.waiting == PACKETS
        self._careful = not self.active or self._counter or full or self._afe.watches_leads

    def start(self, payload, profile, pattern, flags, rate=250):
        """Begin to stream; the front end is configured already."""
        if profile == codes.LOW_LATENCY:
            flags |= codes.FLAG_LOW_LATENCY
        if pattern == codes.PATTERN_COUNTER:
            flags |= codes.FLAG_PATTERN
        self._counter = pattern == codes.PATTERN_COUNTER
        self._packet = Packet(
            payload,
            len(self._samples),
            profile == codes.LOW_LATENCY,
            codes.STREAM_EEG,
            flags,
            PACKETS,
        )
        self.overruns = 0
        self.active = True
        self._reset()
        self._period_us = 1_000_000 // rate
        self._afe.start()

    def stop(self):
        """Stop, and send what is in the unfinished packet."""
        if not self.active:
            return
        self.active = False
        self._afe.stop()
        if self._n and not self.error:
            self._ship()
        self._heed()

    @property
    def frame_index(self):
        """Index of the frame expected next."""
        return (self._expected - 1) & _MASK30

    @property
    def conversions(self):
        """DRDY edges since start."""
        return self._conversions

    def now_us(self):
        """Return the time on the clock that dates frames."""
        return self._time if STOPS and self.active else ticks_us()

    def silence_us(self):
        """Microseconds since the last DRDY."""
        return ticks_diff(ticks_us(), self._time)

    def flush(self):
        """Send what waits, as far as the link takes it."""
        self._outbox.flush()
        self._heed()

    @property
    def waiting(self):
        """Packets that the link has not taken yet."""
        return self._outbox.waiting

    @property
    def error(self):
        """Errno of the link if sending failed, else 0."""
        return self._outbox.error

    # --- hot path

    def _on_drdy(self, pin):
        """Hard interrupt, on the falling edge of DRDY."""
        self._time = ticks_us()
        self._conversions = (self._conversions + 1) & _MASK30
        if not self._pending:
            try:
                schedule(self._service_ref, 0)
                self._pending = True
            except RuntimeError:  # the queue is full: the next edge tries again
                pass

    def _on_drdy_counted(self, pin):
        """Do the same where ticks stand still in sleep: the front end's own clock is the time."""
        self._time = ticks_add(self._time, self._period_us)
        self._conversions = (self._conversions + 1) & _MASK30
        if not self._pending:
            try:
                schedule(self._service_ref, 0)
                self._pending = True
            except RuntimeError:
                pass

    def _service(self, _):
        """Fetch one frame, outside the interrupt."""
        self._pending = False
        conversions = self._conversions
        time_us = self._time
        frame = self._frame
        self._readinto(frame)
        if (
            self._careful
            or conversions != self._conversions
            or conversions != self._expected
            or frame[0] != _MARK
        ):
            self._service_carefully(conversions, time_us)
            return
        self._expected = (conversions + 1) & _MASK30
        n = self._n
        self._slots[n][:] = self._samples
        self._n = n + 1
        if not n:
            self._first_time = time_us
        if n == self._last:
            self._ship()

    # --- not in the steady state

    def _service_carefully(self, conversions, time_us):
        """Do the same with what may be wrong with a frame, or has to be done with it."""
        frame = self._frame
        if not self.active or conversions != self._conversions or frame[0] & 0xF0 != _MARK:
            return  # stopped, or overtaken while reading: counted as lost with the next frame
        if self._outbox.waiting == PACKETS and not conversions & 7:
            self.flush()  # now and then: an attempt costs as much as sending
        if conversions != self._expected:
            self._on_overrun(conversions)
        if self._outbox.waiting == PACKETS:
            return  # no room for this frame: lost likewise
        self._expected = (conversions + 1) & _MASK30
        n = self._n
        if self._counter:
            self._count((conversions - 1) & 0xFFFFFF)
            self._slots[n][:] = self._pattern
        else:
            self._slots[n][:] = self._samples
        self._status |= frame[0] << 16 | frame[1] << 8 | frame[2]
        self._n = n + 1
        if not n:
            self._first_time = time_us
        if n == self._last:
            self._ship()

    def _ship(self):
        """Send the packet."""
        packet = self._packet
        afe = self._afe
        n = self._n
        packet.frames = n
        data = packet.finish(
            (self._expected - 1 - n) & _MASK30,
            self._first_time,
            afe.lead_off_p(self._status),
            afe.lead_off_n(self._status),
            self._lost,
        )
        self._slots = packet.slots
        self._n = 0
        self._status = 0
        self._lost = 0
        self._outbox.put(data)
        if self._outbox.waiting == PACKETS:
            self._careful = True

    def _on_overrun(self, conversions):
        """Frames before were lost: a packet only holds frames that follow each other."""
        self.overruns += (conversions - self._expected) & _MASK30
        if self._n:
            self._ship()
        self._expected = conversions
        self._lost = codes.FLAG_LOST

    def _count(self, index):
        """Make the test pattern of a frame: 8 index + channel, of which few bytes change."""
        pattern = self._pattern
        high = index >> 5 & 0xFFFF
        if high != self._pattern_high:
            self._pattern_high = high
            for i in range(0, len(pattern), 3):
                pattern[i] = high >> 8
                pattern[i + 1] = high & 0xFF
        low = index << 3 & 0xFF
        for i in range(2, len(pattern), 3):
            pattern[i] = low
            low += 1
