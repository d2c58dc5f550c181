# The port's prompt: runs boot.py and main.py, then friendly and raw REPL, until a soft reset.
import builtins
import gc
import io
import os
import sys

import _board as _b
import _port
from _console import put, take
from _heap import make_room
from _line import Line

_write = sys.stdout.write
_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D, _CTRL_E = range(1, 6)
_WINDOW = 128  # bytes of raw paste between two "go on"
_COMPOUND = ("if", "while", "for", "try", "with", "def", "class", "async")
_PROMPT = "<stdin>"  # in the place of a file's name
banner = ""
scope = {}
sync = None  # writes back what the port holds of its flash memory in RAM
_raw = False


# ---------------------------------------------------------------- running code


def keep_compiler():
    """Take the compiler of this moment: not every build lets its firmware have `compile`."""
    global _compile
    _compile = compile  # `builtins.compile` would be the interpreter's own, whatever stands in


def _run(text, name, kind):
    """Compile and run; returns the exception that ended it."""
    try:
        if name == _PROMPT:
            gc.collect()  # what the prompt here leaves behind is none of the firmware's
        if kind == "paste":  # a lone expression shows its value, as a line does
            try:
                code = _compile(text, name, "single")
            except SyntaxError:
                code = _compile(text, name, "exec")
        else:
            code = _compile(text, name, kind)
        del text
        _b.set_interrupt_char(3)
        _b.leave()
        exec(code, scope)
        _b.enter()
        if _b.interrupted():  # it came behind the last jump
            return KeyboardInterrupt()
    except BaseException as error:
        _b.quiet = 1
        _b.free_heap()
        _b.forget_interrupt()  # as pyexec does it: what ended the code is told
        return error


def _finish(error):
    """Take what ended some code: shows it, or resets the board."""
    _b.quiet = 1
    if error is None:
        return
    if isinstance(error, SystemExit):
        soft_reset()
    _show(error)


def _execute(text, name, kind):
    try:
        error = _run(text, name, kind)
    except KeyboardInterrupt as late:
        error = late
    _b.quiet = 1
    _b.free_heap()  # code that leaves it locked would take the prompt along
    _b.forget_interrupt()
    _b.call(_b.CONSOLE_INTERRUPT_CHAR, -1)
    _b.forget_interrupt()
    return error


def _show(error):
    """Print a traceback, without the frames of what is C code on a board."""
    try:
        text = io.StringIO()
        sys.print_exception(error, text)
        for line in text.getvalue().split("\n")[:-1]:
            if not line.startswith('  File "shim/'):
                _write(line + "\n")
    except MemoryError:
        sys.print_exception(error)


def run(path):
    """Run a file if there is one."""
    try:
        os.stat(path)
    except OSError:
        return
    try:
        with open(path) as file:
            text = file.read()
    except (OSError, UnicodeError, MemoryError) as error:  # a folder of that name, say
        _show(error)
        return
    _finish(_execute(text, path, "exec"))


def soft_reset():
    if sync is not None:
        _write("MPY: sync filesystems\n")
        sync()
    _write("MPY: soft reboot\n")
    _b.call(_b.RESET, 0, 1 if _raw else 0)
    while True:
        _b.wait_until(_b.FOREVER)


# ---------------------------------------------------------------- the prompts


def serve(raw):
    """Serve the prompt for ever."""
    global _raw
    _raw = raw
    make_room()
    while True:
        try:
            if _raw:
                _serve_raw()
            else:
                _serve_friendly()
        except (KeyboardInterrupt, MemoryError, UnicodeError) as error:
            _b.quiet = 1
            if isinstance(error, MemoryError):
                make_room()
            _write("\n")
            sys.print_exception(error)


