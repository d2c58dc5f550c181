# What the board says of its two slots, and the trial of a new application (docs/update.md).
import os
from struct import pack
from time import time

import machine
import slots

UPDATE_VERSION = 1
BUFFER = 976  # bytes of update messages that may wait: four of the largest
KEY_FILE = "/flash/update.key"
BUSY = 3

_TRIAL_S = 120  # a new application that no host confirms in this time goes
_STANDS = (None, slots.NEW, slots.TRIED, slots.FAILED)


def state_bytes(board, version, image_hash, largest_write):
    """Return the value of the Update State characteristic."""
    active, other, trial = slots.read()
    running = other if trial == slots.TRIED else active
    names = board.encode()
    release = version.encode()
    return (
        pack(
            "<BBBBHH",
            UPDATE_VERSION,
            slots.SLOTS.index(running),
            _STANDS.index(trial),
            1 if exists(KEY_FILE) else 0,
            largest_write,
            BUFFER,
        )
        + image_hash
        + bytes((len(names),))
        + names
        + bytes((len(release),))
        + release
    )


def exists(path):
    """Tell whether there is such a file or directory."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def busy(data):
    """Return the answer to an update message that comes at a wrong time."""
    return pack("<BBBI", (data[0] if data else 0) | 0x80, 5, BUSY, 0)


class Trial:
    """Keeps a new application alive for as long as it may stay without being confirmed.

    Parameters
    ----------
    watchdog : WDT
        That the loader started.
    """

    def __init__(self, watchdog):
        self._watchdog = watchdog
        self._end = time() + _TRIAL_S

    def watch(self):
        """Feed the watchdog; to be called often."""
        if time() > self._end:
            print("eegrig: nobody confirmed this firmware: back to the one before")
            machine.reset()
        self._watchdog.feed()
