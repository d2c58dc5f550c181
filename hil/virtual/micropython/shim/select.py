# `select` on virtual time, for streams in Python, which have an `ioctl` (asyncio's are), and the interpreter's own,
# which its own `select` asks (extmod/modselect.c, MicroPython 1c3c201149). There are no sockets.
import io as _io

import _board as _b
from _builtin import select as _select
from _console import watched as _watched

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16
_STREAM_POLL = 3


def _own(obj):
    """Return what asks one of the interpreter's own streams; raises OSError for what is no stream."""
    if isinstance(obj, int):  # the PC's file of that number
        raise OSError("stream operation not supported")
    poller = _select.poll()
    poller.register(obj)
    return poller


class _Poll:
    def __init__(self):
        self._objects = {}  # id -> [object, events, what asks it if it is no Python]

    def register(self, obj, eventmask=POLLIN | POLLOUT):
        entry = self._objects.get(id(obj))
        if entry is not None:
            entry[1] = eventmask
            return
        in_python = isinstance(obj, _io.IOBase) and hasattr(obj, "ioctl")
        self._objects[id(obj)] = [obj, eventmask, None if in_python else _own(obj)]

    def unregister(self, obj):
        self._objects.pop(id(obj), None)

    def modify(self, obj, eventmask):
        entry = self._objects.get(id(obj))
        if entry is None:
            raise OSError(2)
        entry[1] = eventmask

    def _ready(self):
        ready = []
        for obj, mask, own in self._objects.values():
            if own is None:
                flags = obj.ioctl(_STREAM_POLL, mask)
                if flags < 0:
                    raise OSError(-flags)
            else:
                own.modify(obj, mask)
                found = own.poll(0)
                flags = found[0][1] if found else 0
            if flags:
                ready.append((obj, flags))
        return ready

    def poll(self, timeout=-1):
        if timeout is None:
            timeout = -1
        _b.enter()
        _b.charge("sleep")
        deadline = _b.FOREVER if timeout < 0 else _b.now + timeout * 1_000_000
        while True:
            _b.leave()
            _watched[0] = 0
            seen = _b.callbacks
            ready = self._ready()
            _b.enter()
            if ready or (0 <= deadline <= _b.now):
                break
            if _b.callbacks == seen:  # else what was found out may hold no longer
                _b.wait_until(deadline, _b.IDLE, _watched[0])
        _b.leave()
        return ready

    def ipoll(self, timeout=-1, flags=0):
        ready = self.poll(timeout)
        if flags & 1:
            for obj, _ in ready:
                self._objects[id(obj)][1] = 0
        return iter(ready)


def poll():
    return _Poll()


def select(rlist, wlist, xlist, timeout=None):
    poller = _Poll()
    for obj in rlist:
        poller.register(obj, POLLIN)
    for obj in wlist:
        poller.register(obj, POLLOUT)
    ready = poller.poll(-1 if timeout is None else int(timeout * 1000))
    return (
        [obj for obj, flags in ready if flags & POLLIN],
        [obj for obj, flags in ready if flags & POLLOUT],
        [],
    )
