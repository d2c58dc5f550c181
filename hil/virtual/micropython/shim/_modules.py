# The builtin modules as the build has them: what differs stands in for the interpreter's.
import builtins
import gc as _gc
import hashlib as _hashlib
import os as _os
import random as _random
import sys
from collections import namedtuple

import _board as _b
import _port
import micropython
import vfs as _vfs

_SHA256_BLOCK = 64  # that the end of what is hashed fills at least


class Namespace:
    pass


_empty = []  # modules, to be filled


def make_empty(n):
    """Make modules that are not called anything yet: only an import makes one, and files will be gone."""
    for _ in range(n):
        made = __import__("_empty")
        del sys.modules["_empty"]
        del made.__file__
        _empty.append(made)


def published(name, stand_in):
    """Return a module with what is public of a stand-in, and nothing of the shim's."""
    made = _empty.pop()
    made.__name__ = name
    for key in dir(stand_in):
        value = getattr(stand_in, key)
        if key[0] != "_" and not isinstance(value, (Namespace, type(sys))):
            setattr(made, key, value)
    return made


def copy_of(module, names=None):
    """Return a changeable copy of a module."""
    copy = Namespace()
    for name in names or dir(module):
        if not name.startswith("__") and hasattr(module, name):
            setattr(copy, name, getattr(module, name))
    return copy


def trim(modules):
    """Leave those modules and classes that the build lists with the names it gives them.

    Parameters
    ----------
    modules : dict
        Stand-ins by name; builtin modules that have to be trimmed are added.
    """
    for path, names in _port.names.items():
        module, _, inner = path.partition(".")
        if module not in modules:
            modules[module] = copy_of(__import__(module), names)
            continue
        owner = modules[module]
        if inner:
            owner = getattr(owner, inner)
        for name in dir(owner):
            if not name.startswith("_") and name not in names:
                delattr(owner, name)


def _absent(name):
    def refuse(*args, **options):
        raise NameError("name '%s' isn't defined" % name)

    return refuse


def trim_builtins(names):
    """Take away functions and classes; what is in their place says so when it is called."""
    for name in dir(builtins):
        if not name.startswith("_") and name not in names:
            setattr(builtins, name, _absent(name))


def _urandom(n):
    """Return bytes of the board's own random numbers, which go on over its resets."""
    out = bytearray(n)
    for at in range(0, n, len(_b.data)):
        size = min(len(_b.data), n - at)
        _b.enter()
        _b.call(_b.RANDOM, size)
        out[at : at + size] = _b.data[:size]
        _b.leave()
    return bytes(out)


def make_random():
    """Return `random`, seeded as the build seeds it, and the same in every run of the simulator."""
    made = copy_of(_random)
    seed = _random.seed

    def seed_from(*value):
        if not value and not _port.random_is_seeded:
            raise ValueError("no default seed")
        seed(*value or (int.from_bytes(_urandom(4), "little"),))

    made.seed = seed_from
    if _port.random_is_seeded:
        seed_from()
    else:
        seed(1)  # the same after every reset, as there
    return made


def make_gc(heap):
    """Return `gc`, whose bytes are the port's, and whose collections take time."""
    made = copy_of(_gc)
    made.collect = heap.collect
    made.mem_alloc = heap.mem_alloc
    made.mem_free = heap.mem_free
    made.threshold = heap.threshold
    return made


class _Sha256:
    def __init__(self, data=b""):
        self._hash = _hashlib.sha256()
        self.update(data)

    def update(self, data):
        _b.enter()
        try:
            self._hash.update(data)
            _b.work("sha256_byte", len(memoryview(data)))
        finally:
            _b.leave()

    def digest(self):
        _b.enter()
        try:
            _b.work("sha256_byte", _SHA256_BLOCK)
            return self._hash.digest()
        finally:
            _b.leave()


def make_hashlib():
    """Return `hashlib`, whose work takes time."""
    made = copy_of(_hashlib)
    made.sha256 = _Sha256
    return made


_Uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))


def make_thread():
    """Return `_thread`, whose locks are the interpreter's: threads of the computer know no virtual time."""
    made = copy_of(__import__("_thread"))

    def start_new_thread(*args):
        raise NotImplementedError("threads are not modelled on the virtual board")

    made.start_new_thread = start_new_thread
    return made


def release():
    return "%d.%d.%d" % sys.implementation.version[:3]


def make_vfs(lfs2, fat, mount):
    """Return `vfs` with classes in place of VfsLfs2 and VfsFat, and a function that mounts them."""
    made = copy_of(_vfs)
    made.VfsLfs2 = lfs2
    made.VfsFat = fat
    made.mount = lambda *args, **options: (mount if args else _vfs.mount)(*args, **options)
    return made


def make_os(vfs):
    names = _port.names["os"]
    made = copy_of(_os, [name for name in names if hasattr(_os, name)])
    for name in names:
        if hasattr(vfs, name):
            setattr(made, name, getattr(vfs, name))
    if "uname" in names:
        platform = _port.platform
        made.uname = lambda: _Uname(
            platform, platform, release(), "v%s virtual board" % release(), _port.machine
        )
    if "urandom" in names:
        made.urandom = _urandom
    if "sync" in names:
        made.sync = lambda: None
    if "dupterm" in names:
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
    return made
