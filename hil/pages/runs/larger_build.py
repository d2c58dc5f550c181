"""What a larger build of MicroPython would buy a board, beside its stock one.

A build with more and longer packets between Bluetooth host and controller can wait longer between
connection events. Nobody offers one: the options are what VersaSens gave a build of its own for the
same amount of data (its tx buffers), and the longest packets there are.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from eegrig.boards import Board, load_board
from eegrig.boards.loader import board_path
from eegrig.boards.ports import load_port
from eegrig.hil.pages.runs.suites import run_selected
from eegrig.hil.pages.stored import Figures

__all__ = ["LARGER_INTERVAL_MS", "OPTIONS", "has_larger_build", "larger_build"]

OPTIONS = {"BT_BUF_ACL_TX_COUNT": 20, "BT_BUF_ACL_TX_SIZE": 251, "BT_CTLR_DATA_LENGTH_MAX": 251}
"""By the names of ``boards/ports``."""

LARGER_INTERVAL_MS = 100.0
_SELECTED = "goodput or streaming or latency"


def has_larger_build(board: Board) -> bool:
    """Say whether the board's port has these options."""
    return set(OPTIONS) <= set(load_port(board.mcu.port).options)


def larger_build(name: str) -> Figures:
    """Run some suites of a board as it would be on such a build.

    Returns
    -------
    dict of str to StoredFigure
        As of the suites, each name behind ``larger_build.``.
    """
    radio = load_board(name).radio
    options = "".join(f"{key} = {value}\n" for key, value in OPTIONS.items())
    text = board_path(name).read_text(encoding="utf-8")
    for old, new in (
        ("\n\n[afe]\n", f"\n{options}\n[afe]\n"),  # the options are the table before
        (
            f"efficient_interval_ms = {radio.efficient_interval_ms:g}",
            f"efficient_interval_ms = {LARGER_INTERVAL_MS:g}",
        ),
    ):
        assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
        text = text.replace(old, new)
    with tempfile.TemporaryDirectory(prefix="eegrig-larger-build-") as folder:
        path = Path(folder) / "board.toml"
        path.write_text(text, encoding="utf-8")
        found = run_selected(str(path), _SELECTED)
    return {f"larger_build.{key}": figure for key, figure in found.items()}
