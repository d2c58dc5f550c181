"""`eegrig boards`: which boards there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from eegrig.host.commands.output import JsonOption, examples, print_json, print_table

if TYPE_CHECKING:
    from eegrig.boards import Board

__all__ = ["register"]

_SIGNS = {"max": "≤", "min": "≥", "within": "±"}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "boards",
        epilog=examples("eegrig boards", "eegrig boards headband8", "eegrig boards --json"),
    )(_boards)


def _boards(
    name: Annotated[
        str | None, typer.Argument(metavar="BOARD", help="One board, with all that it promises.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the boards and what they are made of; of one board, what it promises."""
    from eegrig.boards import list_boards, load_board

    chosen = [load_board(one) for one in (list_boards() if name is None else [name])]
    if as_json:
        print_json([_as_dict(board) for board in chosen])
        return
    print_table(
        ("board", "form", "MCU", "AFE", "ch", "rates (SPS)", "targets"),
        [
            (
                board.name,
                board.form_factor,
                board.mcu.part,
                board.afe.part,
                str(len(board.afe.channels)),
                " ".join(map(str, board.afe.rates_sps)),
                str(len(board.targets)),
            )
            for board in chosen
        ],
    )
    if name is None:
        typer.echo("\neegrig boards BOARD: what a board promises")
        return
    for board in chosen:
        typer.echo(_runs(board))
        typer.echo()
        for target in board.targets:
            typer.echo(_promise(target, board))


def _runs(board: Board) -> str:
    """Say which build of MicroPython a board is for, and what it has beyond the stock one."""
    from eegrig.boards.ports import beyond_stock, board_runtime

    runtime = board_runtime(board)
    beyond = beyond_stock(runtime.options) or "nothing"
    return (
        f"\nruns MicroPython's stock build {runtime.build} ({runtime.port}); beyond stock: {beyond}"
    )


def _promise(name: str, board: Board) -> str:
    target = board.targets[name]
    unit = "" if target.unit == "1" else f" {target.unit}"
    return f"{name} {_SIGNS[target.kind]} {target.limit:g}{unit}"


def _as_dict(board: Board) -> dict[str, Any]:
    import msgspec

    return {
        "name": board.name,
        "title": board.title,
        "form_factor": board.form_factor,
        "mcu": board.mcu.part,
        "runtime": {
            "port": board.mcu.port,
            "build": board.mcu.build,
            "options": dict(board.mcu.options),
        },
        "pyocd_target": board.mcu.pyocd_target,
        "afe": board.afe.part,
        "channels": board.afe.channels,
        "gain": board.afe.gain,
        "rates_sps": board.afe.rates_sps,
        "targets": msgspec.to_builtins(board.targets),
    }
