# The stm32 port's flash memory: a page in RAM behind `pyb.Flash`, erased in flash and written back later
# (ports/stm32/storage.c, flashbdev.c, MicroPython 1c3c201149). What is in RAM only is lost with the process, as with
# the power. Native code, for it runs inside the C code of a file system: see _flash.py.
import _board as _b
import _port
import micropython

_BLOCK = _port.block_size
_PAGE = _port.page_size
_TICK = _port.flash_tick_ms
_DELAY = _port.flash_delay_ms
_FIRST = 0x100  # blocks of the whole device before the flash memory: a partition table, and zeros
_CHUNK = 1024
_EIO, _EFAULT = 5, 14
_MS = 1_000_000

_ram = bytearray(_PAGE)
_parts = [memoryview(_ram)[at : at + _CHUNK] for at in range(0, _PAGE, _CHUNK)]
_out = _b.out[:_CHUNK]
_file = None
_start = 0  # address of the first block
_at = 0  # and its place in the file
_size = 0
_page = -1  # which page is in RAM, in bytes from the first block
_dirty = _erased = _busy = _ticking = False
_last_ms = 0
_slot = -1


def open_flash(path, start, size):
    """Begin with the flash memory that a file backs."""
    global _file, _start, _at, _size, _slot
    _file = open(path, "rb")
    _start = start
    _at = start % _file.seek(0, 2)
    _size = size
    _slot = _b.take_slot()
    _b.handlers[_slot] = (_tick, None, True)


@micropython.native
def _ticks_ms():
    return (_b.now - _b.stopped) // _MS


