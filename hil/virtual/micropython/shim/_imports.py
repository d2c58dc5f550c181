# `import` finds what the build has, and files; nothing else that the interpreter here has, be it built in or frozen.
#
# A file goes before a module that MicroPython calls extensible (json, os ...), as on a board. Before the others (cmath,
# _thread ...) the interpreter goes itself: where the build lacks one of them, a file of that name cannot be had here.
import builtins
import os
import sys

import _board as _b
import micropython

# Of those found before any file: the ones that not all builds have.
_FIRST = (
    "_asyncio",
    "_thread",
    "btree",
    "cmath",
    "deflate",
    "ffi",
    "framebuf",
    "termios",
    "tls",
    "uctypes",
)
# Builds have these, built in or frozen, and the virtual board has not: their files are found, and stand in.
UNMODELLED = (
    "_onewire",
    "aioble",
    "aiorepl",
    "dht",
    "network",
    "onewire",
    "socket",
    "stm",
    "upysh",
    "zephyr",
    "zsensor",
)
_stand_ins = {}
_behind_files = []  # those of them that a file of that name goes before
_ENDINGS = ("", ".py", ".mpy")
_stat = os.stat


@micropython.native
def _is_file(name):
    for folder in sys.path:
        path = folder + "/" + name if folder else name
        for ending in _ENDINGS:
            try:
                _stat(path + ending)
                return True
            except OSError:
                pass
    return False


@micropython.native
def _is_searched(name):
    """Say whether there is a file; looking for it takes the firmware's time, as the import's own search does."""
    _b.leave()
    found = _is_file(name)
    _b.enter()
    return found


@micropython.native
def _give_back(name):
    """Let the next import look for a file again, as a board does for a builtin that a file goes before."""
    sys.modules.pop(name, None)


def _checking(present, modules):
    @micropython.native
    def check(name):
        """Raise ImportError if neither the build nor a file has a module; at no cost to the firmware.

        Returns the name of a module that stands in for this import alone, or None.
        """
        _b.enter()
        try:
            first = name.partition(".")[0]
            if first in sys.modules:
                return
            if first in _behind_files:
                if _is_searched(first):
                    return
                sys.modules[first] = _stand_ins[first]
                return first
            if first in _stand_ins:  # the firmware has let go of it
                sys.modules[first] = _stand_ins[first]
                return
            if first in present:
                return
            if first in _FIRST or first[:1] == "u" and first[1:] in _FIRST or not _is_file(first):
                if first in modules and first in UNMODELLED:
                    raise ImportError("'%s' of the board's build is not modelled here" % first)
                raise ImportError("no module named '%s'" % name)
        finally:
            _b.leave()

    return check


def _stand_in(check, give_back, real_import):
    # Native code that names no global runs with the caller's globals, as a builtin does.
    @micropython.native
    def __import__(name, scope=None, locals=None, names=None, level=0):
        lent = None if level else check(name)
        try:
            return real_import(name, scope, locals, names, level)
        finally:
            if lent is not None:
                give_back(lent)

    return __import__


def stand_in(name, module):
    """Let a module stand in for the interpreter's of that name, for good."""
    for key in (name, "u" + name):
        _stand_ins[key] = sys.modules[key] = module


def stand_in_behind_files(name, module):
    """Let a module stand in for the interpreter's of that name where there is no such file."""
    for key in (name, "u" + name):
        _stand_ins[key] = module
        sys.modules.pop(key, None)
    _behind_files.append(name)  # by its old name the builtin can be had all the same


def install(modules):
    """Let `import` find these modules of the interpreter's, and files."""
    present = {"__main__"}
    for name in modules:
        if name not in UNMODELLED:
            present.add(name)
            present.add("u" + name)  # the old name of a builtin
    builtins.__import__ = _stand_in(_checking(present, modules), _give_back, builtins.__import__)
