"""The HIL suites of a board on the virtual bench, as ``eegrig hil run`` runs them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from eegrig.hil.figures.results import Results
from eegrig.hil.pages.stored import Figures, Fingerprint, StoredFigure
from eegrig.hil.run import RunRequest, run_suites

__all__ = ["HOW", "run_selected", "suites"]

HOW: Fingerprint = {"seed": 0, "seconds": 30, "signal": "resting"}
"""The command's own defaults: whoever runs it sees what the pages say."""


def suites(board: str) -> Figures:
    """Run a board's suites and return every figure they took.

    Parameters
    ----------
    board : str

    Raises
    ------
    EegrigError
        If the suites did not come to their end.
    """
    return run_selected(board, None)


def run_selected(board: str, select: str | None) -> Figures:
    """Run those of a board's suites that pytest's ``-k`` selects; None: all of them."""
    with tempfile.TemporaryDirectory(prefix="eegrig-figures-") as folder:
        request = RunRequest(
            board=board,
            select=select,
            out=Path(folder),
            seed=int(HOW["seed"]),
            seconds=float(HOW["seconds"]),
            signal=str(HOW["signal"]),
        )
        run_suites(request, quiet=True, progress=False)
        results = Results.load(Path(folder))
    return {
        figure.name: StoredFigure.of(
            figure.value,
            figure.unit,
            figure.uncertainty,
            sound=figure.verdict != "inconclusive",
        )
        for figure in results.figures
    }
