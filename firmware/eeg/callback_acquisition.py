# Frames that a scheduled callback fetches, where an interrupt may not use the bus: the interrupt
# only counts, dates and schedules. While a packet waits for the radio nothing is fetched.
from time import ticks_add, ticks_diff, ticks_us

from micropython import const, schedule

from eeg.acquisition import MARK, Acquisition

_MARK = const(0xC0)  # MARK
_EDGES = const(0xFFFFFF)  # where conversions are counted: one more is a small integer, too
_READ_US = const(400)  # that a frame takes to fetch, at most
_PATIENCE = const(64)  # full packets after a loss, before shorter ones are tried again


def _leave(frame):
    """Read nothing."""


class CallbackAcquisition(Acquisition):
    """See `Acquisition`; `drdy` is the front end's data-ready line."""

    def __init__(self, afe, drdy, send):
        self._frame = bytearray(afe.frame_size)
        end = afe.status_size + 3 * afe.channels
        self._samples = memoryview(self._frame)[afe.status_size : end]
        self._fetch_ref = self._fetch  # a bound method is an object: make it once
        self._read_early_ref = self._read_early
        super().__init__(afe, send)
        drdy.irq(handler=self._on_drdy, trigger=drdy.IRQ_FALLING, hard=True)

    def _begin(self, packet, shortest):
        super()._begin(packet, shortest)
        self._pending = False
        self._edges = 0  # conversions since start
        self._expected = 1  # what `_edges` is at the next frame
        self._time = ticks_us()
        self._slots = packet.slots
        self._n = 0  # frames in the packet
        self._due = shortest
        self._gap = 0  # frames lost before the first of them
        self._first_time = 0
        self._behind = 0
        self._careful = True

    def start(self, payload, profile, pattern, flags, rate=250, shortest_us=0):
        """Begin to stream; the front end is configured already."""
        self._read = self._readinto = self._afe.readinto
        # With what the front end's clock may be off, the next conversion is not under way by then.
        self._latest_us = 1_000_000 // rate * 15 // 16 - _READ_US
        super().start(payload, profile, pattern, flags, rate, shortest_us)
        self._careful = self._is_special()

    def stop(self):
        """Stop, and send what is in the unfinished packet."""
        if not self.active:
            return
        self.active = False
        self._careful = True
        self._readinto = _leave  # a fetch that was scheduled must not get between its commands
        self._afe.stop()
        if self._n and not self._outbox.error:
            self._send()

    def frame_index(self):
        """Return the index of the frame expected next."""
        return ticks_add(self._next, self._gap + self._n)

    def conversions(self):
        """Return a number that changes with every conversion."""
        return self._edges

    def now_us(self):
        """Return the time on the clock that dates frames."""
        return ticks_us()

    def silence_us(self):
        """Microseconds since the last DRDY."""
        return ticks_diff(ticks_us(), self._time)

    def waiting(self):
        """Tell whether there is something the link has not taken yet."""
        return self._outbox.waiting

    def flush(self):
        """Send what waits, as far as the link takes it."""
        self._outbox.flush()
        self.expect_delay()

    # --- hot path

    def _on_drdy(self, pin):
        """Hard interrupt, on the falling edge of DRDY."""
        self._time = ticks_us()
        self._edges = (self._edges + 1) & _EDGES
        if not self._pending:
            try:
                schedule(self._fetch_ref, 0)
                self._pending = True
            except RuntimeError:  # the queue is full: the next edge tries again
                pass

    def _fetch(self, _):
        """Fetch one frame, outside the interrupt."""
        self._pending = False
        edges = self._edges
        time_us = self._time
        frame = self._frame
        self._readinto(frame)
        if self._careful or edges != self._edges or edges != self._expected or frame[0] != _MARK:
            self._take_carefully(edges, time_us)
            return
        self._expected = (edges + 1) & _EDGES
        n = self._n
        self._slots[n][:] = self._samples
        if not n:
            self._first_time = time_us
        self._n = n = n + 1
        if n == self._due:
            self._send()

    # --- not in the steady state

    def _take_carefully(self, edges, time_us):
        """Take a frame with what may be wrong with it, or has to be done with it."""
        frame = self._frame
        missed = (edges - self._expected) & _EDGES
        if not self.active or edges != self._edges or missed == _EDGES or frame[0] & 0xF0 != MARK:
            return  # stopped, overtaken, fetched already, none: what is lost is missed by the next
        self.flush()
        if self._outbox.waiting:
            return  # there is no room for this frame: likewise
        if missed:
            if self._n:
                self._send()  # a packet only holds frames that follow each other
            self._gap += missed
            self._behind = _PATIENCE
            self._due = self._capacity
        self._expected = (edges + 1) & _EDGES
        n = self._n
        self._fill(self._slots[n], frame, self._samples, ticks_add(self._next, self._gap + n))
        if not n:
            self._first_time = time_us
        self._n = n = n + 1
        if n == self._due:
            self._send()

    def expect_delay(self):
        """Have the next frame fetched only if it is early enough for it by then."""
        if self.active:
            self._readinto = self._read_early_ref

    def _read_early(self, frame):
        """Fetch a frame that may have waited, unless the next one would come in between."""
        frame[0] = 0  # none
        if self.active:
            self._readinto = self._read
            if ticks_diff(ticks_us(), self._time) < self._latest_us:
                self._read(frame)

    def _send(self):
        """Send the packet, and decide when the next one is due.

        A link that made frames wait until they were lost gets full packets for a while: each one
        costs it as much as a short one.
        """
        n = self._n
        gap = self._gap
        self._n = self._gap = 0
        self._ship(n, ticks_add(self._next, gap), self._first_time)
        if self._behind:
            self._behind -= 1
            self._due = self._capacity if self._behind else self._shortest
        elif self._outbox.waiting:
            self._careful = True
        if self._pending:  # a conversion came meanwhile: it may have waited for most of its period
            self.expect_delay()


make = CallbackAcquisition
