"""`eegrig runtime`: the MicroPython binaries that a user keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eegrig.host.commands.output import JsonOption, examples, print_json, print_table

if TYPE_CHECKING:
    from eegrig.host.runtime.kept import KeptRuntime

__all__ = ["register"]

_SHOWN = 12


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    runtime = typer.Typer(
        help="MicroPython binaries that you keep, to flash them and to run them.",
        epilog=examples(
            "eegrig runtime add NUCLEO_WB55-20250911-v1.26.1.hex", "eegrig runtime list"
        ),
        rich_markup_mode=None,
    )
    runtime.command(
        "add",
        epilog=examples(
            "eegrig runtime add NUCLEO_WB55-20250911-v1.26.1.hex",
            "eegrig runtime add firmware.elf --board my-board/board.toml",
        ),
    )(_add)
    runtime.command("list", epilog=examples("eegrig runtime list", "eegrig runtime list --json"))(
        _list
    )
    runtime.command(
        "remove",
        epilog=examples("eegrig runtime remove v1.26.1", "eegrig runtime remove 07c333615728"),
    )(_remove)
    app.add_typer(runtime, name="runtime", no_args_is_help=True)


def _add(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="MicroPython: .hex, .bin, .dfu or .elf.")
    ],
    *,
    board_name: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="BOARD",
            help="Board it is for, by name or board.toml; default: the one it was built for.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a MicroPython binary that you downloaded or built.

    It is known by its contents: the .hex and the .bin of one build are the same. Once it is kept
    name it by version, file name or hash.
    """
    from eegrig.boards import load_board
    from eegrig.host.runtime.kept import find_runtime, keep_runtime
    from eegrig.host.runtime.origin import board_of

    board = board_of(path) if board_name is None else load_board(board_name)
    kept, new = keep_runtime(path, board)
    warning = find_runtime(kept.sha256, board).warning
    if warning is not None:
        typer.echo(f"eegrig: warning: {warning}", err=True)
    if as_json:
        print_json(_as_dict(kept) | {"new": new})
        return
    how = "kept" if new else f"its build is kept already, as {kept.name}"
    typer.echo(
        f"{path.name}: MicroPython {kept.version} of {kept.date} for {_made_for(kept)}, "
        f"{kept.sha256[:_SHOWN]}: {how}"
    )


def _list(*, as_json: JsonOption = False) -> None:
    """List the MicroPython binaries that are kept."""
    from eegrig.host.runtime.kept import kept_runtimes
    from eegrig.host.runtime.runtime_file import TRIED

    found = kept_runtimes()
    if as_json:
        print_json([_as_dict(kept) for kept in found])
        return
    if not found:
        typer.echo("none is kept; `eegrig runtime add FILE` keeps one")
        return
    print_table(
        ("version", "date", "board", "MCU", "bytes", "functions", "tried", "hash", "name"),
        [
            (
                kept.version,
                kept.date,
                kept.board_name or "-",
                kept.mcu or "-",
                str(kept.size),
                "named" if kept.has_symbols else "-",
                "yes" if kept.version in TRIED else "no",
                kept.sha256[:_SHOWN],
                kept.name,
            )
            for kept in found
        ],
    )


def _remove(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Version, file name or beginning of the hash.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Forget a MicroPython binary that is kept; the file that was added stays where it is."""
    from eegrig.host.runtime.kept import remove_runtime

    kept = remove_runtime(name)
    if as_json:
        print_json(_as_dict(kept))
        return
    typer.echo(
        f"{kept.name}: MicroPython {kept.version}, {kept.sha256[:_SHOWN]}: not kept any more"
    )


def _made_for(kept: KeptRuntime) -> str:
    if kept.board_name is None or kept.mcu is None:
        return "a board it does not name"
    return f"{kept.board_name} with {kept.mcu}"


def _as_dict(kept: KeptRuntime) -> dict[str, object]:
    from eegrig.host.runtime.runtime_file import TRIED

    return {
        "sha256": kept.sha256,
        "name": kept.name,
        "version": kept.version,
        "date": kept.date,
        "board": kept.board_name,
        "mcu": kept.mcu,
        "bluetooth": kept.bluetooth,
        "bytes": kept.size,
        "symbols": kept.has_symbols,
        "tried": kept.version in TRIED,
    }
