"""Rules for device code that can be read off the source (``docs/device-code.md``)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
SOURCES = sorted(FIRMWARE.rglob("*.py"))

# What marks a class in MicroPython: check_for_special_accessors in py/objtype.c at 1c3c201149.
ACCESSORS = frozenset({"__setattr__", "__delattr__", "__get__", "__set__", "__delete__"})
WHY = (
    "makes every attribute store on objects of its class, and of classes derived from it, a failed"
    " search of the class first: 960 instructions instead of 122 (MicroPython 1c3c201149,"
    " MP_TYPE_FLAG_HAS_SPECIAL_ACCESSORS, stock NUCLEO_WB55 binary); write a method, or keep the"
    " value in an attribute"
)


def special_accessors(source: str) -> list[str]:
    """Return line and name of everything that makes MicroPython mark a class."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name in ACCESSORS:
            found.append((node.lineno, node.name))
        elif isinstance(node, ast.Name) and node.id in ACCESSORS | {"property"}:
            found.append((node.lineno, node.id))
    return [f"{line}: {name}" for line, name in sorted(found)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(FIRMWARE)))
def test_device_code_has_no_special_accessors(path):
    found = special_accessors(path.read_text())
    assert not found, "\n".join(f"firmware/{path.relative_to(FIRMWARE)}:{at} {WHY}" for at in found)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("class A:\n    @property\n    def x(self):\n        return 1\n", ["2: property"]),
        ("class A:\n    x = property(lambda self: 1)\n", ["2: property"]),
        ("class A:\n    def __setattr__(self, n, v):\n        pass\n", ["2: __setattr__"]),
        ("class A:\n    def __get__(self, o, t):\n        pass\n", ["2: __get__"]),
        ("class A:\n    __set__ = print\n", ["2: __set__"]),
        ("class A:\n    def x(self):\n        self.y = 1\n", []),
        (
            "class A:\n    def __getattr__(self, n):\n        pass\n",
            [],
        ),  # loads only, and not marked
    ],
)
def test_what_marks_a_class_is_found(code, found):
    assert special_accessors(code) == found
