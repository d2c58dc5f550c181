"""No module and no room grows beyond what one can look over, unless it says why."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("boards", "firmware", "hil", "host", "signal_sim")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MOST_LINES = 500
REASON = "Over 500 lines: "
"""How a module's head begins to say why it is longer."""

MOST_MODULES = 15
LARGER_ROOMS = {
    "boards": (20, "rooms themselves: each is on a floor of the house"),
    "firmware/eeg": (17, "a folder takes two blocks of 4096 bytes from a zephyr board's 64"),
    "hil/virtual/micropython/shim": (27, "MicroPython imports from one folder; `_` marks our own"),
    "hil/suites": (22, "a file for each property, side by side as a run shows them"),
    "host/commands": (16, "a module for each command"),
    "signal_sim": (19, "rooms themselves: each is on a floor of the house"),
}
"""Folders with more modules on one level: how many they may have, and why."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def head(path: Path) -> str:
    """Return a module's docstring or its first comment."""
    text = path.read_text(encoding="utf-8")
    if text.startswith('"""'):
        return text[3:].partition('"""')[0]
    lines = text.splitlines()
    end = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "\n".join(lines[:end])


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_long_module_says_why_at_its_head_and_no_other_does(path: Path) -> None:
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert (REASON in head(path)) == (n_lines > MOST_LINES), f"{n_lines} lines"


def rooms() -> dict[str, int]:
    counts: dict[str, int] = {}
    for path in MODULES:
        if path.name != "__init__.py":
            counts[name(path.parent)] = counts.get(name(path.parent), 0) + 1
    return counts


def test_a_room_has_no_more_modules_on_one_level_than_it_may() -> None:
    allowed = {room: n for room, (n, _) in LARGER_ROOMS.items()}
    too_large = {n: count for n, count in rooms().items() if count > allowed.get(n, MOST_MODULES)}
    assert not too_large


def test_no_room_is_let_grow_that_need_not() -> None:
    assert {room for room, count in rooms().items() if count > MOST_MODULES} == set(LARGER_ROOMS)
