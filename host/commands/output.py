"""How commands speak: tables and progress for people, JSON on standard output for machines."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "JsonOption",
    "degrading_streams",
    "examples",
    "json_text",
    "print_json",
    "print_table",
    "progress_bar",
    "progress_bars",
    "table_console",
    "tell",
]

_PIPE_WIDTH = 200
_PLAINLY = "eegrig.plainly"
_PLAIN = {
    "✓": "+", "✕": "x", "≈": "~", "◔": "o", "≤": "<=", "≥": ">=", "±": "+-", "−": "-", "×": "x",
    "µ": "u", "Ω": "Ohm", "°": "deg", "²": "2", "³": "3", "·": "|", "…": "...", "→": "->", "—": "-",
    "–": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " ",
}  # fmt: skip

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines a user can copy."""
    # \\b keeps the lines as they are.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@contextlib.contextmanager
def degrading_streams() -> Iterator[None]:
    """Let what the encoding of a standard stream lacks become something plainer in the block."""
    codecs.register_error(_PLAINLY, _plainly)
    before = []
    for stream in (sys.stdout, sys.stderr):
        # The second is what Python takes in the locale "C".
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            before.append((stream, stream.errors))
            stream.reconfigure(errors=_PLAINLY)
    try:
        yield
    finally:
        for stream, errors in before:
            if not stream.closed:
                stream.reconfigure(errors=errors)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lacking), error.end


def print_json(data: Any) -> None:
    """Print `data` as JSON; nothing of it is lost whatever encoding standard output has."""
    typer.echo(json_text(data, indent=2))


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Return `data` as JSON that standard output can encode."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return json.dumps(data, indent=indent)
    return text


def table_console() -> Console:
    """Return what prints tables on standard output; where nobody reads them, that is an error."""
    from rich.console import Console

    class Told(Console):
        def on_broken_pipe(self) -> None:
            raise

    return Told(highlight=False)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, as wide as what is in it."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = table_console()
    if not console.is_terminal:
        # A pipe has no width: what reads it can cut lines, not put them together again.
        console.width = _PIPE_WIDTH
    console.print(table)


@contextlib.contextmanager
def progress_bar(label: str, *, shown: bool) -> Iterator[Callable[[float], None] | None]:
    """Show a progress bar on standard error while the block runs.

    Parameters
    ----------
    label : str
    shown : bool
        False for none at all; where standard error is no terminal there is none either.

    Yields
    ------
    callable or None
        To be called with the fraction done, 0 to 1.
    """
    with progress_bars([label], shown=shown) as bars:
        yield bars[0]


@contextlib.contextmanager
def progress_bars(
    labels: Sequence[str], *, shown: bool
) -> Iterator[list[Callable[[float], None] | None]]:
    """Show several progress bars below each other; as `progress_bar`."""
    if not shown or not sys.stderr.isatty():
        yield [None] * len(labels)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)

    def updater(progress: Progress, label: str) -> Callable[[float], None]:
        task = progress.add_task(label, total=1.0)
        return lambda fraction: progress.update(task, completed=fraction)

    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        yield [updater(progress, label) for label in labels]


def tell(message: str, exit_code: int, traceback: str | None, *, as_json: bool) -> None:
    """Say what is wrong in one line, after what the board had to say about it.

    Where it cannot be said, the exit code still says it.
    """
    with contextlib.suppress(OSError):
        _tell(message, exit_code, traceback, as_json=as_json)


def _tell(message: str, exit_code: int, traceback: str | None, *, as_json: bool) -> None:
    if as_json:
        answer: dict[str, object] = {"error": message, "exit_code": exit_code}
        if traceback is not None:
            answer["traceback"] = traceback
        typer.echo(json_text(answer))
        return
    if traceback is not None:
        typer.echo(traceback, err=True)
    typer.echo(f"eegrig: {message}", err=True)