@micropython.native
def _wait_for_tick():
    """Ask for the next tick of the system's clock that looks after the page."""
    global _ticking
    _ticking = True
    now = _b.now - _b.stopped
    # The dispatcher's slot is the odd milliseconds: the first of every 512 is the second.
    due = (now // _MS - 1) // _TICK * _TICK + 1 + _TICK
    _b.call(_b.TIMER, _slot, due * _MS - now, 0)


@micropython.native
def _tick(_):
    """Erase the page that is in RAM, or write it back when nothing was written for a while."""
    global _ticking
    _b.enter()
    _ticking = False
    if _dirty and not _busy:
        if not _erased:
            _erase()
        elif _ticks_ms() - _last_ms >= _DELAY:
            _write_back()
    if _dirty:
        _wait_for_tick()
    _b.leave()


@micropython.native
def _erase():
    global _erased, _busy
    _busy = True
    _b.call(_b.FLASH_ERASE, _start + _page)
    _erased = True
    _busy = False


@micropython.native
def _write_back():
    global _dirty, _erased, _busy
    _busy = True
    for i in range(len(_parts)):
        _out[_b.ALL] = _parts[i]
        # What fails is not told: the port does not look.
        _b.call(_b.FLASH_WRITE, _start + _page + i * _CHUNK, 1, 0, _CHUNK)
    _dirty = _erased = _busy = False


@micropython.native
def sync():
    """Write back what is in RAM only."""
    _b.hold_back()
    _b.enter()
    masked = _b.mask(1)
    _sync()
    _b.mask(masked)
    _b.leave()
    _b.let_come()


@micropython.native
def _sync():
    if _dirty:
        if not _erased:
            _erase()
        _write_back()


@micropython.native
def read(at, buf):
    """Read bytes of the flash memory, from RAM where its page is there; returns an error or 0."""
    end = at + len(buf)
    if at < 0 or end > _size:
        return -1
    _b.charge("file_read")
    _b.work("file_read_byte", len(buf))
    if _page < 0 or end <= _page or at >= _page + _PAGE:
        _file.seek(_at + at)
        _file.readinto(buf)
        return 0
    view = memoryview(buf)
    done = 0
    while at < end:
        page = at // _PAGE * _PAGE
        n = min(end, page + _PAGE) - at
        if page == _page:
            view[done : done + n] = memoryview(_ram)[at - page : at - page + n]
        else:
            _file.seek(_at + at)
            _file.readinto(view[done : done + n])
        done += n
        at += n
    return 0


@micropython.native
def write(at, buf):
    """Change bytes of the page in RAM, after getting it there; returns an error or 0."""
    global _page, _dirty, _last_ms
    end = at + len(buf)
    if at < 0 or end > _size:
        return -1
    view = memoryview(buf)
    done = 0
    masked = _b.mask(
        1
    )  # as the port's driver does it, which raises the priority above that of pins and timers
    while at < end:
        page = at // _PAGE * _PAGE
        n = min(end, page + _PAGE) - at
        if page != _page:
            _sync()
            _file.seek(_at + page)
            _file.readinto(_ram)
            _page = page
        _dirty = True
        _last_ms = _ticks_ms()
        memoryview(_ram)[at - page : at - page + n] = view[done : done + n]
        done += n
        at += n
    if not _ticking:
        _wait_for_tick()
    _b.mask(masked)
    return 0


def _partition_table():
    table = bytearray(_BLOCK)
    table[447:450] = table[451:454] = b"\xff\xff\xff"
    table[450] = 1
    table[454:458] = _FIRST.to_bytes(4, "little")
    table[458:462] = (_size // _BLOCK).to_bytes(4, "little")
    table[510:] = b"\x55\xaa"
    return table


class Flash:
    """`pyb.Flash`: the whole device with a partition table, or a part of the flash memory."""

    def __init__(self, *, start=-1, len=-1):
        self._whole = start == -1 and len == -1
        if start == -1:
            start = 0
        elif not (0 <= start < _size and start % _BLOCK == 0):
            raise ValueError
        if len == -1:
            len = _size - start
        elif not (0 < len and start + len <= _size and len % _BLOCK == 0):
            raise ValueError
        self._start = start
        self._len = len

    def __repr__(self):
        return "Flash()" if self._whole else "Flash(start=%d, len=%d)" % (self._start, self._len)

    @micropython.native
    def readblocks(self, block, buf, offset=None):
        _b.hold_back()
        _b.enter()  # the port's own code takes nothing of the heap, which may be locked
        if offset is None:
            answer = self._read(block, buf)
        elif self._whole:
            answer = -_EIO
        elif block * _BLOCK >= self._len:
            answer = -_EFAULT
        else:
            answer = read(self._start + block * _BLOCK + offset, buf)
        _b.leave()
        _b.let_come()
        return answer

    @micropython.native
    def writeblocks(self, block, buf, offset=None):
        # The file system's own code is in C, and must not be left half-way.
        _b.hold_back()
        _b.enter()
        try:
            if offset is None:
                answer = self._write(block, buf)
            elif self._whole:
                answer = -_EIO
            elif block * _BLOCK >= self._len:
                answer = -_EFAULT
            else:
                answer = write(self._start + block * _BLOCK + offset, buf)
        finally:
            _b.leave()
            _b.let_come()
        return answer

    def _first(self, block):
        """Return where a block is, in blocks of the flash memory."""
        return block - _FIRST if self._whole else block + self._start // _BLOCK

    @micropython.native
    def _read(self, block, buf):
        first = self._first(block)
        n = len(buf) // _BLOCK
        if first >= 0:
            return -_EIO if read(first * _BLOCK, memoryview(buf)[: n * _BLOCK]) else 0
        view = memoryview(buf)
        for i in range(n):
            part = view[i * _BLOCK : (i + 1) * _BLOCK]
            if first + i >= 0:
                if read((first + i) * _BLOCK, part):
                    return -_EIO
            elif first + i == -_FIRST:
                part[_b.ALL] = _partition_table()
            elif first + i > -_FIRST:
                part[_b.ALL] = bytes(_BLOCK)
            else:
                return -_EIO
        return 0

    @micropython.native
    def _write(self, block, buf):
        first = self._first(block)
        view = memoryview(buf)
        for i in range(len(buf) // _BLOCK):
            # What is before the first partition is taken and forgotten.
            if first + i >= 0 and write((first + i) * _BLOCK, view[i * _BLOCK : (i + 1) * _BLOCK]):
                return -_EIO
        return 0

    @micropython.native
    def ioctl(self, op, arg):
        _b.hold_back()
        answer = None
        if op == 1:
            answer = -1 if self._whole and arg == 1 else 0
        elif op == 2 or op == 3:
            sync()
            answer = 0
        elif op == 4:
            answer = self._len // _BLOCK + (_FIRST if self._whole else 0)
        elif op == 5:
            answer = _BLOCK
        elif op == 6:
            answer = 0  # nothing: what is written is erased before by itself
        _b.let_come()
        return answer
