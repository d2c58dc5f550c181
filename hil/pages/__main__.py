"""``python -m eegrig.hil.pages``, which is ``make figures``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eegrig.boards.errors import EegrigError
from eegrig.host.commands.output import examples, tell

__all__ = ["main"]


def main(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Run this alone: a board, models, tutorial."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Processes at once.")] = 2,
    fill: Annotated[
        bool, typer.Option("--fill", help="Run nothing; fill the pages from what is stored.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="Print what is stored beside this export."),
    ] = None,
    modes: Annotated[
        list[Path] | None,
        typer.Option(
            "--modes", metavar="DIR", help="Run nothing; keep what compare-modes left there."
        ),
    ] = None,
    seeds: Annotated[
        list[Path] | None,
        typer.Option(
            "--seeds", metavar="DIR", help="Run nothing; keep what hil run --repeat left there."
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write what is stored as one JSON file."),
    ] = None,
) -> None:
    """Run what the pages' figures come from, store it in docs/figures, and fill the pages."""
    from eegrig.hil.pages.comparison import compared, export_to
    from eegrig.hil.pages.filling import fill_pages
    from eegrig.hil.pages.modes import keep_modes
    from eegrig.hil.pages.seeds import keep_seeds
    from eegrig.hil.pages.work import all_tasks, run_tasks

    for directory in modes or ():
        keep_modes(directory)
    if seeds:
        keep_seeds(seeds)
    if not (fill or modes or seeds):
        run_tasks(only or all_tasks(), jobs=jobs, tell=lambda line: typer.echo(line, err=True))
    for path in fill_pages():
        typer.echo(f"changed {path}")
    if export is not None:
        export_to(export)
    if against is not None:
        typer.echo(compared(against))


def run() -> None:
    """Run the command; what is wrong is one line."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(
        epilog=examples(
            "python -m eegrig.hil.pages",
            "python -m eegrig.hil.pages --only earpatch2",
            "python -m eegrig.hil.pages --fill --against before.json",
        )
    )(main)
    try:
        app()
    except EegrigError as error:
        tell(str(error), error.exit_code, None, as_json=False)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    run()
