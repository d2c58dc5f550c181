"""`eegrig history`: runs kept in a database, and their figures followed from run to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eegrig.host.commands.output import JsonOption, examples

if TYPE_CHECKING:
    from eegrig.hil.history.database import History
    from eegrig.hil.history.trend import Trend

__all__ = ["DatabaseOption", "opened", "register"]

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL|FILE",
        help="PostgreSQL or a SQLite file; else EEGRIG_HISTORY, or a file of yours.",
    ),
]
_FilesOption = Annotated[
    Path | None,
    typer.Option("--files", metavar="DIR", help="Folder that keeps the files of runs."),
]
_BoardOption = Annotated[
    str | None, typer.Option("--board", metavar="NAME", help="Only runs of this board.")
]
_RigOption = Annotated[
    str | None, typer.Option("--rig", metavar="NAME", help="Only runs on this rig.")
]
_LastOption = Annotated[
    int, typer.Option("--last", metavar="N", min=1, help="The newest so many runs.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    history = typer.Typer(
        help="Runs kept in a database, and their figures from run to run.", no_args_is_help=True
    )
    history.command(
        "add",
        epilog=examples(
            "eegrig history add out/run",
            "eegrig history add out/run --commit $(git rev-parse HEAD)",
            "eegrig history add out/run --database postgresql://eeg@db/history --files /srv/runs",
        ),
    )(_add)
    history.command("list", epilog=examples("eegrig history list --board headband8"))(_list)
    history.command("show", epilog=examples("eegrig history show 12"))(_show)
    history.command(
        "trend",
        epilog=examples(
            "eegrig history trend headband8 power.streaming",
            "eegrig history trend headband8 -o trend.html",
        ),
    )(_trend)
    history.command(
        "export",
        epilog=examples(
            "eegrig history export -o figures.csv", "eegrig history export -o runs.jsonl"
        ),
    )(_export)
    history.command(
        "prune",
        epilog=examples(
            "eegrig history prune --keep 100 --dry-run",
            "eegrig history prune --board headband8 --before 2026-01-01",
        ),
    )(_prune)
    app.add_typer(history, name="history")


@contextmanager
def opened(
    database: str | None, files: Path | None = None, *, create: bool = False
) -> Iterator[History]:
    """Open the history that a command is about, and tell what was done to its schema."""
    from eegrig.hil.history.database import open_history
    from eegrig.hil.history.place import find_place

    def tell(line: str) -> None:
        typer.echo(f"eegrig: {line}", err=True)

    with open_history(find_place(database, files), create=create, tell=tell) as history:
        yield history


def _add(
    directories: Annotated[
        list[Path], typer.Argument(help="Folders of finished runs.", metavar="DIR...")
    ],
    *,
    board: Annotated[
        str | None, typer.Option("--board", metavar="NAME", help="Refuse runs of another board.")
    ] = None,
    rig: Annotated[
        str | None, typer.Option("--rig", metavar="NAME", help="The rig; else the run's bench.")
    ] = None,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="HASH", help="Of the firmware's sources.")
    ] = None,
    who: Annotated[
        str | None, typer.Option("--who", metavar="NAME", help="Who ran it; else USER@HOST.")
    ] = None,
    without_files: Annotated[
        bool, typer.Option("--without-files", help="Keep hashes of the runs' files only.")
    ] = False,
    database: DatabaseOption = None,
    files: _FilesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put finished runs into the history.

    A run that is there already is left as it is. Nothing is added if one of the folders is wrong.
    """
    from eegrig.boards.catalogue import catalogue
    from eegrig.hil.history.record import add_run, read_run
    from eegrig.host.commands.output import print_json

    known = catalogue()
    runs = [
        read_run(directory, known, board=board, rig=rig, commit=commit, who=who)
        for directory in directories
    ]
    told = []
    with opened(database, files, create=True) as history:
        for directory, run in zip(directories, runs, strict=True):
            added = add_run(history, run, keep_files=not without_files)
            told.append(
                {
                    "folder": str(directory),
                    "run": added.run_id,
                    "is_new": added.is_new,
                    "files_kept": added.n_kept,
                }
            )
            if as_json:
                continue
            if added.is_new:
                what = f"{len(run.figures)} figures, {added.n_kept} of {len(run.files)} files kept"
                typer.echo(f"{directory}: run {added.run_id} added: {what}")
            else:
                typer.echo(f"{directory}: run {added.run_id} is there already; nothing changed")
    if as_json:
        print_json(told)


