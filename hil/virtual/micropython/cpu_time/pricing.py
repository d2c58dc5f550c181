"""What an image's bytecode costs, stretch by stretch: its events, at the prices of a runtime.

What an event is, is seen in the bytecode as far as that can tell: whether a name is the module's
or a builtin's, an attribute the instance's or its class's, a class one with properties. What it
cannot tell (the types of values) has a mean price. A call costs its caller the opcode and its
callee, where that is bytecode, its own entry: so what is called is priced as it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from eegrig.boards.ports import CallFacts, PriceFacts
from eegrig.hil.virtual.micropython.cpu_time.bytecode import Code, Module, Name, Op
from eegrig.hil.virtual.micropython.cpu_time.flow import Block, Step, Symbol, blocks_of

__all__ = ["FunctionPrices", "ImagePrices", "Stretch"]

# MicroPython's own names that files have by number (py/makeqstrdata.py of MicroPython 1c3c201149).
_MICROPYTHON, _POW = 115, 122

_WIDE_DIGITS = 19  # a constant with more: its module computes with integers that are objects


class Stretch(NamedTuple):
    """A stretch of a function that runs as a whole.

    Attributes
    ----------
    at : int
        Where it begins, in bytes from the function's first instruction.
    depth : int
        Values on the stack there.
    cycles : float
        What it costs.
    """

    at: int
    depth: int
    cycles: float


@dataclass(frozen=True)
class FunctionPrices:
    """What a function costs.

    Attributes
    ----------
    code : Code
    stretches : list of Stretch
        In order.
    deepest : int
        Values on its stack at most.
    """

    code: Code
    stretches: list[Stretch]
    deepest: int


@dataclass
class _Class:
    name: Name
    bases: tuple[Name, ...]
    body: Code
    has_property: bool = False


@dataclass
class _Names:
    """What the names of an image stand for, all its files together."""

    methods: set[Name] = field(default_factory=set)
    properties: set[Name] = field(default_factory=set)
    class_values: set[Name] = field(default_factory=set)
    attributes: set[Name] = field(default_factory=set)  # stored in some object
    checked: set[Name] = field(default_factory=set)  # stored in objects of a class with properties
    unchecked: set[Name] = field(default_factory=set)
    classes: dict[Name, _Class] = field(default_factory=dict)


@dataclass
class _File:
    module: Module
    own: set[Name] = field(default_factory=set)  # names of its globals
    imports: dict[Name, tuple[Name, Name | None]] = field(default_factory=dict)
    classes: dict[int, _Class] = field(default_factory=dict)  # by id() of a method's code
    wide: bool = False
    blocks: dict[int, tuple[list[Block], int]] = field(default_factory=dict)  # by id() of the code

    def blocks_of(self, code: Code) -> tuple[list[Block], int]:
        found = self.blocks.get(id(code))
        if found is None:
            module = self.module
            found = self.blocks[id(code)] = blocks_of(code, module.names, module.constants)
        return found

    def steps_of(self, code: Code) -> Iterator[Step]:
        for block in self.blocks_of(code)[0]:
            yield from block.steps


class ImagePrices:
    """Prices of all functions of an image.

    Parameters
    ----------
    modules : mapping of str to Module
        By path.
    prices, calls : PriceFacts, CallFacts
        Of the runtime.

    Raises
    ------
    BytecodeError
        If the code of one makes no sense.
    """

    def __init__(self, modules: Mapping[str, Module], prices: PriceFacts, calls: CallFacts) -> None:
        self._prices = prices
        self._calls = calls
        self._plain = _plain(prices)
        self._names = _Names()
        self._files = {path: _File(module) for path, module in modules.items()}
        # "package/module", whatever folder the package is in.
        self._modules = {
            "/".join(path.removesuffix(".mpy").removesuffix("/__init__").split("/")[-2:])
            for path in modules
        }
        for file in self._files.values():
            self._survey_body(file)
        for file in self._files.values():
            for code in file.module.body.walk():
                self._survey_stores(file, code)

    def functions(self, path: str) -> list[FunctionPrices]:
        """Return the functions of one file, its body first, each before those made in it."""
        file = self._files[path]
        found = []
        for code in file.module.body.walk():
            blocks, deepest = file.blocks_of(code)
            stretches = [s for block in blocks for s in self._stretches(file, code, block)]
            found.append(FunctionPrices(code, stretches, deepest))
        return found

    # ------------------------------------------------------------------ names
    def _survey_body(self, file: _File) -> None:
        body = file.module.body
        file.wide = any(
            constant.kind == "int" and len(constant.text) > _WIDE_DIGITS
            for constant in file.module.constants
        )
        for code in body.walk():
            for step in file.steps_of(code):
                op = step.instruction.opcode
                name = self._stored(file, step)
                if name is None:
                    continue
                if op == Op.STORE_GLOBAL or code is body:
                    file.own.add(name)
                    _note_import(file, name, step.inputs[0])
                self._note_class(file, code, name, step.inputs[0])
        self._survey_classes(file)

    def _stored(self, file: _File, step: Step) -> Name | None:
        if step.instruction.opcode not in (Op.STORE_NAME, Op.STORE_GLOBAL):
            return None
        return file.module.names[step.instruction.operand]

    def _note_class(self, file: _File, parent: Code, name: Name, value: Symbol) -> None:
        """Take note of a class where it is stored: the result of building one of a function."""
        if value.kind != "result" or value.of is None or value.of.kind != "class":
            return
        number, bases = value.of.name, value.of.of
        if not isinstance(number, int) or number >= len(parent.children):
            return
        named = (bases.name,) if bases is not None and bases.name is not None else ()
        found = _Class(name, named, parent.children[number])
        self._names.classes[name] = found
        file.classes[id(found.body)] = found

    def _survey_classes(self, file: _File) -> None:
        names = self._names
        for found in list(file.classes.values()):
            for step in file.steps_of(found.body):
                name = self._stored(file, step)
                if name is None:
                    continue
                value = step.inputs[0]
                if value.kind == "function":
                    names.methods.add(name)
                elif value.kind == "result" and value.of == Symbol("global", "property"):
                    names.properties.add(name)
                    found.has_property = True
                else:
                    names.class_values.add(name)
            for method in found.body.walk():
                file.classes.setdefault(id(method), found)

    def _survey_stores(self, file: _File, code: Code) -> None:
        names = self._names
        for step in file.steps_of(code):
            if step.instruction.opcode != Op.STORE_ATTR:
                continue
            name = file.module.names[step.instruction.operand]
            names.attributes.add(name)
            if _is_self(code, step.inputs[1]) and id(code) in file.classes:
                checked = self._is_checked(file.classes[id(code)])
                (names.checked if checked else names.unchecked).add(name)

    def _is_checked(self, found: _Class, seen: frozenset[Name] = frozenset()) -> bool:
        """Say whether storing an attribute looks for a property first."""
        if found.has_property:
            return True
        bases = (self._names.classes.get(name) for name in found.bases if name not in seen)
        return any(base and self._is_checked(base, seen | {found.name}) for base in bases)

    # ------------------------------------------------------------------ prices
    def _stretches(self, file: _File, code: Code, block: Block) -> Iterator[Stretch]:
        """Cut a block after each statement with a call, so that what is called runs in its time."""
        prices = self._prices
        start = block.steps[0]
        cost = 0.0
        if block.starts_function:
            n_arguments = code.arguments + code.keyword_only
            cost += prices.function_entry + n_arguments * prices.argument
        if block.catches:
            cost += prices.exception
        if block.resumes:
            cost += prices.generator_resume
        cycles = cost * prices.cycles_per_instruction
        lowest, called = start.depth, False
        for step in block.steps:
            lowest = min(lowest, step.depth)
            if called and step.depth == lowest:
                yield Stretch(start.instruction.at, start.depth, cycles)
                start, cycles, called = step, 0.0, False
            cycles += self._cycles(file, code, step)
            called = called or step.instruction.opcode in _CALLS
        yield Stretch(start.instruction.at, start.depth, cycles)

    def _cycles(self, file: _File, code: Code, step: Step) -> float:
        own = self._own_cycles(file, step)
        per_instruction = self._prices.cycles_per_instruction
        return own + self._instructions(file, code, step) * per_instruction

    def _own_cycles(self, file: _File, step: Step) -> float:
        """Return what the C code behind a call or an operation costs, where that is known."""
        op, calls = step.instruction.opcode, self._calls
        if op >= Op.BINARY_OP_MULTI and self._is_long(file, step):
            operation = op - Op.BINARY_OP_MULTI
            if operation in _MULTIPLY:
                return calls.long_multiplication
            return calls.long_remainder if operation in _DIVIDE else calls.long_operation
        if op not in (Op.CALL_FUNCTION, Op.CALL_METHOD):
            return 0.0
        module, name = self._callee(file, step.inputs[0])
        n = step.instruction.operand & 0xFF
        if module == "struct":
            if name == "pack":
                return calls.pack + (n - 1) * calls.pack_value
            if name == "pack_into":
                return calls.pack + (n - 3) * calls.pack_value
            return calls.unpack if name in ("unpack", "unpack_from") else 0.0
        if module == _MICROPYTHON and name == "schedule":
            return calls.schedule
        if module is None and name == _POW and n == 3 and file.wide:
            return calls.long_power
        return 0.0

    def _is_long(self, file: _File, step: Step) -> bool:
        operation = step.instruction.opcode - Op.BINARY_OP_MULTI
        if not file.wide or operation < _FIRST_ARITHMETIC:
            return False
        # A counter, most likely.
        return operation not in _INPLACE_STEPS or step.inputs[1].kind != "int"

    def _callee(self, file: _File, symbol: Symbol) -> tuple[Name | None, Name | None]:
        """Return module and name of a function that is called; no module: a builtin."""
        if symbol.kind == "global" and symbol.name is not None:
            if symbol.name in file.imports:
                return file.imports[symbol.name]
            return (None, symbol.name) if symbol.name not in file.own else ("", None)
        module = self._module(file, symbol.of)
        return ("", None) if module is None else (module, symbol.name)

    def _module(self, file: _File, symbol: Symbol | None) -> Name | None:
        if symbol is None or symbol.kind != "global" or symbol.name not in file.imports:
            return None
        module, name = file.imports[symbol.name]
        if name is None:
            return module
        return name if f"{module}/{name}" in self._modules else None

    def _instructions(self, file: _File, code: Code, step: Step) -> float:
        prices = self._prices
        instruction, inputs = step.instruction, step.inputs
        op = instruction.opcode
        if op >= Op.BINARY_OP_MULTI:
            if self._is_long(file, step):
                return 0.0
            if op - Op.BINARY_OP_MULTI in _DIVIDE and inputs[0].kind == "text":
                return prices.formatting
            if any(symbol.kind == "float" for symbol in inputs):
                return prices.float_operation
            return prices.operation
        if op >= Op.UNARY_OP_MULTI:
            return prices.unary_operation
        if op in (Op.LOAD_GLOBAL, Op.LOAD_NAME):
            known = file.module.names[instruction.operand] in file.own
            return prices.global_load if known else prices.builtin_load
        if op == Op.LOAD_ATTR:
            return self._attribute_load(file, file.module.names[instruction.operand], inputs[0])
        if op in (Op.LOAD_METHOD, Op.LOAD_SUPER_METHOD):
            return self._method_load(file, file.module.names[instruction.operand], inputs[0])
        if op == Op.STORE_ATTR:
            return self._attribute_store(file, code, step)
        if op in _CALLS:
            bound = inputs[0].kind == "method" and self._is_bound(file, inputs[0])
            n_keywords = instruction.operand >> 8
            return (
                prices.call
                + (prices.bound_call if bound else 0)
                + n_keywords * prices.keyword_argument
            )
        if op == Op.LOAD_SUBSCR:
            return prices.slice_load if inputs[1].kind == "slice" else prices.subscript_load
        if op == Op.STORE_SUBSCR:
            return prices.slice_store if inputs[2].kind == "slice" else prices.subscript_store
        if op == Op.BUILD_SLICE:
            return 0.0  # belongs to what it is the index of
        if op in (Op.BUILD_TUPLE, Op.UNPACK_SEQUENCE):
            created = prices.tuple_creation if op == Op.BUILD_TUPLE else prices.simple
            return created + instruction.operand * prices.item
        if op == Op.BUILD_LIST:
            return prices.list_creation + instruction.operand * prices.item
        return self._plain.get(op, prices.simple)

    def _attribute_load(self, file: _File, name: Name, of: Symbol) -> float:
        prices, names = self._prices, self._names
        if self._module(file, of) is not None:
            return prices.module_value_load
        if name in names.attributes:
            return prices.attribute_load
        if name in names.properties:
            return prices.property_load
        if name in names.methods:
            return prices.class_method_load
        if name in names.class_values:
            return prices.class_value_load
        return prices.attribute_load

    def _method_load(self, file: _File, name: Name, of: Symbol) -> float:
        prices, names = self._prices, self._names
        if self._module(file, of) is not None:
            return prices.module_value_load
        if name in names.methods:
            return prices.method_load
        return prices.attribute_load if name in names.attributes else prices.builtin_method_load

    def _is_bound(self, file: _File, method: Symbol) -> bool:
        """Say whether what is called is kept in an attribute: a bound method, as a rule."""
        names = self._names
        return (
            method.name in names.attributes
            and method.name not in names.methods
            and self._module(file, method.of) is None
        )

    def _attribute_store(self, file: _File, code: Code, step: Step) -> float:
        prices, names = self._prices, self._names
        if _is_self(code, step.inputs[1]) and id(code) in file.classes:
            checked = self._is_checked(file.classes[id(code)])
        else:
            name = file.module.names[step.instruction.operand]
            checked = name in names.checked and name not in names.unchecked
        return prices.checked_attribute_store if checked else prices.attribute_store


_CALLS = {
    Op.CALL_FUNCTION,
    Op.CALL_FUNCTION_VAR_KW,
    Op.CALL_METHOD,
    Op.CALL_METHOD_VAR_KW,
}
# Binary operations by number (py/runtime0.h), in place and not.
_FIRST_ARITHMETIC = 9
_INPLACE_STEPS = {14, 15}
_MULTIPLY = {16, 29}
_DIVIDE = {18, 20, 31, 33}


def _plain(prices: PriceFacts) -> dict[int, float]:
    """Return what opcodes cost whose operands do not matter, in instructions."""
    return {
        Op.UNWIND_JUMP: prices.jump,
        Op.JUMP: prices.jump,
        Op.POP_JUMP_IF_TRUE: prices.jump,
        Op.POP_JUMP_IF_FALSE: prices.jump,
        Op.JUMP_IF_TRUE_OR_POP: prices.jump,
        Op.JUMP_IF_FALSE_OR_POP: prices.jump,
        Op.POP_EXCEPT_JUMP: prices.jump,
        Op.FOR_ITER: prices.iteration,
        Op.GET_ITER: prices.iteration,
        Op.GET_ITER_STACK: prices.iteration,
        Op.STORE_NAME: prices.attribute_store,
        Op.STORE_GLOBAL: prices.attribute_store,
        Op.BUILD_MAP: prices.dict_creation,
        Op.BUILD_SET: prices.dict_creation,
        Op.STORE_MAP: prices.subscript_store,
        Op.STORE_COMP: prices.subscript_store,
        Op.SETUP_WITH: prices.with_statement,
        Op.IMPORT_NAME: prices.module_import,
        Op.LOAD_BUILD_CLASS: prices.class_creation,
        Op.MAKE_FUNCTION: prices.function_creation,
        Op.MAKE_FUNCTION_DEFARGS: prices.function_creation,
        Op.MAKE_CLOSURE: prices.function_creation,
        Op.MAKE_CLOSURE_DEFARGS: prices.function_creation,
    }


def _is_self(code: Code, symbol: Symbol) -> bool:
    return code.arguments > 0 and symbol == Symbol("local", 0)


def _note_import(file: _File, name: Name, value: Symbol) -> None:
    if value.kind != "import" or value.name is None:
        return
    if value.of is None:
        file.imports[name] = (value.name, None)
    elif value.of.name is not None:
        file.imports[name] = (value.of.name, value.name)
