"""What compiled firmware consists of: events that cost CPU time, counted in ``.mpy`` files.

The interpreter tells how often it jumps and how much it allocates; how many calls, attribute
look-ups and operations lie between is read from the bytecode here. Format: MicroPython ``.mpy``
version 6, bytecode functions (``py/bc0.h`` and ``py/persistentcode.c`` of MicroPython 1.28).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

__all__ = ["BytecodeError", "Events", "Function", "functions_of_mpy"]


class BytecodeError(ValueError):
    """A file is not bytecode of a version that can be read."""


@dataclass(frozen=True)
class Events:
    """Counts of the events a CPU-time model prices; allocations are counted as they happen."""

    jumps: int = 0
    operations: int = 0
    attributes: int = 0
    subscripts: int = 0
    calls: int = 0
    iterations: int = 0

    def __add__(self, other: Events) -> Events:
        return Events(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(Events)),
        )


@dataclass(frozen=True)
class Function:
    """A function of a ``.mpy`` file: its name ("?" where the file only has a number) and events."""

    name: str
    events: Events


# Operand format by the opcode's high nibble: none, qstr index, variable-length integer, offset.
_BYTE, _QSTR, _UINT, _OFFSET = range(4)
_FORMATS = 0x000003A4

_CALLS = {0x34, 0x35, 0x36, 0x37, 0x54}
_JUMPS = {0x42, 0x43, 0x44, 0x45, 0x46}
_ATTRIBUTES = {0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18}
_SUBSCRIPTS = {0x55, 0x56}
_ITERATIONS = {0x4B, 0x5E, 0x5F, 0x67, 0x68}
_EXTRA_BYTE = {0x20, 0x21, 0x40}  # MAKE_CLOSURE, MAKE_CLOSURE_DEFARGS, UNWIND_JUMP
_FIRST_OPERATION = 0xD0


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        try:
            value = self.data[self.at]
        except IndexError:
            raise BytecodeError("the file ends early") from None
        self.at += 1
        return value

    def take(self, n: int) -> bytes:
        if self.at + n > len(self.data):
            raise BytecodeError("the file ends early")
        self.at += n
        return self.data[self.at - n : self.at]

    def uint(self) -> int:
        value = 0
        while True:
            b = self.byte()
            value = value << 7 | b & 0x7F
            if not b & 0x80:
                return value


def functions_of_mpy(data: bytes) -> list[Function]:
    """Return the functions of a ``.mpy`` file, the module's body first.

    Parameters
    ----------
    data : bytes
        Content of the file.

    Returns
    -------
    list of Function

    Raises
    ------
    BytecodeError
        If it is not a version 6 file, is damaged, or holds native code.
    """
    reader = _Reader(data)
    if reader.take(2) != b"M\x06":
        raise BytecodeError("not a version 6 .mpy file: compile it with mpy-cross 1.2x")
    flags = reader.byte()
    reader.byte()  # bits of a small integer
    if flags & 0x40:
        reader.uint()
    n_names = reader.uint()
    n_objects = reader.uint()
    try:
        names = [_name(reader) for _ in range(n_names)]
        for _ in range(n_objects):
            _skip_object(reader)
        return list(_functions(reader, names))
    except (UnicodeDecodeError, IndexError, RecursionError) as error:
        raise BytecodeError(f"the file is damaged: {error}") from None


def _name(reader: _Reader) -> str:
    size = reader.uint()
    if size & 1:
        return "?"  # one of MicroPython's own names, by number
    text = reader.take(size >> 1).decode()
    reader.byte()
    return text


def _skip_object(reader: _Reader) -> None:
    kind = reader.byte()
    if kind == 10:  # tuple
        for _ in range(reader.uint()):
            _skip_object(reader)
    elif kind > 4:  # the first ones are function table, None, False, True and Ellipsis
        size = reader.uint()
        reader.take(size + 1 if kind in (5, 6) else size)


def _functions(reader: _Reader, names: list[str]) -> Iterator[Function]:
    head = reader.uint()
    kind, has_children, size = head & 3, head >> 2 & 1, head >> 3
    if kind != 0:
        raise BytecodeError("native code: only bytecode can be counted")
    yield _function(reader.take(size), names)
    if has_children:
        for _ in range(reader.uint()):
            yield from _functions(reader, names)


def _function(code: bytes, names: list[str]) -> Function:
    reader = _Reader(code)
    _signature(reader)
    info_size = _info_size(reader)
    start = reader.at
    name = names[reader.uint()]
    reader.at = start + info_size
    counts = {f.name: 0 for f in fields(Events)}
    while reader.at < len(code):
        opcode = _instruction(reader)
        event = _event(opcode)
        if event:
            counts[event] += 1
    return Function(name, Events(**counts))


def _signature(reader: _Reader) -> None:
    while reader.byte() & 0x80:
        pass


def _info_size(reader: _Reader) -> int:
    """Return how many bytes of names, lines and cells lie before the code."""
    info = cells = shift_info = shift_cells = 0
    while True:
        b = reader.byte()
        cells |= (b & 1) << shift_cells
        info |= (b >> 1 & 0x3F) << shift_info
        shift_cells += 1
        shift_info += 6
        if not b & 0x80:
            return info + cells


def _instruction(reader: _Reader) -> int:
    opcode = reader.byte()
    form = _FORMATS >> 2 * (opcode >> 4) & 3
    if form in (_QSTR, _UINT):
        reader.uint()
    elif form == _OFFSET and reader.byte() & 0x80:
        reader.byte()
    if opcode in _EXTRA_BYTE:
        reader.byte()
    return opcode


def _event(opcode: int) -> str | None:
    if opcode >= _FIRST_OPERATION:
        return "operations"
    for name, opcodes in (
        ("jumps", _JUMPS),
        ("calls", _CALLS),
        ("attributes", _ATTRIBUTES),
        ("subscripts", _SUBSCRIPTS),
        ("iterations", _ITERATIONS),
    ):
        if opcode in opcodes:
            return name
    return None
