"""Compiled firmware: ``.mpy`` files taken apart into functions and instructions, and put together.

Format: MicroPython ``.mpy`` version 6, bytecode functions (``py/bc.h``, ``py/bc0.h``,
``py/emitbc.c`` and ``py/persistentcode.c`` of MicroPython 1c3c201149).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["BytecodeError", "Code", "Constant", "Instruction", "Module", "Name", "Op"]

Name = str | int
"""A name; a number where it is one of MicroPython's own, which files hold by number."""

_VERSION = b"M\x06"
_FLAGS_FOLLOW = 0x40


class BytecodeError(ValueError):
    """A file is not bytecode of a version that can be read."""


class Op:
    """Opcodes that somebody asks for by name."""

    LOAD_CONST_STRING = 0x10
    LOAD_NAME = 0x11
    LOAD_GLOBAL = 0x12
    LOAD_ATTR = 0x13
    LOAD_METHOD = 0x14
    LOAD_SUPER_METHOD = 0x15
    STORE_NAME = 0x16
    STORE_GLOBAL = 0x17
    STORE_ATTR = 0x18
    IMPORT_NAME = 0x1B
    IMPORT_FROM = 0x1C
    MAKE_CLOSURE = 0x20
    MAKE_CLOSURE_DEFARGS = 0x21
    LOAD_CONST_SMALL_INT = 0x22
    LOAD_CONST_OBJ = 0x23
    LOAD_FAST_N = 0x24
    STORE_FAST_N = 0x26
    BUILD_TUPLE = 0x2A
    BUILD_LIST = 0x2B
    BUILD_MAP = 0x2C
    BUILD_SET = 0x2D
    BUILD_SLICE = 0x2E
    STORE_COMP = 0x2F
    UNPACK_SEQUENCE = 0x30
    UNPACK_EX = 0x31
    MAKE_FUNCTION = 0x32
    MAKE_FUNCTION_DEFARGS = 0x33
    CALL_FUNCTION = 0x34
    CALL_FUNCTION_VAR_KW = 0x35
    CALL_METHOD = 0x36
    CALL_METHOD_VAR_KW = 0x37
    UNWIND_JUMP = 0x40
    JUMP = 0x42
    POP_JUMP_IF_TRUE = 0x43
    POP_JUMP_IF_FALSE = 0x44
    JUMP_IF_TRUE_OR_POP = 0x45
    JUMP_IF_FALSE_OR_POP = 0x46
    SETUP_WITH = 0x47
    SETUP_EXCEPT = 0x48
    SETUP_FINALLY = 0x49
    POP_EXCEPT_JUMP = 0x4A
    FOR_ITER = 0x4B
    LOAD_BUILD_CLASS = 0x54
    LOAD_SUBSCR = 0x55
    STORE_SUBSCR = 0x56
    POP_TOP = 0x59
    WITH_CLEANUP = 0x5C
    END_FINALLY = 0x5D
    GET_ITER = 0x5E
    GET_ITER_STACK = 0x5F
    STORE_MAP = 0x62
    RETURN_VALUE = 0x63
    RAISE_LAST = 0x64
    RAISE_OBJ = 0x65
    RAISE_FROM = 0x66
    YIELD_VALUE = 0x67
    YIELD_FROM = 0x68
    LOAD_CONST_SMALL_INT_MULTI = 0x70
    LOAD_FAST_MULTI = 0xB0
    STORE_FAST_MULTI = 0xC0
    UNARY_OP_MULTI = 0xD0
    BINARY_OP_MULTI = 0xD7


# Operand format by the high nibble: none, index of a name, variable-length integer, offset.
_BYTE, _NAME, _UINT, _OFFSET = range(4)
_FORMATS = 0x000003A4
_EXTRA_BYTE = {Op.MAKE_CLOSURE, Op.MAKE_CLOSURE_DEFARGS, Op.UNWIND_JUMP}
_LAST_SIGNED = Op.POP_JUMP_IF_FALSE  # offsets of later opcodes have no sign

# Kinds of constants in a file.
_TEXT, _BYTES, _INT, _TUPLE = 5, 6, 7, 10
_KINDS = {5: "text", 6: "bytes", 7: "int", 8: "float", 9: "complex", 10: "tuple"}


class Constant(NamedTuple):
    """A constant object of a file: its kind and, of a number or text, how it is written."""

    kind: str
    text: bytes = b""


class Instruction(NamedTuple):
    """One instruction of a function.

    Attributes
    ----------
    at : int
        Where it begins, in bytes from the function's first instruction.
    opcode : int
    operand : int
        Number, index of a name or constant; of a jump the place where it leads.
    extra : int
        The byte behind the operand, where the opcode has one.
    raw : bytes
        As it stands in the file.
    """

    at: int
    opcode: int
    operand: int
    extra: int
    raw: bytes

    @property
    def jumps(self) -> bool:
        """Whether the operand is a place in the function."""
        return _format(self.opcode) == _OFFSET

    def moved(self, at: int, target: int) -> bytes:
        """Return a jump as it is written at another place, leading to another place.

        Raises
        ------
        BytecodeError
            If that is too far.
        """
        offset = target - (at + 3)
        if self.opcode <= _LAST_SIGNED:
            offset += 0x4000
        if not 0 <= offset <= 0x7FFF:
            raise BytecodeError("a jump is too long")
        label = bytes((self.opcode, 0x80 | offset & 0x7F, offset >> 7))
        return label + bytes((self.extra,)) if self.opcode in _EXTRA_BYTE else label


