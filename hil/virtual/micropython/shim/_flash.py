# The file-system region of flash. Native code, for it runs inside the C code of the file system: its jumps would be
# charged to the firmware, and a keyboard interrupt be raised at one.
import _board as _b
import micropython

_ENOMEM = 12


class FlashArea:
    """The file-system region: read from the file the chip keeps, written through the chip."""

    def __init__(self, path, start, size, block_size):
        self._file = open(path, "rb")
        self._start = start
        # The file is the flash from its first byte on, and flash begins at a multiple of its size.
        self._at = start % self._file.seek(0, 2)
        self._block_size = block_size
        self._blocks = size // block_size

    @micropython.native
    def readblocks(self, block, buf, offset=0):
        _b.hold_back()
        _b.enter()  # the port's own code takes nothing of the heap, which may be locked
        self._file.seek(self._at + block * self._block_size + offset)
        self._file.readinto(buf)
        _b.charge("file_read")
        _b.work("file_read_byte", len(buf))
        _b.leave()
        _b.let_come()

    @micropython.native
    def writeblocks(self, block, buf, offset=None):
        # The file system's own code is in C, and must not be left half-way.
        _b.hold_back()
        _b.enter()
        try:
            return self._write(block, buf, offset)
        except MemoryError:
            return -_ENOMEM
        finally:
            _b.leave()
            _b.let_come()

    @micropython.native
    def _write(self, block, buf, offset):
        """Return 0, or what went wrong: an exception would leave the file system half-way."""
        if offset is None:
            result = _b.call(_b.FLASH_ERASE, self._start + block * self._block_size)
            if result < 0:
                return result
            offset = 0
        address = self._start + block * self._block_size + offset
        view = memoryview(buf)
        for at in range(0, len(view), 448):
            part = view[at : at + 448]
            _b.out[: len(part)] = part
            result = _b.call(_b.FLASH_WRITE, address + at, 0, 0, len(part))
            if result < 0:
                return result
        return 0

    @micropython.native
    def ioctl(self, op, arg):
        _b.hold_back()
        answer = 0
        if op == 4:
            answer = self._blocks
        elif op == 5:
            answer = self._block_size
        elif op == 6:
            _b.enter()
            answer = _b.call(_b.FLASH_ERASE, self._start + arg * self._block_size)
            _b.leave()
        _b.let_come()
        return answer
