# For a build whose compiler and loader refuse what the interpreter's here take: native and viper code without
# emitters, f-strings. So do `exec`, `eval`, `compile` and `import` here. What mpy-cross compiled has no f-strings left.
#
# Whether a source uses such a decorator is left to the interpreter's own compiler: it gets the source with the two
# words misspelt, alike in length, and complains of a decorator it does not know, at the line where it stands.
# Words in strings and comments do not make it complain, and then the source runs as it is.
import builtins
import os
import sys

import _board as _b
import _port
import micropython

_REFUSED = "invalid micropython decorator"
_compile = builtins.compile
_import = None
_open = builtins.open
_stat = os.stat


@micropython.native
def _has_f_string(source):
    """Say whether a text constant of a source has the prefix f; what is in texts and comments does not count."""
    if not ("f'" in source or 'f"' in source or "F'" in source or 'F"' in source):
        for mixed in ("fr", "fR", "Fr", "FR"):
            if mixed in source:
                break
        else:
            return False
    at = 0
    end = len(source)
    word = ""  # of letters, digits and underscores before this place
    while at < end:
        char = source[at]
        at += 1
        if char == "#":
            word = ""
            at = source.find("\n", at)
            if at < 0:
                return False
        elif char == "'" or char == '"':
            if word.lower() in ("f", "fr", "rf"):
                return True
            word = ""
            quote = char
            if source[at : at + 2] == char * 2:
                quote = char * 3
                at += 2
            while at < end and source[at : at + len(quote)] != quote:
                at += 2 if source[at] == "\\" else 1
            at += len(quote)
        elif char.isalpha() or char.isdigit() or char == "_":
            word += char
        else:
            word = ""
    return False


@micropython.native
def _check(source, filename="<string>", mode="exec"):
    """Raise SyntaxError if a source asks for an emitter."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = str(source, "utf-8")
    if not isinstance(source, str):
        return
    if not _port.f_strings and _has_f_string(source):
        raise SyntaxError("invalid syntax")
    if not ("native" in source or "viper" in source):
        return
    misspelt = source.replace("native", "nativ_").replace("viper", "vipe_")
    try:
        _compile(misspelt, filename, mode)
    except SyntaxError as error:
        if error.args[0] == _REFUSED:
            raise error


@micropython.native
def check_source(source, filename="<string>", mode="exec"):
    """Check a source, at no cost to the firmware."""
    _b.enter()
    try:
        _check(source, filename, mode)
    finally:
        _b.leave()


def _is_folder(path):
    return _stat(path)[0] & 0x4000


def _exists(path):
    try:
        _stat(path)
        return True
    except OSError:
        return False


@micropython.native
def _check_file(path):
    """Check what an import of `path`, without its ending, would load; returns whether it is there."""
    if _exists(path + ".py"):
        with _open(path + ".py") as file:
            _check(file.read(), path + ".py")
        return True
    if not _exists(path + ".mpy"):
        return False
    with _open(path + ".mpy", "rb") as file:
        header = file.read(4)
    if len(header) == 4 and header[2] >> 2 & 0x2F:
        raise ValueError("native code in .mpy unsupported")
    return True


@micropython.native
def check_module(name, folders):
    """Check the file that an import of one module or package would load from the folders."""
    _b.enter()
    try:
        for folder in folders:
            path = folder + "/" + name if folder else name
            if _exists(path) and _is_folder(path):
                _check_file(path + "/__init__")
                return
            if _check_file(path):
                return
    finally:
        _b.leave()


@micropython.native
def check_import(name, scope, level):
    """Check the files of a module and the packages around it that are not loaded yet, each in its turn.

    ``from package import part`` asks for ``package.part`` too.
    """
    folders = sys.path
    prefix = ""
    if level:
        prefix = scope["__name__"]
        for _ in range(level - 1 if "__path__" in scope else level):
            prefix = prefix.rpartition(".")[0]
        if prefix not in sys.modules:
            return  # beyond the top-level package: the import itself says so
        folders = (sys.modules[prefix].__path__,)
    elif name in sys.modules:
        return
    last = prefix + "." + name if prefix else name
    for part in name.split(".") if name else ():
        prefix = prefix + "." + part if prefix else part
        if prefix not in sys.modules:
            check_module(part, folders)
            if prefix == last:
                return
            _import(prefix)  # a package runs before what is in it is looked at
        folder = getattr(sys.modules[prefix], "__path__", None)
        if folder is None:
            return  # no package: the import itself says so
        folders = (folder,)


def _stand_ins(check_source, check_import, runners, real_compile, real_import, globals):
    # Native code that names no global runs with the caller's globals, as a builtin does.
    def running(run):
        @micropython.native
        def stand_in(source, *scope):
            check_source(source)
            return run(source, *scope)

        return stand_in

    @micropython.native
    def compile(source, filename, mode):
        check_source(source, filename, mode)
        return real_compile(source, filename, mode)

    @micropython.native
    def __import__(name, scope=None, locals=None, names=None, level=0):
        check_import(name, globals() if scope is None else scope, level)
        return real_import(name, scope, locals, names, level)

    return [running(run) for run in runners], compile, __import__


def install():
    """Put the checks in place, unless the interpreter itself refuses the same."""
    global _import
    _import = __import__  # `builtins.__import__` would be the interpreter's own, whatever stands in
    try:
        _compile("@micropython.native\ndef f(): pass", "", "exec")
    except SyntaxError:
        if _port.f_strings:
            return
    both, builtins.compile, builtins.__import__ = _stand_ins(
        check_source,
        check_import,
        (builtins.exec, builtins.eval),
        _compile,
        _import,
        globals,
    )
    builtins.exec, builtins.eval = both
