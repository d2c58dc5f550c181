# Starts the board inside MicroPython: puts the port's modules in place, mounts the flash, runs boot.py and main.py.
#
# Arguments: this folder; file descriptors to read from and to write to; flash file; start, size and block size
# of the file system in it; files with the CPU model's figures, with the image's files that say what they cost, and with
# the port's figures (Python literals, the first and the last); reset cause; how to
# boot (0: boot.py, main.py, friendly REPL; 1: boot.py, raw REPL; 2: neither file, friendly REPL).
import gc
import sys

shim, read_fd, write_fd, flash_path, start, size, block_size = sys.argv[1:8]
model_path, copies_path, port_path, cause, boot = sys.argv[8:13]
del sys.argv[:]


class _Namespace:
    pass


gc.threshold(
    16384
)  # what the shim keeps lies close together: what is between is lost to the firmware
# The builtin modules that the shims stand in for, under names of their own.
sys.path[:] = []
import select as builtin_select
import time as builtin_time

import micropython as builtin_micropython

namespace = _Namespace()
namespace.time = builtin_time
namespace.select = builtin_select
namespace.mem_info = builtin_micropython.mem_info
sys.modules["_builtin"] = namespace
sys.path[:] = [shim]


def load(module):
    """Import a module of this folder, without native code where the interpreter has no emitter for it."""
    try:
        return __import__(module)
    except SyntaxError:
        sys.modules.pop(module, None)
        with open(shim + "/" + module + ".py") as file:
            text = file.read().replace("@micropython.native\n", "")
        loaded = _Namespace()
        scope = loaded.__dict__
        exec(compile(text, shim + "/" + module + ".py", "exec"), scope)
        sys.modules[module] = loaded
        return loaded


_port = load("_port")
with open(port_path) as file:
    _port.set(eval(file.read()))
_board = load("_board")
_board.set_depth(_port.depth)
_modules = load("_modules")
stand_in = _modules.copy_of(builtin_micropython)
stand_in.schedule = _board.schedule
stand_in.heap_lock = _board.heap_lock
stand_in.heap_unlock = _board.heap_unlock
stand_in.kbd_intr = _board.set_interrupt_char
stand_in.alloc_emergency_exception_buf = lambda size: None
sys.modules["micropython"] = stand_in

_heap = load("_heap")
_heap.tell()
_heap.open_file()
stand_in.mem_info = _heap.mem_info
modules = {"micropython": stand_in}
for name in (
    "_console",
    "_arguments",
    "_pins",
    "_buses",
    "_timers",
    "machine",
    "time",
    "bluetooth",
    "_flash",
):
    modules[name] = load(name)
if "asyncio" in _port.modules:
    modules["select"] = load("select")
    modules["_asyncio"] = load("_tasks")  # no file can stand in for the builtin of that name
modules["machine"]._set_cause(int(cause))

with open(model_path) as file:
    model = eval(file.read())
_board.configure(model)
load("_files")
_loading = load("_loading")
_loading.set_copies(copies_path, model["copies"])

in_pages = _port.page_size > int(block_size)
if in_pages:
    pages = load("_pages")
    pages.open_flash(flash_path, int(start), int(size))
else:
    area = modules["_flash"].FlashArea(flash_path, int(start), int(size), int(block_size))
_board.connect(int(read_fd), int(write_fd))
import os

import vfs

_fat = load("_fat")
_loading.other_kind = _fat.VfsFat
modules["vfs"] = ports_vfs = _modules.make_vfs(_loading.VfsLfs2, _fat.VfsFat, _loading.mount)
modules["os"] = _modules.make_os(ports_vfs)
modules["sys"] = _modules.make_sys()
modules["gc"] = _modules.make_gc(_heap)
modules["hashlib"] = _modules.make_hashlib()
_lengths = load("_lengths")
if "random" in _port.modules:
    modules["random"] = _modules.make_random()
if "_thread" in _port.modules:
    modules["_thread"] = _modules.make_thread()
modules["sys"].stdin = modules["_console"].stdin
modules["sys"].stdout = modules["sys"].stderr = modules["_console"].stdout
_repl = load("_repl")
_file_systems = load("_file_systems")
if in_pages:
    modules["pyb"] = _modules.Namespace()
    modules["pyb"].Flash = pages.Flash
    modules["os"].sync = _repl.sync = pages.sync
_imports = load("_imports")
_compiler = None if _port.native and _port.f_strings else load("_compiler")
by_length = _lengths.make_modules(_port.modules, _port.names, _modules.copy_of)
_modules.make_empty(len(modules) + len(_port.names) + len(by_length))
vfs.umount("/")
builtin_names = _port.names.pop("builtins", None)
_modules.trim(modules)
_imports.install(_port.modules)
if _compiler is not None:
    _compiler.install()
_loading.install()
_lengths.install()
_repl.keep_compiler()
if builtin_names is not None:
    _modules.trim_builtins(builtin_names)
_repl.banner = "MicroPython v%s on 2026-08-19; %s" % (_modules.release(), _port.machine)
for name in modules:
    if name in _port.modules:
        _imports.stand_in(name, _modules.published(name, modules[name]))
for name in by_length:
    _imports.stand_in_behind_files(name, _modules.published(name, by_length[name]))
for name in (
    "_builtin",
    "_port",
    "_modules",
    "_pins",
    "_buses",
    "_timers",
    "_tasks",
    "_compiler",
    "_loading",
    "_emitters",
    "_lengths",
    "_files",
    "_fat",
    "_imports",
    "_repl",
    "_line",
    "_console",
    "_arguments",
    "_flash",
    "_pages",
    "_file_systems",
    "_heap",
    "_start",
):
    sys.modules.pop(name, None)

del (
    builtin_micropython,
    builtin_select,
    builtin_time,
    namespace,
    name,
    file,
    model,
    modules,
    by_length,
    builtin_names,
    stand_in,
)
import __main__

for name in ("sys", "_start", "shim"):
    __main__.__dict__.pop(name, None)
_repl.scope = __main__.__dict__
del __main__
_heap.find()
if in_pages:
    mounted = _file_systems.mount_pages(ports_vfs, pages)
else:
    mounted = _file_systems.mount_area(ports_vfs, area)
sys.path[:] = [""] + ([".frozen"] if "asyncio" in _port.modules else [])
sys.path.extend(["/flash", "/flash/lib"] if mounted else [])


_heap.begin()
if mounted and boot != "2":
    _repl.run("boot.py")
if mounted and boot == "0":
    _repl.run("main.py")
_board.expect_anywhere()
_board.call(_board.REPL)
_repl.serve(boot == "1")
