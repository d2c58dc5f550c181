"""What a compiled function does, stretch by stretch: its basic blocks, and what lies on its stack.

A block is run from its first instruction to its last or not at all. The value stack is followed
through each of them, so that of a call it is known what is called, and of a store where it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from eegrig.hil.virtual.micropython.cpu_time.bytecode import (
    BytecodeError,
    Code,
    Constant,
    Instruction,
    Name,
    Op,
)

__all__ = ["Block", "Step", "Symbol", "blocks_of"]

_ITERATOR_SLOTS = 4  # of an iterator on the value stack: MP_OBJ_ITER_BUF_NSLOTS


class Symbol(NamedTuple):
    """What is known of a value on the stack.

    Attributes
    ----------
    kind : str
        "local", "global", "attribute", "method", "import", "result", "int", "float", "text",
        "function", "class", "slice" or "" (nothing).
    name : str or int or None
        Of a global, attribute, method or module; the number of a local variable or function.
    of : Symbol or None
        Whose attribute or method it is; whose result.
    """

    kind: str
    name: Name | None = None
    of: Symbol | None = None


_UNKNOWN = Symbol("")


class Step(NamedTuple):
    """An instruction, how deep the stack is before it, and what it takes off, the lowest first."""

    instruction: Instruction
    depth: int
    inputs: tuple[Symbol, ...]


@dataclass
class Block:
    """A stretch of a function.

    Attributes
    ----------
    depth : int
        Values on the stack where it begins, at most.
    starts_function, catches, resumes : bool
        Whether it is the function's first, begins where an exception is caught, or where a
        generator goes on.
    steps : list of Step
    """

    depth: int
    starts_function: bool = False
    catches: bool = False
    resumes: bool = False
    steps: list[Step] = field(default_factory=list)

    @property
    def at(self) -> int:
        """Where it begins, in bytes from the function's first instruction."""
        return self.steps[0].instruction.at


def blocks_of(code: Code, names: list[Name], constants: list[Constant]) -> tuple[list[Block], int]:
    """Return the blocks of a function that can be reached, in order, and the deepest stack.

    Parameters
    ----------
    code : Code
    names, constants : list
        Of its module.

    Returns
    -------
    list of Block
    int
        Values on the stack at most; a `finally` may find some more there.

    Raises
    ------
    BytecodeError
        If the code makes no sense.
    """
    return _Walk(code, names, constants).blocks()


class _Entry(NamedTuple):
    depth: int
    handlers: tuple[int, ...] = ()  # of exceptions: how deep the stack is without each
    catches: bool = False
    resumes: bool = False


