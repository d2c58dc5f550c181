"""`eegrig build`: firmware to a flashable image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host.commands.output import JsonOption, examples, print_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "build",
        epilog=examples(
            "eegrig build headband8 -o image.bin",
            "eegrig build headband8 -o image.hex --firmware my-firmware/",
        ),
    )(_build)


def _build(
    board: Annotated[str, typer.Argument(help="Name of a board, or path of its board.toml.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Image to write: .hex for Intel hex, else raw.")
    ],
    *,
    firmware: Annotated[
        Path | None, typer.Option("--firmware", help="Sources; default: the ones of eegrig.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Build a board's firmware image."""
    from boards import load_board
    from host.image import build_image

    image = build_image(load_board(board), firmware)
    image.write(output)
    if as_json:
        print_json(
            {
                "board": image.board,
                "version": image.version,
                "image_hash": image.image_hash.hex(),
                "path": str(output),
                "address": image.address,
                "size": len(image.data),
                "used": image.used_bytes,
                "files": [
                    {"path": file.path, "size": file.size, "sha256": file.sha256}
                    for file in image.files
                ],
            }
        )
        return
    typer.echo(
        f"{output}: {image.board} {image.version}, {len(image.files)} files, "
        f"{image.used_bytes / 1024:.0f} of {len(image.data) / 1024:.0f} KiB used, "
        f"image {image.image_hash.hex()[:12]}"
    )
