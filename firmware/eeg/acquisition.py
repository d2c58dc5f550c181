# From DRDY to packets. The interrupt only counts, dates and schedules; the frame is fetched
# outside of it.
#
# In the steady state nothing here allocates: no new objects, no floats, no integers above 30 bits.
from time import ticks_diff, ticks_us

from micropython import const, schedule

from eeg import codes
from eeg.packet import HEADER_SIZE, Packet

_MASK30 = const(0x3FFFFFFF)  # what a small integer of a 32-bit port holds


class Acquisition:
    """Reads frames from a front end and hands packets to `send`.

    Parameters
    ----------
    afe : eeg.ads1299.Afe
        Front end, set up.
    drdy : machine.Pin
        Its data-ready line.
    send : callable
        Takes the bytes of one packet; raises OSError if the link does not.
    """

    def __init__(self, afe, drdy, send):
        self._afe = afe
        self._send = send
        self._frame = bytearray(afe.frame_size)
        self._samples = memoryview(self._frame)[afe.status_size :]
        self._service_ref = self._service  # a bound method is an object: make it once
        self._drdy = drdy
        self._packet = Packet(HEADER_SIZE, 1, False, codes.STREAM_EEG, 0)  # until start: no room
        self._counter = False
        self.active = False
        self.error = 0  # errno of the link, if sending failed
        self.overruns = 0  # frames lost on the board since start
        self._reset()
        drdy.irq(handler=self._on_drdy, trigger=drdy.IRQ_FALLING, hard=True)

    def _reset(self):
        self._pending = False
        self._conversions = 0  # DRDY edges since start
        self._next = 0  # index of the frame expected next
        self._first = 0
        self._first_time = 0
        self._time = ticks_us()
        self._lead_off_p = 0
        self._lead_off_n = 0
        self._lost = 0

    def start(self, payload, profile, pattern, test_signal):
        """Begin to stream; the front end is configured already."""
        flags = 0
        if profile == codes.LOW_LATENCY:
            flags |= codes.FLAG_LOW_LATENCY
        if pattern == codes.PATTERN_COUNTER:
            flags |= codes.FLAG_PATTERN
        if test_signal:
            flags |= codes.FLAG_TEST_SIGNAL
        self._counter = pattern == codes.PATTERN_COUNTER
        self._packet = Packet(
            payload,
            len(self._samples),
            profile == codes.LOW_LATENCY,
            codes.STREAM_EEG,
            flags,
        )
        self.error = 0
        self.overruns = 0
        self._reset()
        self.active = True
        self._afe.start()

    def stop(self):
        """Stop, and send what is in the unfinished packet."""
        if not self.active:
            return
        self.active = False
        self._afe.stop()
        if self._packet.frames and not self.error:
            self._ship()

    @property
    def frame_index(self):
        """Index of the frame expected next."""
        return self._next

    def silence_us(self):
        """Microseconds since the last DRDY."""
        return ticks_diff(ticks_us(), self._time)

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

    def _service(self, _):
        """Fetch one frame, outside the interrupt."""
        self._pending = False
        if not self.active:
            return
        conversions = self._conversions
        frame = self._frame
        self._afe.readinto(frame)
        if conversions != self._conversions or frame[0] & 0xF0 != 0xC0:
            return  # overtaken while reading: counted as lost with the next frame
        packet = self._packet
        n = packet.frames
        index = (conversions - 1) & _MASK30
        if index != self._next:
            self._on_overrun(index)
            n = 0
        self._next = (index + 1) & _MASK30
        if n == 0:
            self._first = index
            self._first_time = self._time
        packet.slots[n][:] = self._samples
        if self._counter:
            self._fill_counter(packet.slots[n], index)
        self._lead_off_p |= (frame[0] << 4 | frame[1] >> 4) & 0xFF
        self._lead_off_n |= (frame[1] << 4 | frame[2] >> 4) & 0xFF
        n += 1
        packet.frames = n
        if n == packet.capacity:
            self._ship()

    def _ship(self):
        """Send the packet."""
        data = self._packet.finish(
            self._first, self._first_time, self._lead_off_p, self._lead_off_n, self._lost
        )
        self._lead_off_p = 0
        self._lead_off_n = 0
        self._lost = 0
        try:
            self._send(data)
        except OSError as error:
            self.error = error.errno

    # --- not in the steady state

    def _on_overrun(self, index):
        """Frames before `index` were lost: a packet only holds frames that follow each other."""
        self.overruns += (index - self._next) & _MASK30
        if self._packet.frames:
            self._ship()
        self._lost = codes.FLAG_LOST

    def _fill_counter(self, slot, index):
        """Put the test pattern where the samples were."""
        value = (index & 0xFFFFFF) * self._afe.channels
        for i in range(0, len(slot), 3):
            slot[i] = value >> 16 & 0xFF
            slot[i + 1] = value >> 8 & 0xFF
            slot[i + 2] = value & 0xFF
            value += 1
