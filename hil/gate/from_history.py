"""Runs before those that are judged, out of the history: a baseline that moves along."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.identity import FirmwareCheck, RuntimeBuild
from eegrig.hil.figures.results import Results
from eegrig.hil.gate.observations import Setting, Taken, from_results, setting_of
from eegrig.hil.history.query import figure_of, find_run, list_runs

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from eegrig.boards.figures import Catalogue
    from eegrig.hil.history.tables import RunRow

__all__ = ["from_history"]


def from_history(
    session: Session, setting: Setting, catalogue: Catalogue, *, rig: str | None, most: int
) -> Taken:
    """Return the newest runs of a setting that the history has.

    Runs of the same board and rig that differ otherwise (another signal or runtime) are passed
    over, and so are figures that the catalogue does not have any more.

    Parameters
    ----------
    session : sqlalchemy.orm.Session
        As `hil.history.database.History.reading` gives.
    setting : Setting
        Of the runs that are judged.
    catalogue : Catalogue
        The figures there are.
    rig : str or None
        Name of the rig in the history; None for that of the bench.
    most : int
        How many at most.

    Raises
    ------
    ConfigError
        If there is none.
    """
    name = rig or setting.bench
    found: list[tuple[str, Results]] = []
    commits: dict[str, str] = {}
    for row in list_runs(session, board=setting.board, rig=name):
        whole = find_run(session, row.id)
        assert whole is not None
        results = _results(whole, catalogue)
        if setting_of(results) != setting:
            continue
        found.append((f"run {row.id} of the history", results))
        commits[results.started_at or ""] = row.commit or ""
        if len(found) == most:
            break
    if not found:
        raise ConfigError(
            f"the history has no run of {setting.board} on rig {name} with the signal "
            f"{setting.signal!r}: add some with eegrig history add, or name the rig with --rig"
        )
    taken = from_results(found, catalogue, one_image=False)
    series = {
        figure: [each._replace(commit=commits.get(each.when, "")) for each in seen]
        for figure, seen in taken.series.items()
    }
    return replace(taken, series=series)


def _results(row: RunRow, catalogue: Catalogue) -> Results:
    """Return a run as far as the gate looks at it."""
    firmware = None
    if row.image_hash is not None:
        firmware = FirmwareCheck(
            version=row.firmware_version or "",
            image_hash=row.image_hash,
            expected_hash=row.expected_hash or "",
        )
    return Results(
        board=row.board,
        bench=row.bench,
        firmware=firmware,
        runtime=None if row.runtime is None else msgspec.convert(row.runtime, RuntimeBuild),
        seed=row.seed,
        started_at=row.started_at.isoformat(),
        signal=row.signal,
        figures=[figure_of(each) for each in row.figures if each.name in catalogue],
    )
