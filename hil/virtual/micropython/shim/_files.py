# Files and file systems in the firmware's hands. A hard interrupt's handler may come in the middle of what a file
# system does, whose state is half-way then: on a board nothing keeps the handler from using it too, and it is destroyed.
# Here it is refused.
import io

import _board as _b
import micropython

_EBUSY = 16
_EINVAL = 22
_CLOSE, _FLUSH = 4, 1


@micropython.native
def check():
    """Refuse to begin anything inside a file-system operation; needs no heap of the firmware's."""
    if _b.in_files():
        _b.enter()
        error = OSError(_EBUSY)
        _b.leave()
        raise error


class File(io.IOBase):
    """A file of a file system, which `check` goes before."""

    @micropython.native
    def __init__(self, file):
        self._file = file

    @micropython.native
    def read(self, size=-1):
        check()
        return self._file.read(size)

    @micropython.native
    def readinto(self, buf, size=-1):
        check()
        return self._file.readinto(buf) if size < 0 else self._file.readinto(buf, size)

    @micropython.native
    def readline(self, size=-1):
        check()
        return self._file.readline(size)

    @micropython.native
    def readlines(self):
        check()
        return self._file.readlines()

    @micropython.native
    def write(self, data, *span):
        check()
        return self._file.write(data, *span) if span else self._file.write(data)

    @micropython.native
    def seek(self, offset, whence=0):
        check()
        return self._file.seek(offset, whence)

    @micropython.native
    def tell(self):
        check()
        return self._file.tell()

    @micropython.native
    def flush(self):
        check()
        self._file.flush()

    @micropython.native
    def close(self):
        check()
        self._file.close()

    @micropython.native
    def ioctl(self, request, argument):
        if request == _CLOSE:
            self.close()
        elif request == _FLUSH:
            self.flush()
        else:
            return -_EINVAL  # files are not polled
        return 0

    @micropython.native
    def __enter__(self):
        return self

    @micropython.native
    def __exit__(self, *error):
        self.close()

    @micropython.native
    def __iter__(self):
        return self

    @micropython.native
    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    @micropython.native
    def __repr__(self):
        return repr(self._file)


@micropython.native
def _forwarding(name):
    @micropython.native
    def method(self, *args):
        check()
        return getattr(self._fs, name)(*args)

    return method


class FileSystem:
    """A file system of the interpreter's, `_fs`, which `check` goes before."""


for _name in ("mount", "umount", "stat", "statvfs", "ilistdir", "chdir", "getcwd"):
    setattr(FileSystem, _name, _forwarding(_name))
for _name in ("mkdir", "rmdir", "remove", "rename"):
    setattr(FileSystem, _name, _forwarding(_name))
