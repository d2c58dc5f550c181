# What the firmware loads: modules, and sources that it compiles itself.
#
# A file of the image is run as the copy that says what it costs (../charging.py), which its contents find. Whatever
# else is loaded does not say it, and is charged by its jumps. So are functions that are to be native code (_emitters.py).
import builtins
import io
import sys
from binascii import crc32 as _crc32

import _board as _b
import _port
import micropython
import vfs as _vfs
from _emitters import as_bytecode
from _files import File, FileSystem, check

_Lfs2 = _vfs.VfsLfs2
_compile = builtins.compile  # the interpreter's own
_MTIME_AT = 4  # where it stands among the arguments
_FROZEN = ("asyncio", "uasyncio")

_copies = {}  # (size, checksum) -> place in the file of copies
# That file, opened once for each import, which closes it: read by C code, for that takes nothing of the heap.
_files = []
_REPEATED = 16  # imports of a module that was forgotten
_buffer = memoryview(bytearray(256))
other_kind = None  # makes a file system that is no LittleFS of a block device
_awaited = False  # the interpreter's import is about to open the file of a module
_import = None


def set_copies(path, places):
    """Take the copies, before the PC's file system is gone."""
    _copies.update(places)
    for _ in range(len(places) + _REPEATED if places else 0):
        _files.append(open(path, "rb"))


@micropython.native
def _copy_of(file):
    """Return the copy that stands for a module's file, or None."""
    size = checksum = 0
    while True:
        n = file.readinto(_buffer)
        if not n:
            break
        size += n
        checksum = _crc32(_buffer if n == len(_buffer) else _buffer[:n], checksum)
    at = _copies.get((size, checksum))
    if at is None or not _files:
        return None
    file = _files.pop()
    file.seek(at)  # what is loaded ends by itself
    return file


class Volume(FileSystem):
    # A file system of which an import gets the copies.
    @micropython.native
    def open(self, path, mode):
        global _awaited
        check()
        file = self._fs.open(path, mode)
        if _b.quiet:
            return file
        if not _awaited:
            return File(file)
        _awaited = False
        if path.endswith(".mpy"):
            copy = _copy_of(file)
            if copy is not None:
                file.close()
                _b.expect(0)
                return copy
            file.seek(0)
            header = file.read(4)
            if (
                len(header) == 4 and header[2] >> 2 & 0x2F
            ):  # what it is compiled for: bytecode, for nothing
                raise ValueError(
                    "native code in .mpy takes no time on the virtual board: compile to bytecode"
                )
        elif _port.native:
            data = file.read()
            prepared = _as_bytecode(data)
            if prepared is not data:
                file.close()
                file = io.BytesIO(prepared)
        _b.expect_anywhere()
        file.seek(0)
        return file


class VfsLfs2(Volume):
    """Stands in for the interpreter's."""

    mkfs = _Lfs2.mkfs

    def __init__(self, *args, **options):
        options["mtime"] = False  # it would be the PC's: see _file_systems.py
        self._fs = _Lfs2(*args[:_MTIME_AT], **options)


def mount(fs, *args, **options):
    """Stand in for vfs.mount, which makes a file system of a block device itself."""
    if not hasattr(fs, "mount"):
        try:
            fs = VfsLfs2(fs)
        except Exception:  # whatever a device of another kind raises, as mp_vfs_autodetect has it
            fs = other_kind(fs)
    return _vfs.mount(fs, *args, **options)


@micropython.native
def _load(name, scope, locals, names, level):
    """Import what is one file at most."""
    global _awaited
    other_code = _b.uncounted
    if name.partition(".")[0] in _FROZEN:
        _b.expect_anywhere()
    _awaited = True
    try:
        return _import(name, scope, locals, names, level)
    finally:
        _awaited = False
        _b.expect(other_code)


@micropython.native
def _load_in_turn(name, scope, locals, names, level):
    """Import a module and the packages around it that are not loaded yet, each in its turn."""
    package = ""
    if level:
        package = scope["__name__"]
        for _ in range(level - 1 if "__path__" in scope else level):
            package = package.rpartition(".")[0]
        package += "."
    at = name.find(".")
    while at > 0 and package != ".":  # beyond the top-level package: the import itself says so
        if package + name[:at] not in sys.modules:
            _load(package + name[:at], None, None, None, 0)
        at = name.find(".", at + 1)
    return _load(name, scope, locals, names, level)


@micropython.native
def _as_bytecode(source):
    """Return a source, text or bytes, whose functions are not native code; the same one if it has none."""
    if not _port.native:  # it is refused
        return source
    _b.enter()
    try:
        if isinstance(source, str):
            return as_bytecode(source)
        if b"micropython" not in source:
            return source
        text = str(source, "utf-8")
        prepared = as_bytecode(text)
        return source if prepared == text else prepared.encode()
    finally:
        _b.leave()


@micropython.native
def _prepared(source):
    """Return what is compiled of a source, and take note of it; the prompt's own is none of the firmware's."""
    if isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    if not isinstance(source, (str, bytes)):
        return source  # compiled already
    if not _b.quiet:
        _b.expect_anywhere()
    return _as_bytecode(source)


def _stand_ins(prepared, load, runners, real_compile, globals):
    # Native code that names no global runs with the caller's globals, as a builtin does.
    def running(run):
        @micropython.native
        def stand_in(source, *scope):
            return run(prepared(source), *scope)

        return stand_in

    @micropython.native
    def compile(source, filename, mode):
        return real_compile(prepared(source), filename, mode)

    @micropython.native
    def __import__(name, scope=None, locals=None, names=None, level=0):
        return load(name, globals() if scope is None else scope, locals, names, level)

    return [running(run) for run in runners], compile, __import__


def _execfile(run, expect_anywhere):
    @micropython.native
    def execfile(path, *scope):
        expect_anywhere()
        return run(path, *scope)

    return execfile


def install():
    """Put the stand-ins in place, on top of what else stands in."""
    global _import
    _import = __import__  # `builtins.__import__` would be the interpreter's own, whatever stands in
    try:
        _compile("@micropython.native\ndef f(): pass", "", "exec")
    except SyntaxError:  # the stand-ins need an emitter
        _b.expect_anywhere()
        return
    runners, builtins.compile, builtins.__import__ = _stand_ins(
        _prepared, _load_in_turn, (exec, eval), compile, globals
    )
    builtins.exec, builtins.eval = runners
    if "execfile" in dir(builtins):
        builtins.execfile = _execfile(execfile, _b.expect_anywhere)
