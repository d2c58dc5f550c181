"""Everything public is documented: each class, function and method (of modules, ruff says so)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from eegrig.boards.ports import stock_runtime
from eegrig.host.image.mpycross import compile_module

ROOT = Path(__file__).parents[2]
FOLDERS = ("boards", "ci", "firmware", "hil", "host", "signal_sim")
SHIM = "hil/virtual/micropython/shim"
"""Its names are MicroPython's, which documents them."""

MODULES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.is_relative_to(ROOT / SHIM)
]

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(tree: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """Yield what is public in a module: not what is inside of functions, nor special methods."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def is_exempt(path: Path, node: Definition) -> bool:
    """Say whether a name is enough: a test's, and what has another declaration's docstring."""
    if path.parent == ROOT / "hil" / "suites" and node.name.startswith("test_"):
        return True
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
    return bool(marks & {"overload", "setter", "override"})


def inherited(tree: ast.Module) -> set[ast.stmt]:
    """Return methods whose docstring is that of a base class in the same module."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found: set[ast.stmt] = set()
    for node in classes.values():
        for base in node.bases:
            above = classes.get(base.id) if isinstance(base, ast.Name) else None
            names = {getattr(method, "name", "") for method in above.body} if above else set()
            found.update(m for m in node.body if getattr(m, "name", None) in names)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_everything_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    without = [
        f"{node.lineno}: {node.name}"
        for node in public(tree)
        if ast.get_docstring(node) is None
        and not is_exempt(path, node)
        and node not in inherited(tree)
    ]
    assert not without


def test_how_long_a_docstring_is_makes_no_difference_on_a_board() -> None:
    runtime = stock_runtime("zephyr", "nrf52840dk_nrf52840")
    sources = [f'def f(x):\n    """{text}"""\n    return x\n' for text in ("It.", "It. " * 99)]
    short, long = (compile_module(source.encode(), "a.py", runtime) for source in sources)
    assert short == long
