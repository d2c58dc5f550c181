# The builtin modules as the port has them: what it lacks cannot be imported, what differs stands in.
import os as _os
import sys
from collections import namedtuple

import _port
import vfs as _vfs

# Builtin modules that the import of a file of the same name does not replace.
_FIXED = ("cmath", "deflate", "framebuf", "uctypes", "_thread", "termios", "tls")
_ABSENT = "/.absent"


class _Absent:
    # Stands in for a builtin module that cannot be hidden: nothing can be had from it.
    def __init__(self, name):
        self._hidden = name

    def __getattr__(self, name):
        raise ImportError("no module named '%s'" % self._hidden)


class Namespace:
    pass


def copy_of(module, names=None):
    """Return a changeable copy of a module."""
    copy = Namespace()
    for name in names or dir(module):
        if not name.startswith("__") and hasattr(module, name):
            setattr(copy, name, getattr(module, name))
    return copy


class _AbsentModules:
    # A file system of modules that cannot be imported. Last on the path, so that a module of the same name in
    # flash memory is found first.
    def __init__(self, names):
        self._files = set()
        for name in names:
            self._files.add(name + ".py")

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        if path.strip("/") in self._files:
            return (0x8000,) + (0,) * 9
        raise OSError(2)

    def ilistdir(self, path):
        return iter(())

    def chdir(self, path):
        raise OSError(2)

    def open(self, path, mode):
        import io

        name = path.strip("/")
        if name not in self._files:
            raise OSError(2)
        name = name[:-3]
        return io.BytesIO(b"raise ImportError(\"no module named '%s'\")" % name.encode())


def hide():
    """Take away the modules the port lacks; returns what has to be last on the path."""
    for name in _port.modules_absent:
        sys.modules["u" + name] = _Absent("u" + name)
        if name in _FIXED:
            sys.modules[name] = _Absent(name)
    _vfs.mount(_AbsentModules(_port.modules_absent), _ABSENT)
    return _ABSENT


def trim(modules):
    """Take away the functions, classes and methods the port lacks."""
    for module, names in _port.names_absent.items():
        for name in names:
            owner = modules[module]
            parts = name.split(".")
            for part in parts[:-1]:
                owner = getattr(owner, part)
            if hasattr(owner, parts[-1]):
                delattr(owner, parts[-1])


_Uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))
_state = 0x2545F491


def _urandom(n):
    # A fixed sequence: every run of a board is the same.
    global _state
    out = bytearray(n)
    for i in range(n):
        _state = (_state * 1103515245 + 12345) & 0x7FFFFFFF
        out[i] = _state >> 16 & 0xFF
    return bytes(out)


def release():
    return "%d.%d.%d" % sys.implementation.version[:3]


def make_vfs():
    """Return `vfs` without what only this file knows to be mounted."""
    made = copy_of(_vfs)

    def mount(*args, **options):
        if args or options:
            return _vfs.mount(*args, **options)
        return [entry for entry in _vfs.mount() if entry[1] != _ABSENT]

    made.mount = mount
    return made


def _listdir(*path):
    return [name for name in _os.listdir(*path) if name != _ABSENT[1:]]


def _ilistdir(*path):
    return (entry for entry in _os.ilistdir(*path) if entry[0] != _ABSENT[1:])


def make_os():
    made = copy_of(_os, [name for name in _port.os_names if hasattr(_os, name)])
    for name in _port.os_names:
        if not hasattr(made, name) and hasattr(_vfs, name):
            setattr(made, name, getattr(_vfs, name))
    made.sep = "/"
    made.listdir = _listdir
    made.ilistdir = _ilistdir
    if "uname" in _port.os_names:
        platform = _port.platform
        made.uname = lambda: _Uname(
            platform, platform, release(), "v%s virtual board" % release(), _port.machine
        )
    if "urandom" in _port.os_names:
        made.urandom = _urandom
    if "sync" in _port.os_names:
        made.sync = lambda: None
    if "dupterm" in _port.os_names:
        made.dupterm = lambda stream, index=0: None
    return made


def make_sys():
    made = copy_of(sys)
    made.platform = _port.platform
    real = sys.implementation
    kind = namedtuple("implementation", ("name", "version", "_machine", "_mpy"))
    made.implementation = kind(real.name, real.version, _port.machine, real._mpy)
    made.version = "3.4.0; MicroPython v%s" % release()
    made.path = sys.path
    made.modules = sys.modules
    made.argv = []
    for name in ("atexit", "executable", "exc_info"):
        if hasattr(made, name):
            delattr(made, name)
    return made