def _goes_on(text):
    """Say whether a statement needs another line, by the port's rules."""
    depth = 0
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quote:
            at += 1
        elif quote:
            if text[at : at + len(quote)] == quote:
                at += len(quote) - 1
                quote = ""
        elif char in "'\"":
            quote = char * 3 if text[at : at + 3] == char * 3 else char
            at += len(quote) - 1
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        at += 1
    if len(quote) == 3 or (depth > 0 and not quote) or text.endswith("\\"):
        return True
    word = 0
    while word < len(text) and (text[word].isalpha() or text[word].isdigit() or text[word] == "_"):
        word += 1
    return (text.startswith("@") or text[:word] in _COMPOUND) and not text.endswith("\n")


_history = []


def _serve_friendly():
    global _raw
    _write(banner + '\nType "help()" for more information.\n')
    while True:
        line = Line(">>> ", "", _history, scope)
        key = line.read()
        kind = "single"
        if key == _CTRL_A:
            _write("\n")
            _raw = True
            return
        if key == _CTRL_B:
            _write("\n")
            return
        if key == _CTRL_C:
            _write("\n")
            continue
        if key == _CTRL_D:
            _write("\n")
            soft_reset()
        text = line.text
        if key == _CTRL_E:
            text = _paste()
            kind = "paste"
        while kind == "single" and text and _goes_on(text):
            line = Line("... ", text + "\n", _history, scope)
            key = line.read()
            text = line.text
            if key == _CTRL_C:
                _write("\n")
                text = ""
            elif key == _CTRL_D:
                break
        if text:
            _finish(_execute(text, _PROMPT, kind))


def _paste():
    _write("\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\n=== ")
    text = bytearray()
    while True:
        for char in take(256, line=True):
            if char == _CTRL_C or char == _CTRL_D:
                _write("\n")
                return text.decode() if char == _CTRL_D else ""
            if char == 13:
                text.append(10)
                _write("\n=== ")
            else:
                text.append(char)
                put(bytes((char,)))


def _serve_raw():
    global _raw
    _write("raw REPL; CTRL-B to exit\n>")
    text = bytearray()
    while True:
        data = take(256, line=True)
        char = data[-1]
        if char > _CTRL_D or not char:
            text.extend(data)
            continue
        text.extend(data[:-1])
        if char == _CTRL_A:
            if len(text) == 2 and text[0] == _CTRL_E:
                if text[1] == 65:
                    _raw_paste()
                else:
                    _write("R\x00")
                text = bytearray()
                _write(">")
            else:
                text = bytearray()
                _write("raw REPL; CTRL-B to exit\n>")
        elif char == _CTRL_B:
            _write("\n")
            _raw = False
            return
        elif char == _CTRL_C:
            text = bytearray()
        else:
            _write("OK")
            if not text:
                _write("\n")
                soft_reset()
            source = bytes(text)
            text = bytearray()
            _answer(source)
            del source
            _write(">")


def _answer(source):
    """Run code for a program: output, EOT, traceback, EOT."""
    error = _execute(source, _PROMPT, "exec")
    _write("\x04")
    if error is not None and not isinstance(error, SystemExit):
        _show(error)
    _write("\x04")
    if isinstance(error, SystemExit):
        soft_reset()


def _raw_paste():
    put(bytes((82, 1, _WINDOW, 0, 1)))
    text = bytearray()
    left = _WINDOW
    while True:
        data = take(left, line=True)
        char = data[-1]
        ends = char == _CTRL_C or char == _CTRL_D
        text.extend(data[:-1] if ends else data)
        left -= len(data)
        if ends:
            _write("\x04")
            break
        if left == 0:
            _write("\x01")
            left = _WINDOW
    if char == _CTRL_C:
        _write("\x04")
        _show(KeyboardInterrupt())
        _write("\x04")
        return
    source = bytes(text)
    del text
    _answer(source)


def _input(prompt=""):
    line = Line(prompt, "", _history, scope)
    key = line.read()
    if key == _CTRL_C and not line.text:
        raise KeyboardInterrupt
    if key == _CTRL_D and not line.text:
        raise EOFError
    return line.text


builtins.input = _input
