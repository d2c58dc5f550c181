"""Boards side by side: what each costs, what it gives for it, and how far that can be relied on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from eegrig.boards import load_part
from eegrig.boards.ports import beyond_stock, board_runtime
from eegrig.boards.whole_file import write_whole
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.quantities import NO_BREAK, quantity
from eegrig.hil.figures.results import Results
from eegrig.hil.report import page
from eegrig.hil.report.style import style_sheet
from eegrig.hil.report.vocabulary import POWER_GROUPS, limit_text, margin_text, shown, word

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = [
    "FILE_NAME",
    "Column",
    "Run",
    "columns",
    "folder_names",
    "plain_data",
    "print_comparison",
    "row_names",
    "write_comparison",
]

FILE_NAME = "compare.html"
_TEMPLATES = Path(__file__).parent / "templates"
_SAMPLE_BITS = 24


class Run(NamedTuple):
    """A board and what a run found out about it.

    Attributes
    ----------
    results : Results
    board : Board
    folder : str
        Of the run, as seen from the comparison's folder; the board's name, made unique.
    """

    results: Results
    board: Board
    folder: str


@dataclass(frozen=True)
class Column:
    """One board in the comparison.

    Attributes
    ----------
    board : str
        Name, made unique.
    run : Run
    facts : dict of str to str
        What the board is, by row.
    figures : dict of str to Figure or None
        By row.
    """

    board: str
    run: Run
    facts: dict[str, str]
    figures: dict[str, Figure | None]

    @property
    def verdict(self) -> str:
        """Of the run."""
        return self.run.results.verdict

    @property
    def sentence(self) -> str:
        """How the run ended."""
        return page.verdict_sentence(self.run.results)

    @property
    def report(self) -> str:
        """Where the run's report is, as seen from the comparison's folder."""
        return f"{self.run.folder}/{page.FILE_NAME}"

    @property
    def attention(self) -> list[Figure]:
        """What is not a plain pass, worst first; of the whole run, not only of the rows."""
        return page.attention(self.run.results.figures)

    def text(self, row: str) -> str:
        """Return a value with its uncertainty as people read it."""
        if row in self.facts:
            return self.facts[row]
        figure = self.figures[row]
        if figure is None or figure.value is None:
            return "-"
        if figure.unit == "x":
            ratio = f"{figure.value:.1f}"
            if figure.uncertainty:
                ratio = str(quantity(figure.value, "1", figure.uncertainty))
            return f"{ratio} x"
        return str(shown(figure))

    def limit(self, row: str) -> str:
        """Return the board's target for a row with its sense; empty if it has none."""
        figure = self.figures.get(row)
        return "" if figure is None else limit_text(figure)

    def judged(self, row: str) -> str:
        """Return a row's verdict, where it is no plain pass."""
        figure = self.figures.get(row)
        return "" if figure is None or figure.verdict in (None, "pass") else str(figure.verdict)


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
_HEADROOM = "Bandwidth head-room"
_FACTS = ("Channels", "Battery", "MicroPython, stock build", "Beyond stock")


def folder_names(boards: Iterable[Board]) -> list[str]:
    """Return a folder for each board: its name, with a number where there are several of it."""
    names: list[str] = []
    for board in boards:
        name, number = board.name, 1
        while name in names:
            number += 1
            name = f"{board.name}-{number}"
        names.append(name)
    return names


def _capacity_mah(run: Run) -> float:
    return load_part(run.board.battery.part)["capacity"].value


def columns(runs: Sequence[Run]) -> list[Column]:
    """Return a column for each run."""
    made = []
    for run in runs:
        figures = {label: run.results.figure(name) for label, name in _ROWS}
        afe = run.board.afe
        stream_bps = len(afe.channels) * _SAMPLE_BITS * afe.default_rate_sps
        figures[_HEADROOM] = _headroom(figures["Goodput"], stream_bps)
        runtime = board_runtime(run.board)
        facts = {
            "MicroPython, stock build": f"{runtime.build} ({runtime.port})",
            "Beyond stock": beyond_stock(runtime.options) or "nothing",
            "Channels": f"{len(afe.channels)} at{NO_BREAK}{afe.default_rate_sps}{NO_BREAK}SPS",
            "Battery": f"{_capacity_mah(run):g}{NO_BREAK}mAh",
        }
        made.append(Column(run.folder, run, facts, figures))
    return made


