# From DRDY to packets: frames go into bins as they are converted, and from there into packets as
# the radio takes them (eeg.bins says why).
#
# In the steady state nothing here allocates: no new objects, no floats, no integers above 30 bits.
from time import ticks_add, ticks_diff, ticks_us

from micropython import const, schedule

from eeg import codes
from eeg.bins import Bin
from eeg.outbox import Outbox
from eeg.packet import HEADER_SIZE, Packet
from eeg.port import BINS, STOPS

_MASK30 = const(0x3FFFFFFF)  # what a small integer of a 32-bit port holds
_HALF = const(0x20000000)
_EDGES = const(0xFFFFFF)  # where conversions are counted: one more is a small integer, too
_TURNS = const(0xFF)  # where bins are counted
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
        Takes the bytes of one packet, and may wait for the link; raises OSError if the link does
        not take it.

    Attributes
    ----------
    active : bool
        Whether frames are taken.
    overruns : int
        Frames lost on the board since start.
    """

    def __init__(self, afe, drdy, send):
        self._afe = afe
        self._outbox = Outbox(send)
        self._readinto = afe.readinto
        self.bytes_per_frame = 3 * afe.channels
        # A bound method is an object: make it once.
        self._send_ref = self._on_scheduled
        self._fetch_ref = self._fetch
        self._packet = Packet(HEADER_SIZE, 1, codes.STREAM_EEG, 0)  # until start: no room
        self._make_bins(1)
        self._counter = False
        self._pattern = bytearray(self.bytes_per_frame)
        self._pattern_high = 0
        self._period_us = 0
        self._shortest = 1
        self.active = False
        self.overruns = 0
        self._reset()
        handler = self._on_drdy_stopped if STOPS else self._on_drdy
        drdy.irq(handler=handler, trigger=drdy.IRQ_FALLING, hard=True)

    def _reset(self):
        self._pending = False  # a callback is scheduled
        self._busy = False  # packets are being made
        # Of who fills: the bin that is open, if `_n` is below the capacity.
        self._capacity = self._packet.capacity
        self._n = self._capacity  # frames in it
        self._frames = ()
        self._begin = 0  # where in it the next packet begins
        self._due = 0  # and when there is enough for one
        self._index = 0  # index of its first frame
        self._closed = 0  # bins that were filled
        self._missed = 0  # frames there was no bin for since then
        self._edges = 0  # conversions, where a callback reads them
        self._expected = 1  # what `_edges` is at the next frame
        self._time = ticks_us()
        # Of who empties: bins that were sent, and frames of the next one.
        self._sent = 0
        self._taken = 0
        self._next = 0  # index of the next frame to be sent
        self._clock_index = 0  # a frame and its time, where the front end is the clock
        self._clock_us = self._time
        self._status = 0
        self._outbox.clear()

    def _make_bins(self, capacity):
        afe = self._afe
        self._bins = [
            Bin(capacity, afe.frame_size, afe.status_size, self.bytes_per_frame)
            for _ in range(BINS)
        ]

    def start(self, payload, profile, pattern, flags, rate=250):
        """Begin to stream; the front end is configured already."""
        afe = self._afe
        if profile == codes.LOW_LATENCY:
            flags |= codes.FLAG_LOW_LATENCY
        if pattern == codes.PATTERN_COUNTER:
            flags |= codes.FLAG_PATTERN
        self._counter = pattern == codes.PATTERN_COUNTER
        self._packet = packet = Packet(payload, self.bytes_per_frame, codes.STREAM_EEG, flags)
        capacity = packet.capacity
        self._bins = self._frames = ()  # makes room
        self._make_bins(capacity)
        self._period_us = period_us = 1_000_000 // rate
        self._shortest = capacity
        if profile == codes.LOW_LATENCY:
            self._shortest = min(capacity, 2)
        self.overruns = 0
        self._reset()
        # The first conversion comes one period after the start.
        self._clock_us = ticks_add(self._time, period_us)
        self.active = True
        afe.start()

    def stop(self):
        """Stop, and send what there is, as far as the link takes it."""
        if not self.active:
            return
        self.active = False  # no bin is opened any more
        n = self._n
        self._n = self._capacity  # nor is anything put into the open one
        self._afe.stop()
        if n < self._capacity:
            self._close(n)
        self._service()

    def frame_index(self):
        """Return the index of the frame expected next."""
        n = self._n
        return self._index if n == self._capacity else ticks_add(self._index, n)

    def conversions(self):
        """Return a number that changes with every conversion."""
        return ticks_add(self.frame_index(), self._missed) if STOPS else self._edges

    def now_us(self):
        """Return the time on the clock that dates frames."""
        if STOPS and self.active:
            return self._date(ticks_add(self.frame_index(), self._missed))
        return ticks_us()

    def silence_us(self):
        """Microseconds since the last DRDY, where `time` does not stand still in sleep."""
        return ticks_diff(ticks_us(), self._time)

    def waiting(self):
        """Tell whether there is something the link has not taken yet."""
        outbox = self._outbox
        return not outbox.error and (outbox.waiting or self._sent != self._closed)

    def flush(self):
        """Send what waits, as far as the link takes it."""
        self._service()

    def error(self):
        """Return the errno of the link if sending failed, else 0."""
        return self._outbox.error

    # --- filling

    def _on_drdy_stopped(self, pin):
        """Hard interrupt, where the bus can be used in it: fetch the frame."""
        n = self._n
        if n == self._capacity:
            if not self._open():
                self._missed += 1
                self._call()  # a link that refused is to be asked again
                return
            n = 0
        self._readinto(self._frames[n])
        self._n = n = n + 1
        if n == self._due:
            self._on_due(n)
            self._call()

    def _call(self):
        """Have packets sent, outside of the interrupt."""
        if not self._pending:
            try:
                schedule(self._send_ref, 0)
                self._pending = True
            except RuntimeError:  # the queue is full: the next packet's worth tries again
                pass

    def _on_drdy(self, pin):
        """Hard interrupt, where the bus needs more than an interrupt may do: have it fetched."""
        self._time = ticks_us()
        self._edges = (self._edges + 1) & _EDGES
        if not self._pending:
            try:
                schedule(self._fetch_ref, 0)
                self._pending = True
            except RuntimeError:  # the queue is full: the next edge tries again
                pass

    def _fetch(self, _):
        """Fetch the frame of the last conversion, and send what is due."""
        self._pending = False
        edges = self._edges
        time_us = self._time
        n = self._n
        if n == self._capacity:
            if not self._open():
                return  # no room, or stopped: lost, and counted with the next one
            n = 0
            self._n = 0
        self._readinto(self._frames[n])
        if edges != self._edges:
            return  # overtaken while reading: lost, and counted with the next one
        if edges != self._expected:
            missed = (edges - self._expected) & _EDGES
            if missed == _EDGES:
                return  # it was fetched already
            n = self._on_missed(n, missed)
            if n < 0:
                return
        self._expected = (edges + 1) & _EDGES
        if n == self._begin:
            bin = self._bins[self._closed % BINS]
            bin.time = time_us
            bin.timed = n
        self._n = n = n + 1
        if n == self._due:
            self._on_due(n)
            self._service()

    def _open(self):
        """Open the next bin; tells whether there is one."""
        closed = self._closed
        if not self.active or (closed - self._sent) & _TURNS == BINS:
            return False
        bin = self._bins[closed % BINS]
        if self._missed:
            self._index = ticks_add(self._index, self._missed)
            self._missed = 0
        bin.first = self._index
        self._frames = bin.frames
        self._begin = 0
        self._due = self._shortest
        return True

    def _on_due(self, n):
        """There is enough for a packet: go on with what the next one is to hold."""
        capacity = self._capacity
        if n == capacity:
            self._close(n)
            return
        self._begin = n
        n += self._shortest
        # What is left of a bin is one packet if it is not enough for two.
        self._due = n if n + self._shortest <= capacity else capacity

    def _close(self, n):
        """No more frames into the open bin: it has `n`."""
        self._bins[self._closed % BINS].count = n
        self._index = ticks_add(self._index, n)
        self._closed = (self._closed + 1) & _TURNS

    def _on_missed(self, n, missed):
        """Let a frame that was read into place `n` follow a gap: it begins a bin.

        Returns its place there, -1 if there is no bin for it.
        """
        frame = self._frames[n]
        if n:
            self._n = self._capacity
            self._close(n)
            self._service()
        self._missed += missed
        if not self._open():
            self._missed -= missed  # it is among what the next one follows
            return -1
        self._n = 0
        if n:
            self._frames[0][:] = frame
        return 0

    # --- emptying

    def _on_scheduled(self, _):
        """Send one packet, outside of the interrupt that saw it to be there.

        One at a time: a link that is behind must not keep commands from being heard.
        """
        self._pending = False
        if not self._busy:
            self._busy = True
            try:
                more = self._send_next()
            finally:
                self._busy = False
            if more and self._sent != self._closed:
                self._call()

    def _service(self):
        """Send what there is. A callback in the middle of another call leaves it to that one."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._send_next():
                pass
        finally:
            self._busy = False

    def _send_next(self):
        """Send one packet; tells whether there may be another."""
        outbox = self._outbox
        if outbox.waiting:
            outbox.flush()
            if outbox.waiting:
                return False
        if outbox.error:
            return False
        sent = self._sent
        taken = self._taken
        n = self._n
        bin = self._bins[sent % BINS]
        is_closed = self._closed != sent  # asked after `n`: it may be closed at any time
        if is_closed:
            n = bin.count
        elif n == self._capacity or n - taken < self._shortest:
            return False
        place = self._copy(bin, taken, n)
        first = ticks_add(bin.first, taken) if taken else bin.first
        time_us = 0 if STOPS else ticks_add(bin.time, (taken - bin.timed) * self._period_us)
        n_frames = place - taken
        if place < n:  # a frame that cannot be used
            place += 1
        # The frames are in the packet: their bin may be filled again while that is sent.
        if is_closed and place == n:
            self._taken = 0
            self._sent = (sent + 1) & _TURNS
        else:
            self._taken = place
        if n_frames:
            self._ship(n_frames, first, time_us)
        return True

    def _copy(self, bin, start, stop):
        """Put frames of a bin into the packet; returns where that ends, or a frame that is none."""
        if self._counter or self._afe.watches_leads:
            return self._copy_carefully(bin, start, stop)
        slots = self._packet.slots
        frames = bin.frames
        samples = bin.samples
        for i in range(start, stop):
            if frames[i][0] != _MARK:
                return self._copy_carefully(bin, start, stop)
            slots[i - start][:] = samples[i]
        return stop

    def _ship(self, n, first, time_us):
        """Send the packet with its `n` frames."""
        packet = self._packet
        packet.frames = n
        lost = 0
        if first != self._next:
            lost = codes.FLAG_LOST
            self.overruns += (first - self._next) & _MASK30
        self._next = ticks_add(first, n)
        afe = self._afe
        status = self._status
        self._status = 0
        if STOPS:
            time_us = self._date(first)
        self._outbox.put(
            packet.finish(first, time_us, afe.lead_off_p(status), afe.lead_off_n(status), lost)
        )

    def _copy_carefully(self, bin, start, stop):
        """Do the same with what may be wrong with a frame, or has to be done with it."""
        slots = self._packet.slots
        for i in range(start, stop):
            frame = bin.frames[i]
            if frame[0] & 0xF0 != _MARK:
                return i
            if self._counter:
                self._count(ticks_add(bin.first, i) & 0xFFFFFF)
                slots[i - start][:] = self._pattern
            else:
                slots[i - start][:] = bin.samples[i]
            self._status |= frame[0] << 16 | frame[1] << 8 | frame[2]
        return stop

    def _date(self, index):
        """Return when a frame was converted, by the front end's clock."""
        step_us = ticks_diff(index, self._clock_index) * self._period_us
        # After minutes of nothing but losses this is more than `ticks_add` takes.
        self._clock_us = ticks_add(self._clock_us, ((step_us + _HALF) & _MASK30) - _HALF)
        self._clock_index = index
        return self._clock_us

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
