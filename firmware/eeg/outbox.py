# A finished packet on its way to the link: what the port has no room for is tried again.
from eeg.port import ENOMEM, REFUSES


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
