"""The results in a terminal: the verdict first, then every figure against its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegrig.hil.report.attempts import OUTCOMES, summary
from eegrig.hil.report.ending import verdict_sentence, verdict_word
from eegrig.hil.report.vocabulary import by_topic, limit_text, shown, word
from eegrig.host.commands.output import table_console

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from eegrig.hil.figures.account import Attempt
    from eegrig.hil.figures.figure import Figure
    from eegrig.hil.figures.results import Results

__all__ = ["print_table"]

_STYLES = {
    "pass": "green",
    "marginal": "yellow",
    "fail": "bold red",
    "inconclusive": "magenta",
    "part": "cyan",
    None: "dim",
}
_OUTCOME_STYLES = {"through": "yellow", "harm": "bold red"}
_MARKS = {"pass": "✓", "marginal": "≈", "fail": "✕", "inconclusive": "?", None: " "}


def print_table(results: Results, console: Console | None = None) -> None:
    """Print the verdict, the figures with a target and their margins, then the others.

    Parameters
    ----------
    results : Results
        Of a run.
    console : rich.console.Console, optional
        Where to; by default the standard output, coloured if it is a terminal.
    """
    from rich.text import Text

    console = console or table_console()
    verdict = results.verdict
    head = Text()
    head.append(f" {verdict_word(results)} ", style=f"{_STYLES[verdict]} reverse")
    head.append(f"  {results.board_title or results.board}", style="bold")
    console.print()
    console.print(head)
    console.print(Text(verdict_sentence(results)))
    for fact in results.facts:
        console.print(Text(f"! {fact}", style="bold"))
    console.print()
    judged = [figure for figure in results.figures if figure.limit is not None]
    others = [figure for figure in results.figures if figure.limit is None]
    if judged:
        console.print(_judged(judged))
    for figure in judged:
        if figure.note and figure.verdict != "pass":
            style = _STYLES[figure.verdict]
            console.print(Text(f"{word(figure.name).label}: {figure.note}", style=style))
    for test in results.tests:
        if test.verdict is not None:
            style = _STYLES[test.verdict]
            mark = _MARKS[test.verdict]
            console.print(Text(f"{mark} test {test.title}: {test.reason}", style=style))
    if others:
        console.print(_others(others))
    if results.attempts:
        console.print(_attempts(results.attempts))


def _attempts(attempts: list[Attempt]) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column(summary(attempts))
    table.add_column("Outcome", no_wrap=True)
    table.add_column("What the board did", style="dim")
    for attempt in attempts:
        style = _OUTCOME_STYLES.get(attempt.outcome)
        if style is not None:  # what the board fended off is in the report
            outcome = Text(OUTCOMES[attempt.outcome], style=style)
            table.add_row(Text(attempt.name), outcome, Text(attempt.said))
    return table


def _judged(figures: list[Figure]) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("", min_width=1, no_wrap=True)
    table.add_column("Target", overflow="fold")  # names may go on in the next line, numbers may not
    for column in ("Value", "Limit", "Margin"):
        table.add_column(column, justify="right", no_wrap=True)
    for _, members in by_topic(figures):
        for figure in members:
            style = _STYLES[figure.verdict]
            table.add_row(
                Text(_MARKS[figure.verdict], style=style),
                Text(word(figure.name).label),
                Text(_value(figure), style="bold"),
                Text(limit_text(figure)),
                Text(_margin(figure), style=style),
            )
    return table


def _others(figures: list[Figure]) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("Other figures", overflow="fold")
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("Origin", style="dim")
    for _, members in by_topic(figures):
        for figure in members:
            table.add_row(Text(word(figure.name).label), Text(_value(figure)), figure.provenance)
    return table


def _margin(figure: Figure) -> str:
    """Return the margin in per cent of the limit, with its sign; the column's head says of what."""
    if figure.margin is None or figure.verdict == "inconclusive":
        return ""
    percent = f"{abs(figure.margin) * 100:.{1 if abs(figure.margin) < 0.0995 else 0}f}"
    return f"{'−' if figure.margin < 0 else ''}{percent} %"


def _value(figure: Figure) -> str:
    return str(shown(figure) or "—").replace("\u00a0", " ")
