# Finished packets on their way to the link. What the port has no room for is tried again with the
# next packet: trying costs as much as sending.
from eeg.port import ENOMEM, PACKETS


class Outbox:
    """Hands packets to `send`, in order; keeps what the port has no room for, up to `PACKETS`.

    Parameters
    ----------
    send : callable
        Takes the bytes of one packet; raises OSError if the link does not.
    """

    def __init__(self, send):
        self._send = send
        self._queue = [None] * PACKETS
        self.clear()

    def clear(self):
        """Forget everything."""
        self._oldest = 0
        self.waiting = 0  # packets that the link has not taken yet
        self.error = 0  # errno of the link, if sending failed

    def put(self, data):
        """Take a packet; there must be room."""
        self._queue[(self._oldest + self.waiting) % PACKETS] = data
        self.waiting += 1
        if self.waiting > 1:
            self.flush()
            return
        try:
            self._send(data)
            self.waiting = 0
        except OSError as error:
            if not self._refused(error.errno):
                self.waiting = 0

    def flush(self):
        """Send what waits, as far as the link takes it."""
        while self.waiting:
            try:
                self._send(self._queue[self._oldest])
            except OSError as error:
                if self._refused(error.errno):
                    return
            self._oldest = (self._oldest + 1) % PACKETS
            self.waiting -= 1

    def _refused(self, errno):
        """Tell whether to try again later; if not, the packet is lost with the link."""
        if errno == ENOMEM and PACKETS > 1:
            return True
        self.error = errno
        return False
