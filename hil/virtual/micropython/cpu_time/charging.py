"""Bytecode that says what it costs as it runs.

A copy of a ``.mpy`` file in which every stretch of a function begins by telling its price to the
function `CHARGE` among the builtins. The virtual board runs the copy where the firmware imports
the file; in every other respect they are the same: names, line numbers, what files hold.
"""

from __future__ import annotations

from eegrig.hil.virtual.micropython.cpu_time.bytecode import (
    BytecodeError,
    Code,
    Instruction,
    Module,
    Op,
)
from eegrig.hil.virtual.micropython.cpu_time.flow import blocks_of
from eegrig.hil.virtual.micropython.cpu_time.pricing import FunctionPrices, Stretch

__all__ = ["CHARGE", "charging_copy", "check_code"]

CHARGE = " charge"
"""Name of the function that takes a price in nanoseconds. No source can spell it."""

_SLOTS = 2  # on the value stack, for the function and the price
_USES_HANDLERS = (Op.SETUP_WITH, Op.SETUP_FINALLY)


def check_code(module: Module) -> None:
    """Make sure that a file can be followed and copied.

    Raises
    ------
    BytecodeError
        If some of its code makes no sense, or is so long that its jumps have no room to grow.
    """
    for code in module.body.walk():
        blocks, deepest = blocks_of(code, module.names, module.constants)
        stretches = [
            Stretch(step.instruction.at, step.depth, 0.0)
            for block in blocks
            for step in block.steps
        ]
        _charging(code, FunctionPrices(code, stretches, deepest), len(module.names), 1.0)


def charging_copy(module: Module, functions: list[FunctionPrices], clock_hz: float) -> Module:
    """Return the file that charges for what it does.

    Parameters
    ----------
    module : Module
    functions : list of FunctionPrices
        All of the module.
    clock_hz : float
        CPU clock.

    Raises
    ------
    BytecodeError
        As `check_code`.
    """
    prices = {id(function.code): function for function in functions}
    number = len(module.names)

    def copied(code: Code) -> Code:
        copy = _charging(code, prices[id(code)], number, clock_hz)
        copy.children = [copied(child) for child in code.children]
        return copy

    names = [*module.names, CHARGE]
    body = copied(module.body)
    return Module(module.header, names, module.constants, body, module.constants_raw)


def _charging(code: Code, prices: FunctionPrices, number: int, clock_hz: float) -> Code:
    charges = {
        stretch.at: _charge(number, round(stretch.cycles / clock_hz * 1e9))
        for stretch in prices.stretches
    }
    moved: dict[int, int] = {}
    at = 0
    for instruction in code.instructions:
        moved[instruction.at] = at
        at += len(charges.get(instruction.at, b"")) + _size(instruction)
    end = code.instructions[-1].at + len(code.instructions[-1].raw)
    moved[end] = at
    instructions = []
    at = 0
    for instruction in code.instructions:
        charge = charges.get(instruction.at)
        if charge is not None:
            instructions.append(Instruction(at, Op.LOAD_GLOBAL, 0, 0, charge))
            at += len(charge)
        raw = instruction.raw
        if instruction.jumps:
            raw = instruction.moved(at, _place(moved, instruction.operand))
        instructions.append(instruction._replace(at=at, raw=raw))
        at += len(raw)
    return Code(
        code.name,
        code.state + _further_slots(code, prices),
        code.exceptions,
        code.flags,
        code.arguments,
        code.keyword_only,
        code.defaults,
        code.names,
        _moved_lines(code, moved),
        code.cells,
        instructions,
    )


def _further_slots(code: Code, prices: FunctionPrices) -> int:
    """Return how many slots the stack lacks; a frame that grows may go to the heap."""
    handlers = any(i.opcode in _USES_HANDLERS for i in code.instructions)
    # A `finally` that is entered on the way out finds one value more than one after an exception.
    further = code.exceptions if handlers else 0
    wanted = max(stretch.depth for stretch in prices.stretches) + further + _SLOTS
    return max(wanted - prices.deepest, 0)


def _size(instruction: Instruction) -> int:
    if not instruction.jumps:
        return len(instruction.raw)
    return len(instruction.moved(0, 3))


def _charge(number: int, ns: int) -> bytes:
    """Return the instructions that call `CHARGE` with a price and forget what it returns."""
    return b"".join(
        (
            bytes((Op.LOAD_GLOBAL,)),
            _groups(number, number.bit_length()),
            bytes((Op.LOAD_CONST_SMALL_INT,)),
            _groups(ns, ns.bit_length() + 1),  # with its sign
            bytes((Op.CALL_FUNCTION, 1, Op.POP_TOP)),
        )
    )


def _groups(value: int, bits: int) -> bytes:
    n = max(-(-bits // 7), 1)
    groups = [value >> 7 * i & 0x7F | (0x80 if i else 0) for i in range(n)]
    return bytes(reversed(groups))


def _place(moved: dict[int, int], at: int) -> int:
    try:
        return moved[at]
    except KeyError:
        raise BytecodeError("a place is in the middle of an instruction") from None


def _moved_lines(code: Code, moved: dict[int, int]) -> list[tuple[int, int]]:
    lines: list[tuple[int, int]] = []
    at = pending = last = 0
    for n_bytes, n_lines in code.lines:
        at += n_bytes
        pending += n_lines
        if n_lines:
            place = _place(moved, at)
            lines.append((place - last, pending))
            last, pending = place, 0
    return lines
