# `select` on virtual time, for objects that have an `ioctl` (asyncio's are; there are no sockets).
import _board as _b
from _console import watched as _watched

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16
_STREAM_POLL = 3


class _Poll:
    def __init__(self):
        self._objects = {}

    def register(self, obj, eventmask=POLLIN | POLLOUT):
        if not hasattr(obj, "ioctl") and not hasattr(obj, "fileno") and not hasattr(obj, "write"):
            raise OSError(22)
        self._objects[id(obj)] = [obj, eventmask]

    def unregister(self, obj):
        self._objects.pop(id(obj), None)

    def modify(self, obj, eventmask):
        entry = self._objects.get(id(obj))
        if entry is None:
            raise OSError(2)
        entry[1] = eventmask

    def _ready(self):
        ready = []
        for obj, mask in self._objects.values():
            flags = obj.ioctl(_STREAM_POLL, mask) if hasattr(obj, "ioctl") else mask & POLLOUT
            if flags and flags > 0:
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
            ready = self._ready()
            _b.enter()
            if ready or (0 <= deadline <= _b.now):
                break
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
