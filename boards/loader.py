"""Finds and reads boards; a mistake in a file becomes one line that says where it is."""

from __future__ import annotations

from pathlib import Path

from eegrig.boards.catalogue import catalogue
from eegrig.boards.check import check_board
from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import Catalogue
from eegrig.boards.files import read_toml
from eegrig.boards.schema import Board
from eegrig.boards.wording import unknown

__all__ = ["board_path", "list_boards", "load_board"]

_ROOT = Path(__file__).parent


def list_boards() -> list[str]:
    """Return the names of the boards that come with eegrig, sorted."""
    return sorted(path.parent.name for path in _ROOT.glob("*/board.toml"))


def load_board(name_or_path: str | Path, figures: Catalogue | None = None) -> Board:
    """Read and check a board.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a board that comes with eegrig, or the path of a ``board.toml`` or its folder.
    figures : Catalogue, optional
        What it may promise; by default all figures that are declared.

    Raises
    ------
    boards.errors.ConfigError
        If there is no such board, or its file is broken or contradicts itself or its parts; the
        message names file, key and what was expected.
    """
    path = board_path(name_or_path)
    board = read_toml(path, Board)
    try:
        check_board(board, catalogue() if figures is None else figures)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return board


def board_path(name_or_path: str | Path) -> Path:
    """Return the ``board.toml`` of a board.

    Parameters
    ----------
    name_or_path : str or Path
        As for `load_board`.

    Raises
    ------
    boards.errors.ConfigError
        If there is no such board.
    """
    text = str(name_or_path)
    if text in list_boards():
        return _ROOT / text / "board.toml"
    path = Path(name_or_path)
    if path.is_dir():
        path = path / "board.toml"
    if path.is_file():
        return path
    if isinstance(name_or_path, Path) or "/" in text or text.endswith(".toml"):
        raise ConfigError(f"{path}: no such board file")
    raise ConfigError(unknown("board", text, list_boards()))
