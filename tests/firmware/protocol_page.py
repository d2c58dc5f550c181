"""The tables of docs/protocol.md that say what a board may be asked for, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PHASES", "PageCommand", "commands_of_page"]

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"


def rows(header: str) -> list[list[str]]:
    """Return the cells of the table that begins with this header."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(header))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.split("|")[1:-1]])
    return table


PHASES = tuple(cells[0] for cells in rows("| phase |"))
"""What a board may be doing, in the page's words."""


@dataclass(frozen=True)
class PageCommand:
    """A command as the page has it.

    Attributes
    ----------
    name : str
    size : int
        Bytes of arguments.
    phases : frozenset of str
        When it is allowed.
    """

    name: str
    size: int
    phases: frozenset[str]


def commands_of_page() -> dict[int, PageCommand]:
    """Return the commands by opcode."""
    found = {}
    for opcode, name, arguments, phases, _ in rows("| opcode |"):
        bits = [int(n) for n in re.findall(r"\bu(8|16|32)\b", arguments)]
        found[int(opcode, 0)] = PageCommand(name, sum(bits) // 8, frozenset(phases.split(", ")))
    return found
