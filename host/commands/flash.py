"""`eegrig flash`: an image into a board, read back, and the board's word for what it now runs."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from boards.errors import BoardFault, ConfigError
from host.commands.output import JsonOption, examples, print_json, progress_bar

if TYPE_CHECKING:
    from boards import Board
    from host.console import Identity
    from host.flash import FlashReport

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "flash",
        epilog=examples(
            "eegrig flash headband8",
            "eegrig flash headband8 --probe 1050012345 --console /dev/ttyACM0",
            "eegrig flash headband8 --image image.bin --runtime micropython.hex --json",
        ),
    )(_flash)


def _flash(
    board: Annotated[str, typer.Argument(help="Name of a board, or path of its board.toml.")],
    *,
    probe: Annotated[
        str | None,
        typer.Option("--probe", "-u", metavar="UID", help="Debug probe, by pyOCD's id."),
    ] = None,
    image_path: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Image; default: built from the firmware."),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option("--runtime", metavar="FILE", help="MicroPython to flash too, .hex or .bin."),
    ] = None,
    console_url: Annotated[
        str | None,
        typer.Option("--console", metavar="URL", help="Serial console, to check what boots."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Flash a board: program, read back and compare, reset.

    With --console, wait for the firmware to say what it is, and compare that too.
    """
    from boards import load_board
    from host.console import Console
    from host.flash import flash
    from host.image import build_image

    chosen = load_board(board)
    if image_path is None:
        built = build_image(chosen)
        image, image_hash = built.data, built.image_hash.hex()
    else:
        image, image_hash = _read(image_path, chosen)
    with contextlib.ExitStack() as stack:
        # The console listens before the reset: the banner comes only once.
        console = stack.enter_context(Console.open(console_url)) if console_url else None
        with progress_bar(f"flashing {chosen.name}", shown=not as_json) as progress:
            report = flash(chosen, image, probe=probe, runtime=runtime, progress=progress)
        identity = asyncio.run(console.identity()) if console is not None else None
    if identity is not None:
        _check(identity, chosen, image_hash)
    _say(report, identity, chosen, image_hash, as_json=as_json)


def _read(path: Path, board: Board) -> tuple[bytes, str]:
    """Return an image file's contents and identity."""
    from host.image_file import read_image_file

    image = read_image_file(path)
    region = board.mcu.filesystem
    if image.address is not None and image.address != region.start:
        raise ConfigError(
            f"{path} does not begin at {board.name}'s file system, {region.start:#010x}"
        )
    if len(image.data) > region.size:
        raise ConfigError(
            f"{path} has {len(image.data)} bytes, and the file-system region of {board.name} only "
            f"{region.size}"
        )
    contents = image.contents(region.block_size)
    if contents.manifest is None or not contents.intact:
        raise ConfigError(f"{path} is no image of eegrig, or damaged: build it with `eegrig build`")
    if contents.manifest.board != board.name:
        raise ConfigError(f"{path} was built for {contents.manifest.board}, not for {board.name}")
    return image.data, contents.image_hash.hex()


def _check(identity: Identity, board: Board, image_hash: str) -> None:
    if identity.board != board.name:
        raise BoardFault(
            f"the board says it is {identity.board}, and {board.name} was flashed: is this the "
            "console of another board?"
        )
    if identity.image_hash != image_hash:
        raise BoardFault(
            f"the board runs image {identity.image_hash[:12]}, not {image_hash[:12]} that was "
            "flashed: is this the console of another board?"
        )


def _say(
    report: FlashReport,
    identity: Identity | None,
    board: Board,
    image_hash: str,
    *,
    as_json: bool,
) -> None:
    import dataclasses

    import msgspec

    if as_json:
        result: dict[str, Any] = {"board": board.name, "image_hash": image_hash}
        result |= msgspec.to_builtins(report)
        result["identity"] = None if identity is None else dataclasses.asdict(identity)
        print_json(result)
        return
    typer.echo(
        f"{board.name}: image {image_hash[:12]} in flash memory and verified, "
        f"{report.bytes_programmed} bytes programmed, {report.bytes_skipped} right already, "
        f"{report.duration_s:.2f} s"
    )
    if identity is not None:
        typer.echo(
            f"{board.name}: runs eegrig {identity.version}, image {identity.image_hash[:12]}"
        )
