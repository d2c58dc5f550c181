# The packets of the Stream characteristic (docs/protocol.md, "Stream"): a header and whole frames.
#
# All buffers are made when streaming starts; adding a frame and finishing a packet allocate
# nothing.
from struct import pack_into

HEADER_SIZE = 16
_HEADER = "<HBBIIBBBB"


def frames_that_fit(payload, frame_size):
    """Return how many frames a packet of `payload` bytes carries; 0 if not even one."""
    n = (payload - HEADER_SIZE) // frame_size
    return max(0, min(n, 255))


class Packet:
    """One packet under construction.

    Attributes
    ----------
    capacity : int
        Frames it holds at most.
    slots : list of memoryview
        Places of the frames.
    frames : int
        How many are in it.
    """

    def __init__(self, payload, frame_size, stream, flags):
        n = frames_that_fit(payload, frame_size)
        self.capacity = n
        self.frames = 0
        self.sequence = 0
        self.flags = flags
        self._stream = stream
        self._buffer = bytearray(HEADER_SIZE + n * frame_size)
        view = memoryview(self._buffer)
        self.slots = [
            view[HEADER_SIZE + i * frame_size : HEADER_SIZE + (i + 1) * frame_size]
            for i in range(n)
        ]
        # What is sent when i frames are in it.
        self._views = [view[: HEADER_SIZE + i * frame_size] for i in range(n + 1)]

    def finish(self, first_frame, time_us, lead_off_p, lead_off_n, lost):
        """Write the header, empty the packet and return the bytes to send.

        They are valid until the next frame is put into a slot. Frame index and time are below
        2**30: what a small integer of a 32-bit port holds without allocating.
        """
        n = self.frames
        sequence = self.sequence
        pack_into(
            _HEADER,
            self._buffer,
            0,
            sequence,
            self._stream,
            self.flags | lost,
            first_frame,
            time_us,
            n,
            lead_off_p,
            lead_off_n,
            0,
        )
        self.sequence = (sequence + 1) & 0xFFFF
        self.frames = 0
        return self._views[n]


class ThroughputPacket:
    """Full packets of a known pattern, to find out how much the link carries.

    Byte k of the body is ``(sequence + k) % 256``: a window that slides over a ramp.
    """

    def __init__(self, payload, stream):
        self._size = payload - HEADER_SIZE
        self._buffer = bytearray(payload)
        self._body = memoryview(self._buffer)[HEADER_SIZE:]
        ramp = memoryview(bytes(i & 0xFF for i in range(256 + self._size)))
        self._windows = [ramp[i : i + self._size] for i in range(256)]
        self._stream = stream
        self.sequence = 0

    def finish(self, time_us):
        """Return the next packet; valid until the next call."""
        sequence = self.sequence
        self._body[:] = self._windows[sequence & 0xFF]
        pack_into(_HEADER, self._buffer, 0, sequence, self._stream, 0, 0, time_us, 0, 0, 0, 0)
        self.sequence = (sequence + 1) & 0xFFFF
        return self._buffer