class _Walk:
    def __init__(self, code: Code, names: list[Name], constants: list[Constant]) -> None:
        self._code = code
        self._names = names
        self._constants = constants
        self._place = {instruction.at: i for i, instruction in enumerate(code.instructions)}
        self._deepest = 0

    def blocks(self) -> tuple[list[Block], int]:
        if not self._code.instructions:
            raise BytecodeError("a function without instructions")
        entries = self._entries()
        blocks = []
        for at in sorted(entries):
            entry = entries[at]
            block = Block(entry.depth, at == 0, entry.catches, entry.resumes)
            self._fill(block, at, entries)
            blocks.append(block)
        return blocks, self._deepest

    def _entries(self) -> dict[int, _Entry]:
        """Return the places where blocks begin, with what is on the stack there."""
        entries = {0: _Entry(0)}
        todo = [0]
        while todo:
            at = todo.pop()
            for place, entry in self._ways_out(at, entries[at]):
                if place not in entries:  # the stack is as deep whatever way leads there
                    entries[place] = entry
                    todo.append(place)
        return entries

    def _ways_out(self, at: int, entry: _Entry) -> list[tuple[int, _Entry]]:
        """Follow the code from a place to where its straight line ends; return where it leads."""
        found: list[tuple[int, _Entry]] = []
        depth, handlers = entry.depth, entry.handlers
        i = self._index(at)
        while True:
            if i == len(self._code.instructions):
                raise BytecodeError("a function runs over its end")
            instruction = self._code.instructions[i]
            i += 1
            op, target = instruction.opcode, instruction.operand
            pops, pushes = _effect(instruction)
            if depth > self._code.state:
                raise BytecodeError("a function's stack does not add up")
            # An `async with` that is left by `return` has one value more there.
            before = max(depth, pops)
            depth = before - pops + pushes
            self._deepest = max(self._deepest, before, depth)
            here = self._code.instructions[i].at if i < len(self._code.instructions) else -1
            if op in _HANDLERS:
                handlers = (*handlers, before - pops)
                base = before + 1 if op == Op.SETUP_WITH else before
                found.append((target, _Entry(base + 1, handlers, catches=op == Op.SETUP_EXCEPT)))
            elif op in _CONDITIONAL:
                there = before - _POPPED_AT_TARGET.get(op, 0)
                return [*found, (target, _Entry(there, handlers)), (here, _Entry(depth, handlers))]
            elif op == Op.JUMP:
                return [*found, (target, _Entry(depth, handlers))]
            elif op == Op.POP_EXCEPT_JUMP:
                return [*found, (target, _Entry(depth, handlers[:-1]))]
            elif op == Op.UNWIND_JUMP:
                n = instruction.extra & 0x7F
                if n > len(handlers):
                    raise BytecodeError("a function leaves handlers that it has not entered")
                there = (handlers[-n] if n else depth) - (
                    _ITERATOR_SLOTS if instruction.extra & 0x80 else 0
                )
                return [*found, (target, _Entry(there, handlers[: len(handlers) - n]))]
            elif op in _ENDS:
                return found
            elif op == Op.END_FINALLY:
                return [*found, (here, _Entry(depth, handlers[:-1]))]
            elif op in _PAUSES:
                return [*found, (here, _Entry(depth, handlers, resumes=True))]

    def _index(self, at: int) -> int:
        try:
            return self._place[at]
        except KeyError:
            raise BytecodeError("a jump leads into the middle of an instruction") from None

    def _fill(self, block: Block, at: int, entries: dict[int, _Entry]) -> None:
        stack = [_UNKNOWN] * block.depth
        i = self._index(at)
        while True:
            instruction = self._code.instructions[i]
            pops, pushes = _effect(instruction)
            stack = [_UNKNOWN] * (pops - len(stack)) + stack
            depth = len(stack)
            inputs = tuple(stack[depth - pops :])
            del stack[depth - pops :]
            block.steps.append(Step(instruction, depth, inputs))
            stack += self._pushed(instruction, inputs, pushes)
            i += 1
            ends = instruction.opcode in _ENDS_BLOCK
            if ends or self._code.instructions[i].at in entries:
                return

    def _pushed(
        self, instruction: Instruction, inputs: tuple[Symbol, ...], pushes: int
    ) -> list[Symbol]:
        op, operand = instruction.opcode, instruction.operand
        if op in (Op.LOAD_GLOBAL, Op.LOAD_NAME):
            return [Symbol("global", self._names[operand])]
        if op == Op.LOAD_ATTR:
            return [Symbol("attribute", self._names[operand], inputs[0])]
        if op in (Op.LOAD_METHOD, Op.LOAD_SUPER_METHOD):
            return [Symbol("method", self._names[operand], inputs[-1]), _UNKNOWN]
        if op == Op.IMPORT_NAME:
            return [Symbol("import", self._names[operand])]
        if op == Op.IMPORT_FROM:
            return [inputs[0], Symbol("import", self._names[operand], inputs[0])]
        if op == Op.LOAD_CONST_STRING:
            return [Symbol("text")]
        if op == Op.LOAD_CONST_OBJ:
            return [Symbol(self._constant(operand).kind)]
        if op == Op.LOAD_FAST_N:
            return [Symbol("local", operand)]
        if op == Op.BUILD_SLICE:
            return [Symbol("slice")]
        if op == Op.CALL_FUNCTION and inputs[0].kind == "class" and len(inputs) > 1:
            base = inputs[3] if len(inputs) > 3 else None
            return [Symbol("result", of=Symbol("class", inputs[1].name, base))]
        if op == Op.CALL_FUNCTION:
            return [Symbol("result", of=inputs[0])]
        if op == Op.LOAD_BUILD_CLASS:
            return [Symbol("class")]
        if op in _MAKES_FUNCTION:
            return [Symbol("function", operand)]
        if op == _DUP_TOP:
            return [inputs[0], inputs[0]]
        if op == _DUP_TOP_TWO:
            return [*inputs, *inputs]
        if op == _ROT_TWO:
            return [inputs[1], inputs[0]]
        if op == _ROT_THREE:
            return [inputs[2], inputs[0], inputs[1]]
        if Op.LOAD_CONST_SMALL_INT_MULTI <= op < Op.LOAD_FAST_MULTI or op == (
            Op.LOAD_CONST_SMALL_INT
        ):
            return [Symbol("int")]
        if Op.LOAD_FAST_MULTI <= op < Op.STORE_FAST_MULTI:
            return [Symbol("local", op - Op.LOAD_FAST_MULTI)]
        if op >= Op.UNARY_OP_MULTI and any(symbol.kind == "float" for symbol in inputs):
            return [Symbol("float")]
        return [_UNKNOWN] * pushes

    def _constant(self, index: int) -> Constant:
        try:
            return self._constants[index]
        except IndexError:
            raise BytecodeError("the file names what it does not have") from None


