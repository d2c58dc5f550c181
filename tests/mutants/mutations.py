"""What a mutant is: one small change of a source file that its tests should notice.

Numbers, strings, signs, operators, comparisons, conditions, defaults, arguments, factors, terms,
bounds and statements are changed, those outside of functions too. Left alone is what no run can
show or every run shows: annotations, decorators, docstrings, imports, the wording of an error's
message, ``__all__`` and the ``strict`` of `zip`.
"""

from __future__ import annotations

import ast
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "mutants_of"]

_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_NAMES = {
    "min": "max",
    "max": "min",
    "minimum": "maximum",
    "maximum": "minimum",
    "argmin": "argmax",
    "argmax": "argmin",
    "any": "all",
    "all": "any",
    "floor": "ceil",
    "ceil": "floor",
    "mean": "sum",
    "sum": "mean",
}
"""Functions and methods that are taken for one another."""
_WORDS = {"left": "right", "right": "left", "little": "big", "big": "little", "valid": "same"}
_COMMUTATIVE = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)
_TERMS = frozenset({"hypot", "min", "max", "minimum", "maximum"})
"""Functions of which an argument can be left out."""
_THROUGH = frozenset(
    {"abs", "sqrt", "clip", "round", "rint", "floor", "ceil", "sorted", "unique", "sign"}
    | {"log", "log2", "log10", "maximum", "minimum"}
)
"""Functions that can be left out: their first argument remains."""
_LARGE = 1000
_SKIPPED_FIELDS = frozenset({"annotation", "returns", "decorator_list", "bases"})


@dataclass(frozen=True)
class Mutant:
    """One change of a file.

    Attributes
    ----------
    path : str
        The source file, relative to the root.
    function : str
        Qualified name of the function or class it is in; ``module`` outside of all.
    change : str
        What was and what is; the number of the occurrence behind it where a function has several
        that read the same.
    line : int
        Where it is.
    """

    path: str
    function: str
    change: str
    line: int
    _tree: ast.Module
    _holder: ast.AST
    _field: str
    _index: int | None
    _node: ast.AST

    def compiled(self, root: Path) -> types.CodeType:
        """Return the code of the changed file."""
        old = getattr(self._holder, self._field)
        if self._index is None:
            setattr(self._holder, self._field, self._node)
        else:
            old = old[self._index]
            getattr(self._holder, self._field)[self._index] = self._node
        try:
            tree = ast.fix_missing_locations(self._tree)
            code: types.CodeType = compile(tree, str(root / self.path), "exec", dont_inherit=True)
            return code
        finally:
            if self._index is None:
                setattr(self._holder, self._field, old)
            else:
                getattr(self._holder, self._field)[self._index] = old


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """Return every mutant of a source file, in the order of the file."""
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for function, holder, field, index, old, new in _walk(tree, "", set(), in_raise=False):
        if ast.dump(new) == ast.dump(old):
            continue
        change = f"{_text(old)} → {_text(new)}"
        seen[function, change] += 1
        number = seen[function, change]
        if number > 1:
            change += f" ({number})"
        line = getattr(old, "lineno", getattr(holder, "lineno", 0))
        found.append(Mutant(path, function, change, line, tree, holder, field, index, new))
    return found


_Site = tuple[str, ast.AST, str, int | None, ast.AST, ast.AST]


def _walk(node: ast.AST, function: str, bound: set[str], *, in_raise: bool) -> Iterator[_Site]:
    """Give every place under a node that can be changed, with what stands there instead.

    `bound` has the names that have a value before: only of those an assignment can be left out.
    """
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}" if function else node.name
        bound = {arg.arg for arg in ast.walk(node) if isinstance(arg, ast.arg)}
    in_raise = in_raise or isinstance(node, ast.Raise)
    for field, value in ast.iter_fields(node):
        if field in _SKIPPED_FIELDS:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _skipped(child):
                continue
            if not (in_raise and isinstance(child, ast.Constant)):
                for new in _changes(child, node, field, bound):
                    yield function or "module", node, field, index, child, new
            yield from _walk(child, function, bound, in_raise=in_raise)
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                bound.add(child.id)