@dataclass
class Code:
    """A function of a file.

    Attributes
    ----------
    name : str or int
        Its own.
    state : int
        Slots for local variables and the value stack together.
    exceptions : int
        Depth of its stack of exception handlers.
    flags, arguments, keyword_only, defaults : int
        Of its signature; arguments counts the positional ones.
    names : bytes
        Its and its arguments' names, as indices.
    lines : list of (int, int)
        From which place on which further line begins: bytes and lines since the one before.
    cells : bytes
        Local variables that closures share.
    instructions : list of Instruction
    children : list of Code
        Functions that it makes.
    """

    name: Name
    state: int
    exceptions: int
    flags: int
    arguments: int
    keyword_only: int
    defaults: int
    names: bytes
    lines: list[tuple[int, int]]
    cells: bytes
    instructions: list[Instruction]
    children: list[Code] = field(default_factory=list)

    def encode(self) -> bytes:
        """Return what the interpreter keeps of the function itself."""
        lines = b"".join(_write_line(*step) for step in self.lines)
        n_info = len(self.names) + len(lines)
        return b"".join(
            (
                _write_signature(self),
                _write_sizes(n_info, len(self.cells)),
                self.names,
                lines,
                self.cells,
                *(instruction.raw for instruction in self.instructions),
            )
        )

    def walk(self) -> Iterator[Code]:
        """Yield this function and all that are made in it, each before those it makes."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class Module:
    """A ``.mpy`` file.

    Attributes
    ----------
    header : bytes
        Version, flags and width of a small integer.
    names : list of str or int
    constants : list of Constant
    body : Code
        What runs when it is imported.
    constants_raw : bytes
        The constants as they stand in the file.
    """

    header: bytes
    names: list[Name]
    constants: list[Constant]
    body: Code
    constants_raw: bytes

    @classmethod
    def parse(cls, data: bytes) -> Module:
        """Take a file apart.

        Raises
        ------
        BytecodeError
            If it is not a version 6 file, is damaged, or holds native code.
        """
        reader = _Reader(data)
        if reader.take(2) != _VERSION:
            raise BytecodeError("not a version 6 .mpy file: compile it with mpy-cross 1.2x")
        flags = reader.byte()
        reader.byte()  # bits of a small integer
        if flags & _FLAGS_FOLLOW:
            reader.uint()
        header = data[: reader.at]
        n_names = reader.uint()
        n_constants = reader.uint()
        try:
            names = [_read_name(reader) for _ in range(n_names)]
            start = reader.at
            constants = [_read_constant(reader) for _ in range(n_constants)]
            raw = data[start : reader.at]
            body = _read_code(reader, names)
        except (UnicodeDecodeError, IndexError, RecursionError) as error:
            raise BytecodeError(f"the file is damaged: {error}") from None
        return cls(header, names, constants, body, raw)

    def encode(self) -> bytes:
        """Return the file."""
        parts = [self.header, _uint(len(self.names)), _uint(len(self.constants))]
        parts += [_write_name(name) for name in self.names]
        parts += [self.constants_raw, _write_code(self.body)]
        return b"".join(parts)


def _format(opcode: int) -> int:
    return _FORMATS >> 2 * (opcode >> 4) & 3


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


def _uint(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | value & 0x7F)
    return bytes(reversed(out))


def _read_name(reader: _Reader) -> Name:
    size = reader.uint()
    if size & 1:
        return size >> 1
    text = reader.take(size >> 1).decode()
    reader.byte()
    return text


def _write_name(name: Name) -> bytes:
    if isinstance(name, int):
        return _uint(name << 1 | 1)
    data = name.encode()
    return _uint(len(data) << 1) + data + b"\x00"


def _read_constant(reader: _Reader) -> Constant:
    kind = reader.byte()
    if kind <= 4:  # function table, None, False, True and Ellipsis
        return Constant("singleton")
    size = reader.uint()
    if kind == _TUPLE:
        for _ in range(size):
            _read_constant(reader)
        return Constant("tuple")
    text = reader.take(size)
    if kind in (_TEXT, _BYTES):
        reader.byte()
    return Constant(_KINDS.get(kind, "unknown"), text)


def _read_code(reader: _Reader, names: list[Name]) -> Code:
    head = reader.uint()
    kind, has_children, size = head & 3, head >> 2 & 1, head >> 3
    if kind != 0:
        raise BytecodeError("native code: only bytecode can be counted")
    code = _parse_code(reader.take(size), names)
    if has_children:
        code.children = [_read_code(reader, names) for _ in range(reader.uint())]
    return code


def _write_code(code: Code) -> bytes:
    data = code.encode()
    parts = [_uint(len(data) << 3 | (4 if code.children else 0)), data]
    if code.children:
        parts.append(_uint(len(code.children)))
        parts += [_write_code(child) for child in code.children]
    return b"".join(parts)


def _parse_code(data: bytes, names: list[Name]) -> Code:
    reader = _Reader(data)
    state, exceptions, flags, arguments, keyword_only, defaults = _read_signature(reader)
    n_info, n_cells = _read_sizes(reader)
    start = reader.at
    name = names[reader.uint()]
    for _ in range(arguments + keyword_only):
        reader.uint()
    named = data[start : reader.at]
    lines = _Reader(data[reader.at : start + n_info])
    reader.at = start + n_info
    cells = reader.take(n_cells)
    first = reader.at
    instructions = []
    while reader.at < len(data):
        instruction = _read_instruction(reader, first)
        if _format(instruction.opcode) == _NAME and instruction.operand >= len(names):
            raise BytecodeError("the file is damaged: it names what it does not have")
        instructions.append(instruction)
    return Code(
        name,
        state,
        exceptions,
        flags,
        arguments,
        keyword_only,
        defaults,
        named,
        list(_read_lines(lines)),
        cells,
        instructions,
    )


def _read_signature(reader: _Reader) -> tuple[int, int, int, int, int, int]:
    # xSSSSEAA, then xFSSKAED as often as needed
    z = reader.byte()
    state, exceptions, flags = z >> 3 & 0xF, z >> 2 & 1, 0
    arguments, keyword_only, defaults = z & 3, 0, 0
    n = 0
    while z & 0x80:
        z = reader.byte()
        state |= (z & 0x30) << 2 * n
        exceptions |= (z & 2) << n
        flags |= (z >> 6 & 1) << n
        arguments |= (z & 4) << n
        keyword_only |= (z >> 3 & 1) << n
        defaults |= (z & 1) << n
        n += 1
    return state + 1, exceptions, flags, arguments, keyword_only, defaults


def _write_signature(code: Code) -> bytes:
    state, exceptions, flags = code.state - 1, code.exceptions, code.flags
    arguments, keyword_only, defaults = code.arguments, code.keyword_only, code.defaults
    out = [(state & 0xF) << 3 | (exceptions & 1) << 2 | arguments & 3]
    state, exceptions, arguments = state >> 4, exceptions >> 1, arguments >> 2
    while state or exceptions or flags or arguments or keyword_only or defaults:
        out[-1] |= 0x80
        out.append(
            (flags & 1) << 6
            | (state & 3) << 4
            | (keyword_only & 1) << 3
            | (arguments & 1) << 2
            | (exceptions & 1) << 1
            | defaults & 1
        )
        state, exceptions, flags = state >> 2, exceptions >> 1, flags >> 1
        arguments, keyword_only, defaults = arguments >> 1, keyword_only >> 1, defaults >> 1
    return bytes(out)


def _read_sizes(reader: _Reader) -> tuple[int, int]:
    """Return how many bytes of names and lines, and of cells, lie before the code."""
    info = cells = n = 0
    while True:
        b = reader.byte()
        cells |= (b & 1) << n
        info |= (b >> 1 & 0x3F) << 6 * n
        n += 1
        if not b & 0x80:
            return info, cells


def _write_sizes(info: int, cells: int) -> bytes:
    out = [(info & 0x3F) << 1 | cells & 1]
    while (info := info >> 6) | (cells := cells >> 1):
        out[-1] |= 0x80
        out.append((info & 0x3F) << 1 | cells & 1)
    return bytes(out)


def _read_lines(reader: _Reader) -> Iterator[tuple[int, int]]:
    while reader.at < len(reader.data):
        c = reader.byte()
        if c & 0x80:  # 1LLLBBBB LLLLLLLL
            yield c & 0xF, (c << 4 & 0x700) | reader.byte()
        else:  # 0LLBBBBB
            yield c & 0x1F, c >> 5


def _write_line(n_bytes: int, n_lines: int) -> bytes:
    out = b""
    while n_bytes or n_lines:
        if n_lines <= 6 or n_bytes > 0xF:
            b = min(n_bytes, 0x1F)
            step = min(n_lines, 3) if b == n_bytes else 0
            out += bytes((step << 5 | b,))
        else:
            b = n_bytes
            step = min(n_lines, 0x7FF)
            out += bytes((0x80 | step >> 4 & 0x70 | b, step & 0xFF))
        n_bytes -= b
        n_lines -= step
    return out


def _read_instruction(reader: _Reader, first: int) -> Instruction:
    start = reader.at
    opcode = reader.byte()
    form = _format(opcode)
    operand = extra = 0
    if form in (_NAME, _UINT):
        operand = reader.uint()
    elif form == _OFFSET:
        operand = reader.byte()
        if operand & 0x80:
            operand = operand & 0x7F | reader.byte() << 7
            operand -= 0x4000 if opcode <= _LAST_SIGNED else 0
        else:
            operand -= 0x40 if opcode <= _LAST_SIGNED else 0
        operand += reader.at - first
    if opcode in _EXTRA_BYTE:
        extra = reader.byte()
    return Instruction(start - first, opcode, operand, extra, reader.data[start : reader.at])
