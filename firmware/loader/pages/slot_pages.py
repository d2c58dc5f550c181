# Part of the loader where the port rewrites whole pages of flash memory, larger than the blocks of
# a file system (stm32: `pyb.Flash` has one 4 KiB page in RAM, erases it in flash and writes it back
# later). While that is done, the other blocks in the page are in RAM only. So each slot is a file
# system of its own, on pages that nothing else is on, and what `slots` knows is in two pages by
# turns. docs/update.md has the format; `volumes` says where everything is.
from binascii import crc32
from struct import pack, unpack_from

import pyb
import vfs
import volumes

_RECORD = "<4sI16s"  # what it is, the how-many-eth, the line
_MAGIC = b"slot"
_SIZE = 24
_SYNC = 3


def _page(n):
    return pyb.Flash(start=volumes.STATE + n * volumes.PAGE, len=volumes.PAGE)


def _count(n, record):
    """Read the record in a page; return which one it is of all, 0 if it is not whole."""
    if _page(n).readblocks(0, record, 0):
        return 0
    magic, count, _, crc = unpack_from(_RECORD + "I", record)
    return count if magic == _MAGIC and crc == crc32(memoryview(record)[:_SIZE]) else 0


def _newest():
    """Return page, count and bytes of the newer record."""
    records = bytearray(_SIZE + 4), bytearray(_SIZE + 4)
    counts = _count(0, records[0]), _count(1, records[1])
    n = 1 if counts[1] > counts[0] else 0
    return n, counts[n], records[n]


def load():
    """Return the line; empty if there is none."""
    _, count, record = _newest()
    return bytes(record[8:_SIZE]).rstrip(b"\0").decode() if count else ""


def save(line):
    """Write the line; a power cut leaves the one before, which is in the other page."""
    n, count, _ = _newest()
    record = pack(_RECORD, _MAGIC, count + 1, line.encode())
    block = bytearray(b"\xff" * 512)
    block[: _SIZE + 4] = record + pack("<I", crc32(record))
    page = _page(1 - n if count else 0)
    if page.writeblocks(0, block) or page.ioctl(_SYNC, 0):
        raise OSError(5)


def path(slot):
    """Return where the slot's file system is mounted."""
    return "/" + slot


def _mount(slot):
    start, size = volumes.SLOTS[slot]
    vfs.mount(vfs.VfsLfs2(pyb.Flash(start=start, len=size), mtime=False), path(slot))


def renew(slot):
    """Give a slot an empty file system, whatever is there."""
    try:
        vfs.umount(path(slot))
    except OSError:  # it was not one
        pass
    start, size = volumes.SLOTS[slot]
    vfs.VfsLfs2.mkfs(pyb.Flash(start=start, len=size))
    _mount(slot)


for _slot in volumes.SLOTS:
    try:
        _mount(_slot)
    except OSError:  # empty, or in the middle of being written: until it is renewed
        pass
