"""Which changes are made of a source, and that each is made where it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.mutations import Mutant, mutants_of


def changes(tmp_path: Path, source: str) -> list[str]:
    (tmp_path / "source.py").write_text(source, encoding="utf-8")
    return [mutant.change for mutant in mutants_of(tmp_path, "source.py")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 3", ["3 → 4", "3 → 2"]),
        ("x = 4096", ["4096 → 8192", "4096 → 2048"]),
        ("x = 0.5", ["0.5 → 1.0", "0.5 → 0.25"]),
        ("x = True", ["True → False"]),
        ("x = 'word'", ["'word' → 'not word'"]),
        ("x = a[1]", ["1 → 0"]),
        ("x = a + b", ["a + b → a - b", "a + b → a", "a + b → b"]),
        ("x = a - b", ["a - b → a + b", "a - b → a"]),
        ("x = a * b", ["a * b → a", "a * b → b"]),
        ("x = a / b", ["a / b → a"]),
        ("x = -a", ["-a → a"]),
        ("x = not a", ["not a → a"]),
        ("x = a < b", ["a < b → a <= b", "a < b → a >= b"]),
        ("x = a and b", ["a and b → a or b", "a and b → b", "a and b → a"]),
        ("x = a if b else c", ["b → True", "b → False"]),
        (
            "x = a if b >= c else d",
            ["b >= c → True", "b >= c → False", "b >= c → b > c"],
        ),
        ("x = abs(a)", ["abs(a) → a"]),
        ("x = max(a, b)", ["max(a, b) → b", "max(a, b) → a", "max → min"]),
        ("x = f(a, axis=b)", ["f(a, axis=b) → f(a)"]),
        ("x = a[b:c]", ["_[b:c] → _[:c]", "_[b:c] → _[b:]"]),
        ("x = ('a', 'b')", ["('a', 'b') → ('b',)", "('a', 'b') → ('a',)"]),
        ("x += y", ["x += y → pass", "x += y → x -= y", "x += y → x = y"]),
        ("self.x = y", ["self.x = y → pass"]),
        ("f(x)", ["f(x) → pass"]),
        ("raise E('message')", ["raise E('message') → pass"]),
        ("x = [a for a in b if c]", ["c → True", "c → False"]),
        ("def f(a=2): ...", ["2 → 3", "2 → 1"]),
    ],
)
def test_what_is_changed(tmp_path: Path, source: str, expected: list[str]) -> None:
    found = changes(tmp_path, source)
    assert [change for change in expected if change not in found] == []
    if "('a'" not in source:
        assert found == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with 3."""',
        "import a as b",
        "from a import b",
        "x: Literal['a', 'b']",
        "Kind = Literal['a', 'b']",
        "__all__ = ['a', 'b']",
        "@f(3)\ndef g(): ...",
        "def f(a: tuple[int, 3]) -> 'b': ...",
        "if TYPE_CHECKING:\n    x = 3",
        "zip(a, b, strict=True)",
    ],
)
def test_what_no_run_can_show_is_left_alone(tmp_path: Path, source: str) -> None:
    found = changes(tmp_path, source)
    assert [change for change in found if "→ pass" not in change] == []


def test_an_assignment_is_left_out_only_where_the_name_has_a_value_already(tmp_path: Path) -> None:
    source = "def f(a):\n    b = g\n    b = h\n    a = b\n"
    assert changes(tmp_path, source) == ["b = h → pass", "a = b → pass"]


def test_a_mutant_says_where_it_is_and_which_of_several_alike(tmp_path: Path) -> None:
    source = "class A:\n    def f(self):\n        return a + a, (a + a)\n\nx = 1\n"
    (tmp_path / "source.py").write_text(source, encoding="utf-8")
    found = [(m.function, m.line, m.change) for m in mutants_of(tmp_path, "source.py")]
    assert ("A.f", 3, "a + a → a - a") in found
    assert ("A.f", 3, "a + a → a - a (2)") in found
    assert ("module", 5, "1 → 2") in found
    assert len(set(found)) == len(found)


def test_each_mutant_is_one_change_and_leaves_the_others_their_original(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text("x = 10 - 4\ny = 7\n", encoding="utf-8")

    def values(mutant: Mutant) -> tuple[int, int]:
        names: dict[str, int] = {}
        exec(mutant.compiled(tmp_path), names)
        return names["x"], names["y"]

    mutants = mutants_of(tmp_path, "source.py")
    first = [values(mutant) for mutant in mutants]
    of_x = [(14, 7), (10, 7), (7, 7), (5, 7), (5, 7), (7, 7)]
    assert sorted(first) == sorted([*of_x, (6, 8), (6, 6)])
    assert [values(mutant) for mutant in mutants] == first