_DUP_TOP, _DUP_TOP_TWO, _ROT_TWO, _ROT_THREE = 0x57, 0x58, 0x5A, 0x5B
_MAKES_FUNCTION = {
    Op.MAKE_FUNCTION,
    Op.MAKE_FUNCTION_DEFARGS,
    Op.MAKE_CLOSURE,
    Op.MAKE_CLOSURE_DEFARGS,
}
_HANDLERS = {Op.SETUP_WITH, Op.SETUP_EXCEPT, Op.SETUP_FINALLY}
_CONDITIONAL = {
    Op.POP_JUMP_IF_TRUE,
    Op.POP_JUMP_IF_FALSE,
    Op.JUMP_IF_TRUE_OR_POP,
    Op.JUMP_IF_FALSE_OR_POP,
    Op.FOR_ITER,
}
# What a conditional jump takes from the stack where it is taken.
_POPPED_AT_TARGET = {
    Op.POP_JUMP_IF_TRUE: 1,
    Op.POP_JUMP_IF_FALSE: 1,
    Op.FOR_ITER: _ITERATOR_SLOTS,
}
_ENDS = {Op.RETURN_VALUE, Op.RAISE_LAST, Op.RAISE_OBJ, Op.RAISE_FROM}
_PAUSES = {Op.YIELD_VALUE, Op.YIELD_FROM}
_ENDS_BLOCK = (
    _ENDS | _PAUSES | _CONDITIONAL | {Op.JUMP, Op.POP_EXCEPT_JUMP, Op.UNWIND_JUMP, Op.END_FINALLY}
)

