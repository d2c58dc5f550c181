"""Boards side by side: what each costs, and what it gives for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.report.quantities import quantity
from hil.report.vocabulary import POWER_GROUPS
from hil.results import Results, write_atomically

__all__ = ["FILE_NAME", "Column", "columns", "print_comparison", "write_comparison"]

FILE_NAME = "compare.html"
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Column:
    """One board in the comparison.

    Attributes
    ----------
    board : str
    verdict : str
    values : dict of str to (float or None, str)
        Value in SI and its unit, by row.
    """

    board: str
    verdict: str
    values: dict[str, tuple[float | None, str]]

    def text(self, row: str) -> str:
        """Return a value as people read it."""
        value, unit = self.values[row]
        if value is None:
            return "-"
        shown_in = _SHOWN_IN.get(unit) if row != "Battery life" else "h"
        if unit == "x":
            return f"{value:.1f} x"
        return str(quantity(value, unit, shown_in=shown_in, significant=3))


_ROWS: tuple[tuple[str, str], ...] = (
    ("Streaming power", "power.streaming"),
    *((label, f"power.streaming.{group}") for group, label in POWER_GROUPS.items()),
    ("Per channel", "power.per_channel"),
    ("Energy per sample", "energy.per_sample"),
    ("Battery life", "battery.life"),
    ("Latency, mean", "latency.mean"),
    ("Latency, 99 %", "latency.p99"),
    ("Input noise", "signal.noise"),
    ("Goodput", "bandwidth.goodput"),
)
_SHOWN_IN = {"W": "mW", "J": "µJ", "s": "ms", "V": "µV"}
_HEADROOM = "Bandwidth head-room"


def columns(runs: Sequence[tuple[Results, float]]) -> list[Column]:
    """Return a column for each run.

    Parameters
    ----------
    runs : sequence of (Results, float)
        Results of a board, and the bits per second of samples it streams.
    """
    made = []
    for results, stream_bps in runs:
        values: dict[str, tuple[float | None, str]] = {}
        for label, name in _ROWS:
            figure = results.figure(name)
            values[label] = (None, "") if figure is None else (figure.value, figure.unit)
        goodput = values["Goodput"][0]
        values[_HEADROOM] = (None if goodput is None else goodput / stream_bps, "x")
        made.append(Column(results.board, results.verdict, values))
    return made


def row_names(made: Sequence[Column]) -> list[str]:
    """Return the rows that at least one board has a value for."""
    names = [label for label, _ in _ROWS] + [_HEADROOM]
    return [name for name in names if any(column.values[name][0] is not None for column in made)]


def print_comparison(made: Sequence[Column]) -> None:
    """Print the boards side by side."""
    from host.commands.output import print_table

    heads = ["", *(column.board for column in made)]
    rows = [["Verdict", *(column.verdict for column in made)]]
    rows += [[name, *(column.text(name) for column in made)] for name in row_names(made)]
    print_table(heads, rows)


def write_comparison(made: Sequence[Column], directory: Path) -> Path:
    """Write ``compare.html``, one self-contained file, and return its path."""
    import jinja2
    from markupsafe import Markup

    from hil.report.charts import PowerRow, power

    rows = [
        PowerRow(
            column.board,
            column.values["Streaming power"][0] or 0.0,
            {
                group: value
                for group, label in POWER_GROUPS.items()
                if (value := column.values[label][0]) is not None
            },
        )
        for column in made
    ]
    seen = {group for row in rows for group in row.groups_w}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text: Callable[..., Any] = environment.get_template("compare.html.j2").render
    html = text(
        style=Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        columns=made,
        rows=row_names(made),
        chart=Markup(power(rows)),
        legend=[(f"g-{name}", label) for name, label in POWER_GROUPS.items() if name in seen],
    )
    path = directory / FILE_NAME
    write_atomically(path, html.encode())
    return path
