"""The page of explained survivors: how it is read, and that what it explains exists."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.mutants.__main__ import ROOT, SOURCES, files
from tests.mutants.mutations import mutants_of
from tests.mutants.page import explained, explained_on
from tests.mutants.run import tests_of as mirror_of

TEXT = """# A page

Of survivors.

### `a/b.py`

- `f`: `1 → 2`, `x > 0 → x >= 0`: it is
  the same.
- `A.g`: `n → n + 1 (2)`: nobody asks.

## More

- `f`: `not of a file`: at all.
"""


def test_a_point_explains_the_changes_of_a_function() -> None:
    assert explained(TEXT) == {
        ("a/b.py", "f", "1 → 2"): "it is the same.",
        ("a/b.py", "f", "x > 0 → x >= 0"): "it is the same.",
        ("a/b.py", "A.g", "n → n + 1 (2)"): "nobody asks.",
    }


@pytest.mark.parametrize("point", ["- f: `1 → 2`: why", "- `f`: `1 → 2`", "- `f`: why"])
def test_a_point_without_function_change_or_reason_is_refused(point: str) -> None:
    with pytest.raises(ValueError, match=r"a/b\.py: not `function`"):
        explained(f"### `a/b.py`\n\n{point}\n")


def test_a_change_is_explained_once() -> None:
    with pytest.raises(ValueError, match="explained twice"):
        explained("### `a/b.py`\n\n- `f`: `1 → 2`: so.\n- `f`: `1 → 2`: or so.\n")


def test_every_explained_survivor_is_a_mutant_of_the_present_sources() -> None:
    by_path = defaultdict(set)
    for path, function, change in explained_on(ROOT):
        by_path[path].add((function, change))
    for path, keys in by_path.items():
        there = {(mutant.function, mutant.change) for mutant in mutants_of(ROOT, path)}
        assert keys <= there, path


@pytest.mark.parametrize("path", files(list(SOURCES)))
def test_every_source_that_is_changed_has_a_test_file_of_its_own(path: str) -> None:
    if mutants_of(ROOT, path):
        assert (ROOT / mirror_of(path)).is_file()