def _headroom(goodput: Figure | None, stream_bps: float) -> Figure | None:
    """Return how often the board's samples would fit into what gets through."""
    if goodput is None or goodput.value is None:
        return None
    uncertainty = goodput.uncertainty
    return Figure(
        name="bandwidth.headroom",
        value=goodput.value / stream_bps,
        unit="x",
        uncertainty=None if uncertainty is None else uncertainty / stream_bps,
        n=goodput.n,
        provenance=goodput.provenance,
        conditions=goodput.conditions,
    )


def row_names(made: Sequence[Column]) -> list[str]:
    """Return the rows that at least one board has a value for."""

    def has_value(name: str) -> bool:
        figures = (column.figures[name] for column in made)
        return any(figure is not None and figure.value is not None for figure in figures)

    names = [label for label, _ in _ROWS] + [_HEADROOM]
    return [*_FACTS, *(name for name in names if has_value(name))]


def _origins(made: Sequence[Column]) -> list[tuple[str, str]]:
    """Return where the figures come from: each origin with what it means."""
    figures = [figure for column in made for figure in column.run.results.figures]
    each_once = {(figure.name, figure.provenance): figure for figure in figures}
    return list(page.provenances(list(each_once.values())))


def plain_data(made: Sequence[Column]) -> list[dict[str, Any]]:
    """Return the comparison as plain data."""
    return [
        {
            "board": column.board,
            "title": column.run.board.title,
            "verdict": column.verdict,
            "sentence": column.sentence,
            "report": column.report,
            "channels": len(column.run.board.afe.channels),
            "runtime": {
                "port": column.run.board.mcu.port,
                "build": column.run.board.mcu.build,
                "options": dict(column.run.board.mcu.options),
            },
            "rate_sps": column.run.board.afe.default_rate_sps,
            "capacity_mah": _capacity_mah(column.run),
            "values": {
                row: None if figure is None else msgspec.to_builtins(figure)
                for row, figure in column.figures.items()
            },
            "attention": [msgspec.to_builtins(figure) for figure in column.attention],
        }
        for column in made
    ]


def print_comparison(made: Sequence[Column]) -> None:
    """Print the boards side by side, then what is not a plain pass and where figures come from."""
    import typer

    from eegrig.host.commands.output import print_table

    def cell(column: Column, row: str) -> str:
        return "\n".join(part for part in (column.text(row), column.limit(row)) if part)

    heads = ["", *(column.board for column in made)]
    rows = [["Verdict", *(column.verdict for column in made)]]
    rows += [[name, *(cell(column, name) for column in made)] for name in row_names(made)]
    print_table(heads, rows)
    typer.echo()
    for column in made:
        typer.echo(f"{column.board}: {column.sentence}")
        for figure in column.attention:
            typer.echo(f"  {_why(figure)}")
    for origin, meaning in _origins(made):
        typer.echo(f"{origin}: {meaning}")


def _why(figure: Figure) -> str:
    """Say what a figure is, what it should be, and why that is no plain pass."""
    value = str(shown(figure) or "no value").replace(NO_BREAK, " ")
    parts = [
        f"{word(figure.name).label} {value}: {figure.verdict}",
        limit_text(figure).replace(NO_BREAK, " "),
        margin_text(figure).replace(NO_BREAK, " "),
        figure.note,
    ]
    return ", ".join(part for part in parts if part)


def write_comparison(made: Sequence[Column], directory: Path) -> Path:
    """Write ``compare.html``, one file besides the runs it links to, and return its path."""
    import jinja2
    from markupsafe import Markup

    from eegrig.hil.report.charts import PowerRow, power

    def watts(column: Column, row: str) -> float | None:
        figure = column.figures[row]
        return None if figure is None else figure.value

    rows = []
    for column in made:
        target = column.figures["Streaming power"]
        rows.append(
            PowerRow(
                column.board,
                watts(column, "Streaming power") or 0.0,
                {
                    group: value
                    for group, label in POWER_GROUPS.items()
                    if (value := watts(column, label)) is not None
                },
                None if target is None else target.limit,
            )
        )
    seen = {group for row in rows for group in row.groups_w}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(shown=shown, limit_text=limit_text, word=word)
    environment.globals.update(margin_text=margin_text)
    text: Callable[..., Any] = environment.get_template("compare.html.j2").render
    html = text(
        style=Markup(style_sheet()),
        columns=made,
        rows=row_names(made),
        origins=_origins(made),
        chart=Markup(power(rows)),
        legend=[(f"g-{name}", label) for name, label in POWER_GROUPS.items() if name in seen],
    )
    path = directory / FILE_NAME
    write_whole(path, html.encode())
    return path
