# Finished packets on their way to the link.
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
        self.flush()

    def flush(self):
        """Send what waits, as far as the link takes it."""
        while self.waiting:
            try:
                self._send(self._queue[self._oldest])
            except OSError as error:
                if error.errno == ENOMEM and PACKETS > 1:
                    return
                self.error = error.errno
            self._oldest = (self._oldest + 1) % PACKETS
            self.waiting -= 1
