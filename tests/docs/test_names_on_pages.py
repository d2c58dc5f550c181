"""What a page names is there: files, modules and what is in them, other pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "ci").rglob("*.md"), *ROOT.glob("*.md")])
FOLDERS = ("boards", "ci", "docs", "firmware", "hil", "host", "signal_sim", "src", "tests")
NOT_OURS = {
    "boards/mask2/board.toml",  # a reader of docs/how-to/add-a-board.md writes it
    "docs/reference/isr_rules.rst",  # MicroPython's
    "tests/basics",
    "tests/multi_bluetooth",
}


def spans(page: str) -> Iterator[str]:
    """Yield what stands in backquotes, outside of blocks of code."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", text)


@cache
def defined(path: Path) -> frozenset[str]:
    """Return what a module or package defines or hands on at its top, and in its classes."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)  # `__all__` of a package that loads lazily
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return frozenset(names)


def resolves(dotted: str) -> bool:
    """Say whether a dotted name leads to a module, or to something in one."""
    place = ROOT
    parts = dotted.split(".")
    for at, part in enumerate(parts):
        if (place / part).is_dir():
            place = place / part
            continue
        module = place / f"{part}.py"
        rest = parts[at + 1 :]
        if not module.exists():
            module, rest = place / "__init__.py", parts[at:]
        return module.exists() and all(name in defined(module) for name in rest)
    return True


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_and_names_on_a_page_are_there(path: Path) -> None:
    missing = []
    for span in spans(path.read_text(encoding="utf-8")):
        name = span.removeprefix("eegrig.")
        if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./-]+", span):
            if span not in NOT_OURS and not (ROOT / span).exists():
                missing.append(span)
        elif re.fullmatch(r"(boards|hil|host|signal_sim)(\.(?!py$)\w+)+", name) and not resolves(
            name
        ):
            missing.append(span)
    assert not missing


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_on_a_page_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    text = re.sub(r"`[^`\n]+`", "code", text)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        place = path.parent / file if file else path
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_targets_of_make_on_a_page_are_there(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = re.findall(
        r"(?:`|^)make ([a-z]+)(?=`|$|  | [A-Z]+=)", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(named) <= targets


def anchors(page: Path) -> set[str]:
    """Return the anchors that forges give a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }
