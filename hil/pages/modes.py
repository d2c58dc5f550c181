"""What the exact mode said of the fast one, kept for the pages.

A stock binary judges, which is not among the sources: what `eegrig hil compare-modes` left in a
folder is stored once it was run, and `make figures` leaves it alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.results import Results
from eegrig.hil.pages.identity import model_digest
from eegrig.hil.pages.stored import FOLDER, Figures, Stored, StoredFigure, load, save
from eegrig.hil.pages.text import figure_text, table

__all__ = ["MODES", "ROWS", "keep_modes", "modes_table"]

MODES = "modes"
"""Name of what is stored."""
ROWS = (
    ("bandwidth.goodput", "goodput", "kbit/s 4"),
    ("latency.mean", "latency, low-latency profile, mean", "ms 4"),
    ("latency.p99", "the same, 99th percentile", "ms 4"),
    ("latency.efficient.mean", "latency, efficient profile, mean", "ms 4"),
    ("boot.time", "boot", "s 3"),
    ("power.streaming", "streaming power", "mW 3"),
    ("power.streaming.mcu", "of it the microcontroller", "mW 3"),
    ("power.streaming_low_latency", "streaming power, low-latency profile", "mW 3"),
    ("power.sleep", "sleep", "mW 3"),
)
"""Figures that are kept, what the page calls them, and in which unit and digits."""
_BOTH = ("fast", "exact")
_OVERLOAD = "overload.received"
_COUNTS = ("alike", "compared")


def keep_modes(directory: Path, folder: Path = FOLDER) -> None:
    """Store what a comparison of the modes found, beside that of other boards.

    Parameters
    ----------
    directory : Path
        Where ``eegrig hil compare-modes`` left it.
    folder : Path
        Where to.

    Raises
    ------
    ConfigError
        If there is none, or it is of another binary than what is stored.
    """
    runs = {mode: Results.load(directory / mode) for mode in _BOTH}
    try:
        rows = json.loads((directory / "modes.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{directory / 'modes.json'}: {error}; run eegrig hil compare-modes"
        ) from None
    board, runtime = runs["exact"].board, runs["exact"].runtime
    identity: dict[str, str | int | float] = {
        "runtime": "" if runtime is None else runtime.sha256[:12],
        "seed": runs["exact"].seed or 0,
    }
    figures: Figures = {}
    if (folder / f"{MODES}.toml").exists():
        stored = load(MODES, folder)
        if stored.identity["runtime"] != identity["runtime"]:
            raise ConfigError(
                f"docs/figures/{MODES}.toml is of the binary {stored.identity['runtime']}, and "
                f"{directory} of {identity['runtime']}: remove the file, and keep every board again"
            )
        identity = dict(stored.identity)
        figures = {k: v for k, v in stored.figures.items() if not k.startswith(f"{board}.")}
    identity[board] = model_digest()
    for mode, results in runs.items():
        for name, _, _ in ROWS:
            figure = results.figure(name)
            if figure is not None:
                figures[f"{board}.{mode}.{name}"] = StoredFigure.of(figure.value, figure.unit)
        figures[f"{board}.{mode}.{_OVERLOAD}"] = StoredFigure.of(_received(rows, mode), "1")
    judged = [row["agrees"] for row in rows if row["agrees"] is not None]
    for name, number in zip(_COUNTS, (sum(judged), len(judged)), strict=True):
        figures[f"{board}.{name}"] = StoredFigure.of(number, "1")
    save(MODES, Stored(identity=identity, figures=figures), folder)


def _received(rows: Sequence[Mapping[str, str]], mode: str) -> float:
    (row,) = [row for row in rows if row["what"].startswith("beyond capacity")]
    found = re.fullmatch(r"([\d.]+) %", row[mode])
    assert found is not None, row
    return float(found[1]) / 100


def modes_table(stored: Mapping[str, Stored], boards: Sequence[str]) -> str:
    """Put both modes side by side, with a column for each board."""
    if MODES not in stored:
        raise ConfigError("no comparison of the modes is kept")
    figures = stored[MODES].figures

    def number(key: str, how: str) -> str:
        if key not in figures:
            raise ConfigError(f"{MODES} has no {key}")
        return figure_text(figures[key], how)

    rows = []
    for name, label, how in (*ROWS, (_OVERLOAD, "frames received at an interval of 100 ms", "% 3")):
        unit = how.split()[0]
        cells = [
            " / ".join(f"{number(f'{board}.{mode}.{name}', how)} {unit}" for mode in _BOTH)
            for board in boards
        ]
        rows.append([label, *cells])
    counts = [
        " of ".join(f"{figures[f'{board}.{name}'].value:g}" for name in _COUNTS) for board in boards
    ]
    return table(["figure", *boards], [*rows, ["compared and alike", *counts]])
