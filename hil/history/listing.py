"""Runs of the history in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from eegrig.hil.figures.in_words import limit_text, shown
from eegrig.hil.history.query import figure_of
from eegrig.hil.history.trend import MARKS
from eegrig.host.commands.output import print_table

if TYPE_CHECKING:
    from datetime import datetime

    from eegrig.hil.history.tables import FigureRow, RunRow

__all__ = ["print_run", "print_runs"]


def print_runs(runs: Sequence[RunRow]) -> None:
    """Print a table of runs."""
    columns = ("run", "began (UTC)", "board", "rig", "verdict", "seed", "firmware", "by")
    print_table(
        columns,
        [
            [
                str(run.id),
                _minute(run.started_at),
                run.board,
                run.rig,
                run.verdict,
                str(run.seed),
                _firmware(run),
                run.who,
            ]
            for run in runs
        ],
    )


def print_run(run: RunRow) -> None:
    """Print what is known of a run, and its figures."""
    facts = {
        "board": f"{run.board} ({run.board_title})" if run.board_title else run.board,
        "rig": run.rig if run.rig == run.bench else f"{run.rig}, bench {run.bench}",
        "verdict": run.verdict if run.stopped is None else f"{run.verdict}: {run.stopped}",
        "began": f"{_minute(run.started_at)} UTC",
        "added": f"{_minute(run.added_at)} UTC by {run.who}, eegrig {run.eegrig_version}",
        "firmware": _firmware(run),
        "image": run.image_hash or "not read back",
        "commit": run.commit or "not given",
        "signal": f"{run.signal}, seed {run.seed}",
        "link": ", ".join(f"{name} {value}" for name, value in run.conditions.items()),
        "digest": run.digest,
        "files": ", ".join(file.path + ("" if file.kept else " (hash only)") for file in run.files),
    }
    for name, value in facts.items():
        if value:
            typer.echo(f"{name + ':':10}{value}")
    typer.echo()
    print_table(("", "figure", "value", "limit", "note"), [_cells(row) for row in run.figures])


def _cells(row: FigureRow) -> list[str]:
    figure = figure_of(row)
    mark = MARKS[row.verdict] if row.verdict else ""
    return [mark, row.name, str(shown(figure) or "none"), limit_text(figure), row.note]


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _firmware(run: RunRow) -> str:
    if run.image_hash is None:
        return "unknown"
    return " ".join(filter(None, (run.firmware_version, run.image_hash[:12], run.commit)))
