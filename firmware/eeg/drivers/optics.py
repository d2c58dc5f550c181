# From an optical front end's FIFO to packets. The interrupt only dates the frame that came when the
# FIFO was empty; the main loop fetches it with those that came since.
from time import ticks_add, ticks_diff, ticks_us

from micropython import const

from eeg import codes
from eeg.acquisition import Outbox
from eeg.packet import HEADER_SIZE, Packet

_MASK30 = const(0x3FFFFFFF)


class OpticalAcquisition:
    """Reads samples from an optical front end and hands packets to `send`.

    Parameters
    ----------
    device : eeg.drivers optical front end
    interrupt : machine.Pin
        Rises when the FIFO is no longer empty.
    send : callable
        Takes the bytes of one packet; raises OSError if the link does not.
    """

    def __init__(self, device, interrupt, send):
        self._device = device
        self._outbox = Outbox(send)
        self._packet = Packet(HEADER_SIZE + device.frame_size, device.frame_size, 0, 0)
        self.active = False
        self._clear()
        interrupt.irq(handler=self._on_interrupt, trigger=interrupt.IRQ_RISING, hard=True)

    def _clear(self):
        self.frame_index = 0  # of the frame expected next
        self._first = 0
        self._first_time = 0
        self._time = ticks_us()
        self._since = 0  # frames fetched since `_time`
        self._lost = 0
        self._outbox.clear()

    def start(self, payload, profile, flags):
        """Begin to stream; the device has been set up."""
        device = self._device
        if profile == codes.LOW_LATENCY:
            flags |= codes.FLAG_LOW_LATENCY
        most = max(1, device.rate_mhz // 1000)  # of a second
        if profile == codes.LOW_LATENCY:
            most = min(most, 2)
        self._packet = Packet(
            min(payload, HEADER_SIZE + most * device.frame_size),
            device.frame_size,
            codes.STREAM_OPTICS,
            flags,
        )
        self._period_us = 1_000_000_000 // device.rate_mhz
        self._clear()
        self.active = True
        device.start()

    def stop(self):
        """Stop; `finish` then sends what is in the unfinished packet."""
        if not self.active:
            return
        self.active = False
        self._device.stop()

    def finish(self):
        """Send what is left, as far as the link takes it.

        From the main loop only: a STOP comes in a callback, which may find it in the middle of
        sending a packet.
        """
        outbox = self._outbox
        outbox.flush()
        if self._packet.frames and not outbox.error and not outbox.waiting:
            self._ship()

    def unfinished(self):
        """Tell whether `finish` has something to do."""
        return self._outbox.waiting or self._packet.frames > 0 and not self._outbox.error

    def error(self):
        """Return the errno of the link if sending failed, else 0."""
        return self._outbox.error

    def is_silent(self, periods, extra_us):
        """Tell whether no sample came for so many periods and microseconds."""
        if not self.active:
            return False
        # There is no interrupt while the FIFO fills up, as when a full link held the main loop.
        last_us = ticks_add(self._time, self._since * self._period_us)
        silence_us = ticks_diff(ticks_us(), last_us)
        return silence_us > periods * self._period_us + extra_us and not self._device.available()

    def _on_interrupt(self, pin):
        """Hard interrupt: the FIFO was empty, and now there is a frame."""
        self._time = ticks_us()
        self._since = 0

    def poll(self):
        """Fetch what is in the FIFO; from the main loop, which the electrodes' frames overtake."""
        device = self._device
        frames = device.available()
        if frames and device.overflowed():
            self._on_overflow(frames)
        while frames and self.active:
            frames -= 1
            # The date first: with the last frame out of the FIFO the next one may interrupt.
            time_us = ticks_add(self._time, self._since * self._period_us)
            self._since += 1
            self._take(time_us)

    def _take(self, time_us):
        self._outbox.flush()
        packet = self._packet
        if self._outbox.waiting:
            self._device.skip()
            self._lost = codes.FLAG_LOST
        else:
            n = packet.frames
            if not n:
                self._first = self.frame_index
                self._first_time = time_us
            self._device.read_frame(packet.slots[n])
            packet.frames = n + 1
        self.frame_index = (self.frame_index + 1) & _MASK30
        if packet.frames == packet.capacity:
            self._ship()

    def _on_overflow(self, frames):
        """Samples were lost in the FIFO: as many as time says, less those that are in it."""
        if self._packet.frames:
            self._ship()
        elapsed_us = ticks_diff(ticks_us(), self._time) - self._since * self._period_us
        lost = max(elapsed_us // self._period_us + 1 - frames, 1)
        self.frame_index = (self.frame_index + lost) & _MASK30
        self._since += lost
        self._lost = codes.FLAG_LOST

    def _ship(self):
        lost = self._lost
        self._lost = 0
        self._outbox.put(self._packet.finish(self._first, self._first_time, 0, 0, lost))
