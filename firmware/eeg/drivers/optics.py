# From an optical front end's FIFO to packets. Its rate is low: every sample may interrupt.
from time import ticks_add, ticks_diff, ticks_us

from micropython import const, schedule

from eeg import codes
from eeg.outbox import Outbox
from eeg.packet import HEADER_SIZE, Packet
from eeg.port import PACKETS

_MASK30 = const(0x3FFFFFFF)


class OpticalAcquisition:
    """Reads samples from an optical front end and hands packets to `send`.

    Parameters
    ----------
    device : eeg.drivers optical front end
    interrupt : machine.Pin
        High while there are samples to be read.
    send : callable
        Takes the bytes of one packet; raises OSError if the link does not.
    """

    def __init__(self, device, interrupt, send):
        self._device = device
        self._outbox = Outbox(send)
        self._packet = Packet(HEADER_SIZE + device.frame_size, device.frame_size, False, 0, 0)
        self._service_ref = self._service
        self.active = False
        self._clear()
        interrupt.irq(handler=self._on_interrupt, trigger=interrupt.IRQ_RISING, hard=True)

    def _clear(self):
        self.frame_index = 0  # of the frame expected next
        self._first = 0
        self._first_time = 0
        self._time = ticks_us()
        self._lost = 0
        self._pending = False
        self._outbox.clear()

    def start(self, payload, profile, flags):
        """Begin to stream; the device has been set up."""
        device = self._device
        if profile == codes.LOW_LATENCY:
            flags |= codes.FLAG_LOW_LATENCY
        second = HEADER_SIZE + max(1, device.rate_mhz // 1000) * device.frame_size
        self._packet = Packet(
            min(payload, second),
            device.frame_size,
            profile == codes.LOW_LATENCY,
            codes.STREAM_OPTICS,
            flags,
            PACKETS,
        )
        self._period_us = 1_000_000_000 // device.rate_mhz
        self._clear()
        self.active = True
        device.start()

    def stop(self):
        """Stop, and send what is in the unfinished packet."""
        if not self.active:
            return
        self.active = False
        self._device.stop()
        if self._packet.frames and not self._outbox.error:
            self._ship()

    @property
    def waiting(self):
        """Packets that the link has not taken yet."""
        return self._outbox.waiting

    @property
    def error(self):
        """Errno of the link if sending failed, else 0."""
        return self._outbox.error

    def flush(self):
        """Send what waits, as far as the link takes it."""
        self._outbox.flush()

    def is_silent(self, periods, extra_us):
        """Tell whether no sample came for so many periods and microseconds."""
        if not self.active:
            return False
        return ticks_diff(ticks_us(), self._time) > periods * self._period_us + extra_us

    def _on_interrupt(self, pin):
        """Hard interrupt: there is a sample."""
        self._time = ticks_us()
        if not self._pending:
            try:
                schedule(self._service_ref, 0)
                self._pending = True
            except RuntimeError:
                pass

    def _service(self, _):
        """Fetch all samples there are: the pin falls only when there is none."""
        self._pending = False
        device = self._device
        while self.active:
            frames = device.available()
            if not frames:
                return
            if device.overflowed():
                self._on_overflow(frames)
            newest = self._time
            while frames:
                frames -= 1
                self._take(ticks_add(newest, -frames * self._period_us))

    def _take(self, time_us):
        if self._outbox.waiting:
            self._outbox.flush()
        packet = self._packet
        if self._outbox.waiting == PACKETS:
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
        elapsed_us = ticks_diff(ticks_us(), self._time)
        lost = elapsed_us // self._period_us + 1 - frames
        self.frame_index = (self.frame_index + max(lost, 1)) & _MASK30
        self._lost = codes.FLAG_LOST

    def _ship(self):
        lost = self._lost
        self._lost = 0
        self._outbox.put(self._packet.finish(self._first, self._first_time, 0, 0, lost))
