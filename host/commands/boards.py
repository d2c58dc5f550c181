"""`eegrig boards`: which boards there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from host.commands.output import JsonOption, examples, print_json, print_table

if TYPE_CHECKING:
    from boards import Board

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("boards", epilog=examples("eegrig boards", "eegrig boards --json"))(_boards)


def _boards(*, as_json: JsonOption = False) -> None:
    """List the boards: what they are made of, and what they promise."""
    from boards import list_boards, load_board

    boards = [load_board(name) for name in list_boards()]
    if as_json:
        print_json([_as_dict(board) for board in boards])
        return
    print_table(
        ("board", "form", "MCU", "AFE", "channels", "rates (SPS)", "targets"),
        [
            (
                board.name,
                board.form_factor,
                board.mcu.part,
                board.afe.part,
                str(len(board.afe.channels)),
                ", ".join(map(str, board.afe.rates_sps)),
                "\n".join(_promise(name, board) for name in board.targets),
            )
            for board in boards
        ],
    )


def _promise(name: str, board: Board) -> str:
    target = board.targets[name]
    return f"{name} {'≤' if target.kind == 'max' else '≥'} {target.limit:g} {target.unit}"


def _as_dict(board: Board) -> dict[str, Any]:
    import msgspec

    return {
        "name": board.name,
        "title": board.title,
        "form_factor": board.form_factor,
        "mcu": board.mcu.part,
        "pyocd_target": board.mcu.pyocd_target,
        "afe": board.afe.part,
        "channels": board.afe.channels,
        "gain": board.afe.gain,
        "rates_sps": board.afe.rates_sps,
        "targets": msgspec.to_builtins(board.targets),
    }
