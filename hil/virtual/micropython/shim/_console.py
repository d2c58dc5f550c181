# The console as the port has it: sys.stdin, sys.stdout, and waiting for input in virtual time.
#
# What has not been read stays with the simulator. Text goes to the interpreter's own standard output, whose lines the
# simulator ends as a port does; bytes written to `buffer` go past that.
import io
import sys

import _board as _b
import _port
import uctypes

_POLL = 3
_CLOSE = 4
_READABLE = 1
_WRITABLE = 4
_EPERM = 1
_EINVAL = 22
_write = sys.stdout.write
watched = bytearray(
    1
)  # set when somebody asks whether there is input: whoever polls has to be woken by it


def take(size, line=False):
    """Return 1 to `size` bytes of input, up to the first control character if `line`; waits for the first."""
    while True:
        _b.enter()
        _b.call(_b.CONSOLE_READ, min(size, len(_b.data)), 1 if line else 0)
        found = bytes(_b.data[: _b.reply_size()])
        if not found and not _b.interrupted():
            _b.wait_until(_b.FOREVER, _b.IDLE, 1)
        _b.leave()
        if found:
            return found


def octets_of(data):
    """Return the bytes of whatever has a buffer: text, an array of words; raises TypeError for what has none."""
    return bytes(memoryview(data))


def place_in(buf):
    """Return the bytes of a buffer, to be written to; raises TypeError where that is not possible."""
    if isinstance(buf, (str, bytes)):
        raise TypeError("object with buffer protocol required")
    return uctypes.bytearray_at(uctypes.addressof(buf), len(octets_of(buf)))


def put(data):
    """Send bytes as they are."""
    data = memoryview(data)
    size = len(_b.out)
    for at in range(0, len(data), size):
        part = data[at : at + size]
        _b.enter()
        _b.out[: len(part)] = part
        _b.call(_b.CONSOLE_WRITE, 0, 0, 0, len(part))
        _b.leave()


class _Stream(io.IOBase):
    # One class for both directions, as the ports have it.
    def __init__(self, reads, text):
        self._reads = reads
        self._text = text

    def _take(self, size, line=False):
        if not self._reads:
            raise OSError(_EPERM)
        data = take(size, line)
        return data.replace(b"\r", b"\n") if self._text else data

    def read(self, size=-1):
        data = b""
        while size < 0 or len(data) < size:
            data += self._take(size - len(data) if size >= 0 else 256)
        return data.decode() if self._text else data

    def readinto(self, buf, size=-1):
        view = place_in(buf)
        if size < 0 or size > len(view):
            size = len(view)
        at = 0
        while at < size:
            part = self._take(size - at)
            view[at : at + len(part)] = part
            at += len(part)
        return size

    def readline(self, size=-1):
        data = b""
        while not data.endswith(b"\n") and (size < 0 or len(data) < size):
            data += self._take(size - len(data) if size >= 0 else 256, line=True)
        return data.decode() if self._text else data

    def readlines(self):
        lines = []
        while True:
            lines.append(self.readline())

    def __iter__(self):
        return self

    def __next__(self):
        return self.readline()

    def write(self, data, *span):
        if self._reads:
            raise OSError(_EPERM)
        _b.enter()  # what is copied here is not the firmware's
        try:
            data = octets_of(data)
            if span:
                data = data[: span[0]] if len(span) == 1 else data[span[0] :][: span[1]]
        finally:
            _b.leave()
        if self._text:
            _write(data)
        else:
            put(data)
        return len(data)

    def flush(self):
        pass

    def close(self):
        pass

    def ioctl(self, request, argument):
        if request == _POLL:
            flags = argument & _WRITABLE
            if argument & _READABLE:
                watched[0] = 1
                _b.enter()
                waiting = _b.call(_b.CONSOLE_READ)
                _b.leave()
                if waiting:
                    flags |= _READABLE
            return flags
        return 0 if request == _CLOSE else -_EINVAL


stdin = _Stream(reads=True, text=True)
stdout = _Stream(reads=False, text=True)
if _port.stdio_buffer:
    stdin.buffer = _Stream(reads=True, text=False)
    stdout.buffer = _Stream(reads=False, text=False)
