"""Both modes of a virtual board side by side, in a terminal."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from eegrig.host.commands.output import table_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

__all__ = ["Row", "print_modes"]

_MARKS = {True: ("✓", "green"), False: ("✕", "bold red"), None: (" ", "dim")}


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing that was compared.

    Attributes
    ----------
    what : str
    fast, exact : str
        What each mode gave.
    agrees : bool or None
        None where the two cannot be compared.
    rule : str
        What agreement means here, or why there is none to be had.
    """

    what: str
    fast: str
    exact: str
    agrees: bool | None
    rule: str


def print_modes(board: str, rows: Sequence[Row], console: Console | None = None) -> None:
    """Print what differs, then what was compared.

    Parameters
    ----------
    board : str
    rows : sequence of Row
    console : rich.console.Console, optional
        Where to; by default the standard output, coloured if it is a terminal.
    """
    from rich.table import Table
    from rich.text import Text

    console = console or table_console()
    n_differ = sum(row.agrees is False for row in rows)
    n_agree = sum(row.agrees is True for row in rows)
    head = Text()
    head.append(" DIFFER " if n_differ else " ALIKE ", style="reverse " + _MARKS[not n_differ][1])
    head.append(f"  {board}, fast and exact mode", style="bold")
    console.print()
    console.print(head)
    console.print(
        f"{n_agree} of {n_agree + n_differ} agree, {len(rows) - n_agree - n_differ} "
        "cannot be compared."
    )
    console.print()
    table = Table(box=None, pad_edge=False)
    for title in ("", "What", "Fast", "Exact", "Agreement"):
        table.add_column(title, overflow="fold")
    answers = [row for row in rows if row.agrees and row.rule == "equal"]
    for row in rows:
        if row in answers:
            continue
        mark, style = _MARKS[row.agrees]
        table.add_row(Text(mark, style=style), row.what, row.fast, row.exact, row.rule)
    console.print(table)
    console.print(f"and {len(answers)} answers and facts that are equal (modes.json lists them)")