def _skipped(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.arg():
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__" | "__test__")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Subscript(value=ast.Name(id="Literal" | "Callable" | "NDArray" | "tuple")):
            return True
        case ast.keyword(arg="strict"):
            return True
    return False


def _changes(node: ast.AST, holder: ast.AST, field: str, bound: set[str]) -> Iterator[ast.AST]:
    """Give what can stand in the place of a node."""
    # Always and never say more of a condition than its opposite.
    decides = field == "test" and isinstance(holder, ast.If | ast.IfExp)
    decides = decides or (field == "ifs" and isinstance(holder, ast.comprehension))
    if decides:
        yield ast.Constant(value=True)
        yield ast.Constant(value=False)
    match node:
        case ast.Constant():
            yield from _constants(node, holder, field)
        case ast.BinOp(left, op, right) if (other := _ARITHMETIC.get(type(op))) is not None:
            # A test that misses a factor misses its inverse the more.
            if not isinstance(op, ast.Mult | ast.Div):
                yield ast.BinOp(left, other(), right)
            yield left
            if isinstance(op, _COMMUTATIVE):
                yield right
        case ast.Compare(left, ops, comparators):
            for index, comparison in enumerate(ops):
                for other_comparison in _COMPARISONS[type(comparison)][: 1 if decides else None]:
                    changed = [*ops[:index], other_comparison(), *ops[index + 1 :]]
                    yield ast.Compare(left, changed, comparators)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for index in range(len(values)):
                rest = [*values[:index], *values[index + 1 :]]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield operand
        case ast.Call():
            yield from _calls(node)
        case ast.Attribute(value, attr, ctx) if attr in _NAMES:
            yield ast.Attribute(value, _NAMES[attr], ctx)
        case ast.Name(name, ctx) if name in _NAMES:
            yield ast.Name(_NAMES[name], ctx)
        case ast.Slice(lower, upper, step):
            if lower is not None:
                yield ast.Slice(None, upper, step)
            if upper is not None:
                yield ast.Slice(lower, None, step)
            if step is not None:
                yield ast.Slice(lower, upper, None)
        case ast.Tuple(elements, ast.Load() as ctx) if len(elements) > 1:
            # Of a table or of a set of values only: anywhere else it is taken apart at once.
            if isinstance(holder, ast.Compare) or (
                isinstance(holder, ast.Assign) and isinstance(holder.targets[0], ast.Name)
            ):
                for index in range(len(elements)):
                    yield ast.Tuple([*elements[:index], *elements[index + 1 :]], ctx)
        case ast.stmt():
            yield from _statements(node, bound)


def _constants(node: ast.Constant, holder: ast.AST, field: str) -> Iterator[ast.AST]:
    value = node.value
    index = isinstance(holder, ast.Subscript) and field == "slice"
    axis = isinstance(holder, ast.keyword) and holder.arg == "axis"
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int) and (index or axis):
        yield ast.Constant(value - 1 if value else 1)
    elif isinstance(value, int):
        large = abs(value) > _LARGE
        yield ast.Constant(value * 2 if large else value + 1)
        yield ast.Constant(value // 2 if large else value - 1)
    elif isinstance(value, float):
        yield ast.Constant(value * 2 if value else 1.0)
        yield ast.Constant(value / 2 if value else -1.0)
    elif isinstance(value, str) and not isinstance(holder, ast.JoinedStr):
        yield ast.Constant(_WORDS.get(value, f"not {value}"))


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    name, args = _called(node), node.args
    if name in _TERMS and len(args) > 1:
        for index in range(len(args)):
            rest = [*args[:index], *args[index + 1 :]]
            yield rest[0] if len(rest) == 1 else ast.Call(node.func, rest, node.keywords)
    if name in _THROUGH and args and not isinstance(args[0], ast.Starred):
        yield args[0]
    if name[:1].isupper():  # fields of a class: nothing works without them
        return
    for index, keyword in enumerate(node.keywords):
        if keyword.arg not in (None, "strict"):
            others = [*node.keywords[:index], *node.keywords[index + 1 :]]
            yield ast.Call(node.func, args, others)


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def _statements(node: ast.stmt, bound: set[str]) -> Iterator[ast.AST]:
    match node:
        case ast.AugAssign(target, op, value):
            yield ast.Pass()
            if (other := _ARITHMETIC.get(type(op))) is not None:
                yield ast.AugAssign(target, other(), value)
            yield ast.Assign([target], value, lineno=node.lineno)
        case ast.Expr(ast.Call()) | ast.Raise() | ast.Break() | ast.Continue():
            yield ast.Pass()
        case ast.Return(value) if value is None:
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Tuple([ast.Attribute(), *_])]):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Name(name)]) if name in bound:
            yield ast.Pass()


def _text(node: ast.AST) -> str:
    """Return a node as one line; of a compound statement its head."""
    if isinstance(node, ast.Slice):
        node = ast.Subscript(ast.Name("_"), node, ast.Load())
    return " ".join(ast.unparse(node).split())
