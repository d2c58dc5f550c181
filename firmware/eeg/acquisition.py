# From DRDY to packets: what is the same wherever a frame is fetched. Where an interrupt may use
# the bus that is done there (eeg.interrupt_acquisition), else in a callback
# (eeg.callback_acquisition): an image holds the one its port needs.
#
# In the steady state nothing of this allocates: no new objects, no floats, no integers above 30
# bits.
from time import ticks_add

from micropython import const

from eeg import codes
from eeg.packet import HEADER_SIZE, Packet
from eeg.port import ENOMEM, REFUSES

_MASK30 = const(0x3FFFFFFF)  # what a small integer of a 32-bit port holds
MARK = 0xC0  # how a frame begins, with all electrodes on
_SHORT_PACKET = const(2)  # frames of a packet of the low-latency profile at least


class Outbox:
    """Hands packets to `send`, one at a time; keeps the one the port has no room for.

    Parameters
    ----------
    send : callable
        Takes the bytes of one packet; raises OSError if the link does not.
    """

    def __init__(self, send):
        self._send = send
        self._data = None
        self.clear()

    def clear(self):
        """Forget everything."""
        self.waiting = False  # whether there is a packet that the link has not taken yet
        self.error = 0  # errno of the link, if sending failed

    def put(self, data):
        """Take a packet; none may be waiting. It must not change while it waits."""
        self._data = data
        self.waiting = True
        self.flush()

    def flush(self):
        """Send what waits, if the link takes it."""
        if not self.waiting:
            return
        try:
            self._send(self._data)
            self.waiting = False
        except OSError as error:
            if not (REFUSES and error.errno == ENOMEM):
                self.error = abs(error.args[0])  # zephyr's host has negative ones
                self.waiting = False  # lost with the link


class Acquisition:
    """Reads frames from a front end and hands packets to `send`.

    Parameters
    ----------
    afe : eeg.drivers front end
        Set up.
    send : callable
        Takes the bytes of one packet, and may wait for the link; raises OSError if the link does
        not take it.

    Attributes
    ----------
    active : bool
        Whether frames are taken.
    bytes_per_frame : int
        Bytes of a frame in a packet.
    overruns : int
        Frames lost on the board since start.
    """

    def __init__(self, afe, send):
        self._afe = afe
        self._readinto = afe.readinto
        self._outbox = Outbox(send)
        self.bytes_per_frame = 3 * afe.channels
        self._counter = False
        self._pattern = bytearray(self.bytes_per_frame)
        self._pattern_high = 0
        self.active = False
        self.overruns = 0
        self._period_us = 0
        self._begin(Packet(HEADER_SIZE, 1, codes.STREAM_EEG, 0), 1)  # no room until start

    def _begin(self, packet, shortest):
        """Forget everything, and fill `packet` from now on; `shortest` frames are enough to go."""
        self._packet = packet
        self._capacity = packet.capacity
        self._shortest = shortest
        self._next = 0  # index of the next frame to be sent
        self._status = 0
        self.overruns = 0
        self._outbox.clear()

    def start(self, payload, profile, pattern, flags, rate=250, shortest_us=0):
        """Begin to stream; the front end is configured already.

        In the low-latency profile a packet is sent when it holds two frames, or as many as take
        `shortest_us`: the link carries no more packets than that.
        """
        if profile == codes.LOW_LATENCY:
            flags |= codes.FLAG_LOW_LATENCY
        if pattern == codes.PATTERN_COUNTER:
            flags |= codes.FLAG_PATTERN
        self._counter = pattern == codes.PATTERN_COUNTER
        self._period_us = 1_000_000 // rate
        packet = Packet(payload, self.bytes_per_frame, codes.STREAM_EEG, flags)
        shortest = packet.capacity
        if profile == codes.LOW_LATENCY:
            frames = (shortest_us + self._period_us - 1) // self._period_us
            shortest = min(shortest, max(_SHORT_PACKET, frames))
        self._begin(packet, shortest)
        self.active = True
        self._afe.start()

    def error(self):
        """Return the errno of the link if sending failed, else 0."""
        return self._outbox.error

    def expect_delay(self):
        """Take note that the link may hold callbacks up: nothing, where an interrupt fetches."""

    def _is_special(self):
        """Tell whether frames need more than to be copied."""
        return self._counter or self._afe.watches_leads

    def _fill(self, slot, frame, samples, index):
        """Put a frame into a packet with what has to be done with it."""
        if self._counter:
            self._count(index & 0xFFFFFF)
            slot[:] = self._pattern
        else:
            slot[:] = samples
        self._status |= frame[0] << 16 | frame[1] << 8 | frame[2]

    def _ship(self, n, first, time_us):
        """Send the packet with its `n` frames, the first of which has this index and time."""
        packet = self._packet
        packet.frames = n
        lost = 0
        if first != self._next:
            lost = codes.FLAG_LOST
            self.overruns += (first - self._next) & _MASK30
        self._next = ticks_add(first, n)  # which wraps at 30 bits, and makes no larger number
        afe = self._afe
        status = self._status
        self._status = 0
        self._outbox.put(
            packet.finish(first, time_us, afe.lead_off_p(status), afe.lead_off_n(status), lost)
        )

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


def load(name):
    """Import the module `name`; returns what makes its acquisition."""
    return getattr(__import__("eeg." + name), name).make