# What instructions take from the value stack and put there (py/emitbc.c, py/vm.c), where the
# operand does not matter.
_EFFECTS: dict[int, tuple[int, int]] = {
    Op.LOAD_CONST_STRING: (0, 1),
    Op.LOAD_NAME: (0, 1),
    Op.LOAD_GLOBAL: (0, 1),
    Op.LOAD_ATTR: (1, 1),
    Op.LOAD_METHOD: (1, 2),
    Op.LOAD_SUPER_METHOD: (3, 2),
    Op.STORE_NAME: (1, 0),
    Op.STORE_GLOBAL: (1, 0),
    Op.STORE_ATTR: (2, 0),
    0x19: (0, 0),  # DELETE_NAME
    0x1A: (0, 0),  # DELETE_GLOBAL
    Op.IMPORT_NAME: (2, 1),
    Op.IMPORT_FROM: (1, 2),
    Op.LOAD_CONST_SMALL_INT: (0, 1),
    Op.LOAD_CONST_OBJ: (0, 1),
    Op.LOAD_FAST_N: (0, 1),
    0x25: (0, 1),  # LOAD_DEREF
    Op.STORE_FAST_N: (1, 0),
    0x27: (1, 0),  # STORE_DEREF
    0x28: (0, 0),  # DELETE_FAST
    0x29: (0, 0),  # DELETE_DEREF
    Op.BUILD_MAP: (0, 1),
    Op.MAKE_FUNCTION: (0, 1),
    Op.MAKE_FUNCTION_DEFARGS: (2, 1),
    Op.UNWIND_JUMP: (0, 0),
    Op.JUMP: (0, 0),
    Op.POP_JUMP_IF_TRUE: (1, 0),
    Op.POP_JUMP_IF_FALSE: (1, 0),
    Op.JUMP_IF_TRUE_OR_POP: (1, 0),
    Op.JUMP_IF_FALSE_OR_POP: (1, 0),
    Op.SETUP_WITH: (1, 3),
    Op.SETUP_EXCEPT: (0, 0),
    Op.SETUP_FINALLY: (0, 0),
    Op.POP_EXCEPT_JUMP: (0, 0),
    Op.FOR_ITER: (0, 1),
    0x50: (0, 1),  # LOAD_CONST_FALSE
    0x51: (0, 1),  # LOAD_CONST_NONE
    0x52: (0, 1),  # LOAD_CONST_TRUE
    0x53: (0, 1),  # LOAD_NULL
    Op.LOAD_BUILD_CLASS: (0, 1),
    Op.LOAD_SUBSCR: (2, 1),
    Op.STORE_SUBSCR: (3, 0),
    _DUP_TOP: (1, 2),
    _DUP_TOP_TWO: (2, 4),
    Op.POP_TOP: (1, 0),
    _ROT_TWO: (2, 2),
    _ROT_THREE: (3, 3),
    Op.WITH_CLEANUP: (3, 1),
    Op.END_FINALLY: (1, 0),
    Op.GET_ITER: (1, 1),
    Op.GET_ITER_STACK: (1, _ITERATOR_SLOTS),
    Op.STORE_MAP: (3, 1),
    Op.RETURN_VALUE: (1, 0),
    Op.RAISE_LAST: (0, 0),
    Op.RAISE_OBJ: (1, 0),
    Op.RAISE_FROM: (2, 0),
    Op.YIELD_VALUE: (1, 1),
    Op.YIELD_FROM: (2, 1),
    0x69: (1, 0),  # IMPORT_STAR
}


def _called(operand: int, extra: int) -> tuple[int, int]:
    return (operand & 0xFF) + 2 * (operand >> 8) + extra, 1


# The same where the operand does matter.
_VARIABLE: dict[int, Callable[[int, int], tuple[int, int]]] = {
    Op.MAKE_CLOSURE: lambda _, extra: (extra, 1),
    Op.MAKE_CLOSURE_DEFARGS: lambda _, extra: (2 + extra, 1),
    Op.BUILD_TUPLE: lambda n, _: (n, 1),
    Op.BUILD_LIST: lambda n, _: (n, 1),
    Op.BUILD_SET: lambda n, _: (n, 1),
    Op.BUILD_SLICE: lambda n, _: (n, 1),
    Op.STORE_COMP: lambda n, _: (2 if n & 3 == 1 else 1, 0),
    Op.UNPACK_SEQUENCE: lambda n, _: (1, n),
    Op.UNPACK_EX: lambda n, _: (1, (n & 0xFF) + (n >> 8) + 1),
    Op.CALL_FUNCTION: lambda n, _: _called(n, 1),
    Op.CALL_FUNCTION_VAR_KW: lambda n, _: _called(n, 2),
    Op.CALL_METHOD: lambda n, _: _called(n, 2),
    Op.CALL_METHOD_VAR_KW: lambda n, _: _called(n, 3),
}


def _effect(instruction: Instruction) -> tuple[int, int]:
    op = instruction.opcode
    if op >= Op.LOAD_CONST_SMALL_INT_MULTI:
        if op < Op.STORE_FAST_MULTI:
            return 0, 1
        if op < Op.UNARY_OP_MULTI:
            return 1, 0
        return (1, 1) if op < Op.BINARY_OP_MULTI else (2, 1)
    variable = _VARIABLE.get(op)
    if variable is not None:
        return variable(instruction.operand, instruction.extra)
    try:
        return _EFFECTS[op]
    except KeyError:
        raise BytecodeError(f"an unknown instruction, 0x{op:02x}") from None