def _list(
    *,
    board: _BoardOption = None,
    rig: _RigOption = None,
    last: _LastOption = 20,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List runs, the newest first."""
    from eegrig.hil.history.export import plain_facts
    from eegrig.hil.history.listing import print_runs
    from eegrig.hil.history.query import list_runs
    from eegrig.host.commands.output import print_json

    with opened(database) as history, history.reading() as session:
        runs = list_runs(session, board=board, rig=rig, limit=last)
        if as_json:
            print_json([plain_facts(run) for run in runs])
        else:
            print_runs(runs)


def _show(
    run: Annotated[
        int | None, typer.Argument(help="Its number; else the newest.", metavar="RUN")
    ] = None,
    *,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run: where it comes from, its figures and files."""
    from eegrig.hil.history.errors import HistoryError
    from eegrig.hil.history.export import plain_run
    from eegrig.hil.history.listing import print_run
    from eegrig.hil.history.query import find_run, list_runs
    from eegrig.host.commands.output import print_json

    with opened(database) as history, history.reading() as session:
        number = run
        if number is None:
            newest = list_runs(session, limit=1)
            number = newest[0].id if newest else 0
        found = find_run(session, number)
        if found is None:
            which = f"no run {run}" if run is not None else "no run yet"
            raise HistoryError(f"{history.place.shown} has {which}; see `eegrig history list`")
        if as_json:
            print_json(plain_run(found))
        else:
            print_run(found)


def _trend(
    board: Annotated[str, typer.Argument(help="Name of the board.", metavar="BOARD")],
    figures: Annotated[
        list[str] | None,
        typer.Argument(help="Names of figures; else all that have a limit.", metavar="FIGURE..."),
    ] = None,
    *,
    rig: _RigOption = None,
    last: _LastOption = 200,
    page: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write a page (HTML).")
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw figures of a board from run to run, in the terminal or as a page."""
    from eegrig.hil.history.export import plain_point
    from eegrig.hil.history.trend import picture
    from eegrig.host.commands.output import print_json

    trends = _trends(board, figures or [], rig, last, database)
    if page is not None:
        from eegrig.hil.history.trend_page import write_page

        write_page(page, trends)
    if as_json:
        print_json({trend.figure: [plain_point(p) for p in trend.points] for trend in trends})
    elif page is not None:
        typer.echo(f"trends of {len(trends)} figures: {page}")
    else:
        typer.echo("\n\n".join("\n".join(picture(trend)) for trend in trends))


def _trends(
    board: str, figures: list[str], rig: str | None, last: int, database: str | None
) -> list[Trend]:
    """Read what is to be drawn; a figure that was never taken is an error that names others."""
    from eegrig.boards.wording import nearest
    from eegrig.hil.history.errors import HistoryError
    from eegrig.hil.history.query import boards_with, figure_names, series
    from eegrig.hil.history.trend import Trend

    on = "" if rig is None else f" on {rig}"
    with opened(database) as history, history.reading() as session:
        known = figure_names(session, board, rig)
        if not known:
            there = nearest(board, boards_with(session))
            raise HistoryError(f"{history.place.shown} has no run of {board}{on}{there}")
        trends = []
        for name in figures or known:
            points = series(session, board, name, rig=rig, limit=last)
            if not points and figures:
                raise HistoryError(
                    f"no run of {board}{on} has a figure {name}{nearest(name, known)}"
                )
            if points and (figures or points[-1].limit is not None):
                trends.append(Trend(board, name, points))
    if not trends:
        raise HistoryError(f"no figure of {board}{on} has a limit: name figures to draw")
    return trends


def _export(
    *,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="Ends in .csv or .jsonl.")
    ],
    board: _BoardOption = None,
    rig: _RigOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write runs into a file: figures as a table, or everything as a line of JSON for each run."""
    from eegrig.hil.history.export import export
    from eegrig.host.commands.output import print_json

    with opened(database) as history, history.reading() as session:
        n_runs = export(session, out, board=board, rig=rig)
    if as_json:
        print_json({"file": str(out), "runs": n_runs})
    else:
        typer.echo(f"{n_runs} runs: {out}")


def _prune(
    *,
    board: _BoardOption = None,
    rig: _RigOption = None,
    keep: Annotated[
        int | None,
        typer.Option("--keep", metavar="N", min=0, help="Keep the newest of each board and rig."),
    ] = None,
    before: Annotated[
        datetime | None,
        typer.Option("--before", formats=["%Y-%m-%d"], help="Only runs that began before (UTC)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and take nothing away.")
    ] = False,
    database: DatabaseOption = None,
    files: _FilesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take old runs away, and the files that no run refers to any more."""
    from eegrig.boards.errors import ConfigError
    from eegrig.hil.history.prune import Pruned, prune, runs_to_prune
    from eegrig.host.commands.output import print_json

    if keep is None and before is None:
        raise ConfigError("say what goes, with --keep N, --before DAY, or both")
    day = None if before is None else before.replace(tzinfo=UTC)
    with opened(database, files) as history:
        if dry_run:
            with history.reading() as session:
                going = runs_to_prune(session, board=board, rig=rig, keep=keep, before=day)
            pruned = Pruned(going, 0)
        else:
            pruned = prune(history, board=board, rig=rig, keep=keep, before=day)
    if as_json:
        print_json({"runs": pruned.runs, "freed_bytes": pruned.freed_bytes, "dry_run": dry_run})
    elif dry_run:
        typer.echo(
            f"{len(pruned.runs)} runs would go: {', '.join(map(str, pruned.runs)) or 'none'}"
        )
    else:
        typer.echo(
            f"{len(pruned.runs)} runs gone, {pruned.freed_bytes / 1e6:.1f} MB of files freed"
        )
