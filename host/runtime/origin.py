"""Which of the boards there are a runtime is for."""

from __future__ import annotations

from pathlib import Path

from eegrig.boards import list_boards, load_board
from eegrig.boards.errors import ConfigError
from eegrig.boards.schema import Board
from eegrig.host.runtime.runtime_file import ForAnotherBoard, read_runtime

__all__ = ["board_of"]


def board_of(path: Path) -> Board:
    """Return a board that a runtime is for: the first of those that run the same.

    Raises
    ------
    ConfigError
        If it is for none of the boards, or `read_runtime` refuses it for all of them.
    """
    errors: list[ConfigError] = []
    for board in _kinds():
        try:
            read_runtime(path, board)
        except ConfigError as error:
            errors.append(error)
        else:
            return board
    # What is wrong with it says more than that it is not for another board.
    for refused in errors:
        if not isinstance(refused, ForAnotherBoard):
            raise refused
    what = str(errors[0]).partition(", and ")[0]
    raise ForAnotherBoard(
        f"{what}, and none of the boards of `eegrig boards` runs that; if one of yours does, name "
        "it with --board"
    )


def _kinds() -> list[Board]:
    """Return one board for each chip and build."""
    kinds: dict[tuple[str, str, str], Board] = {}
    for board in map(load_board, list_boards()):
        kinds.setdefault((board.mcu.port, board.mcu.build, board.mcu.part), board)
    return [kinds[key] for key in sorted(kinds)]
