"""Which board a command speaks to over Bluetooth, and through which radio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eegrig.boards import Board

__all__ = ["RadioOption", "TargetArgument", "advertised_name", "known_board"]

TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="BOARD|ADDRESS",
        help="Name of a board or path of its board.toml; or the Bluetooth address, or the name, "
        "that a board advertises.",
    ),
]

RadioOption = Annotated[
    str | None,
    typer.Option(
        "--radio", metavar="KIND:NAME", help="Radio; default: the computer's own adapter."
    ),
]


def known_board(target: str) -> Board | None:
    """Return the board of that name or path; None if it is an advertised name or an address.

    Raises
    ------
    ConfigError
        If its ``board.toml`` is wrong.
    """
    from eegrig.boards import list_boards, load_board

    if target in list_boards() or target.endswith(".toml"):
        return load_board(target)
    return None


def advertised_name(target: str) -> str:
    """Return what to look for on the air."""
    board = known_board(target)
    return target if board is None else board.radio.name
