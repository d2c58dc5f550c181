# FAT's times. The interpreter dates what it writes by the PC's clock; the port by its own (ports/stm32/fatfs_port.c,
# MicroPython 1c3c201149), or always the same without one (zephyr: lib/oofatfs/ffconf.h). The dates are put right in the
# buffers that the file system writes, which it goes on with.
import _board as _b
import _port
import micropython
import vfs as _vfs
from _builtin import time as _time
from _loading import Volume
from _timers import RTC as _RTC

_EPOCH_2000 = 946_684_800
_MARGIN_S = 2  # FAT's times have two seconds
_ENTRY = 32
_ATTRIBUTES, _SECONDS_TENTHS, _CREATED, _MODIFIED = 11, 13, 14, 22
_LONG_NAME = 0x0F
_SERIALS = (
    (54, 39),
    (82, 67),
)  # where a boot sector says FAT, and where the volume's number is, made of the time


def _dos(t):
    """Return a time as FAT has it."""
    date = (t[0] - 1980) << 9 | t[1] << 5 | t[2]
    return date << 16 | t[3] << 11 | t[4] << 5 | t[5] // 2


_FIXED = _dos((2018, 1, 1, 0, 0, 0))
_began = _dos(_time.localtime(_time.time() - _MARGIN_S))


def _now():
    if not _port.fat_follows_clock:
        return _FIXED
    return _dos(_time.gmtime((_RTC._offset_ns + _b.now) // 1_000_000_000 + _EPOCH_2000))


@micropython.native
def _put_right(buf, at, latest, stamp):
    """Replace a time if it is the PC's, of this run."""
    value = buf[at] | buf[at + 1] << 8 | buf[at + 2] << 16 | buf[at + 3] << 24
    if _began <= value <= latest:
        buf[at : at + 4] = stamp


@micropython.native
def _date(buf):
    """Put right what a file system has dated in a buffer that it is about to write."""
    latest = _dos(_time.localtime(_time.time() + _MARGIN_S))
    stamp = _now().to_bytes(4, "little")
    for name, number in _SERIALS:
        if bytes(buf[name : name + 3]) == b"FAT":
            _put_right(buf, number, latest, stamp)
            return
    for at in range(0, len(buf) - _ENTRY + 1, _ENTRY):
        kind = buf[at + _ATTRIBUTES]
        if buf[at] and kind != _LONG_NAME and not kind & 0xC0 and not buf[at + _SECONDS_TENTHS]:
            _put_right(buf, at + _CREATED, latest, stamp)
            _put_right(buf, at + _MODIFIED, latest, stamp)


class _Dated:
    # A block device under FAT.
    def __init__(self, device):
        self.readblocks = device.readblocks
        if hasattr(device, "writeblocks"):
            self._write = device.writeblocks
            self.writeblocks = self._writeblocks
        if hasattr(device, "ioctl"):
            self.ioctl = device.ioctl

    @micropython.native
    def _writeblocks(self, block, buf):
        _b.hold_back()
        _b.enter()
        _date(buf)
        _b.leave()
        _b.let_come()
        return self._write(block, buf)


class VfsFat(Volume):
    """Stands in for the interpreter's."""

    @staticmethod
    def mkfs(device):
        _vfs.VfsFat.mkfs(_Dated(device))

    def __init__(self, device):
        self._fs = _vfs.VfsFat(_Dated(device))
