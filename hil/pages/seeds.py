"""What many runs of the good boards found, each with a seed of its own, kept for the pages.

A limit that a good board misses with one seed of twenty is a wrong limit, or a figure whose
uncertainty is too small. Such a campaign takes hours, so `make figures` leaves alone what it left.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.results import Results
from eegrig.hil.pages.identity import model_digest
from eegrig.hil.pages.stored import FOLDER, Figures, Stored, StoredFigure, load, save
from eegrig.hil.pages.text import table
from eegrig.hil.run.several import FILE_NAME

__all__ = ["SEEDS", "keep_seeds", "seeds_table"]

SEEDS = "seeds"
"""Name of what is stored."""
_RUNS, _WITHOUT = "runs", "without_results"
_COUNTED = ("fail", "marginal", "inconclusive")
"""Verdicts that are counted by figure."""


def keep_seeds(directories: Sequence[Path], folder: Path = FOLDER) -> None:
    """Store what several runs found, in place of what is stored of their boards.

    Parameters
    ----------
    directories : sequence of Path
        Where ``eegrig hil run --repeat``, or one with several boards, left them; all together.
    folder : Path
        Where to.

    Raises
    ------
    ConfigError
        If there are none, one of them was stopped, or a seed is there twice.
    """
    by_board: dict[str, dict[int, _Run]] = {}
    for directory in directories:
        for run in _runs(directory):
            of_board = by_board.setdefault(run.board, {})
            if run.seed in of_board:
                raise ConfigError(
                    f"{run.folder}: seed {run.seed} of {run.board} is in "
                    f"{of_board[run.seed].folder} already; give one of them"
                )
            of_board[run.seed] = run
    identity: dict[str, str | int | float] = {}
    figures: Figures = {}
    if (folder / f"{SEEDS}.toml").exists():
        stored = load(SEEDS, folder)
        identity = {k: v for k, v in stored.identity.items() if k not in by_board}
        figures = {k: v for k, v in stored.figures.items() if k.split(".")[0] not in by_board}
    for board, runs in sorted(by_board.items()):
        counts, day = _counts(list(runs.values()))
        word = "seed" if len(runs) == 1 else "seeds"
        identity[board] = f"{word} {_ranges(sorted(runs))}, {day}, sources {model_digest()}"
        for key, number in counts.items():
            figures[f"{board}.{key}"] = StoredFigure.of(number, "1")
    save(SEEDS, Stored(identity=identity, figures=figures), folder)


@dataclass(frozen=True)
class _Run:
    """One run, and where it left what it found; ``results`` is False where it found nothing."""

    board: str
    seed: int
    folder: Path
    results: bool


def _runs(directory: Path) -> list[_Run]:
    path = directory / FILE_NAME
    try:
        told = json.loads(path.read_bytes())["runs"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: {error}; run eegrig hil run --repeat") from None
    for run in told:
        if run["exit_code"] is None:
            raise ConfigError(f"{directory / run['folder']}: the run was stopped; run it again")
    return [
        _Run(run["board"], run["seed"], directory / run["folder"], run["verdict"] is not None)
        for run in told
    ]


def _counts(runs: Sequence[_Run]) -> tuple[Counter[str], str]:
    """Return how often each thing was found, and the day of the last run."""
    counts: Counter[str] = Counter({_RUNS: len(runs)})
    days: list[str] = []
    for run in runs:
        if not run.results:
            counts[_WITHOUT] += 1
            continue
        results = Results.load(run.folder)
        days.append((results.started_at or "")[:10])
        counts.update(
            f"{figure.verdict}.{figure.name}"
            for figure in results.figures
            if figure.verdict in _COUNTED
        )
    return counts, max(days, default="no day")


def _ranges(seeds: Sequence[int]) -> str:
    """Return whole numbers in ascending order as a page writes them: 0 to 4, 7."""
    spans: list[list[int]] = []
    for seed in seeds:
        if spans and seed == spans[-1][-1] + 1:
            spans[-1].append(seed)
        else:
            spans.append([seed])
    return ", ".join(
        f"{span[0]} to {span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans
    )


def seeds_table(stored: Mapping[str, Stored], _words: Sequence[str]) -> str:
    """Say of each board how many runs it had, and what missed its limit in which of them."""
    if SEEDS not in stored:
        raise ConfigError("no runs with many seeds are kept")
    kept = stored[SEEDS]
    rows = []
    for board, told in kept.identity.items():
        own = {
            key.removeprefix(f"{board}."): figure.value
            for key, figure in kept.figures.items()
            if key.startswith(f"{board}.")
        }
        rows.append(
            [
                board,
                str(told),
                f"{own[_RUNS]:g}",
                *(_named(own, verdict) for verdict in _COUNTED),
                f"{own.get(_WITHOUT) or 0:g}",
            ]
        )
    heads = ["board", "what was run", "runs", "limits missed", "met, but not with its uncertainty"]
    return table([*heads, "undecided", "without results"], rows)


def _named(own: Mapping[str, float | None], verdict: str) -> str:
    head = f"{verdict}."
    found = [
        f"`{key.removeprefix(head)}` ({count:g})"
        for key, count in sorted(own.items())
        if key.startswith(head)
    ]
    return ", ".join(found) or "none"
