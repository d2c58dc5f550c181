# Frames that the interrupt itself fetches, where it may use the bus.
#
# The port makes whoever sends a packet wait until the radio has taken the one before, and runs
# nothing but interrupts meanwhile. Frames therefore go into bins, of as many as a packet carries.
# The interrupt fills them and a callback empties them, each with a counter of its own, so that
# neither needs the other to stand still. A bin holds frames that follow each other: when all of
# them wait, what is lost are whole bins, and what is sent are full packets.
from time import ticks_add, ticks_diff, ticks_us

from micropython import const, schedule

from eeg.acquisition import MARK, Acquisition

_BINS = const(4)
_MARK = const(0xC0)  # MARK
_TURNS = const(0xFF)  # where bins are counted
_MASK30 = const(0x3FFFFFFF)  # where ticks are counted
_HALF = const(0x20000000)


class Bin:
    """Room for the frames of one packet.

    Attributes
    ----------
    frames, samples : list of memoryview
        Places of whole frames, and of the samples in them.
    first : int
        Index of the first frame.
    count : int
        How many frames are in it, once it is closed.
    """

    def __init__(self, capacity, frame_size, status_size, samples_size):
        data = memoryview(bytearray(capacity * frame_size))
        end = status_size + samples_size
        self.frames = [data[i * frame_size : (i + 1) * frame_size] for i in range(capacity)]
        self.samples = [frame[status_size:end] for frame in self.frames]
        self.first = 0
        self.count = 0


class InterruptAcquisition(Acquisition):
    """See `Acquisition`; `drdy` is the front end's data-ready line.

    Its clock is the front end: ticks stand still while the processor sleeps.
    """

    def __init__(self, afe, drdy, send):
        self._send_ref = self._on_scheduled  # a bound method is an object: make it once
        super().__init__(afe, send)
        drdy.irq(handler=self._on_drdy, trigger=drdy.IRQ_FALLING, hard=True)

    def _begin(self, packet, shortest):
        super()._begin(packet, shortest)
        afe = self._afe
        self._bins = self._frames = ()  # makes room
        self._bins = [
            Bin(packet.capacity, afe.frame_size, afe.status_size, self.bytes_per_frame)
            for _ in range(_BINS)
        ]
        self._pending = False  # a callback is scheduled
        self._busy = False  # a packet is being sent
        # Of who fills. A bin is open if `_n` is below the capacity.
        self._n = packet.capacity  # frames in it
        self._due = 0  # when there is enough for the next packet
        self._index = 0  # index of its first frame, of the next one's if none is open
        self._closed = 0  # bins that were filled
        self._missed = 0  # frames there was no bin for since then
        # Of who empties: bins that were sent, and frames of the next one.
        self._sent = 0
        self._taken = 0
        # A frame and its time: the first one is converted a period after the start.
        self._clock_index = 0
        self._clock_us = ticks_add(ticks_us(), self._period_us)

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
        self.flush()

    def frame_index(self):
        """Return the index of the frame expected next."""
        n = self._n
        return self._index if n == self._capacity else ticks_add(self._index, n)

    def conversions(self):
        """Return a number that changes with every conversion."""
        return ticks_add(self.frame_index(), self._missed)

    def now_us(self):
        """Return the time on the clock that dates frames."""
        return self._date(self.conversions()) if self.active else ticks_us()

    def waiting(self):
        """Tell whether there is something the link has not taken yet."""
        outbox = self._outbox
        return not outbox.error and (outbox.waiting or self._sent != self._closed)

    def flush(self):
        """Send what there is, as far as the link takes it."""
        while self._send_one():
            pass

    # --- filling: the hot path

    def _on_drdy(self, pin):
        """Hard interrupt, on the falling edge of DRDY."""
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

    def _open(self):
        """Open the next bin; tells whether there is one."""
        closed = self._closed
        if not self.active or (closed - self._sent) & _TURNS == _BINS:
            return False
        bin = self._bins[closed % _BINS]
        if self._missed:
            self._index = ticks_add(self._index, self._missed)
            self._missed = 0
        bin.first = self._index
        self._frames = bin.frames
        self._plan(0)
        return True

    def _on_due(self, n):
        """There is enough for a packet: have it sent, and say when there is for the next one."""
        if n == self._capacity:
            self._close(n)
        else:
            self._plan(n)
        self._call()

    def _plan(self, n):
        """Say when the packet is due that begins at `n` of the open bin."""
        enough = n + self._shortest
        # What is left of a bin is one packet if it is not enough for two.
        self._due = enough if enough + self._shortest <= self._capacity else self._capacity

    def _close(self, n):
        """No more frames into the open bin: it has `n`."""
        self._bins[self._closed % _BINS].count = n
        self._index = ticks_add(self._index, n)
        self._closed = (self._closed + 1) & _TURNS

    def _call(self):
        """Have packets sent, outside of the interrupt."""
        if not self._pending:
            try:
                schedule(self._send_ref, 0)
                self._pending = True
            except RuntimeError:  # the queue is full: the next packet's worth tries again
                pass

    # --- emptying

    def _on_scheduled(self, _):
        """Send one packet; only one, or a link that is behind would keep commands from us."""
        self._pending = False
        if self._send_one() and self._sent != self._closed:
            self._call()

    def _send_one(self):
        """Send a packet, if there is enough for one; tells whether there may be another.

        A callback in the middle of another call leaves it to that one.
        """
        if self._busy:
            return False
        self._busy = True
        try:
            return self._send_next()
        finally:
            self._busy = False

    def _send_next(self):
        outbox = self._outbox
        outbox.flush()
        if outbox.waiting or outbox.error:
            return False
        sent = self._sent
        start = self._taken
        stop = self._n
        bin = self._bins[sent % _BINS]
        is_closed = self._closed != sent  # asked after `_n`: it may be closed at any time
        if is_closed:
            stop = bin.count
        elif stop == self._capacity or stop - start < self._shortest:
            return False
        end = self._copy(bin, start, stop)
        first = ticks_add(bin.first, start)
        # The frames are in the packet, and their bin may be filled while that is sent. A frame
        # that cannot be used is passed over.
        if is_closed and end >= stop - 1:
            self._taken = 0
            self._sent = (sent + 1) & _TURNS
        else:
            self._taken = end + 1 if end < stop else end
        if end > start:
            self._ship(end - start, first, self._date(first))
        return True

    def _copy(self, bin, start, stop):
        """Put frames of a bin into the packet; returns where that ended: at one that is none."""
        if self._is_special():
            return self._copy_carefully(bin, start, stop)
        slots = self._packet.slots
        frames = bin.frames
        samples = bin.samples
        for i in range(start, stop):
            if frames[i][0] != _MARK:
                return self._copy_carefully(bin, start, stop)
            slots[i - start][:] = samples[i]
        return stop

    def _copy_carefully(self, bin, start, stop):
        slots = self._packet.slots
        self._status = 0
        for i in range(start, stop):
            frame = bin.frames[i]
            if frame[0] & 0xF0 != MARK:
                return i
            self._fill(slots[i - start], frame, bin.samples[i], ticks_add(bin.first, i))
        return stop

    def _date(self, index):
        """Return when a frame was converted, by the front end's clock."""
        step_us = ticks_diff(index, self._clock_index) * self._period_us
        # After minutes of nothing but losses this is more than `ticks_add` takes.
        self._clock_us = ticks_add(self._clock_us, ((step_us + _HALF) & _MASK30) - _HALF)
        self._clock_index = index
        return self._clock_us


make = InterruptAcquisition
